//! A Swift that is killed while data goes in and out, and comes back; and one whose disk is full.
//!
//! `GLANCE_TEST_SWIFT` is how it is reached, `GLANCE_TEST_SWIFT_CONTROL` the script that kills it and brings it up
//! again.

use std::collections::HashMap;

use bytes::Bytes;
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use glance_core::conformance::backend;
use glance_core::image::ImageId;
use glance_core::store::{BoxError, ByteRange, Store, StoreError, StoreExt, stream_of};
use glance_stores::data::swift::{Account, Credentials, Key, Protocol, SwiftConfig, SwiftStore};
use glance_stores::outbound::{Client, Deadlines, OperatorUrl, Request, Tls};
use http::{HeaderValue, Method};
use tokio::sync::Mutex;

use crate::{MIB, control, data, read_until_broken};

/// Held by the test that has Swift.
static ALONE: Mutex<()> = Mutex::const_new(());

struct Swift {
    settings: HashMap<String, String>,
    control: String,
    container: String,
}

impl Swift {
    fn new(settings: &str, control: String) -> Self {
        let pairs = settings.split(',').filter_map(|pair| pair.split_once('='));
        let settings = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { settings, control, container: format!("outage-{}", ImageId::random()) }
    }

    /// Segments of 9 MB are sent as they come, those of 1 MB are kept in memory.
    fn store(&self, segment_size: u64) -> SwiftStore {
        let [auth, user, key] = ["auth", "user", "key"].map(|name| self.settings[name].clone());
        let user = Credentials::User { name: user, key: Key::new(key) };
        let account = Account { protocol: Protocol::V1, ..Account::new(auth, user) };
        let config = SwiftConfig {
            container: self.container.clone(),
            create_container: true,
            large_object_size: 2_000_000,
            segment_size,
            ..SwiftConfig::new(account)
        };
        SwiftStore::open(config).unwrap()
    }

    async fn control(&self, verb: &'static str) {
        self.control_with(verb, &[]).await;
    }

    async fn control_with(&self, verb: &'static str, settings: &[(&'static str, &'static str)]) {
        // As it was started.
        let keystone = if std::env::var_os("GLANCE_TEST_SWIFT_V3").is_some() { "1" } else { "0" };
        control(&self.control, verb, &[&[("SWIFT_KEYSTONE", keystone)], settings].concat()).await;
    }

    /// Starts it anew, with a disk on which everything is to be left free.
    async fn fill(&self, settings: &[(&'static str, &'static str)]) {
        self.control("kill").await;
        self.control_with("up", &[&[("SWIFT_RESERVE", "100%")], settings].concat()).await;
    }

