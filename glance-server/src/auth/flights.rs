//! Questions that many ask at once, and that are answered once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

/// Work under way, by what it is about.
#[derive(Debug)]
pub(super) struct Flights<K: Eq + Hash, V>(Mutex<HashMap<K, Arc<OnceCell<V>>>>);

impl<K: Eq + Hash, V> Default for Flights<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Flights<K, V> {
    /// What `work` comes to, or what the same work comes to that somebody else began. If whoever does it goes
    /// away, the next one who waits takes over.
    pub(super) async fn share(&self, key: K, work: impl Future<Output = V>) -> V {
        let cell = Arc::clone(self.lock().entry(key.clone()).or_default());
        let seat = Seat { flights: self, key, cell };
        seat.cell.get_or_init(|| work).await.clone()
    }
}

impl<K: Eq + Hash, V> Flights<K, V> {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<K, Arc<OnceCell<V>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits. The first one who leaves with an answer ends the flight, so that nobody gets
/// an answer older than the question; so does the last one to leave without.
struct Seat<'a, K: Eq + Hash, V> {
    flights: &'a Flights<K, V>,
    key: K,
    cell: Arc<OnceCell<V>>,
}

impl<K: Eq + Hash, V> Drop for Seat<'_, K, V> {
    fn drop(&mut self) {
        let mut flights = self.flights.lock();
        let is_ours = flights.get(&self.key).is_some_and(|cell| Arc::ptr_eq(cell, &self.cell));
        // The map and this seat hold it.
        if is_ours && (self.cell.initialized() || Arc::strong_count(&self.cell) <= 2) {
            flights.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt;
    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn many_who_ask_at_once_are_answered_by_one() {
        let (flights, count) = (Flights::default(), AtomicUsize::new(0));
        let ask = |key: &'static str| {
            flights.share(key, async {
                tokio::task::yield_now().await;
                count.fetch_add(1, Ordering::SeqCst)
            })
        };
        let same = join_all((0..10).map(|_| ask("same"))).await;
        assert_eq!(same, [0; 10]);
        assert_eq!(join_all([ask("one"), ask("other")]).await, [1, 2]);
        assert_eq!(ask("same").await, 3, "an answer is not kept");
        assert!(flights.lock().is_empty());
    }

    #[tokio::test]
    async fn whoever_waits_takes_over_from_one_who_left() {
        let flights = Flights::default();
        let mut first = Box::pin(flights.share("key", std::future::pending::<i32>()));
        assert!(first.as_mut().now_or_never().is_none());
        let mut second = Box::pin(flights.share("key", async { 2 }));
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        assert_eq!(second.await, 2);
        assert!(flights.lock().is_empty());
    }

    #[tokio::test]
    async fn nothing_is_left_of_those_who_all_went_away() {
        let flights = Flights::default();
        let mut only = Box::pin(flights.share("key", std::future::pending::<i32>()));
        assert!(only.as_mut().now_or_never().is_none());
        drop(only);
        assert!(flights.lock().is_empty());
    }
}
