//! Image data in.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::sync::watch;
use tracing::Instrument;
use uuid::Uuid;

use super::create::now;
use super::housekeeping::Working;
use super::{Images, Registry};
use crate::context::RequestContext;
use crate::database::{RepoError, Upload};
use crate::digest::Lanes;
use crate::error::Error;
use crate::events::EventType;
use crate::image::{self, Image, ImageChange, ImageId, Status, StatusError};
use crate::limits::ProjectLimits;
use crate::location::ImageLocation;
use crate::store::{BoxError, ByteStream, StoreError, Stored};
use crate::stores::NamedStore;
use crate::upload::{self, Bounds, Digests};

/// How an upload is done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UploadOptions {
    /// Length of the data in bytes, if it is known; data of another length is refused.
    pub size: Option<u64>,
    /// The store that gets the data; `None` for the default.
    pub store: Option<String>,
}

/// Bytes reserved ahead of data of unknown length at most, so that the database is not asked for each batch.
const AHEAD: u64 = 64 << 20;

/// How long a caller waits for data to be discarded. What that does not suffice for is left to the journal.
const TO_DISCARD: Duration = Duration::from_secs(10);

impl Images<'_> {
    /// Writes the image's data, and makes the image active.
    ///
    /// All or nothing: after an error the image is queued again, no byte of the data is left and no
    /// quota is held. That holds as well if the future is dropped, the process dies, or the store cannot be asked to
    /// remove what it has, once [`Glance::recover`](super::Glance::recover) has run somewhere while the store answers:
    /// until then the image is saving, and takes no data.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::Conflict`] if the image is not queued, of
    /// two uploads to the one that came second, or if data of that id lies in the store already;
    /// [`Error::Invalid`] if formats are missing, the store is unknown or the length is not as
    /// announced; [`Error::Gone`] if the store takes no data, or the image was deleted meanwhile;
    /// [`Error::OverLimit`] for data that is longer than allowed, or more than the quota or the
    /// store has room for; [`Error::BadData`] if inspection refused it; [`Error::Interrupted`] if
    /// `data` ended with an error; [`Error::Unavailable`]; [`Error::Limits`].
    pub async fn upload(&self, id: ImageId, data: ByteStream, options: UploadOptions) -> Result<Image, Error> {
        self.refuse_read_only()?;
        let store = self.registry.stores.for_upload(options.store.as_deref())?.clone();
        let seen = self.seen(id).await?;
        self.allow_change("upload_image", &seen)?;
        ready_for_data(&seen.image)?;
        self.check_size(options.size.unwrap_or(0))?;
        // What the owner may hold when the upload begins counts to its end.
        let limits = self.registry.limits_of(seen.image.owner.as_deref()).await?;
        let store = NamedStore {
            store: self.registry.for_caller(&store, self.context).await.map_err(writing_failed)?,
            ..store
        };
        let (cancel, cancelled) = watch::channel(());
        let data: ByteStream = Box::pin(until_dropped(data, cancelled));
        // In a task of its own: a caller who goes away stops the data, not the cleaning up.
        let registry = Arc::clone(self.registry);
        let (size, context) = (options.size, self.context.clone());
        let task = async move {
            UploadTask::begin(&registry, context, seen.image, store, size, limits).await?.run(data).await
        };
        let finished = tokio::spawn(task.in_current_span()).await;
        drop(cancel);
        let image = finished.map_err(|_| Error::Unavailable("the upload was broken off".to_owned()))??;
        Ok(self.shown(image))
    }

    /// Whether an image may have so many bytes of data.
    pub(super) fn check_size(&self, size: u64) -> Result<(), Error> {
        let cap = self.registry.settings.image_size_cap;
        if size > cap {
            return Err(Error::OverLimit(format!("image data of {size} bytes is longer than the maximum of {cap}")));
        }
        Ok(())
    }
}

fn ready_for_data(image: &Image) -> Result<(), Error> {
    match image::advance(image.clone(), Status::Saving) {
        Ok(_) => Ok(()),
        Err(error @ StatusError::FormatMissing { .. }) => Err(Error::Invalid(error.to_string())),
        Err(error) => Err(Error::Conflict(error.to_string())),
    }
}

/// The stream, ended with an error as soon as the sender of `cancelled` is dropped.
fn until_dropped(
    data: ByteStream,
    cancelled: watch::Receiver<()>,
) -> impl futures::Stream<Item = Result<bytes::Bytes, BoxError>> + Send {
    futures::stream::unfold(Some((data, cancelled)), |state| async {
        let (mut data, mut cancelled) = state?;
        tokio::select! {
            biased;
            chunk = data.next() => chunk.map(|chunk| (chunk, Some((data, cancelled)))),
            _ = cancelled.changed() => Some((Err("the caller went away".into()), None)),
        }
    })
}

