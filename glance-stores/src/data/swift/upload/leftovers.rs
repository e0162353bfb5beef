//! What an upload has begun, and how it goes again.

use std::sync::Arc;
use std::time::Duration;

use futures::{TryStreamExt, stream};
use glance_core::store::StoreError;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{Upload, segment_name};
use crate::data::swift::client::Swift;
use crate::data::swift::remove::AT_ONCE;

/// How long whoever sees an upload fail waits for it to be gone. After that it goes on going alone.
const WAIT: Duration = Duration::from_secs(10);
/// How often a removal is tried. With the pauses between, this goes on for half an hour.
const ATTEMPTS: u32 = 60;
/// The longest pause between two attempts.
const PAUSE: Duration = Duration::from_secs(30);

/// Objects that an upload may have made. Dropped, they are removed, unless they are kept; until
/// then, nobody else begins an upload of the same image.
pub(super) struct Leftovers {
    begun: Option<Begun>,
    runtime: Handle,
}

struct Begun {
    swift: Arc<Swift>,
    container: String,
    object: String,
    whole: bool,
    segments: u64,
    in_flight: Arc<Mutex<()>>,
    /// Held until all is gone.
    claim: OwnedMutexGuard<()>,
}

impl Leftovers {
    /// Nothing yet.
    pub(super) fn new(upload: &Upload, claim: OwnedMutexGuard<()>) -> Self {
        let (container, object) = (upload.container.clone(), upload.id.to_string());
        let (swift, in_flight) = (Arc::clone(&upload.swift), Arc::clone(&upload.in_flight));
        let begun = Begun { swift, container, object, whole: false, segments: 0, in_flight, claim };
        Self { begun: Some(begun), runtime: Handle::current() }
    }

    /// From here on there may be so many segments.
    pub(super) fn segments(&mut self, number: u64) {
        if let Some(begun) = &mut self.begun {
            begun.segments = number;
        }
    }

    /// From here on there may be, or may not be, an object of the image's name.
    pub(super) fn whole(&mut self, may_be: bool) {
        if let Some(begun) = &mut self.begun {
            begun.whole = may_be;
        }
    }

    /// All of it is wanted.
    pub(super) fn keep(mut self) {
        self.begun = None;
    }

    /// Removes all of it, and waits for that a while.
    pub(super) async fn remove(mut self) {
        if let Some(begun) = self.begun.take().filter(Begun::is_something) {
            let removing = self.runtime.spawn(begun.remove());
            let _ = tokio::time::timeout(WAIT, removing).await;
        }
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        if let Some(begun) = self.begun.take().filter(Begun::is_something) {
            self.runtime.spawn(begun.remove());
        }
    }
}

impl Begun {
    fn is_something(&self) -> bool {
        self.whole || self.segments > 0
    }

    async fn remove(self) {
        // A request whose data has all gone may be looked at later than one that removes what it makes.
        drop(self.in_flight.lock().await);
        for attempt in 1..=ATTEMPTS {
            match self.try_to_remove().await {
                Ok(()) => return,
                Err(error) if attempt == ATTEMPTS => {
                    tracing::warn!(%error, image = self.object, "parts of an upload that came to nothing stay behind");
                }
                Err(error) => {
                    tracing::info!(%error, image = self.object, "parts of an upload are to be removed a little later");
                    tokio::time::sleep((Duration::from_secs(1) * attempt).min(PAUSE)).await;
                }
            }
        }
        drop(self.claim);
    }

    async fn try_to_remove(&self) -> Result<(), StoreError> {
        if self.whole {
            self.swift.delete(&self.container, &self.object).await?;
        }
        // By name: a listing may not show yet what was written last.
        stream::iter((1..=self.segments).map(Ok))
            .try_for_each_concurrent(AT_ONCE, |number| async move {
                let segment = segment_name(&self.object, number);
                self.swift.delete(&self.container, &segment).await.map(drop)
            })
            .await
    }
}
