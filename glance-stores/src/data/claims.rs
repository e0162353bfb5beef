//! Which images this process is writing, or taking back.
//!
//! Other processes are kept away by the journal of the database, and by what a backend does only once for a
//! name. This is about what a put that was given up leaves for a moment: a new put waits until it is
//! gone, instead of taking it for data that is there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use glance_core::image::ImageId;
use glance_core::store::StoreError;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

/// How long a put that failed tries to take back what it wrote, before it says that it left it behind.
pub(super) const TAKING_BACK: Duration = Duration::from_secs(10);
/// How long a put waits for one of the same image that is being taken back.
const PATIENCE: Duration = Duration::from_secs(30);

/// All images under claim.
#[derive(Debug, Default)]
pub(super) struct Claims(Mutex<HashMap<ImageId, watch::Receiver<State>>>);

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Writing,
    /// Taken back, since then.
    Leaving(Instant),
    Gone,
    /// Given up: something may still be there.
    Left,
}

impl Claims {
    /// Claims the image for writing. Waits for one that is leaving.
    ///
    /// # Errors
    ///
    /// Of a store of the given kind: [`StoreError::Exists`] if somebody is writing it;
    /// [`StoreError::Unavailable`] if what is leaving takes too long.
    pub(super) async fn claim(self: &Arc<Self>, store: &'static str, id: ImageId) -> Result<Claim, StoreError> {
        let claim = timeout(PATIENCE, self.claim_in_time(id)).await.map_err(|elapsed| {
            let doing = "waiting for an earlier upload of the image to be taken back";
            StoreError::Unavailable { store, doing, source: elapsed.into() }
        });
        claim?.ok_or(StoreError::Exists { store, id })
    }

    /// `None` if somebody is writing it.
    async fn claim_in_time(self: &Arc<Self>, id: ImageId) -> Option<Claim> {
        loop {
            let mut other = match self.insert(id) {
                Ok(claim) => return Some(claim),
                Err(other) => other,
            };
            if *other.borrow_and_update() == State::Writing {
                return None;
            }
            let _ = other.changed().await;
        }
    }

    /// Waits until nothing of the image is leaving.
    pub(super) async fn settled(&self, id: ImageId) {
        loop {
            let Some(mut other) = self.map().get(&id).cloned() else { return };
            if !matches!(*other.borrow_and_update(), State::Leaving(_)) {
                return;
            }
            let _ = other.changed().await;
        }
    }

    fn insert(self: &Arc<Self>, id: ImageId) -> Result<Claim, watch::Receiver<State>> {
        let mut map = self.map();
        if let Some(other) = map.get(&id) {
            return Err(other.clone());
        }
        let (state, watched) = watch::channel(State::Writing);
        map.insert(id, watched);
        Ok(Claim { claims: Arc::clone(self), id, state: Arc::new(state) })
    }

    fn map(&self) -> MutexGuard<'_, HashMap<ImageId, watch::Receiver<State>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A claim on an image, until it is dropped.
pub(super) struct Claim {
    claims: Arc<Claims>,
    pub(super) id: ImageId,
    state: Arc<watch::Sender<State>>,
}

impl Claim {
    /// From here on the image is not written, but taken back.
    pub(super) fn leave(&self) {
        leave(&self.state);
    }

    /// When whoever waits for the image to be taken back will wait no longer; now if that has not begun.
    pub(super) fn until(&self) -> Instant {
        match *self.state.borrow() {
            State::Leaving(since) => since + TAKING_BACK,
            _ => Instant::now(),
        }
    }

    /// Runs what takes the put back for as long as somebody waits for that, and says whether nothing of it is left.
    #[cfg(any(feature = "object", feature = "vmware"))]
    pub(super) async fn in_time(&self, taking_back: impl Future<Output = bool>) -> bool {
        self.leave();
        timeout_at(self.until(), taking_back).await.unwrap_or(false)
    }

    /// Ends the claim of a put that could not be taken back.
    pub(super) fn left_behind(self) {
        tracing::warn!(image = %self.id, "an upload that came to nothing may have left data");
        self.state.send_replace(State::Left);
    }

