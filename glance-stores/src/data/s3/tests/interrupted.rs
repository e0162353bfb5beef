//! Uploads that do not come to their end leave neither objects nor parts.

use std::time::Duration;

use futures::StreamExt;
use glance_core::conformance::{GivenUp, aborts};

use super::*;

/// `good` bytes, and then an error.
fn broken(good: usize) -> ByteStream {
    let bytes = data(good);
    let pieces = (0..good).step_by(MIB).map(move |at| Ok(bytes.slice(at..good.min(at + MIB))));
    let end = futures::stream::iter([Err("the client is gone".into())]);
    Box::pin(futures::stream::iter(pieces).chain(end))
}

#[tokio::test]
async fn a_source_that_breaks_at_any_byte_leaves_no_parts() {
    let Some(settings) = backend(VARIABLE) else { return };
    let (here, store) = here(settings).await;
    for good in [0, 1, 5 * MIB - 1, 5 * MIB, 5 * MIB + 1, 12 * MIB, 15 * MIB] {
        for size in [None, Some(15 * MIB as u64)] {
            let put = store.put(ImageId::random(), size, broken(good)).await;
            assert!(matches!(put, Err(StoreError::Source { .. })), "{good} bytes: {put:?}");
            assert_eq!((here.uploads().await, here.objects().await.len()), (0, 0), "{good} bytes of {size:?}");
        }
    }
}

#[tokio::test]
async fn uploads_that_are_given_up_leave_nothing() {
    let Some(settings) = backend(VARIABLE) else { return };
    let (here, store) = here(settings).await;
    let given_up = GivenUp { uploads: aborts(), part: 5 * MIB, looks: 100, pause: Duration::from_millis(3) };
    given_up.leave_nothing(&store, async || here.names().await).await;
}

#[tokio::test]
async fn discard_removes_the_parts_of_a_process_that_was_killed() {
    let Some(settings) = backend(VARIABLE) else { return };
    let (here, store) = here(settings).await;
    let (id, other) = (ImageId::random(), ImageId::random());
    let objects = amazon(&here.config, &client(), &here.config.bucket).unwrap();
    // What is never dropped is never cleaned up: as if the process were gone.
    for id in [id, id, other] {
        use object_store::ObjectStoreExt;
        let mut upload = objects.put_multipart(&id.to_string().into()).await.unwrap();
        upload.put_part(data(5 * MIB).into()).await.unwrap();
    }
    assert_eq!(here.uploads().await, 3);
    store.discard(id).await.unwrap();
    assert_eq!(here.uploads().await, 1, "the other image's stays");
    store.discard(other).await.unwrap();
    store.discard(other).await.unwrap();
    assert_eq!((here.uploads().await, here.objects().await.len()), (0, 0));
}
