//! Image data in and out.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::sync::watch;
use uuid::Uuid;

use super::create::now;
use super::housekeeping::Working;
use super::{Images, Registry};
use crate::database::{RepoError, Upload};
use crate::error::Error;
use crate::image::{self, Image, ImageChange, ImageId, Status, StatusError};
use crate::location::ImageLocation;
use crate::store::{BoxError, ByteRange, ByteStream, Reading, StoreError, Stored};
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

/// How a download is done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DownloadOptions {
    /// The part that is wanted; `None` for all of it.
    pub wanted: Option<Wanted>,
    /// Stores whose copies are tried before all others.
    pub prefer: Vec<String>,
}

/// A part of image data, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// From `start`, counted from 0, to before `end`; `None` to the end of the data.
    From {
        /// The first byte.
        start: u64,
        /// The byte behind the last.
        end: Option<u64>,
    },
    /// The last bytes, or all where there are fewer.
    Last(u64),
}

/// Image data opened for reading.
#[derive(Debug)]
pub struct Download {
    /// The image, as it is shown to the caller.
    pub image: Image,
    /// Its data.
    pub reading: Reading,
}

/// Bytes reserved ahead of data of unknown length, so that the database is not asked for each batch.
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
    /// `data` ended with an error; [`Error::Unavailable`].
    pub async fn upload(&self, id: ImageId, data: ByteStream, options: UploadOptions) -> Result<Image, Error> {
        self.refuse_read_only()?;
        let store = self.registry.stores.for_upload(options.store.as_deref())?.clone();
        let seen = self.seen(id).await?;
        self.allow_change("upload_image", &seen)?;
        ready_for_data(&seen.image)?;
        if store.is_read_only() {
            return Err(Error::Gone(format!("store {} takes no data", store.id)));
        }
        if let Some(size) = options.size.filter(|size| *size > self.registry.settings.image_size_cap) {
            let cap = self.registry.settings.image_size_cap;
            return Err(Error::OverLimit(format!("image data of {size} bytes is longer than the maximum of {cap}")));
        }
        let (cancel, cancelled) = watch::channel(());
        let data: ByteStream = Box::pin(until_dropped(data, cancelled));
        // In a task of its own: a caller who goes away stops the data, not the cleaning up.
        let registry = Arc::clone(self.registry);
        let size = options.size;
        let task = async move { UploadTask::begin(&registry, seen.image, store, size).await?.run(data).await };
        let finished = tokio::spawn(task).await;
        drop(cancel);
        let image = finished.map_err(|_| Error::Unavailable("the upload was broken off".to_owned()))??;
        Ok(self.shown(image))
    }

    /// Opens the image's data: the first of its locations that can be opened, those in stores of
    /// higher weight before others.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy, and for deactivated images to all but
    /// administrators; [`Error::NoData`] if there is no data, or none lies where it should;
    /// [`Error::OutOfRange`]; [`Error::Invalid`] for stores to prefer that do not exist;
    /// [`Error::Unavailable`] if no store that has the data can be reached.
    pub async fn download(&self, id: ImageId, options: &DownloadOptions) -> Result<Download, Error> {
        let seen = self.seen(id).await?;
        if seen.image.status == Status::Deactivated && !self.is_admin() {
            self.allow("get_image", &seen)?;
            return Err(Error::Forbidden("the requested image has been deactivated".to_owned()));
        }
        self.allow("download_image", &seen)?;
        if !options.prefer.is_empty() {
            self.allow("download_from_store", &seen)?;
            self.check_preferred(&options.prefer)?;
        }
        let image = self.shown(seen.image);
        let reading = self.open(&image, options).await?;
        Ok(Download { image, reading })
    }

    fn check_preferred(&self, prefer: &[String]) -> Result<(), Error> {
        let stores = &self.registry.stores;
        if !stores.are_named() {
            return Err(Error::Invalid("this server has a single store: none can be preferred".to_owned()));
        }
        match prefer.iter().find(|id| stores.named(Some(id)).is_none()) {
            Some(unknown) => Err(Error::Invalid(format!("store {unknown:?} is not one of this server's"))),
            None => Ok(()),
        }
    }

    async fn open(&self, image: &Image, options: &DownloadOptions) -> Result<Reading, Error> {
        let preferred = |location: &&ImageLocation| {
            location.store().is_some_and(|store| options.prefer.iter().any(|wanted| wanted == store))
        };
        let (first, rest): (Vec<_>, Vec<_>) = image.locations.iter().partition(preferred);
        let mut failure = Error::NoData(image.id);
        for location in first.into_iter().chain(rest) {
            match self.open_at(image, location, options.wanted).await {
                Ok(reading) => return Ok(reading),
                Err(error @ Error::OutOfRange { .. }) => return Err(error),
                Err(error) => {
                    tracing::warn!(image = %image.id, location = %location.url, %error, "cannot read image data");
                    failure = error;
                }
            }
        }
        Err(failure)
    }

    async fn open_at(&self, image: &Image, location: &ImageLocation, wanted: Option<Wanted>) -> Result<Reading, Error> {
        let NamedStore { store, .. } = self
            .registry
            .stores
            .of(location)
            .ok_or_else(|| Error::Unavailable("no store of this server holds the image's data".to_owned()))?;
        let range = match wanted {
            None => ByteRange::ALL,
            Some(Wanted::From { start, end }) => ByteRange { start, end },
            Some(Wanted::Last(count)) => {
                let size = match image.size {
                    Some(size) => size,
                    None => store.size(&location.url).await.map_err(|error| reading_failed(error, image.id))?,
                };
                last(count, size)?
            }
        };
        let begins_behind = |size| matches!(wanted, Some(Wanted::From { start, .. }) if start >= size);
        if let Some(size) = image.size
            && (range.within(size).is_none() || begins_behind(size))
        {
            return Err(Error::OutOfRange { size });
        }
        let mut reading = store.get(&location.url, range).await.map_err(|error| reading_failed(error, image.id))?;
        // A location whose length is not the image's holds other data than the image.
        if image.size.is_some_and(|size| size != reading.size) {
            return Err(Error::Unavailable("the store holds data of another length than the image's".to_owned()));
        }
        reading.stream = Box::pin(
            reading
                .stream
                .map(|chunk| chunk.inspect_err(|error| tracing::error!(%error, "reading image data broke off"))),
        );
        Ok(reading)
    }
}

