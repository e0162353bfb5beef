//! What goes on behind the back of a caller who registered a location.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::StreamExt;
use uuid::Uuid;

use super::turns;
use crate::catalogue::create::now;
use crate::catalogue::housekeeping::Working;
use crate::catalogue::locations::NamedBy;
use crate::catalogue::upload::back_to_queued;
use crate::catalogue::{Registry, TRIES, access};
use crate::database::{Registration, RepoError};
use crate::digest::{HashAlgorithm, Lanes};
use crate::error::Error;
use crate::events::EventType;
use crate::image::inspect::NoInspection;
use crate::image::{Image, ImageChange, Status};
use crate::limits::ProjectLimits;
use crate::location::{ImageLocation, KnownDigest, NewLocation};
use crate::store::ByteRange;
use crate::stores::NamedStore;
use crate::upload::{self, Bounds, Digests};

/// Between two looks whether the image is still there, in bytes that were read.
const LOOK_AGAIN: u64 = 64 << 20;

/// What is left to do about an image that has its data.
#[derive(Clone, Copy)]
enum Then {
    Digests,
    Nothing,
}

/// A registration that has its journal entry.
pub(super) struct Task {
    registry: Arc<Registry>,
    entry: Uuid,
    image: Image,
    location: ImageLocation,
    digest: Option<KnownDigest>,
    by: NamedBy,
    _working: Working,
}

impl Task {
    pub(super) async fn begin(
        registry: &Arc<Registry>,
        image: Image,
        new: NewLocation,
        by: NamedBy,
    ) -> Result<Self, Error> {
        let limits = registry.limits_of(image.owner.as_deref()).await?;
        let location = registry.located(new.url);
        let at = now();
        let registration = Registration {
            entry: Uuid::new_v4(),
            image: image.id,
            store: location.store().map(str::to_owned),
            location: location.url.clone(),
            project: image.owner.clone(),
            process: registry.process.clone(),
            lease_until: registry.lease_end(at),
        };
        let working = Working::on(registry, vec![registration.entry]);
        let image = match registry.database.begin_registration(&registration, &limits, at).await {
            Ok(image) => {
                registry.events.image(EventType::ImageUpdate, &image);
                image
            }
            Err(RepoError::NotFound) => return Err(access::no_image(image.id)),
            Err(RepoError::OverProjectLimit(excess)) => return Err(registry.over(image.owner.as_deref(), &excess)),
            Err(error) => return Err(error.into()),
        };
        let (registry, entry) = (Arc::clone(registry), registration.entry);
        Ok(Self { registry, entry, image, location, digest: new.digest, by, _working: working })
    }

    /// What is left to do for an image that has its data, by whoever is `working` on the entry.
    pub(super) fn over(
        registry: &Arc<Registry>,
        entry: Uuid,
        image: Image,
        location: ImageLocation,
        working: Working,
    ) -> Self {
        let registry = Arc::clone(registry);
        Self { registry, entry, image, location, digest: None, by: NamedBy::Service, _working: working }
    }

    pub(super) async fn run(self) {
        let id = self.image.id;
        let outcome = tokio::select! {
            biased;
            outcome = self.register() => outcome,
            never = self.registry.keep_leases() => match never {},
        };
        if let Err(error) = outcome {
            tracing::warn!(image = %id, location = %self.location.url, %error, "a location does not become an image's");
            self.unwind().await;
            return;
        }
        if self.registry.settings.do_secure_hash && self.digest.is_none() {
            self.digest_later().await;
        }
    }

    /// Makes the image active. Afterwards, the entry stays where digests are still to be found.
    async fn register(&self) -> Result<(), Error> {
        let size = self.registry.size_of(self.image.id, &self.location.url, self.by, None).await?;
        let settings = &self.registry.settings;
        let owner = self.image.owner.as_deref();
        let limits = self.registry.limits_of(owner).await?;
        self.registry.database.reserve(self.entry, size, &limits).await.map_err(|error| match error {
            RepoError::OverProjectLimit(excess) => self.registry.over(owner, &excess),
            error => not_ours(error),
        })?;
        let mut after = self.image.clone();
        after.status = Status::Active;
        after.size = Some(size);
        after.locations = vec![self.location.clone()];
        match (&self.digest, settings.do_secure_hash) {
            (None, true) => {
                return self.become_active(&after, Then::Digests).await;
            }
            (Some(known), true) => {
                let digests = self.digests(known.algorithm, size).await?;
                if digests.hash != known.value {
                    return Err(Error::BadData(format!("its {} is another than was said", known.algorithm)));
                }
                take_digests(&mut after, known.algorithm, digests);
            }
            (Some(known), false) => {
                after.os_hash_algo = Some(known.algorithm.as_str().to_owned());
                after.os_hash_value = Some(known.value.clone());
            }
            (None, false) => {}
        }
        self.become_active(&after, Then::Nothing).await
    }

    /// Writes the image as it is with its data, which those may read from then on who see the image.
    async fn become_active(&self, after: &Image, then: Then) -> Result<(), Error> {
        let change = ImageChange::between(&self.image, after, now());
        let (database, id) = (&self.registry.database, self.image.id);
        let note = self.registry.note_readers(after).await?;
        let saved = match then {
            Then::Digests => database.continue_registration(self.entry, id, &change).await,
            Then::Nothing => database.finish_registration(self.entry, id, Status::Importing, &change).await,
        };
        if let Ok(image) = &saved {
            self.tell(image);
        }
        self.registry.end_note(note, &saved, None).await;
        saved.map(drop).map_err(not_ours)
    }

