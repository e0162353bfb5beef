//! Image data in S3, or in what speaks its protocol, as objects named by image id
//! (`s3+https://<host>/<bucket>/<image id>`).
//!
//! Memory of an upload: data of a known length below `parts_from`, and at most 64 MiB, is collected and goes in one
//! request. Longer data, and data of unknown length, goes in parts, of which as many are in memory as 64 MiB hold, but
//! two at least: one being collected, the others on their way. Parts grow with the data, since there may be 10,000 of
//! them: with parts of 10 MiB from 98 GiB on, and 1 TiB takes two parts of 105 MiB. A download takes no memory but the
//! pieces that come from the network.
//!
//! A request is given up after silence ([`Deadlines`](crate::outbound::Deadlines)), and repeated three times while the
//! server is busy or out of reach.

mod checked;
mod config;
mod copy;
mod ending;
mod endpoint;
mod location;
mod requests;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use glance_core::image::ImageId;
use glance_core::location::Location;
use glance_core::store::{
    BoxError, ByteRange, ByteStream, Capabilities, Reading, Store, StoreError, Stored, stream_of,
};
use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum};
use serde_json::Map;

use self::checked::Checking;
pub use self::config::{Addressing, S3Config, S3ConfigError};
use self::copy::Source;
use self::ending::NoReplacing;
use self::location::Place;
use self::requests::Bucket;
use super::object::BucketStore;
use super::object::connector::{Outbound, retries};
use super::object::refusal::Refusal;
use crate::outbound::Client;

/// The kind of store, in errors and logs.
const KIND: &str = "s3";

/// A store in S3.
///
/// New data goes into the configured bucket. Data is read from, and deleted in, any bucket that a location names, always
/// on the configured server with the configured credentials.
pub struct S3Store {
    config: S3Config,
    client: Client,
    /// The configured bucket as a store, and for what stores have no call for.
    objects: BucketStore,
    bucket: Arc<Bucket>,
    /// Whether the bucket was seen, where it is made when it is missing.
    seen: AtomicBool,
}

impl S3Store {
    /// A store that is set up so and connects through `client`. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the settings make no request.
    pub fn new(config: S3Config, client: Client) -> Result<Self, StoreError> {
        let bucket = Arc::new(Bucket::new(&config, client.clone()));
        let leftovers = Arc::clone(&bucket);
        let objects = objects(&config, &client, &config.bucket)?.with_leftovers(leftovers);
        Ok(Self { config, client, objects, bucket, seen: AtomicBool::new(false) })
    }

    /// The store of the bucket that `at` names, and `at` as that store knows it.
    fn place(&self, at: &Location) -> Result<(Cow<'_, BucketStore>, Location), StoreError> {
        let bad = || StoreError::BadLocation { store: KIND, location: at.clone() };
        let Place { bucket, key, .. } = Place::of(at).ok_or_else(bad)?;
        let plain = location::plain(&self.config, bucket, key);
        if bucket == self.config.bucket {
            return Ok((Cow::Borrowed(&self.objects), plain));
        }
        if !self.config.endpoint.can_address(bucket) {
            return Err(bad());
        }
        Ok((Cow::Owned(objects(&self.config, &self.client, bucket)?), plain))
    }

    /// Tells a missing bucket from a missing object: the server's answer to a look at an object does not.
    async fn told_apart<T>(&self, at: &Location, result: Result<T, StoreError>) -> Result<T, StoreError> {
        let here = Place::of(at).is_some_and(|place| place.bucket == self.config.bucket);
        match result {
            Err(StoreError::NotFound { .. }) if here && self.bucket.exists().await.is_ok_and(|exists| !exists) => {
                Err(no_bucket("looking at an object", "the bucket does not exist"))
            }
            result => result,
        }
    }

    /// What a put of the bucket's store says, as this one does.
    fn stored(&self, id: ImageId, stored: Result<Stored, StoreError>) -> Result<Stored, StoreError> {
        match stored {
            Ok(stored) => Ok(Stored { location: location::written(&self.config, &id.to_string()), ..stored }),
            Err(error) if !is_without_bucket(&error) => Err(error),
            Err(error) => {
                // Somebody has removed it meanwhile: the next one looks again.
                self.seen.store(false, Ordering::Relaxed);
                let StoreError::Failed { doing, .. } = error else { return Err(error) };
                Err(no_bucket(doing, "the bucket does not exist: make it, or set s3_store_create_bucket_on_put"))
            }
        }
    }

