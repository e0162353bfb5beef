//! Uploads that are given up, by the hundred, and what a store has after that.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select};
use futures::{StreamExt, stream};

use super::store::{breaking, noise, stalling, trickle};
use crate::image::ImageId;
use crate::store::{Store, StoreError};

/// How many uploads are given up where that takes its time: 100, unless this says otherwise.
pub const ABORTS: &str = "GLANCE_TEST_ABORTS";

/// As many uploads as [`ABORTS`] says.
#[must_use]
pub fn aborts() -> usize {
    std::env::var(ABORTS).map_or(100, |text| text.parse().unwrap())
}

/// Uploads that do not come to their end.
///
/// The source of one breaks, that of the next stalls until the put is dropped, and that of the third has all of its
/// data while the put is dropped, if it has not ended by then. Each does so at another byte: before the first one, and
/// around the borders of parts.
#[derive(Debug, Clone, Copy)]
pub struct GivenUp {
    /// How many.
    pub uploads: usize,
    /// Bytes of what the store sends, or writes, at once.
    pub part: usize,
    /// How often a put is looked at before it is dropped, at most.
    pub looks: usize,
    /// The pause between two looks.
    pub pause: Duration,
}

impl GivenUp {
    /// Asserts that they leave nothing in `store`, which holds what `names` tells, finished or not. Nothing else may
    /// be there.
    pub async fn leave_nothing(&self, store: &dyn Store, mut names: impl AsyncFnMut() -> Vec<String>) {
        let data = noise(3 * self.part);
        self.is_told_while_under_way(store, &data, &mut names).await;
        stream::iter(0..self.uploads).for_each_concurrent(8, |number| self.give_up(store, &data, number)).await;
        settles(&mut names).await;
        // What was still to come when somebody looked.
        tokio::time::sleep(Duration::from_secs(1)).await;
        settles(&mut names).await;
    }

    /// Otherwise that nothing is told says nothing.
    async fn is_told_while_under_way(
        &self,
        store: &dyn Store,
        data: &Bytes,
        names: &mut impl AsyncFnMut() -> Vec<String>,
    ) {
        let (source, _) = stalling(data, self.chunk(), usize::MAX);
        let told = pin!(async {
            for _ in 0..LOOKS {
                if !names().await.is_empty() {
                    return;
                }
                tokio::time::sleep(PAUSE).await;
            }
            panic!("nothing is told of an upload that is under way");
        });
        if let Either::Left((put, _)) = select(store.put(ImageId::random(), None, source), told).await {
            panic!("an upload whose data is still to come has ended: {put:?}");
        }
    }

    async fn give_up(&self, store: &dyn Store, data: &Bytes, number: usize) {
        let (id, part) = (ImageId::random(), self.part);
        let lengths = [0, 1, part - 1, part, part + 1, part + part / 2, 2 * part + 1];
        let data = data.slice(..lengths[number / 6 % lengths.len()]);
        let size = (number / 3).is_multiple_of(2).then_some(3 * part as u64);
        let looks = number * 7 % self.looks;
        match number % 3 {
            0 => {
                let put = store.put(id, size, breaking(&data, self.chunk(), usize::MAX)).await;
                assert!(matches!(put, Err(StoreError::Source { .. })), "{} bytes of {size:?}: {put:?}", data.len());
            }
            1 => {
                let mut put = store.put(id, size, stalling(&data, self.chunk(), usize::MAX).0);
                for _ in 0..looks {
                    assert!(futures::poll!(&mut put).is_pending());
                    self.rest().await;
                }
            }
            _ => {
                let mut put = store.put(id, size.map(|_| data.len() as u64), trickle(&data, self.chunk()));
                for _ in 0..looks {
                    let std::task::Poll::Ready(put) = futures::poll!(&mut put) else {
                        self.rest().await;
                        continue;
                    };
                    return store.delete(&put.unwrap().location).await.unwrap();
                }
            }
        }
    }

    /// Bytes of a chunk, of which none ends with a part.
    fn chunk(&self) -> usize {
        self.part / 3 + 1
    }

    async fn rest(&self) {
        if self.pause.is_zero() {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(self.pause).await;
        }
    }
}

/// How often is looked for what comes or goes by itself.
pub(super) const LOOKS: usize = 600;
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// Waits for what goes on behind puts that were dropped, until nothing is left.
pub(super) async fn settles(names: &mut impl AsyncFnMut() -> Vec<String>) {
    let mut left = names().await;
    for _ in 0..LOOKS {
        if left.is_empty() {
            return;
        }
        tokio::time::sleep(PAUSE).await;
        left = names().await;
    }
    left.truncate(10);
    panic!("left behind: {left:?}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;
    use futures::FutureExt;
    use std::panic::AssertUnwindSafe;

    const SOME: GivenUp = GivenUp { uploads: 60, part: 3000, looks: 40, pause: Duration::ZERO };

    /// A store with what is told of it: an upload under way at the first look, and then `left`.
    async fn told(left: &'static [&'static str]) -> Result<(), ()> {
        let store = MemoryStore::new("given up");
        let mut first = true;
        let names = async || {
            let names = if std::mem::take(&mut first) { &["under way"] } else { left };
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        AssertUnwindSafe(SOME.leave_nothing(&store, names)).catch_unwind().await.map_err(drop)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_is_noticed() {
        assert!(told(&[]).await.is_ok());
        assert!(told(&["left"]).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn that_uploads_are_never_told_is_noticed() {
        let store = MemoryStore::new("given up");
        let never = AssertUnwindSafe(SOME.leave_nothing(&store, async || Vec::new())).catch_unwind().await;
        assert!(never.is_err());
    }
}