/// An upload that has its journal entry. From here on it makes the image active, leaves nothing behind, or leaves
/// the entry, which keeps other data out.
struct UploadTask {
    registry: Arc<Registry>,
    context: RequestContext,
    entry: Uuid,
    image: Image,
    /// As the caller uses it.
    store: NamedStore,
    size: Option<u64>,
    project: Option<String>,
    limits: ProjectLimits,
    _working: Working,
}

impl UploadTask {
    async fn begin(
        registry: &Arc<Registry>,
        context: RequestContext,
        image: Image,
        store: NamedStore,
        size: Option<u64>,
        limits: ProjectLimits,
    ) -> Result<Self, Error> {
        let now = now();
        let project = image.owner.clone();
        let upload = Upload {
            entry: Uuid::new_v4(),
            image: image.id,
            store: registry.stores.are_named().then(|| store.id.clone()),
            destination: store.store.destination(image.id),
            project: project.clone(),
            // One byte at least: a project that has nothing left is told before any data flows.
            reserved: size.unwrap_or(1).max(1),
            process: registry.process.clone(),
            lease_until: registry.lease_end(now),
        };
        let working = Working::on(registry, vec![upload.entry]);
        let begun = registry.database.begin_upload(&upload, image.status, &limits, now).await;
        let image = begun.map_err(|error| registry.not_begun(error, &image))?;
        registry.events.image(EventType::ImageUpdate, &image);
        registry.events.data(EventType::ImagePrepare, &image, upload.store.as_deref());
        Ok(Self {
            registry: Arc::clone(registry),
            context,
            entry: upload.entry,
            image,
            store,
            size,
            project,
            limits,
            _working: working,
        })
    }

    async fn run(self, data: ByteStream) -> Result<Image, Error> {
        let registry = Arc::clone(&self.registry);
        let outcome = tokio::select! {
            biased;
            outcome = self.write(data) => outcome,
            never = registry.keep_leases() => match never {},
        };
        let (error, left) = match outcome {
            Ok((stored, digests)) => match self.activate(&stored, digests).await {
                Ok(image) => return Ok(self.tell_active(image)),
                Err(NotRecorded { error, is_ours }) => (error, is_ours.then_some(Left::Data(stored))),
            },
            Err(Broken { error, left }) => (error, Some(left)),
        };
        registry.events.upload_failed(&self.image, &error);
        if let Some(left) = left {
            self.undo(&left).await;
        }
        Err(error)
    }

    async fn write(&self, data: ByteStream) -> Result<(Stored, Digests), Broken> {
        // Not before the image was saving: the reference server finds out as late, and lists sorted by `updated_at` show it.
        if self.store.is_read_only() {
            let error = Error::Gone(format!("store {} takes no data", self.store.id));
            return Err(Broken { error, left: Left::Nothing });
        }
        let settings = &self.registry.settings;
        let bounds = Bounds { announced: self.size, cap: settings.image_size_cap, reserve: self.reserver() };
        let inspector = settings.inspection.begin(&self.image);
        let digests = Lanes::new(settings.hashing_algorithm, &self.registry.counts.hashing);
        let (data, outcome) = upload::digested(data, digests, inspector, bounds);
        let stored = self.store.store.put(self.image.id, self.size, data).await;
        match (stored, outcome.take()) {
            (Ok(stored), Some(Ok(digests))) if stored.size == digests.size => Ok((stored, digests)),
            (Ok(stored), reason) => {
                let error = match reason {
                    Some(Err(error)) => error,
                    _ => Error::Unavailable("the store did not take all of the data".to_owned()),
                };
                Err(Broken { error, left: Left::Data(stored) })
            }
            (Err(failure), reason) => {
                let left = Left::by(&failure);
                let error = reason.and_then(Result::err).unwrap_or_else(|| writing_failed(failure));
                Err(Broken { error, left })
            }
        }
    }

