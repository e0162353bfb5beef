//! What only this store has to do, against a real Swift.

use std::time::Duration;

use glance_core::conformance::{GivenUp, backend};
use glance_core::store::StoreExt;

use super::super::*;
use super::support::{Backend, SEGMENT, broken, chunks, noise, store_with};

const VARIABLE: &str = "GLANCE_TEST_SWIFT";

#[tokio::test]
async fn data_goes_in_segments_from_the_threshold_on() {
    let Some(settings) = backend(VARIABLE) else { return };
    let (container, store) = store_with(Backend::of(&settings).plain(), |c| c.large_object_size = SEGMENT).await;
    for (len, segments) in [(SEGMENT - 1, 0), (SEGMENT, 1), (SEGMENT + 1, 2), (3 * SEGMENT, 3)] {
        let data = noise(usize::try_from(len).unwrap());
        let id = ImageId::random();
        let at = store.put(id, Some(len), chunks(&data)).await.unwrap().location;
        let names = container.names().await;
        assert_eq!((names.len(), names[0].as_str()), (1 + segments, id.as_str()), "{len} bytes");
        for (name, number) in names[1..].iter().zip(1..) {
            let mark = name.strip_prefix(&format!("{id}-")).unwrap().strip_suffix(&format!("-{number:05}")).unwrap();
            assert!(mark.len() == 32 && mark.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
        }
        assert!(store.read(&at, ByteRange::ALL).await.unwrap() == data, "{len} bytes");
        store.delete(&at).await.unwrap();
        assert!(container.names().await.is_empty(), "{len} bytes");
    }
}

#[tokio::test]
async fn a_source_that_breaks_leaves_no_object() {
    let Some(settings) = backend(VARIABLE) else { return };
    let (container, store) = store_with(Backend::of(&settings).plain(), |_| ()).await;
    let segment = usize::try_from(SEGMENT).unwrap();
    for len in [0, 1, segment - 1, segment, segment + 1, 2 * segment, 5 * segment + 7] {
        for size in [None, Some(len as u64), Some(6 * SEGMENT)] {
            let put = store.put(ImageId::random(), size, broken(&noise(len))).await;
            assert!(matches!(put, Err(StoreError::Source { .. })), "{len} bytes: {put:?}");
            assert_eq!(container.names().await, Vec::<String>::new(), "{len} bytes of {size:?}");
        }
    }
}

#[tokio::test]
async fn a_thousand_uploads_that_are_given_up_leave_nothing() {
    let Some(settings) = backend(VARIABLE) else { return };
    let (container, store) = store_with(Backend::of(&settings).plain(), |config| config.segment_size = 30_000).await;
    let given_up = GivenUp { uploads: 1000, part: 30_000, looks: 100, pause: Duration::from_millis(1) };
    given_up.leave_nothing(&store, async || container.names().await).await;
}

#[tokio::test]
async fn what_an_upload_that_was_killed_left_is_no_part_of_the_next() {
    let Some(settings) = backend(VARIABLE) else { return };
    let (container, store) = store_with(Backend::of(&settings).plain(), |_| ()).await;
    let id = ImageId::random();
    let (long, short) = (noise(1_500_000), noise(400_000));
    let at = store.write(id, long).await.unwrap().location;
    container.swift.delete(&container.name, id.as_str()).await.unwrap();
    assert_eq!(store.write(id, short.clone()).await.unwrap().location, at);
    assert!(store.read(&at, ByteRange::ALL).await.unwrap() == short);
    store.discard(id).await.unwrap();
    assert!(container.names().await.is_empty());
}

#[tokio::test]
async fn segments_are_removed_over_all_pages_of_a_listing() {
    let Some(settings) = backend(VARIABLE) else { return };
    let (container, store) = store_with(Backend::of(&settings).plain(), |config| {
        config.page = 3;
        config.segment_size = 10_000;
    })
    .await;
    let at = store.write(ImageId::random(), noise(100_001)).await.unwrap().location;
    assert_eq!(container.swift.list(&container.name, "", "").await.unwrap().len(), 12);
    store.delete(&at).await.unwrap();
    assert!(container.names().await.is_empty());
}

#[tokio::test]
async fn an_object_that_is_too_large_for_swift_is_no_room() {
    let Some(settings) = backend(VARIABLE) else { return };
    let backend = Backend::of(&settings);
    let account = backend.plain_at(&backend.get("small"));
    for segment_size in [1_000_000_000, 5_000_000] {
        let (container, store) = store_with(account.clone(), |config| config.segment_size = segment_size).await;
        let put = store.write(ImageId::random(), noise(5_000_000)).await;
        assert!(matches!(put, Err(StoreError::Full { .. })), "{put:?}");
        assert!(container.names().await.is_empty());
    }
}

#[tokio::test]
async fn a_container_at_its_quota_is_full_and_holds_nothing_of_what_was_refused() {
    let Some(settings) = backend(VARIABLE) else { return };
    let (container, store) = store_with(Backend::of(&settings).plain(), |config| config.segment_size = 1_000_000).await;
    let set_quota = async |bytes: &'static str| {
        let request = |grant: &auth::Grant| {
            client::at(grant, http::Method::POST, [container.name.as_str()])
                .header("x-container-meta-quota-bytes", http::HeaderValue::from_static(bytes))
        };
        // Swift remembers for a minute what a container holds, unless something is set.
        assert!(container.swift.call("setting a quota", request).await.unwrap().status.is_success());
    };
    let kept = store.write(ImageId::random(), noise(2_500_000)).await.unwrap().location;
    let before = container.names().await;
    set_quota("2500000").await;
    for (size, length) in [(Some(10), 10), (Some(3_000_000), 3_000_000), (None, 3_000_000)] {
        let put = store.put(ImageId::random(), size, chunks(&noise(length))).await;
        assert!(matches!(put, Err(StoreError::Full { .. })), "{size:?}: {put:?}");
        assert_eq!(container.names().await, before);
    }
    set_quota("3000000").await;
    store.write(ImageId::random(), noise(10)).await.unwrap();
    assert!(store.read(&kept, ByteRange::ALL).await.unwrap() == noise(2_500_000));
}