/// The last bytes, or all of them where there are no more: of data without any, that is none.
fn last(count: u64, size: u64) -> Result<ByteRange, Error> {
    if count == 0 {
        return Err(Error::OutOfRange { size });
    }
    if size == 0 {
        return Ok(ByteRange::ALL);
    }
    Ok(ByteRange { start: size.saturating_sub(count), end: Some(size) })
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
    entry: Uuid,
    image: Image,
    store: NamedStore,
    size: Option<u64>,
    project: Option<String>,
    _working: Working,
}

impl UploadTask {
    async fn begin(
        registry: &Arc<Registry>,
        image: Image,
        store: NamedStore,
        size: Option<u64>,
    ) -> Result<Self, Error> {
        let now = now();
        let project = image.owner.clone();
        let upload = Upload {
            entry: Uuid::new_v4(),
            image: image.id,
            store: registry.stores.are_named().then(|| store.id.clone()),
            project: project.clone(),
            // One byte at least: a project that has nothing left is told before any data flows.
            reserved: size.unwrap_or(1).max(1),
            process: registry.process.clone(),
            lease_until: registry.lease_end(now),
        };
        let quota = registry.settings.user_storage_quota;
        let working = Working::on(registry, vec![upload.entry]);
        let begun = registry.database.begin_upload(&upload, image.status, quota, now).await;
        let image = begun.map_err(|error| not_begun(error, image.id))?;
        Ok(Self { registry: Arc::clone(registry), entry: upload.entry, image, store, size, project, _working: working })
    }

    async fn run(self, data: ByteStream) -> Result<Image, Error> {
        let registry = Arc::clone(&self.registry);
        let outcome = tokio::select! {
            biased;
            outcome = self.write(data) => outcome,
            never = registry.keep_leases() => match never {},
        };
        match outcome {
            Ok((stored, digests)) => self.activate(stored, digests).await,
            Err(Broken { error, left }) => {
                self.undo(&left).await;
                Err(error)
            }
        }
    }

