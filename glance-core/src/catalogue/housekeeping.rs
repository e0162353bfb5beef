//! Unwinding what other processes left in the middle, and keeping others from unwinding ours.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::create::now;
use super::upload::back_to_queued;
use super::{Glance, Registry};
use crate::database::{JournalEntry, RemovalOf, RepoError, Work};
use crate::error::Error;
use crate::events::EventType;
use crate::image::Status;
use crate::location::Location;
use crate::store::StoreError;

/// What [`Glance::recover`] put in order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Uploads that were unwound.
    pub uploads: usize,
    /// Registrations of locations that were unwound, or go on.
    pub registrations: usize,
    /// Removals that were brought to their end.
    pub removals: usize,
    /// Images whose stores were told who may read them.
    pub told: usize,
    /// Entries that could not be dealt with now, for instance because a store is down.
    pub left: usize,
}

/// Entries looked at in one go.
const ENTRIES: usize = 1000;

impl Glance {
    /// Puts in order what processes left that are no more: uploads and registrations are unwound, removals finished,
    /// digests found.
    ///
    /// `is_dead` says of a process named in the journal whether it certainly lives no longer; of
    /// all others the lease decides. Run it at start and every few seconds; any number of
    /// processes may do so at once.
    ///
    /// # Errors
    ///
    /// [`Error::Database`]. A failure of one entry is logged and counted, and does not stop the others.
    pub async fn recover(&self, is_dead: impl Fn(&str) -> bool + Send) -> Result<Recovered, Error> {
        let registry = &self.0;
        let mut recovered = Recovered::default();
        registry.renew_if_due().await;
        let entries = registry.database.journal(ENTRIES).await?;
        registry.counts.note_journal(&entries, now());
        for entry in entries {
            if !registry.is_abandoned(&entry, &is_dead) {
                continue;
            }
            match registry.recover_entry(&entry).await {
                Ok(true) => match entry.work {
                    Work::Upload(_) => recovered.uploads += 1,
                    Work::Registration(_) => recovered.registrations += 1,
                    Work::Removal(_) => recovered.removals += 1,
                    Work::Readers => recovered.told += 1,
                },
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(image = %entry.image, %error, "cannot put an image in order yet");
                    recovered.left += 1;
                }
            }
        }
        registry.counts.note_recovered(recovered);
        Ok(recovered)
    }
}

impl Registry {
    fn is_abandoned(&self, entry: &JournalEntry, is_dead: impl Fn(&str) -> bool) -> bool {
        if entry.process == self.process {
            return !self.under_way.has(entry.id);
        }
        entry.lease_until <= now() || is_dead(&entry.process)
    }

    /// False if somebody else was first.
    async fn recover_entry(self: &Arc<Self>, seen: &JournalEntry) -> Result<bool, Error> {
        // Taking over what cannot be done here would keep it from those who can.
        if !self.has_store_for(seen).await? {
            return Err(Error::Unavailable("the store of the data is not configured here".to_owned()));
        }
        let Some(entry) = self.database.take_entry(seen, &self.process, self.lease_end(now())).await? else {
            return Ok(false);
        };
        let working = Working::on(self, vec![entry.id]);
        let done = match &entry.work {
            Work::Upload(destination) => self.recover_upload(&entry, destination.as_ref()).await,
            Work::Registration(location) => {
                return self.recover_registration(&entry, location, working).await.map(|()| true);
            }
            Work::Readers => self.tell_noted(entry.id, entry.image, None).await,
            Work::Removal(location) => {
                let removal = RemovalOf { entry: entry.id, store: entry.store.clone(), location: location.clone() };
                self.recover_removal(&entry, &removal).await
            }
        };
        done.map(|()| true)
    }

    async fn has_store_for(&self, entry: &JournalEntry) -> Result<bool, RepoError> {
        let by = entry.store.as_deref();
        let image = match &entry.work {
            Work::Upload(_) => return Ok(self.stores.named(by).is_some()),
            Work::Removal(location) => return Ok(self.store_of(by, location).is_some()),
            Work::Registration(_) | Work::Readers => match self.database.image(entry.image, None).await {
                Ok(seen) => seen.image,
                // Nothing is left to do but to close the entry.
                Err(RepoError::NotFound) => return Ok(true),
                Err(error) => return Err(error),
            },
        };
        Ok(match &entry.work {
            // An image that waits for registered data is queued again without a look at it.
            Work::Registration(_) if image.status == Status::Importing => true,
            Work::Registration(location) => self.store_of(by, location).is_some(),
            _ => image.locations.is_empty() || image.locations.iter().any(|at| self.stores.of(at).is_some()),
        })
    }