    /// Makes the bucket where that is wanted and was not seen to be needless.
    async fn need_bucket(&self) -> Result<(), StoreError> {
        if !self.config.create_bucket || self.seen.load(Ordering::Relaxed) {
            return Ok(());
        }
        if !self.bucket.exists().await? {
            self.bucket.create().await?;
            tracing::info!(bucket = self.config.bucket, "made the bucket for image data");
        }
        self.seen.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// The store of one bucket.
fn objects(config: &S3Config, client: &Client, bucket: &str) -> Result<BucketStore, StoreError> {
    let base = location::plain(config, bucket, "").expose().to_owned();
    let store = BucketStore::new(KIND, amazon(config, client, bucket)?, base).with_marks();
    let store = store.with_part_size(config.part_size).with_parts_from(config.parts_from);
    Ok(store.with_parallel_parts(config.parallel_parts))
}

fn amazon(config: &S3Config, client: &Client, bucket: &str) -> Result<Arc<AmazonS3>, StoreError> {
    let mut builder = AmazonS3Builder::new()
        .with_retry(retries())
        .with_bucket_name(bucket)
        // The URL has the bucket in it already, wherever that belongs.
        .with_endpoint(config.endpoint.bucket_url(bucket).as_str().trim_end_matches('/'))
        .with_virtual_hosted_style_request(true)
        .with_region(config.endpoint.region())
        .with_access_key_id(&config.access_key)
        .with_secret_access_key(&config.secret_key)
        // Not every server knows the other way, and one object at a time is deleted here.
        .with_disable_bulk_delete(true)
        // TLS protects the data on its way; without it, the signature does.
        .with_unsigned_payload(config.endpoint.is_secure() && !config.checksums);
    let client = NoReplacing::new(Outbound(client.clone()));
    builder = if config.check_reads {
        builder.with_http_connector(Checking::new(client, config))
    } else {
        builder.with_http_connector(client)
    };
    if config.checksums {
        builder = builder.with_checksum_algorithm(Checksum::SHA256);
    }
    Ok(Arc::new(builder.build().map_err(StoreError::failed(KIND, "setting up the store"))?))
}

fn is_without_bucket(error: &StoreError) -> bool {
    matches!(error.reason(), StoreError::Failed { source, .. } if source.is::<Refusal>())
}

fn no_bucket(doing: &'static str, cause: &'static str) -> StoreError {
    StoreError::Failed { store: KIND, doing, source: BoxError::from(cause) }
}

impl fmt::Debug for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Store").field("config", &self.config).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for S3Store {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { write: true, delete: true }
    }

    /// Any bucket of the configured server: what was written before the bucket was changed is still read.
    fn holds(&self, at: &Location) -> bool {
        Place::of(at).is_some_and(|place| self.config.endpoint.is(place.host))
    }

    async fn put(&self, id: ImageId, size: Option<u64>, data: ByteStream) -> Result<Stored, StoreError> {
        self.need_bucket().await?;
        self.stored(id, self.objects.put(id, size, data).await)
    }

    async fn get(&self, at: &Location, range: ByteRange) -> Result<Reading, StoreError> {
        let (objects, plain) = self.place(at)?;
        self.told_apart(at, objects.get(&plain, range).await).await
    }

    async fn size(&self, at: &Location) -> Result<u64, StoreError> {
        let (objects, plain) = self.place(at)?;
        self.told_apart(at, objects.size(&plain).await).await
    }

    async fn delete(&self, at: &Location) -> Result<(), StoreError> {
        let (objects, plain) = self.place(at)?;
        self.told_apart(at, objects.delete(&plain).await).await
    }

    async fn discard(&self, id: ImageId) -> Result<(), StoreError> {
        match self.objects.discard(id).await {
            // Where there is no bucket, nothing was left in it.
            Err(StoreError::Failed { source, .. }) if source.is::<Refusal>() => Ok(()),
            discarded => discarded,
        }
    }

    fn system(&self) -> Option<String> {
        Some(format!("{:?}", self.config.endpoint))
    }

    /// Copies from any bucket of the server that this account may read.
    async fn copy(&self, id: ImageId, from: &Location, size: u64) -> Result<Stored, StoreError> {
        let bad = || StoreError::BadLocation { store: KIND, location: from.clone() };
        let place = Place::of(from).filter(|place| self.config.endpoint.is(place.host)).ok_or_else(bad)?;
        let received = self.size(from).await?;
        if received != size {
            return Err(StoreError::SizeMismatch { store: KIND, expected: size, received });
        }
        if size == 0 {
            return self.put(id, Some(0), stream_of(Bytes::new())).await;
        }
        self.need_bucket().await?;
        let objects = amazon(&self.config, &self.client, &self.config.bucket)?;
        let source = Source::new(objects, Arc::clone(&self.bucket), &place, size).ok_or_else(bad)?;
        match self.objects.copy_through(id, Arc::new(source)).await {
            // The account of the other store may.
            Err(StoreError::Denied { .. }) => Err(StoreError::Unsupported { store: KIND, operation: "copying" }),
            copied => self.stored(id, copied.map(|location| Stored { location, size, metadata: Map::new() })),
        }
    }
}

#[cfg(test)]
mod tests;