    /// What a put holds while a thread has its claim.
    pub(super) fn interest(&self) -> Interest {
        Interest(Arc::clone(&self.state))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims.map().remove(&self.id);
        self.state
            .send_if_modified(|state| *state != State::Left && std::mem::replace(state, State::Gone) != State::Gone);
    }
}

/// Somebody waits for the image to be written. Dropped, nobody does: the image is as good as leaving.
pub(super) struct Interest(Arc<watch::Sender<State>>);

#[cfg(any(feature = "rbd", feature = "swift"))]
impl Interest {
    /// Waits, for [`TAKING_BACK`] at most, until what was written is taken back; false if that did not come
    /// about.
    pub(super) async fn taken_back(self) -> bool {
        let since = leave(&self.0);
        let mut state = self.0.subscribe();
        let ended = state.wait_for(|state| matches!(state, State::Gone | State::Left));
        matches!(timeout_at(since + TAKING_BACK, ended).await, Ok(Ok(state)) if *state == State::Gone)
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        leave(&self.0);
    }
}

/// From here on the image is not written, but taken back; says since when it is, if that is not over.
fn leave(state: &watch::Sender<State>) -> Instant {
    let mut since = Instant::now();
    state.send_if_modified(|state| match *state {
        State::Writing => {
            *state = State::Leaving(since);
            true
        }
        State::Leaving(earlier) => {
            since = earlier;
            false
        }
        State::Gone | State::Left => false,
    });
    since
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn an_image_is_written_once_at_a_time() {
        let (claims, id) = (Arc::new(Claims::default()), ImageId::random());
        let first = claims.claim_in_time(id).await;
        assert!(first.is_some());
        assert!(claims.claim_in_time(id).await.is_none());
        assert!(claims.claim_in_time(ImageId::random()).await.is_some());
        drop(first);
        assert!(claims.claim_in_time(id).await.is_some());
    }

    #[tokio::test]
    async fn what_is_leaving_is_waited_for() {
        let (claims, id) = (Arc::new(Claims::default()), ImageId::random());
        let first = claims.claim_in_time(id).await.unwrap();
        claims.settled(id).now_or_never().unwrap();
        first.leave();
        let mut waiting = Box::pin(async { futures::join!(claims.claim_in_time(id), claims.settled(id)).0 });
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(first);
        assert!(waiting.await.is_some());
        assert!(claims.map().is_empty());
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_leaving() {
        let (claims, id) = (Arc::new(Claims::default()), ImageId::random());
        let claim = claims.claim_in_time(id).await.unwrap();
        let interest = claim.interest();
        assert!(claims.claim_in_time(id).await.is_none());
        drop(interest);
        let mut waiting = Box::pin(claims.claim_in_time(id));
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(claim);
        assert!(waiting.await.is_some());
    }

    #[tokio::test]
    async fn an_interest_that_lasts_longer_than_the_claim_holds_nobody_up() {
        let (claims, id) = (Arc::new(Claims::default()), ImageId::random());
        let claim = claims.claim_in_time(id).await.unwrap();
        let interest = claim.interest();
        claim.leave();
        let mut waiting = Box::pin(claims.settled(id));
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(claim);
        waiting.await;
        drop(interest);
        assert!(claims.claim_in_time(id).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_too_long_to_leave_is_not_waited_for() {
        let (claims, id) = (Arc::new(Claims::default()), ImageId::random());
        let first = claims.claim_in_time(id).await.unwrap();
        assert!(matches!(claims.claim("some", id).await, Err(StoreError::Exists { .. })));
        first.leave();
        assert!(matches!(claims.claim("some", id).await, Err(StoreError::Unavailable { .. })));
    }

    #[cfg(any(feature = "rbd", feature = "swift"))]
    #[tokio::test(start_paused = true)]
    async fn a_put_knows_whether_it_was_taken_back() {
        let (claims, id) = (Arc::new(Claims::default()), ImageId::random());
        let claim = async || {
            let claim = claims.claim_in_time(id).await.unwrap();
            let interest = claim.interest();
            (claim, interest)
        };
        let (first, interest) = claim().await;
        drop(first);
        assert!(interest.taken_back().await);
        let (second, interest) = claim().await;
        second.left_behind();
        assert!(!interest.taken_back().await);
        let (third, interest) = claim().await;
        third.leave();
        let until = third.until();
        assert!(!interest.taken_back().await);
        assert!(Instant::now() >= until && third.until() == until);
        drop(third);
        assert!(claims.map().is_empty());
    }
}