    /// What the container holds, a line each.
    async fn names(&self) -> String {
        let client = Client::new(&Tls::default(), Deadlines::default()).unwrap();
        let value = |text: &str| HeaderValue::try_from(text).unwrap();
        let login = Request::new(Method::GET, OperatorUrl::parse(&self.settings["auth"]).unwrap())
            .header("x-auth-user", value(&self.settings["user"]))
            .header("x-auth-key", value(&self.settings["key"]));
        let login = client.send(login).await.unwrap();
        let storage = OperatorUrl::parse(login.header("x-storage-url").unwrap()).unwrap();
        let list = Request::new(Method::GET, storage.below([self.container.as_str()]))
            .header("x-auth-token", value(login.header("x-auth-token").unwrap()));
        let listed = client.send(list).await.unwrap();
        assert!(listed.status.is_success());
        String::from_utf8(listed.read(MIB).await.unwrap().to_vec()).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swift_that_goes_away_and_comes_back_costs_no_more_than_what_was_under_way() {
    let (Some(settings), Some(control)) = (backend("GLANCE_TEST_SWIFT"), backend("GLANCE_TEST_SWIFT_CONTROL")) else {
        return;
    };
    let (_alone, swift) = (ALONE.lock().await, Swift::new(&settings, control));
    let (store, whole) = (swift.store(1_000_000), data(64 * MIB));
    let kept = store.write(ImageId::random(), whole.clone()).await.unwrap().location;

    // Two puts that have begun, and one reading.
    let puts = [1_000_000, 9_000_000].map(|segment_size| {
        let (sender, source) = mpsc::channel::<Result<Bytes, BoxError>>(0);
        let (id, writer) = (ImageId::random(), swift.store(segment_size));
        (id, sender, tokio::spawn(async move { writer.put(id, None, Box::pin(source)).await }))
    });
    let mut under_way = Vec::new();
    for (id, mut sender, put) in puts {
        for _ in 0..3 {
            sender.send(Ok(data(8 * MIB))).await.unwrap();
        }
        under_way.push((id, sender, put));
    }
    let mut reading = store.get(&kept, ByteRange::ALL).await.unwrap().stream;
    let first = reading.next().await.unwrap().unwrap();
    assert!(first == whole[..first.len()]);

    swift.control("kill").await;
    // All end with an error, and so does whatever begins now.
    let mut left = Vec::new();
    for (id, mut sender, put) in under_way {
        for _ in 0..6 {
            if sender.send(Ok(data(8 * MIB))).await.is_err() {
                break;
            }
        }
        drop(sender);
        let error = put.await.unwrap().unwrap_err();
        assert!(matches!(error, StoreError::LeftBehind { .. }), "{error:?}");
        assert!(matches!(error.reason(), StoreError::Unavailable { .. }), "{error:?}");
        left.push(id);
    }
    read_until_broken(reading, first, &whole).await;
    for failed in [
        store.size(&kept).await.map(drop),
        store.delete(&kept).await,
        store.discard(left[0]).await,
        store.write(ImageId::random(), data(10)).await.map(drop),
    ] {
        assert!(matches!(failed, Err(StoreError::Unavailable { .. })), "{failed:?}");
    }
    let late = swift.store(1_000_000);

    swift.control("up").await;
    for store in [&store, &late] {
        assert!(store.read(&kept, ByteRange::ALL).await.unwrap() == whole);
    }
    // What was left behind goes when it is asked for, and then the same images are taken.
    for id in left {
        assert!(swift.names().await.contains(id.as_str()));
        late.discard(id).await.unwrap();
        let again = late.write(id, data(9 * MIB)).await.unwrap().location;
        assert!(late.read(&again, ByteRange::ALL).await.unwrap() == data(9 * MIB));
        late.delete(&again).await.unwrap();
    }
    store.delete(&kept).await.unwrap();
    assert_eq!(swift.names().await, "");
}

/// A server without room says so (507), and the proxy that it cannot now (503), whatever the reason: the store cannot
/// know that it is full. For a minute the proxy then asks that server for nothing, which is the only one here.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_takes_no_image_and_keeps_nothing_of_one() {
    let (Some(settings), Some(control)) = (backend("GLANCE_TEST_SWIFT"), backend("GLANCE_TEST_SWIFT_CONTROL")) else {
        return;
    };
    let (_alone, swift) = (ALONE.lock().await, Swift::new(&settings, control));
    let (store, whole) = (swift.store(1_000_000), data(3 * MIB));
    let kept = store.write(ImageId::random(), whole.clone()).await.unwrap().location;
    let before = swift.names().await;

    swift.fill(&[]).await;
    assert!(store.read(&kept, ByteRange::ALL).await.unwrap() == whole);
    let left = ImageId::random();
    let error = store.write(left, data(8 * MIB)).await.unwrap_err();
    assert!(matches!(error, StoreError::LeftBehind { .. }), "{error:?}");
    assert!(matches!(error.reason(), StoreError::Unavailable { .. }), "{error:?}");

    // Where there is somebody to ask, nothing needs room to be removed. One object, of which a 503 does not say for
    // certain that there will be none, segments that are kept in memory, and segments that are sent as they come.
    swift.fill(&[("SWIFT_SHUN", "0")]).await;
    for (segment_size, size, length) in [
        (1_000_000, Some(MIB as u64), MIB),
        (1_000_000, Some(8 * MIB as u64), 8 * MIB),
        (1_000_000, None, 8 * MIB),
        (9_000_000, Some(20 * MIB as u64), 20 * MIB),
        (9_000_000, None, 20 * MIB),
    ] {
        let id = ImageId::random();
        let error = swift.store(segment_size).put(id, size, stream_of(data(length))).await.unwrap_err();
        let is_unavailable = matches!(error.reason(), StoreError::Unavailable { .. });
        assert!(is_unavailable, "{segment_size} {size:?}: {error:?}");
        assert_eq!(matches!(error, StoreError::LeftBehind { .. }), length == MIB, "{segment_size} {size:?}: {error:?}");
        assert_eq!(swift.names().await, before);
        store.discard(id).await.unwrap();
    }
    assert!(store.read(&kept, ByteRange::ALL).await.unwrap() == whole);

    swift.control("kill").await;
    swift.control("up").await;
    store.discard(left).await.unwrap();
    let again = store.write(left, data(8 * MIB)).await.unwrap().location;
    assert!(store.read(&again, ByteRange::ALL).await.unwrap() == data(8 * MIB));
    for at in [again, kept] {
        store.delete(&at).await.unwrap();
    }
    assert_eq!(swift.names().await, "");
}
