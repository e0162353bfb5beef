//! Uploads that do not come to their end leave neither objects nor parts.

use std::time::Duration;

use futures::StreamExt;

use super::*;

/// How many uploads are broken off: 100, unless this says otherwise.
const ABORTS: &str = "GLANCE_TEST_S3_ABORTS";

/// `good` bytes, and then what `end` is.
fn until(good: usize, end: ByteStream) -> ByteStream {
    let bytes = data(good);
    let pieces = (0..good).step_by(MIB).map(move |at| Ok(bytes.slice(at..good.min(at + MIB))));
    Box::pin(futures::stream::iter(pieces).chain(end))
}

fn broken(good: usize) -> ByteStream {
    until(good, Box::pin(futures::stream::once(async { Err("the client is gone".into()) })))
}

/// Waits for what goes on behind a put that was dropped.
async fn assert_nothing_is_left(here: &Here) {
    let mut left = (0, 0);
    for _ in 0..100 {
        left = (here.uploads().await, here.objects().await.len());
        if left == (0, 0) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{} uploads and {} objects are left", left.0, left.1);
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
async fn aborted_uploads_leave_nothing() {
    let Some(settings) = backend(VARIABLE) else { return };
    let (here, store) = here(settings).await;
    let aborts = std::env::var(ABORTS).map_or(100, |text| text.parse().unwrap());
    for number in 0..aborts {
        if number % 2 == 0 {
            let put = store.put(ImageId::random(), None, broken(6 * MIB)).await;
            assert!(matches!(put, Err(StoreError::Source { .. })), "{put:?}");
        } else {
            let stalled = until(6 * MIB, Box::pin(futures::stream::pending()));
            let put = store.put(ImageId::random(), None, stalled);
            // Somewhere between the first request and the stall.
            let _ = tokio::time::timeout(Duration::from_millis(number % 100 * 3), put).await.unwrap_err();
        }
    }
    assert_nothing_is_left(&here).await;
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