#[tokio::test]
async fn a_missing_container_is_made_or_named_as_the_reason() {
    let Some(settings) = backend(VARIABLE) else { return };
    let account = Backend::of(&settings).plain();
    for make in [false, true] {
        let (container, store) = store_with(account.clone(), |config| {
            config.container_seed = 2;
            config.create_container = make;
        })
        .await;
        let id = ImageId::random();
        let put = store.write(id, noise(10)).await;
        if !make {
            let error = format!("{:?}", put.unwrap_err());
            assert!(error.contains("swift_store_create_container_on_put"), "{error}");
            continue;
        }
        let place = Place::parse(put.unwrap().location.expose()).unwrap();
        assert_eq!(place.container, format!("{}_{}", container.name, &id.as_str()[..2]));
        store.discard(id).await.unwrap();
        let remove = |grant: &auth::Grant| client::at(grant, http::Method::DELETE, [place.container.as_str()]);
        container.swift.call("removing a container", remove).await.unwrap();
    }
}

#[tokio::test]
async fn a_token_that_is_not_taken_any_more_is_renewed() {
    let Some(settings) = backend(VARIABLE) else { return };
    let (_container, store) = store_with(Backend::of(&settings).plain(), |_| ()).await;
    let at = store.write(ImageId::random(), noise(700_000)).await.unwrap().location;
    let (swift, _) = store.known.default().unwrap();
    swift.forge_token().await;
    assert_eq!(store.size(&at).await.unwrap(), 700_000);
    swift.forge_token().await;
    assert!(store.read(&at, ByteRange { start: 5, end: None }).await.unwrap() == noise(700_000)[5..]);
    swift.forge_token().await;
    store.write(ImageId::random(), noise(5_000_000)).await.unwrap();
}

#[tokio::test]
async fn wrong_credentials_are_refused_without_being_shown() {
    let Some(settings) = backend(VARIABLE) else { return };
    let right = Backend::of(&settings).plain();
    let wrong = Credentials::User { name: "test:canary-user".to_owned(), key: Key::new("canary-key") };
    let store = SwiftStore::open(SwiftConfig::new(Account { credentials: wrong, ..right })).unwrap();
    let put = store.write(ImageId::random(), noise(10)).await;
    assert!(matches!(put, Err(StoreError::Denied { .. })), "{put:?}");
    let shown = format!("{put:?} {} {store:?}", put.as_ref().unwrap_err());
    assert!(!shown.contains("canary"), "{shown}");
}
