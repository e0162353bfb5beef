//! What an upload has begun, and how it goes again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tracing::Instrument as _;

use futures::{TryStreamExt, stream};
use glance_core::store::StoreError;
use tokio::runtime::Handle;
use tokio::time::{timeout, timeout_at};

use super::Upload;
use super::making::Object;
use crate::data::claims::{Claim, TAKING_BACK};
use crate::data::swift::client::pause;
use crate::data::swift::remove::AT_ONCE;

/// What an upload may have made so far.
#[derive(Debug, Default)]
pub(super) struct Begun {
    /// Segments up to this number.
    pub(super) segments: AtomicU64,
    /// The object of the image's name.
    pub(super) image: AtomicBool,
    /// The container, for the image alone.
    pub(super) container: AtomicBool,
}

/// What an upload may have made. Dropped, it goes again, unless it is kept; until then, or until
/// that takes too long, nobody else in this process begins an upload of the same image.
pub(super) struct Leftovers {
    begun: Option<(Arc<Upload>, Claim)>,
    runtime: Handle,
}

impl Leftovers {
    pub(super) fn new(upload: &Arc<Upload>, claim: Claim) -> Self {
        Self { begun: Some((Arc::clone(upload), claim)), runtime: Handle::current() }
    }

    /// All of it is wanted.
    pub(super) fn keep(mut self) {
        self.begun = None;
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        if let Some((upload, claim)) = self.begun.take() {
            claim.leave();
            self.runtime.spawn(take_back(upload, claim).in_current_span());
        }
    }
}

async fn take_back(upload: Arc<Upload>, claim: Claim) {
    let gone = timeout_at(claim.until(), upload.take_back()).await.unwrap_or(false);
    upload.flight.cut();
    if !gone {
        tracing::warn!(image = %upload.id, "parts of an upload that failed may still be there");
        claim.left_behind();
    }
}

impl Upload {
    /// Removes what this upload made, and tries again as long as it is let; says whether it is gone for certain.
    async fn take_back(&self) -> bool {
        if self.begun.is_nothing() {
            return true;
        }
        // A request whose data has all gone may be looked at later than one that removes what it makes. Half of the
        // time goes to waiting for it, so that what it makes is removed by its name in any case: no listing may show it.
        let landed = timeout(TAKING_BACK / 2, self.flight.landed()).await.is_ok();
        self.flight.cut();
        for attempt in 1.. {
            match self.try_to_take_back().await {
                Ok(gone) => return gone && landed,
                Err(error) => {
                    tracing::info!(%error, image = %self.id, "parts of an upload are to be removed a little later");
                    pause(attempt).await;
                }
            }
        }
        false
    }

    async fn try_to_take_back(&self) -> Result<bool, StoreError> {
        let gone = !self.begun.image.load(Ordering::Acquire) || self.take_back_image().await?;
        let segments = self.begun.segments.load(Ordering::Acquire);
        // By name: a listing may not show yet what was written last.
        stream::iter((1..=segments).map(Ok::<_, StoreError>))
            .try_for_each_concurrent(AT_ONCE, |number| async move {
                self.swift.delete(&self.container, &self.name_of(Object::Segment(number))).await.map(drop)
            })
            .await?;
        if self.begun.container.load(Ordering::Acquire) {
            // And nothing in it: that would be another upload's.
            self.swift.remove_container(&self.container, None).await?;
        }
        Ok(gone)
    }

    /// Removes the object of the image's name if this upload made it, and no other. Says whether there is
    /// none of this upload's for certain: one that is not to be seen may appear later, as nobody knows what became
    /// of the request.
    async fn take_back_image(&self) -> Result<bool, StoreError> {
        let Some(found) = self.swift.head(&self.container, self.id.as_str()).await? else { return Ok(false) };
        if self.is_own(&found) {
            self.swift.delete(&self.container, self.id.as_str()).await?;
        }
        self.begun.image.store(false, Ordering::Release);
        Ok(true)
    }
}

impl Begun {
    fn is_nothing(&self) -> bool {
        let made = [&self.image, &self.container].into_iter().any(|made| made.load(Ordering::Acquire));
        !made && self.segments.load(Ordering::Acquire) == 0
    }
}
