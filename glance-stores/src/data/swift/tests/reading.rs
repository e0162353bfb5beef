//! Reading, against a real Swift: large objects of either kind, and connections that break.

use bytes::Bytes;
use futures::StreamExt;
use glance_core::conformance::backend;
use glance_core::store::StoreExt;
use http::Method;
use serde_json::json;

use super::super::*;
use super::faulty::{Faulty, Spoil};
use super::support::{Backend, Container, SEGMENT, noise, store_with};
use crate::outbound::{Payload, Request};

const VARIABLE: &str = "GLANCE_TEST_SWIFT";

async fn make(container: &Container, request: impl Fn(&auth::Grant) -> Request + Send + Sync) {
    let answer = container.swift.call("making something", request).await.unwrap();
    assert!(answer.status.is_success(), "{}", answer.status);
}

async fn write(container: &Container, object: &str, data: &Bytes) {
    let whole = |grant: &auth::Grant| {
        client::at(grant, Method::PUT, [&container.name, object]).payload(Payload::Bytes(data.clone()))
    };
    make(container, whole).await;
}

/// A static large object of segments as long as `segment` but for the last.
async fn write_static(container: &Container, object: &str, data: &Bytes, segment: usize) {
    let mut list = Vec::new();
    for (number, begin) in (0..data.len()).step_by(segment).enumerate() {
        let (name, end) = (format!("part-{number}"), data.len().min(begin + segment));
        write(container, &name, &data.slice(begin..end)).await;
        list.push(json!({ "path": format!("{}/{name}", container.name), "size_bytes": end - begin }));
    }
    let list = Bytes::from(serde_json::to_vec(&list).unwrap());
    make(container, |grant| {
        let url = grant.storage.below([container.name.as_str(), object]).with_query([("multipart-manifest", "put")]);
        Request::new(Method::PUT, url).payload(Payload::Bytes(list.clone()))
    })
    .await;
}

fn location(store: &SwiftStore, container: &Container, object: &str) -> Location {
    let (_, owner) = store.known.default().unwrap();
    Location::new(Place { owner, container: container.name.clone(), object: object.to_owned() }.url())
}

/// Reads what begins and ends at the borders of segments, and around them.
async fn borders_are_read(store: &SwiftStore, at: &Location, data: &Bytes, segment: usize) {
    let len = data.len();
    assert_eq!(store.size(at).await.unwrap(), len as u64);
    assert!(store.read(at, ByteRange::ALL).await.unwrap() == *data);
    for border in (segment..len).step_by(segment) {
        for (start, end) in
            [(border - 1, border), (border, border + 1), (border - 1, border + 1), (border, len), (1, border), (0, len)]
        {
            let range = ByteRange { start: start as u64, end: Some(end as u64) };
            assert!(store.read(at, range).await.unwrap() == data[start..end], "{start}..{end}");
        }
    }
    let behind = store.read(at, ByteRange { start: len as u64, end: None }).await;
    assert!(matches!(behind, Err(StoreError::OutOfRange { size, .. }) if size == len as u64), "{behind:?}");
}

#[tokio::test]
async fn a_dynamic_large_object_is_read_at_its_borders() {
    let Some(settings) = backend(VARIABLE) else { return };
    let (_container, store) = store_with(Backend::of(&settings).plain(), |_| ()).await;
    let segment = usize::try_from(SEGMENT).unwrap();
    let data = noise(2 * segment + 3);
    let at = store.write(ImageId::random(), data.clone()).await.unwrap().location;
    borders_are_read(&store, &at, &data, segment).await;
}

