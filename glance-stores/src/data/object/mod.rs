//! Image data as objects in a bucket of any [`object_store`] backend, named by image id.
//!
//! Data of up to one part goes in one request, which refuses to replace an object. Longer data goes
//! in parts, which become an object all at once at the end; whether the image has data is asked
//! right before. S3 refuses to replace an object at the end of these, too; on other backends, only nodes
//! that end two uploads of one image at the same moment could both succeed, and the image's status
//! in the database keeps them from it.

mod bucket;
pub(super) mod checksum;
#[cfg(feature = "cloud")]
pub(super) mod connector;
pub(super) mod error;
mod leftover;
mod parts;
#[cfg(feature = "cloud")]
pub(super) mod refusal;
mod sizes;
mod upload;
pub(super) mod witness;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use glance_core::image::ImageId;
use glance_core::location::Location;
use glance_core::store::{ByteRange, ByteStream, Capabilities, Reading, Store, StoreError, Stored, stream_of};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, MultipartUpload, ObjectStore, ObjectStoreExt};
use serde_json::Map;

use self::bucket::Bucket;
use self::checksum::Checksum;
use self::sizes::PartSizes;
use self::witness::Witness;
use super::claims::Claims;
use super::intake::Intake;

/// Bytes of one part, unless configured: S3 wants 5 MiB at least, and parts cost a request each.
const PART_SIZE: usize = 8 * 1024 * 1024;

/// A store of objects in a bucket.
///
/// Each upload keeps up to three parts in memory, 24 MiB, unless configured otherwise: one is collected while others
/// are on their way. More than two parts are never more than 64 MiB. Parts of uploads that were cut off with their
/// process are the bucket's to remove, by a rule for its incomplete uploads, unless the store is told how.
#[derive(Clone)]
pub struct BucketStore {
    kind: &'static str,
    base: String,
    prefix: String,
    bucket: Arc<Bucket>,
    part_size: usize,
    whole_below: Option<usize>,
    parallel_parts: usize,
    legal_name: fn(&str) -> bool,
}

/// Removes parts of uploads that became no object, where they outlive the process that sent them.
#[async_trait]
pub(super) trait Leftovers: Send + Sync {
    /// Removes those that were to become the object `path`.
    async fn remove(&self, path: &Path) -> Result<(), StoreError>;
}

/// Makes an object of another one without its data passing through here.
#[cfg_attr(not(feature = "s3"), allow(dead_code, reason = "S3 alone copies in parts"))]
#[async_trait]
pub(super) trait Copier: Send + Sync {
    /// How many parts it takes.
    fn parts(&self) -> u64;

    /// Begins an upload of these parts. What the upload is given for the data of a part is not looked at.
    async fn begin(&self, begin: Begin<'_>) -> object_store::Result<Box<dyn MultipartUpload>>;
}

/// An object that is to come about.
#[cfg_attr(not(feature = "s3"), allow(dead_code, reason = "S3 alone copies in parts"))]
pub(super) struct Begin<'a> {
    pub(super) path: &'a Path,
    /// Name and value of what its metadata is to hold.
    pub(super) mark: (&'a str, &'a str),
    pub(super) witness: &'a Witness,
}

impl BucketStore {
    /// A store of the given kind (`s3`, …) in `objects`. The location of an object is `base`, such
    /// as `s3://host/bucket/`, followed by its name.
    pub fn new(kind: &'static str, objects: Arc<dyn ObjectStore>, base: impl Into<String>) -> Self {
        Self {
            kind,
            base: base.into(),
            prefix: String::new(),
            bucket: Arc::new(Bucket {
                kind,
                objects,
                leftovers: None,
                marks: false,
                parts_count: false,
                claims: Arc::new(Claims::default()),
            }),
            part_size: PART_SIZE,
            whole_below: None,
            parallel_parts: 2,
            legal_name: |_| true,
        }
    }

    /// The same store, whose [`discard`](Store::discard) removes parts without an object, too.
    #[cfg(feature = "s3")]
    pub(super) fn with_leftovers(self, leftovers: Arc<dyn Leftovers>) -> Self {
        let bucket = Bucket { leftovers: Some(leftovers), ..Bucket::clone(&self.bucket) };
        Self { bucket: Arc::new(bucket), ..self }
    }

    /// The same store, whose objects hold a mark of the upload that made them in their metadata, if the backend keeps
    /// metadata. Without it, what an upload made whose answer was lost cannot be told from what others
    /// made, and is left to [`discard`](Store::discard).
    #[must_use]
    pub fn with_marks(self) -> Self {
        let bucket = Bucket { marks: true, ..Bucket::clone(&self.bucket) };
        Self { bucket: Arc::new(bucket), ..self }
    }

    /// The same store in a backend that takes parts without an object for one, and aborts no upload: whoever removes
    /// leftovers does.
    #[cfg(feature = "azure")]
    pub(super) fn with_parts_that_count(self, leftovers: Arc<dyn Leftovers>) -> Self {
        let bucket = Bucket { parts_count: true, leftovers: Some(leftovers), ..Bucket::clone(&self.bucket) };
        Self { bucket: Arc::new(bucket), ..self }
    }

    /// The same store, which has no objects but those whose names are `legal`.
    #[cfg(any(feature = "azure", feature = "gcs"))]
    pub(super) fn with_names(self, legal: fn(&str) -> bool) -> Self {
        Self { legal_name: legal, ..self }
    }

