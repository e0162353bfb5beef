//! What a put has made before it is the data of an image, and how it goes again if it never is.

use glance_core::store::StoreError;
use tokio::runtime::Handle;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::claims::Claim;

/// What one put has made so far.
pub(super) trait Unfinished: Send + 'static {
    /// All of it, so that nothing stays here.
    fn take(&mut self) -> Self;

    /// Removes what there is, and says whether there is nothing of it, now and later.
    fn take_back(&mut self) -> impl Future<Output = bool> + Send;
}

/// What one put has made so far, and its claim on the image. Dropped, it goes again, as far as that succeeds soon.
pub(super) struct Draft<U: Unfinished> {
    pub(super) made: U,
    /// `None` when there is nothing to remove any more.
    claim: Option<Claim>,
    runtime: Handle,
}

impl<U: Unfinished> Draft<U> {
    /// To be called in a runtime.
    pub(super) fn new(made: U, claim: Claim) -> Self {
        Self { made, claim: Some(claim), runtime: Handle::current() }
    }

    /// It is the data of the image now.
    pub(super) fn keep(mut self) -> U {
        self.claim = None;
        self.made.take()
    }

    /// Takes back what there is, and gives the error to answer with.
    pub(super) async fn fail(mut self, store: &'static str, error: StoreError) -> StoreError {
        let gone = match &self.claim {
            Some(claim) => claim.in_time(self.made.take_back()).await,
            None => true,
        };
        match self.claim.take() {
            Some(claim) if !gone => {
                claim.left_behind();
                error.left_behind(store)
            }
            _ => error,
        }
    }

    /// From here on it is taken back, unless it is kept. Says how long that may take.
    pub(super) fn leave(&self) -> Instant {
        self.claim.as_ref().map_or_else(Instant::now, |claim| {
            claim.leave();
            claim.until()
        })
    }
}

impl<U: Unfinished> Drop for Draft<U> {
    fn drop(&mut self) {
        let Some(claim) = self.claim.take() else { return };
        claim.leave();
        let mut made = self.made.take();
        let taking_back = async move {
            // The image is not free before.
            if !claim.in_time(made.take_back()).await {
                claim.left_behind();
            }
        };
        self.runtime.spawn(taking_back.in_current_span());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::data::claims::Claims;
    use glance_core::image::ImageId;

    /// Counts how often it is taken back, which succeeds or never ends.
    #[derive(Clone)]
    struct Made {
        taken_back: Arc<AtomicUsize>,
        goes: bool,
    }

    impl Unfinished for Made {
        fn take(&mut self) -> Self {
            self.clone()
        }

        async fn take_back(&mut self) -> bool {
            self.taken_back.fetch_add(1, Ordering::SeqCst);
            if !self.goes {
                std::future::pending::<()>().await;
            }
            true
        }
    }

    async fn draft(claims: &Arc<Claims>, id: ImageId, goes: bool) -> (Draft<Made>, Arc<AtomicUsize>) {
        let taken_back = Arc::new(AtomicUsize::new(0));
        let made = Made { taken_back: Arc::clone(&taken_back), goes };
        (Draft::new(made, claims.claim("some", id).await.unwrap()), taken_back)
    }

    fn full() -> StoreError {
        StoreError::Full { store: "some" }
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_or_is_dropped_is_taken_back_once_and_what_is_kept_is_not() {
        let (claims, id) = (Arc::new(Claims::default()), ImageId::random());
        let (failed, taken_back) = draft(&claims, id, true).await;
        assert!(matches!(failed.fail("some", full()).await, StoreError::Full { .. }));
        assert_eq!(taken_back.load(Ordering::SeqCst), 1);
        let (dropped, taken_back) = draft(&claims, id, true).await;
        drop(dropped);
        let (kept, not_taken_back) = draft(&claims, id, true).await;
        assert_eq!(taken_back.load(Ordering::SeqCst), 1);
        kept.keep();
        draft(&claims, id, true).await.0.keep();
        assert_eq!(not_taken_back.load(Ordering::SeqCst), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_taken_back_in_time_is_left_behind_and_frees_the_image() {
        let (claims, id) = (Arc::new(Claims::default()), ImageId::random());
        let (failed, _) = draft(&claims, id, false).await;
        let error = failed.fail("some", full()).await;
        assert!(matches!(error, StoreError::LeftBehind { .. }) && matches!(error.reason(), StoreError::Full { .. }));
        drop(draft(&claims, id, false).await.0);
        draft(&claims, id, true).await.0.keep();
    }
}