    /// Reserves quota ahead of the data, by a stretch where there is room for one, else exactly.
    fn reserver(&self) -> upload::Reserve {
        let (limits, project) = (self.limits, self.project.clone());
        let is_limited = limits.image_size_total.is_some() && project.is_some();
        let reserved = Arc::new(std::sync::atomic::AtomicU64::new(self.size.unwrap_or(1)));
        let (registry, entry) = (Arc::clone(&self.registry), self.entry);
        Box::new(move |received| {
            let (registry, reserved, project) = (Arc::clone(&registry), Arc::clone(&reserved), project.clone());
            Box::pin(async move {
                use std::sync::atomic::Ordering::Relaxed;
                if !is_limited || received <= reserved.load(Relaxed) {
                    return Ok(());
                }
                // Never more than as much again: what is not needed in the end was kept from others.
                let ahead = received.saturating_add(received.min(AHEAD));
                let got = match registry.database.reserve(entry, ahead, &limits).await {
                    Err(RepoError::OverProjectLimit(_)) => {
                        registry.database.reserve(entry, received, &limits).await.map(|()| received)
                    }
                    other => other.map(|()| ahead),
                };
                reserved.store(got.map_err(|error| registry.not_reserved(error, project.as_deref()))?, Relaxed);
                Ok(())
            })
        })
    }

    fn tell_active(&self, image: Image) -> Image {
        let events = &self.registry.events;
        events.data(EventType::ImageUpload, &image, None);
        events.image(EventType::ImageActivate, &image);
        events.image(EventType::ImageUpdate, &image);
        image
    }

    async fn activate(&self, stored: &Stored, digests: Digests) -> Result<Image, NotRecorded> {
        let mut metadata = stored.metadata.clone();
        if self.registry.stores.are_named() {
            metadata.insert(ImageLocation::STORE.to_owned(), self.store.id.clone().into());
        }
        let mut after = self.image.clone();
        after.status = Status::Active;
        after.size = Some(digests.size);
        after.virtual_size = digests.virtual_size;
        after.checksum = Some(digests.checksum);
        after.os_hash_algo = Some(self.registry.settings.hashing_algorithm.as_str().to_owned());
        after.os_hash_value = Some(digests.hash);
        after.locations = vec![ImageLocation::new(stored.location.clone(), metadata)];
        let change = ImageChange::between(&self.image, &after, now());
        let note = if self.store.store.has_readers() {
            let noted = self.registry.note_readers_of(self.image.id).await;
            Some(noted.map_err(|error| NotRecorded { error: error.into(), is_ours: false })?)
        } else {
            None
        };
        let finished = self.registry.database.finish_upload(self.entry, self.image.id, &change).await;
        self.registry.end_note(note, &finished, Some(&self.context)).await;
        let (error, is_ours) = match finished {
            Ok(image) => return Ok(image),
            // Whoever took over may have let other data in by now: what lies there is theirs.
            Err(RepoError::TakenOver) => {
                self.discard_if_queued().await;
                (Error::Unavailable("the upload took too long without a sign of life".to_owned()), false)
            }
            // Nobody knows whether it was recorded. Who finds the entry still there knows that it
            // was not; removing the data here could take it from an image that is active.
            Err(error) if error.leaves_in_doubt() => (error.into(), false),
            Err(RepoError::NotFound) => (Error::Gone("the image was deleted during the upload".to_owned()), true),
            Err(RepoError::Stale { .. }) => {
                (Error::Conflict("the image was changed during the upload".to_owned()), true)
            }
            Err(error) => (error.into(), true),
        };
        Err(NotRecorded { error, is_ours })
    }

