//! An answer that counts for a while.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::keystone::KeystoneError;

/// An answer that is asked for again when it is old. However many want it at once, one asks and the others get what
/// it got, also if that is an error: during an outage nobody waits for as many attempts as there are others.
#[derive(Debug)]
pub(super) struct Kept<T>(Mutex<Option<Answer<T>>>);

#[derive(Debug)]
struct Answer<T> {
    /// When a good answer was asked for, and when a failure came.
    at: Instant,
    outcome: Result<T, Arc<KeystoneError>>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Kept<T> {
    /// What `ask` answered less than `counts_for` ago, else what it answers now.
    pub(super) async fn get<F>(&self, counts_for: Duration, ask: impl FnOnce() -> F) -> Result<T, Arc<KeystoneError>>
    where
        F: Future<Output = Result<T, Arc<KeystoneError>>>,
    {
        let wanted = Instant::now();
        let mut kept = self.0.lock().await;
        let still_counts = |answer: &&Answer<T>| match answer.outcome {
            Ok(_) => answer.at.elapsed() < counts_for,
            // Those who waited for it share a failure; who comes later asks again.
            Err(_) => answer.at > wanted,
        };
        if let Some(answer) = kept.as_ref().filter(still_counts) {
            return answer.outcome.clone();
        }
        let asked = Instant::now();
        let outcome = ask().await;
        let at = if outcome.is_ok() { asked } else { Instant::now() };
        *kept = Some(Answer { at, outcome: outcome.clone() });
        outcome
    }

    /// Whether nobody is waiting here and nothing that counts is kept.
    pub(super) fn is_stale(&self, counts_for: Duration) -> bool {
        self.0.try_lock().is_ok_and(|kept| {
            kept.as_ref().is_none_or(|answer| answer.outcome.is_err() || answer.at.elapsed() >= counts_for)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const WHILE: Duration = Duration::from_secs(5);

    async fn ask(kept: &Kept<u32>, asked: &AtomicU32, good: bool) -> Result<u32, Arc<KeystoneError>> {
        kept.get(WHILE, || async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let count = asked.fetch_add(1, Ordering::Relaxed) + 1;
            if good { Ok(count) } else { Err(Arc::new(KeystoneError::TooSlow)) }
        })
        .await
    }

    #[tokio::test(start_paused = true)]
    async fn many_at_once_ask_once_and_an_answer_gets_old() {
        let (kept, asked) = (Kept::default(), AtomicU32::new(0));
        let both = tokio::join!(ask(&kept, &asked, true), ask(&kept, &asked, true));
        assert_eq!((both.0.unwrap(), both.1.unwrap()), (1, 1));
        assert!(!kept.is_stale(WHILE));
        tokio::time::advance(WHILE).await;
        assert!(kept.is_stale(WHILE));
        assert_eq!(ask(&kept, &asked, true).await.unwrap(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_share_a_failure_and_the_next_ask_again() {
        let (kept, asked) = (Kept::default(), AtomicU32::new(0));
        let both = tokio::join!(ask(&kept, &asked, false), ask(&kept, &asked, false));
        assert!(both.0.is_err() && both.1.is_err());
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        assert_eq!(ask(&kept, &asked, true).await.unwrap(), 2);
    }
}
