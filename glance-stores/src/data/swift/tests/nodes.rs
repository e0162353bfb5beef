//! Two servers with one Swift: what one of them takes back is never what the other brought in.

use bytes::Bytes;
use futures::SinkExt;
use futures::channel::mpsc;
use glance_core::conformance::backend;
use glance_core::store::{BoxError, StoreExt};

use super::super::*;
use super::support::{Backend, Container, noise, store_with};

const VARIABLE: &str = "GLANCE_TEST_SWIFT";

/// Two stores in one container; `None` where there is no Swift.
async fn two(threshold: u64) -> Option<(Container, SwiftStore, SwiftStore)> {
    let account = Backend::of(&backend(VARIABLE)?).plain();
    let change = |config: &mut SwiftConfig| config.large_object_size = threshold;
    let (container, one) = store_with(account, change).await;
    let other = SwiftStore::open(SwiftConfig::clone(&one.config)).unwrap();
    Some((container, one, other))
}

/// Waits until the upload has something in the container, and the other store has the image as well.
async fn overtake(container: &Container, other: &SwiftStore, id: ImageId, data: &Bytes) -> Location {
    while container.names().await.is_empty() {
        tokio::task::yield_now().await;
    }
    other.write(id, data.clone()).await.unwrap().location
}

async fn holds_nothing_else(container: &Container, store: &SwiftStore, at: &Location, data: &Bytes) {
    assert!(store.read(at, ByteRange::ALL).await.unwrap() == *data);
    store.delete(at).await.unwrap();
    assert_eq!(container.names().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_upload_that_comes_second_leaves_what_was_first() {
    for threshold in [1, 700_000] {
        let Some((container, late, early)) = two(threshold).await else { return };
        let (id, data) = (ImageId::random(), noise(650_000));
        let (mut sender, source) = mpsc::channel::<Result<Bytes, BoxError>>(0);
        let put = late.put(id, Some(800_000), Box::pin(source));
        let overtaking = async {
            sender.send(Ok(noise(800_000).slice(..600_000))).await.unwrap();
            // Of the next chunk there is room for one, so that the first has been taken.
            sender.feed(Ok(noise(800_000).slice(600_000..700_000))).await.unwrap();
            let at = overtake(&container, &early, id, &data).await;
            sender.send(Ok(noise(800_000).slice(700_000..))).await.unwrap();
            drop(sender);
            at
        };
        let (put, at) = futures::join!(put, overtaking);
        assert!(matches!(put, Err(StoreError::Exists { .. })), "{put:?}");
        holds_nothing_else(&container, &early, &at, &data).await;
    }
}

#[tokio::test]
async fn an_upload_that_is_given_up_late_leaves_what_came_since() {
    let Some((container, late, early)) = two(1).await else { return };
    let (id, data) = (ImageId::random(), noise(650_000));
    let (mut sender, source) = mpsc::channel::<Result<Bytes, BoxError>>(0);
    let mut put = late.put(id, None, Box::pin(source));
    let overtaking = async {
        sender.send(Ok(noise(1_000_000))).await.unwrap();
        overtake(&container, &early, id, &data).await
    };
    let at = tokio::select! {
        _ = &mut put => panic!("its data has not ended"),
        at = overtaking => at,
    };
    drop(put);
    late.discard(ImageId::random()).await.unwrap();
    late.claims.settled(id).await;
    holds_nothing_else(&container, &early, &at, &data).await;
}