    /// The same store with `prefix`, such as `images/`, in front of the names of its objects.
    #[must_use]
    pub fn with_prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// The same store with parts of `bytes` bytes, 8 MiB by default. Backends have a smallest size
    /// (S3: 5 MiB) and a largest number of parts; longer data has larger parts.
    #[must_use]
    pub fn with_part_size(self, bytes: usize) -> Self {
        Self { part_size: bytes.max(1), ..self }
    }

    /// The same store, with data of fewer than `bytes` bytes written in one request, by default that of less than a
    /// part. What is longer than 64 MiB or of unknown length goes in parts all the same, so that memory stays bounded.
    #[must_use]
    pub fn with_parts_from(self, bytes: usize) -> Self {
        Self { whole_below: Some(bytes), ..self }
    }

    /// The same store with up to `parts` parts of an upload on their way at the same time, 2 by default, and fewer
    /// where these and the one that is collected would be more than 64 MiB.
    #[must_use]
    pub fn with_parallel_parts(self, parts: usize) -> Self {
        Self { parallel_parts: parts.max(1), ..self }
    }

    /// Makes a copy the data of image `id`, and says where it lies.
    ///
    /// # Errors
    ///
    /// As [`Store::put`].
    #[cfg(feature = "s3")]
    pub(super) async fn copy_through(&self, id: ImageId, copier: Arc<dyn Copier>) -> Result<Location, StoreError> {
        let location = Location::new(format!("{}{}", self.base, self.name(id)));
        upload::copy(&self.bucket, id, self.object(&location)?, copier).await?;
        Ok(location)
    }

    fn name(&self, id: ImageId) -> String {
        format!("{}{id}", self.prefix)
    }

    /// The object behind a location: any under the prefix, so that objects which others put there
    /// can be read.
    fn object(&self, at: &Location) -> Result<Path, StoreError> {
        let name = at.expose().strip_prefix(&self.base).filter(|name| name.len() > self.prefix.len());
        let name = name.filter(|name| name.starts_with(&self.prefix));
        let path = name.filter(|name| (self.legal_name)(name)).and_then(|name| Path::parse(name).ok());
        path.ok_or_else(|| StoreError::BadLocation { store: self.kind, location: at.clone() })
    }

    fn failed(&self, at: &Location, doing: &'static str) -> impl FnOnce(object_store::Error) -> StoreError {
        let (kind, location) = (self.kind, at.clone());
        move |cause| match cause {
            object_store::Error::NotFound { .. } => StoreError::NotFound { store: kind, location },
            cause => error::of(kind, doing, cause),
        }
    }

    /// The bytes of a part of an object, which the backend is asked for only if there are any.
    async fn part(&self, at: &Location, path: &Path, range: Range<u64>) -> Result<ByteStream, StoreError> {
        if range.is_empty() {
            return Ok(stream_of(bytes::Bytes::new()));
        }
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let found = self.bucket.objects.get_opts(path, options).await.map_err(self.failed(at, "opening an object"))?;
        Ok(found.into_stream().map_err(Into::into).boxed())
    }
}

impl fmt::Debug for BucketStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The base may hold credentials, and so may what the backend says of itself.
        f.debug_struct("BucketStore").field("kind", &self.kind).field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for BucketStore {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { write: true, delete: true }
    }

    fn holds(&self, at: &Location) -> bool {
        self.object(at).is_ok()
    }

    async fn put(&self, id: ImageId, size: Option<u64>, data: ByteStream) -> Result<Stored, StoreError> {
        let name = self.name(id);
        let location = Location::new(format!("{}{name}", self.base));
        let path = self.object(&location)?;
        let data = Intake::new(self.kind, data, size);
        let sizes = PartSizes {
            smallest: self.part_size,
            whole_below: self.whole_below.unwrap_or(self.part_size),
            parallel: self.parallel_parts,
            size,
        };
        let size = upload::put(&self.bucket, id, path, data, sizes).await?;
        Ok(Stored { location, size, metadata: Map::new() })
    }

    async fn get(&self, at: &Location, range: ByteRange) -> Result<Reading, StoreError> {
        let path = self.object(at)?;
        if range == ByteRange::ALL {
            let found = self.bucket.objects.get(&path).await.map_err(self.failed(at, "opening an object"))?;
            let (size, checksum) = (found.meta.size, found.extensions.get::<Checksum>().cloned());
            let stream = found.into_stream().map_err(Into::into).boxed();
            let stream = match checksum {
                Some(checksum) => checksum::held_to(checksum, stream),
                None => stream,
            };
            return Ok(Reading { size, range: 0..size, stream, file: None });
        }
        // Backends answer a range behind the end in many ways, and none says how long the object is.
        let size = self.size(at).await?;
        let range = range.within(size).ok_or(StoreError::OutOfRange { store: self.kind, size })?;
        let stream = self.part(at, &path, range.clone()).await?;
        Ok(Reading { size, range, stream, file: None })
    }

    async fn size(&self, at: &Location) -> Result<u64, StoreError> {
        let path = self.object(at)?;
        let found = self.bucket.objects.head(&path).await;
        found.map(|meta| meta.size).map_err(self.failed(at, "looking at an object"))
    }

    async fn delete(&self, at: &Location) -> Result<(), StoreError> {
        let path = self.object(at)?;
        // S3 deletes what is not there without a word.
        self.size(at).await?;
        self.bucket.objects.delete(&path).await.map_err(self.failed(at, "deleting an object"))
    }

    async fn discard(&self, id: ImageId) -> Result<(), StoreError> {
        let location = Location::new(format!("{}{}", self.base, self.name(id)));
        let path = self.object(&location)?;
        self.bucket.discard(id, &path).await
    }
}

#[cfg(test)]
mod tests;