    /// Removes what this upload wrote after others had unwound it, unless the image has new data or
    /// is about to: as an upload of its own, which nobody else can begin meanwhile.
    async fn discard_if_queued(&self) {
        let (registry, id) = (&self.registry, self.image.id);
        let at = now();
        let claim = Upload {
            entry: Uuid::new_v4(),
            image: id,
            store: registry.stores.are_named().then(|| self.store.id.clone()),
            destination: self.store.store.destination(id),
            project: None,
            reserved: 0,
            process: registry.process.clone(),
            lease_until: registry.lease_end(at),
        };
        let _working = Working::on(registry, vec![claim.entry]);
        let cleared = match registry.database.begin_upload(&claim, Status::Queued, &ProjectLimits::NONE, at).await {
            Ok(image) => match self.store.store.discard(id).await {
                Ok(()) => {
                    registry.database.finish_upload(claim.entry, id, &back_to_queued(&image)).await.map_err(Error::from)
                }
                Err(error) => Err(Error::Store(error)),
            }
            .map(drop),
            Err(RepoError::NotFound) => self.store.store.discard(id).await.map_err(Error::Store),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = cleared {
            tracing::warn!(image = %id, %error, "an upload that was taken over may have left data");
        }
    }

    /// Removes data that will not belong to the image, and ends the upload. As long as the data
    /// cannot be removed, the journal entry stays for [`Glance::recover`](super::Glance::recover).
    async fn undo(&self, left: &Left) {
        let image = self.image.id;
        match left {
            Left::Nothing => self.unwind().await,
            Left::Unknown => {
                tracing::warn!(%image, "data of a failed upload is removed when the store lets it be");
                // Whoever took the entry over discarded before the last of it was written.
                let entry = self.registry.database.reserve(self.entry, 0, &ProjectLimits::NONE).await;
                if matches!(entry, Err(RepoError::NotFound)) {
                    let _ = tokio::time::timeout(TO_DISCARD, self.discard_if_queued()).await;
                }
            }
            Left::Data(stored) => match self.store.store.delete(&stored.location).await {
                Ok(()) | Err(StoreError::NotFound { .. }) => self.unwind().await,
                Err(error) => tracing::error!(%image, %error, "cannot remove refused image data yet"),
            },
        }
    }

    /// Gives the image back, queued, and with it the quota.
    async fn unwind(&self) {
        let change = back_to_queued(&self.image);
        let queued = self.registry.database.finish_upload(self.entry, self.image.id, &change).await;
        match self.registry.unwound(self.entry, queued).await {
            Ok(Some(image)) => self.registry.events.image(EventType::ImageUpdate, &image),
            Ok(None) => {}
            Err(error) => {
                tracing::error!(image = %self.image.id, %error, "cannot end an upload; its lease will run out");
            }
        }
    }
}

/// An upload that came to nothing, and the data it left in the store.
struct Broken {
    error: Error,
    left: Left,
}

/// Data in the store that no record speaks of, or perhaps none.
struct NotRecorded {
    error: Error,
    /// Whether the data is this upload's to remove.
    is_ours: bool,
}

/// What a failed upload left in the store.
enum Left {
    Nothing,
    /// All of it: the store was not who refused.
    Data(Stored),
    /// The store could not say.
    Unknown,
}

impl Left {
    fn by(failure: &StoreError) -> Self {
        if matches!(failure, StoreError::LeftBehind { .. }) { Self::Unknown } else { Self::Nothing }
    }
}

/// What makes a saving image queued again.
pub(super) fn back_to_queued(image: &Image) -> ImageChange {
    let mut after = image.clone();
    after.status = Status::Queued;
    after.forget_data();
    ImageChange { locations_removed: Vec::new(), ..ImageChange::between(image, &after, now()) }
}

impl Registry {
    /// The image that was made queued again; `None` if it is gone or somebody else's by now, so that the entry alone was
    /// left to be closed.
    pub(super) async fn unwound(
        &self,
        entry: Uuid,
        queued: Result<Image, RepoError>,
    ) -> Result<Option<Image>, RepoError> {
        match queued {
            Ok(image) => Ok(Some(image)),
            Err(RepoError::TakenOver | RepoError::NotFound | RepoError::Stale { .. }) => {
                self.database.close_entry(entry).await.map(|()| None)
            }
            Err(error) => Err(error),
        }
    }

    fn not_begun(&self, error: RepoError, image: &Image) -> Error {
        match error {
            RepoError::Stale { found, .. } => {
                Error::Conflict(StatusError::Forbidden { from: found, to: Status::Saving }.to_string())
            }
            RepoError::NotFound => super::access::no_image(image.id),
            other => self.not_reserved(other, image.owner.as_deref()),
        }
    }

    fn not_reserved(&self, error: RepoError, project: Option<&str>) -> Error {
        match error {
            RepoError::OverProjectLimit(excess) => self.over(project, &excess),
            RepoError::NotFound => Error::Gone("the image was deleted during the upload".to_owned()),
            other => other.into(),
        }
    }
}

fn writing_failed(error: StoreError) -> Error {
    match error {
        StoreError::Full { .. } => Error::OverLimit("the store has no room for the data".to_owned()),
        StoreError::Exists { .. } => Error::Conflict("the store holds data of this image already".to_owned()),
        StoreError::Denied { .. } => Error::Unavailable("the store cannot be written to".to_owned()),
        StoreError::Unsupported { .. } => Error::Gone("the store takes no data".to_owned()),
        StoreError::SizeMismatch { .. } => Error::Invalid(error.to_string()),
        StoreError::Unavailable { .. } => Error::Unavailable("the store cannot be reached".to_owned()),
        StoreError::Source { source, .. } => Error::Interrupted(source.to_string()),
        StoreError::LeftBehind { source, .. } => writing_failed(*source),
        other => Error::Store(other),
    }
}