#[tokio::test]
async fn a_static_large_object_is_read_and_goes_with_its_segments() {
    let Some(settings) = backend(VARIABLE) else { return };
    let (container, store) = store_with(Backend::of(&settings).plain(), |_| ()).await;
    let data = noise(2 * 70_000 + 3);
    write_static(&container, "static", &data, 70_000).await;
    let at = location(&store, &container, "static");
    borders_are_read(&store, &at, &data, 70_000).await;
    store.delete(&at).await.unwrap();
    assert_eq!(container.names().await, Vec::<String>::new());
    assert!(matches!(store.delete(&at).await, Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn an_object_of_more_segments_than_swift_adds_up_is_read() {
    let Some(settings) = backend(VARIABLE) else { return };
    let (container, store) = store_with(Backend::of(&settings).plain(), |config| config.segment_size = 10_000).await;
    let data = noise(70_001);
    let at = store.write(ImageId::random(), data.clone()).await.unwrap().location;
    let faulty = Faulty::adding_nothing_up(&container).await;
    let reader = faulty.store(&container, |config| config.page = 3);
    borders_are_read(&reader, &at, &data, 10_000).await;
    faulty.spoil([Spoil::Not, Spoil::Not, Spoil::CutBehind(4_321), Spoil::Status("503 Busy"), Spoil::Not]);
    assert!(reader.read(&at, ByteRange::ALL).await.unwrap() == data);
    assert!(faulty.is_done());

    let reading = reader.get(&at, ByteRange::ALL).await.unwrap();
    let last = container.names().await.pop().unwrap();
    container.swift.delete(&container.name, &last).await.unwrap();
    let read: Vec<_> = reading.stream.collect().await;
    assert!(read.last().unwrap().is_err(), "seven segments of eight passed for all");
}

#[tokio::test]
async fn a_manifest_without_segments_is_empty() {
    let Some(settings) = backend(VARIABLE) else { return };
    let (container, store) = store_with(Backend::of(&settings).plain(), |_| ()).await;
    let place = http::HeaderValue::try_from(format!("{}/nothing-", container.name)).unwrap();
    make(&container, |grant| {
        client::at(grant, Method::PUT, [&container.name, "nothing"]).header("x-object-manifest", place.clone())
    })
    .await;
    let at = location(&store, &container, "nothing");
    assert_eq!(store.size(&at).await.unwrap(), 0);
    assert!(store.read(&at, ByteRange::ALL).await.unwrap().is_empty());
}

/// Objects of either kind: in one piece, and in three segments.
const KINDS: [u64; 2] = [u64::MAX, 1];

#[tokio::test]
async fn a_download_goes_on_at_the_byte_where_it_broke() {
    let Some(settings) = backend(VARIABLE) else { return };
    let segment = usize::try_from(SEGMENT).unwrap();
    let data = noise(2 * segment + 17);
    for large_object_size in KINDS {
        let account = Backend::of(&settings).plain();
        let (container, store) = store_with(account, |config| config.large_object_size = large_object_size).await;
        let at = store.write(ImageId::random(), data.clone()).await.unwrap().location;
        let faulty = Faulty::before(&container).await;
        let reader = faulty.store(&container, |_| ());
        for cut in [0, 1, segment - 1, segment, segment + 1, data.len() - 1] {
            faulty.spoil([Spoil::CutBehind(cut), Spoil::Not]);
            assert!(reader.read(&at, ByteRange::ALL).await.unwrap() == data, "{cut}");
            assert!(faulty.is_done());
            let range = (cut > 0).then(|| format!("bytes={cut}-{}", data.len() - 1));
            let last = faulty.last();
            assert_eq!(last.header("range"), range.as_deref());
            assert!(last.header("if-match").is_some_and(|etag| etag.len() > 2), "{}", last.0);
        }
    }
}

#[tokio::test]
async fn trouble_in_the_middle_of_a_download_is_waited_out() {
    let Some(settings) = backend(VARIABLE) else { return };
    let (container, store) = store_with(Backend::of(&settings).plain(), |_| ()).await;
    let data = noise(700_000);
    let at = store.write(ImageId::random(), data.clone()).await.unwrap().location;
    let faulty = Faulty::before(&container).await;
    let reader = faulty.store(&container, |config| config.retry_get_count = 2);
    let busy = || Spoil::Status("503 Service Unavailable");
    // A token that is over, in the middle.
    let over = Spoil::Status("401 Unauthorized");
    faulty.spoil([busy(), Spoil::CutBehind(1_000), busy(), busy(), Spoil::CutBehind(400_000), over, Spoil::Not]);
    let range = ByteRange { start: 10, end: Some(650_000) };
    assert!(reader.read(&at, range).await.unwrap() == data[10..650_000]);
    assert!(faulty.is_done());
    assert_eq!(faulty.last().header("range"), Some("bytes=401010-649999"));
}

#[tokio::test]
async fn a_download_that_breaks_too_often_ends_with_an_error() {
    let Some(settings) = backend(VARIABLE) else { return };
    let (container, store) = store_with(Backend::of(&settings).plain(), |_| ()).await;
    let at = store.write(ImageId::random(), noise(10_000)).await.unwrap().location;
    let faulty = Faulty::before(&container).await;
    let reader = faulty.store(&container, |config| config.retry_get_count = 1);
    faulty.spoil([Spoil::CutBehind(10), Spoil::CutBehind(10)]);
    let read = reader.read(&at, ByteRange::ALL).await;
    assert!(matches!(read, Err(StoreError::Failed { .. })), "{read:?}");
    assert!(faulty.is_done());
}

#[tokio::test]
async fn what_changed_while_it_was_read_is_not_mixed() {
    let Some(settings) = backend(VARIABLE) else { return };
    for large_object_size in KINDS {
        let account = Backend::of(&settings).plain();
        let (container, store) = store_with(account, |config| config.large_object_size = large_object_size).await;
        let id = ImageId::random();
        let at = store.write(id, noise(700_000)).await.unwrap().location;
        let faulty = Faulty::before(&container).await;
        let reader = faulty.store(&container, |_| ());
        faulty.spoil([Spoil::CutBehind(1_000), Spoil::Not]);
        let mut reading = reader.get(&at, ByteRange::ALL).await.unwrap();
        assert!(!reading.stream.next().await.unwrap().unwrap().is_empty());
        let first = container.names().await.into_iter().find(|name| name.ends_with("-00001"));
        assert_eq!(first.is_some(), large_object_size == 1);
        let (changed, len) = first.map_or((id.to_string(), 700_000), |segment| (segment, SEGMENT));
        write(&container, &changed, &Bytes::from(vec![7; usize::try_from(len).unwrap()])).await;
        let rest: Vec<_> = reading.stream.collect().await;
        let error = rest.last().unwrap().as_ref().unwrap_err();
        assert!(std::error::Error::source(&**error).unwrap().to_string().contains("not what it was"), "{error:?}");
        let mixed = rest.iter().flatten().any(|chunk| chunk.contains(&7) && chunk.iter().all(|byte| *byte == 7));
        assert!(!mixed && faulty.is_done());
    }
}