    async fn recover_upload(&self, entry: &JournalEntry, destination: Option<&Location>) -> Result<(), Error> {
        let named = self
            .stores
            .named(entry.store.as_deref())
            .ok_or_else(|| Error::Unavailable("the store of the upload is not configured here".to_owned()))?;
        let image = match self.database.image(entry.image, None).await {
            Ok(seen) => Some(seen.image),
            Err(RepoError::NotFound) => None,
            Err(error) => return Err(error.into()),
        };
        // An image that got its data in another way keeps it.
        if image.as_ref().is_none_or(|image| image.status == Status::Saving) {
            let discarded = match destination {
                Some(place) => named.store.discard_at(entry.image, place).await,
                None => named.store.discard(entry.image).await,
            };
            match discarded {
                // What takes no data has none of an upload.
                Ok(()) | Err(StoreError::Unsupported { .. }) => {}
                Err(error) => return Err(Error::Store(error)),
            }
        }
        match image.filter(|image| image.status == Status::Saving) {
            Some(image) => {
                let image = self.database.finish_upload(entry.id, entry.image, &back_to_queued(&image)).await?;
                self.events.image(EventType::ImageUpdate, &image);
            }
            None => self.database.close_entry(entry.id).await?,
        }
        Ok(())
    }

    async fn recover_removal(&self, entry: &JournalEntry, removal: &RemovalOf) -> Result<(), Error> {
        let still_used = match self.database.image(entry.image, None).await {
            Ok(seen) => seen.image.locations.iter().any(|location| location.url == removal.location),
            Err(RepoError::NotFound) => false,
            Err(error) => return Err(error.into()),
        };
        if still_used {
            return Ok(self.database.close_entry(entry.id).await?);
        }
        self.remove_noted(removal, None).await
    }

    /// Never ends: renews the leases of this process while something of it is under way.
    pub(super) async fn keep_leases(&self) -> Infallible {
        let pause = self.settings.lease / 3;
        loop {
            tokio::time::sleep(pause).await;
            self.renew_if_due().await;
        }
    }

    async fn renew_if_due(&self) {
        if !self.under_way.renewal_is_due(self.settings.lease / 4) {
            return;
        }
        if let Err(error) = self.database.renew_leases(&self.process, self.lease_end(now())).await {
            tracing::warn!(%error, "cannot renew leases");
        }
    }
}

/// The journal entries this process works on, and when their leases were renewed last.
#[derive(Debug)]
pub(super) struct UnderWay(Mutex<State>);

#[derive(Debug)]
struct State {
    entries: HashSet<Uuid>,
    renewed: Instant,
}

/// Says, as long as it lives, that this process works on some journal entries. Work that ends in
/// whatever way, its future dropped included, leaves what is still noted to [`Glance::recover`].
#[derive(Debug)]
pub(super) struct Working {
    registry: Arc<Registry>,
    entries: Vec<Uuid>,
}

impl Working {
    pub(super) fn on(registry: &Arc<Registry>, entries: Vec<Uuid>) -> Self {
        registry.under_way.lock().entries.extend(&entries);
        Self { registry: Arc::clone(registry), entries }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let mut state = self.registry.under_way.lock();
        for entry in &self.entries {
            state.entries.remove(entry);
        }
    }
}

impl UnderWay {
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(State { entries: HashSet::new(), renewed: now }))
    }

    fn has(&self, entry: Uuid) -> bool {
        self.lock().entries.contains(&entry)
    }

    /// Whether something is under way and the last renewal lies back further than `after`; if so,
    /// the one who asked is to renew.
    fn renewal_is_due(&self, after: Duration) -> bool {
        let mut state = self.lock();
        if state.entries.is_empty() || state.renewed.elapsed() < after {
            return false;
        }
        state.renewed = Instant::now();
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
