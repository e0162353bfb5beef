//! Writing that does not come to its end.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;

use super::source::{KIB, MIB, breaking, noise, stalling, trickle};
use super::{assert_free, place_of, writes};
use crate::image::ImageId;
use crate::location::Location;
use crate::store::{Store, StoreError, StoreExt};

const CHUNK: usize = 64 * KIB;
const CHUNKS: usize = 5 * MIB / CHUNK;

/// When the source breaks off, no part of the data stays behind: the same id can be put again.
pub async fn a_source_that_breaks_leaves_nothing(store: &dyn Store) {
    if !writes(store).await {
        return;
    }
    let data = noise(CHUNKS * CHUNK);
    for size in [Some(data.len() as u64), None] {
        for good in [0, 1, 2, CHUNKS / 2, CHUNKS - 1] {
            let id = ImageId::random();
            let at = place_of(store, id).await;
            let put = store.put(id, size, breaking(&data, CHUNK, good)).await;
            let Err(StoreError::Source { source, .. }) = put else { panic!("broken after {good} chunks: {put:?}") };
            assert_eq!(source.to_string(), "the client is gone");
            assert_free(store, id, at.as_ref(), &format!("broken after {good} chunks")).await;
        }
    }
}

/// An error in place of the end is one, even if every announced byte has come.
pub async fn an_error_behind_the_announced_bytes_counts(store: &dyn Store) {
    if !writes(store).await {
        return;
    }
    for len in [0, 10, CHUNK, CHUNKS * CHUNK] {
        let data = noise(len);
        for size in [Some(len as u64), None] {
            let id = ImageId::random();
            let at = place_of(store, id).await;
            let put = store.put(id, size, breaking(&data, CHUNK, CHUNKS)).await;
            assert!(matches!(put, Err(StoreError::Source { .. })), "{len} bytes of {size:?}: {put:?}");
            assert_free(store, id, at.as_ref(), "an error at the end").await;
        }
    }
}

/// Data of another length than announced is gone with the refusal.
pub async fn a_refused_length_leaves_nothing(store: &dyn Store) {
    if !writes(store).await {
        return;
    }
    let data = noise(2 * MIB);
    for announced in [0, 1, 2 * MIB - 1, 2 * MIB + 1, 30 * MIB] {
        let id = ImageId::random();
        let at = place_of(store, id).await;
        let put = store.put(id, Some(announced as u64), trickle(&data, CHUNK)).await;
        assert!(matches!(put, Err(StoreError::SizeMismatch { .. })), "{announced} bytes announced: {put:?}");
        assert_free(store, id, at.as_ref(), "another length").await;
    }
}

/// A put whose future is dropped, at whatever point, leaves as little as one that failed.
pub async fn a_dropped_put_leaves_nothing(store: &dyn Store) {
    if !writes(store).await {
        return;
    }
    let data = noise(CHUNKS * CHUNK);
    for good in [0, 1, CHUNKS / 2, CHUNKS] {
        let id = ImageId::random();
        let at = place_of(store, id).await;
        let (source, taken) = stalling(&data, CHUNK, good);
        let mut put = store.put(id, None, source);
        // Until it has taken all there is; the pause is for what it does off this thread.
        while taken.load(Ordering::SeqCst) < good {
            assert!(futures::poll!(&mut put).is_pending());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(put);
        settled(store, id, at.as_ref()).await;
        assert_free(store, id, at.as_ref(), &format!("dropped after {good} chunks")).await;
    }
    for polls in 0..40 {
        dropped_after(store, polls).await;
    }
}

/// Drops a put of data that is all there after so many polls: some fall into its last steps.
async fn dropped_after(store: &dyn Store, polls: usize) {
    let id = ImageId::random();
    let at = place_of(store, id).await;
    let mut put = store.put(id, None, trickle(&noise(5 * CHUNK), CHUNK));
    for _ in 0..polls {
        if futures::poll!(&mut put).is_ready() {
            drop(put);
            return;
        }
        tokio::task::yield_now().await;
    }
    drop(put);
    settled(store, id, at.as_ref()).await;
    assert_free(store, id, at.as_ref(), &format!("dropped after {polls} polls")).await;
}

/// Waits until a store that has to ask others has taken back what nobody waits for any more: a new put does. Looking
/// would not do, since the data may still be to come, and then go.
async fn settled(store: &dyn Store, id: ImageId, at: Option<&Location>) {
    if at.is_none() {
        return;
    }
    let next = store.write(id, Bytes::from_static(b"next")).await;
    let next = next.unwrap_or_else(|error| panic!("dropped, the id cannot be put again: {error:?}"));
    // Not what lies at `at`: a store may have chosen another place this time.
    store.delete(&next.location).await.unwrap();
}

/// Asking for a put is not doing it.
pub async fn a_put_nobody_polls_does_nothing(store: &dyn Store) {
    if !writes(store).await {
        return;
    }
    let id = ImageId::random();
    let at = place_of(store, id).await;
    let (source, taken) = stalling(&noise(MIB), CHUNK, 1);
    drop(store.put(id, None, source));
    assert_eq!(taken.load(Ordering::SeqCst), 0);
    assert_free(store, id, at.as_ref(), "never polled").await;
}