    async fn write(&self, data: ByteStream) -> Result<(Stored, Digests), Broken> {
        let settings = &self.registry.settings;
        let bounds = Bounds { announced: self.size, cap: settings.image_size_cap, reserve: self.reserver() };
        let inspector = settings.inspection.begin(&self.image);
        let (data, outcome) = upload::digested(data, settings.hashing_algorithm, inspector, bounds);
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
        let quota = self.registry.settings.user_storage_quota.filter(|_| self.project.is_some());
        let reserved = Arc::new(std::sync::atomic::AtomicU64::new(self.size.unwrap_or(1)));
        let (registry, entry) = (Arc::clone(&self.registry), self.entry);
        Box::new(move |received| {
            let (registry, reserved) = (Arc::clone(&registry), Arc::clone(&reserved));
            Box::pin(async move {
                use std::sync::atomic::Ordering::Relaxed;
                if quota.is_none() || received <= reserved.load(Relaxed) {
                    return Ok(());
                }
                let ahead = received.saturating_add(AHEAD);
                let got = match registry.database.reserve(entry, ahead, quota).await {
                    Err(RepoError::OverLimit { .. }) => {
                        registry.database.reserve(entry, received, quota).await.map(|()| received)
                    }
                    other => other.map(|()| ahead),
                };
                reserved.store(got.map_err(not_reserved)?, Relaxed);
                Ok(())
            })
        })
    }

    async fn activate(&self, stored: Stored, digests: Digests) -> Result<Image, Error> {
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
        match self.registry.database.finish_upload(self.entry, self.image.id, &change).await {
            Ok(image) => Ok(image),
            // Whoever took over may have let other data in by now: what lies there is theirs.
            Err(RepoError::TakenOver) => {
                self.discard_if_queued().await;
                Err(Error::Unavailable("the upload took too long without a sign of life".to_owned()))
            }
            // Nobody knows whether it was recorded. Who finds the entry still there knows that it
            // was not; removing the data here could take it from an image that is active.
            Err(error @ RepoError::Failed { .. }) => Err(error.into()),
            Err(error) => {
                self.undo(&Left::Data(stored)).await;
                Err(match error {
                    RepoError::NotFound => Error::Gone("the image was deleted during the upload".to_owned()),
                    RepoError::Stale { .. } => Error::Conflict("the image was changed during the upload".to_owned()),
                    error => error.into(),
                })
            }
        }
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
            project: None,
            reserved: 0,
            process: registry.process.clone(),
            lease_until: registry.lease_end(at),
        };
        let _working = Working::on(registry, vec![claim.entry]);
        let cleared = match registry.database.begin_upload(&claim, Status::Queued, None, at).await {
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
                if matches!(self.registry.database.reserve(self.entry, 0, None).await, Err(RepoError::NotFound)) {
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
        let database = &self.registry.database;
        let unwound = match database.finish_upload(self.entry, self.image.id, &change).await {
            Ok(_) => Ok(()),
            // The image is gone or somebody else's by now; only the entry is left.
            Err(RepoError::TakenOver | RepoError::NotFound | RepoError::Stale { .. }) => {
                database.close_entry(self.entry).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = unwound {
            tracing::error!(image = %self.image.id, %error, "cannot end an upload; its lease will run out");
        }
    }
}

/// An upload that came to nothing, and the data it left in the store.
struct Broken {
    error: Error,
    left: Left,
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

fn not_begun(error: RepoError, id: ImageId) -> Error {
    match error {
        RepoError::Stale { found, .. } => {
            Error::Conflict(StatusError::Forbidden { from: found, to: Status::Saving }.to_string())
        }
        RepoError::NotFound => super::access::no_image(id),
        other => not_reserved(other),
    }
}

fn not_reserved(error: RepoError) -> Error {
    match error {
        RepoError::OverLimit { wanted, limit } => {
            Error::OverLimit(format!("the project would hold {wanted} bytes of image data; its quota is {limit}"))
        }
        RepoError::NotFound => Error::Gone("the image was deleted during the upload".to_owned()),
        other => other.into(),
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

fn reading_failed(error: StoreError, id: ImageId) -> Error {
    match error {
        StoreError::NotFound { .. } => Error::NoData(id),
        StoreError::OutOfRange { size, .. } => Error::OutOfRange { size },
        StoreError::Unsupported { .. } => Error::Invalid("the store does not read such ranges".to_owned()),
        StoreError::Unavailable { .. } | StoreError::BadLocation { .. } | StoreError::Denied { .. } => {
            Error::Unavailable("the store that has the image's data cannot be read".to_owned())
        }
        other => Error::Store(other),
    }
}