    /// Waits for its turn before: clients can bring any number of locations at once.
    async fn digests(&self, algorithm: HashAlgorithm, size: u64) -> Result<Digests, Error> {
        let _turn = self.registry.digesting.take(self.image.owner.as_deref()).await?;
        // Whoever sends as slowly as it likes would keep its turn for ever.
        let read = tokio::time::timeout(turns::patience(size), self.read_again(algorithm, size)).await;
        read.unwrap_or_else(|_| Err(Error::Unavailable("reading the data takes too long".to_owned())))
    }

    /// Reads all of the data again and again, until that succeeds or `http_retries` are used up.
    async fn read_again(&self, algorithm: HashAlgorithm, size: u64) -> Result<Digests, Error> {
        let mut left = self.registry.settings.http_retries;
        loop {
            match self.read(algorithm, size).await {
                Err(error) if left > 0 && !matches!(error, Error::Gone(_)) => {
                    tracing::info!(image = %self.image.id, location = %self.location.url, %error, "reads data again");
                    left -= 1;
                }
                done => return done,
            }
        }
    }

    async fn read(&self, algorithm: HashAlgorithm, size: u64) -> Result<Digests, Error> {
        let NamedStore { store, .. } = self.registry.stores.of(&self.location).ok_or_else(no_store)?;
        let reading = store.get(&self.location.url, ByteRange::ALL).await.map_err(Error::Store)?;
        let cap = self.registry.settings.image_size_cap;
        let bounds = Bounds { announced: Some(size), cap, reserve: self.still_wanted() };
        let digests = Lanes::new(algorithm, &self.registry.counts.hashing);
        let (mut data, outcome) = upload::digested(reading.stream, digests, Box::new(NoInspection), bounds);
        while let Some(Ok(_)) = data.next().await {}
        outcome.take().unwrap_or_else(|| Err(Error::Unavailable("the data broke off".to_owned())))
    }

    /// Nobody needs the digests of an image that was deleted.
    fn still_wanted(&self) -> upload::Reserve {
        let (registry, entry) = (Arc::clone(&self.registry), self.entry);
        let looked = Arc::new(AtomicU64::new(0));
        Box::new(move |read| {
            let (registry, due) = (Arc::clone(&registry), read >= looked.load(Ordering::Relaxed));
            if due {
                looked.store(read.saturating_add(LOOK_AGAIN), Ordering::Relaxed);
            }
            Box::pin(async move {
                if due {
                    registry.database.reserve(entry, 0, &ProjectLimits::NONE).await.map_err(not_ours)
                } else {
                    Ok(())
                }
            })
        })
    }

    /// Finds the digests of an image that is in use already. That they cannot be found takes nothing from it.
    pub(super) async fn digest_later(self) {
        let outcome = tokio::select! {
            biased;
            outcome = self.digest() => outcome,
            never = self.registry.keep_leases() => match never {},
        };
        if let Err(error) = outcome {
            let image = self.image.id;
            tracing::warn!(%image, location = %self.location.url, %error, "an image stays without digests");
            if let Err(error) = self.registry.database.close_entry(self.entry).await {
                tracing::error!(%image, %error, "cannot end a registration; its lease will run out");
            }
        }
    }

    async fn digest(&self) -> Result<(), Error> {
        let algorithm = self.registry.settings.hashing_algorithm;
        let size = match self.image.size {
            Some(size) => size,
            None => self.registry.size_of(self.image.id, &self.location.url, self.by, None).await?,
        };
        let digests = self.digests(algorithm, size).await?;
        for _ in 0..TRIES {
            let before = self.registry.database.image(self.image.id, None).await.map_err(not_ours)?.image;
            let mut after = before.clone();
            take_digests(&mut after, algorithm, digests.clone());
            // It may have been deactivated meanwhile.
            match self.finish(before.status, &ImageChange::between(&before, &after, now())).await {
                Err(Error::Conflict(_)) => {}
                done => return done,
            }
        }
        Err(Error::Conflict("the image keeps being changed".to_owned()))
    }

    async fn finish(&self, expected: Status, change: &ImageChange) -> Result<(), Error> {
        let database = &self.registry.database;
        let saved = database.finish_registration(self.entry, self.image.id, expected, change).await;
        saved.map(|image| self.tell(&image)).map_err(not_ours)
    }

    fn tell(&self, image: &Image) {
        self.registry.events.image(EventType::ImageUpdate, image);
    }

    /// Gives the image back, queued, unless it is gone or somebody else's by now.
    async fn unwind(&self) {
        let change = back_to_queued(&self.image);
        let database = &self.registry.database;
        let queued = database.finish_registration(self.entry, self.image.id, Status::Importing, &change).await;
        match self.registry.unwound(self.entry, queued).await {
            Ok(Some(image)) => self.tell(&image),
            Ok(None) => {}
            Err(error) => {
                tracing::error!(image = %self.image.id, %error, "cannot end a registration; its lease will run out");
            }
        }
    }
}

fn take_digests(image: &mut Image, algorithm: HashAlgorithm, digests: Digests) {
    image.checksum = Some(digests.checksum);
    image.os_hash_algo = Some(algorithm.as_str().to_owned());
    image.os_hash_value = Some(digests.hash);
}

fn no_store() -> Error {
    Error::Unavailable("no store of this server holds the data".to_owned())
}

/// Why the database does not go on with a registration.
fn not_ours(error: RepoError) -> Error {
    match error {
        RepoError::NotFound => Error::Gone("the image was deleted meanwhile".to_owned()),
        RepoError::TakenOver => Error::Gone("the registration took too long without a sign of life".to_owned()),
        error => error.into(),
    }
}
