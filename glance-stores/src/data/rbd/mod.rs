//! Image data in a Ceph cluster: RBD images named by image id, `rbd://<fsid>/<pool>/<image id>/snap`.
//!
//! Names, sizes of objects and the protected snapshot are those of Python Glance, so that Nova and Cinder
//! clone what was uploaded here, and either server reads and deletes what the other wrote. An image that is not
//! complete has another name, `<image id>.upload-<random>`.
//!
//! The libraries librados and librbd are found when a store is first used, and the cluster is connected to
//! then; both may be missing before. An upload has up to nine pieces of 4 MiB in memory, a download
//! up to 28 of 2 MiB, besides what the network layer holds.

mod ahead;
mod config;
mod connection;
mod draft;
mod error;
mod ffi;
mod limits;
mod location;
mod parts;
mod read;
mod remove;
mod room;
mod upload;

pub use config::RbdStoreBuilder;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use glance_core::image::ImageId;
use glance_core::location::Location;
use glance_core::store::{BoxError, ByteRange, ByteStream, Capabilities, Reading, Store, StoreError, Stored};
use serde_json::{Map, Value};
use tokio::time::timeout;

use self::connection::Connection;
use self::ffi::{CephError, Libraries, Progress};
use self::location::Place;
use self::read::Opened;
use self::remove::remove;
use self::upload::Pen;
use super::intake::Intake;
use crate::data::claims::Claims;

const KIND: &str = "rbd";
/// The snapshot whose presence says that an image is complete, by the name that Nova and Cinder know.
const SNAPSHOT: &str = "snap";

/// A store of images in a pool of a Ceph cluster.
pub struct RbdStore {
    pen: Arc<Pen>,
}

impl RbdStore {
    /// Settings of a store in `pool` (`rbd_store_pool`), to be completed and opened.
    #[must_use]
    pub fn in_pool(pool: impl Into<String>) -> RbdStoreBuilder {
        RbdStoreBuilder::new(pool.into())
    }

    /// Looks for the libraries of Ceph, which every use of such a store needs. Blocks.
    ///
    /// # Errors
    ///
    /// What is missing, and which packages have it.
    pub fn find_libraries() -> Result<(), BoxError> {
        Libraries::get().map(drop).map_err(Into::into)
    }

    fn new(connection: Arc<Connection>, pool: String, order: u8, thin: bool) -> Self {
        let pen = Pen { connection, pool, order, thin, claims: Arc::new(Claims::default()) };
        Self { pen: Arc::new(pen) }
    }

    fn place(at: &Location) -> Result<Place, StoreError> {
        Place::parse(at).ok_or_else(|| StoreError::BadLocation { store: KIND, location: at.clone() })
    }

    /// Runs `work` on what lies at a location. The pool may be another than the store's, as long as the
    /// cluster is the same and lets its user in.
    async fn with<T: Send + 'static>(
        &self,
        at: &Location,
        doing: &'static str,
        work: impl FnOnce(&Arc<ffi::Pool>, Place, &Progress) -> Result<T, CephError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let place = Self::place(at)?;
        let own = self.pen.pool.clone();
        let done = self.pen.connection.call(move |cluster, progress| {
            if place.pool.as_ref().is_some_and(|(fsid, _)| fsid != cluster.fsid()) {
                return Ok(None);
            }
            let pool = place.pool.as_ref().map_or(&own, |(_, pool)| pool);
            work(&cluster.pool(pool)?, place, progress).map(Some)
        });
        let done = done.await.map_err(error::at(at, doing))?;
        done.ok_or_else(|| StoreError::BadLocation { store: KIND, location: at.clone() })
    }

    /// What is said of an image that was written.
    fn stored(&self, id: ImageId, size: u64) -> Stored {
        let fsid = self.pen.connection.fsid().unwrap_or_default();
        let location = location::of(fsid, &self.pen.pool, id.as_str(), SNAPSHOT);
        Stored { location, size, metadata: Map::new() }
    }

    async fn open(&self, at: &Location) -> Result<Opened, StoreError> {
        let opening = |pool: &Arc<ffi::Pool>, place: Place, _: &Progress| {
            Opened::open(pool, &place.image, place.snapshot.as_deref())
        };
        self.with(at, "opening an image", opening).await
    }
}

impl fmt::Debug for RbdStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RbdStore").field("pool", &self.pen.pool).field("thin", &self.pen.thin).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for RbdStore {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { write: true, delete: true }
    }

    /// Before there was a connection, the cluster's id is not known and any passes.
    fn holds(&self, at: &Location) -> bool {
        let ours = |(fsid, pool): (String, String)| {
            pool == self.pen.pool && self.pen.connection.fsid().is_none_or(|own| own == fsid)
        };
        Place::parse(at).is_some_and(|place| place.pool.is_none_or(ours))
    }

    /// Under the image's own id: there Nova puts what it makes a snapshot of, and nobody else's data lies.
    fn is_for_clients(&self, id: ImageId, at: &Location) -> bool {
        Place::parse(at).is_some_and(|place| place.image == id.as_str())
    }

    async fn put(&self, id: ImageId, size: Option<u64>, data: ByteStream) -> Result<Stored, StoreError> {
        let size = self.pen.put(id, size, Intake::new(KIND, data, size)).await?;
        Ok(self.stored(id, size))
    }

    async fn get(&self, at: &Location, range: ByteRange) -> Result<Reading, StoreError> {
        let opened = self.open(at).await?;
        let size = opened.size;
        let range = range.within(size).ok_or(StoreError::OutOfRange { store: KIND, size })?;
        let stream = opened.stream(Arc::clone(&self.pen.connection), range.clone());
        Ok(Reading { size, range, stream, file: None })
    }

    async fn size(&self, at: &Location) -> Result<u64, StoreError> {
        self.open(at).await.map(|opened| opened.size)
    }

    async fn delete(&self, at: &Location) -> Result<(), StoreError> {
        let removing = |pool: &Arc<ffi::Pool>, place: Place, progress: &Progress| {
            remove(pool, &place.image, place.snapshot.as_deref(), progress)
        };
        self.with(at, "removing an image", removing).await
    }

    async fn discard(&self, id: ImageId) -> Result<(), StoreError> {
        // What is being taken back here may as well be waited for.
        let _ = timeout(self.pen.connection.deadline(), self.pen.claims.settled(id)).await;
        let at = location::of("", &self.pen.pool, "", SNAPSHOT);
        self.pen.discard(id).await.map_err(error::at(&at, "discarding an image"))
    }

    /// Known when there was a connection.
    fn system(&self) -> Option<String> {
        self.pen.connection.fsid().map(str::to_owned)
    }

    /// The libraries copy, reading and writing whole objects; runs of zeros as long as an object are left out.
    async fn copy(&self, id: ImageId, from: &Location, size: u64) -> Result<Stored, StoreError> {
        let source = self.open(from).await.map_err(|error| match error {
            // Whoever keeps the data there may read it all the same.
            StoreError::Denied { .. } => StoreError::Unsupported { store: KIND, operation: "copying what others keep" },
            error => error,
        })?;
        if source.size != size {
            return Err(StoreError::SizeMismatch { store: KIND, expected: size, received: source.size });
        }
        self.pen.copy(id, source, from).await?;
        Ok(self.stored(id, size))
    }

    fn details(&self) -> Map<String, Value> {
        let mut details = Map::new();
        details.insert("chunk_size".into(), (1_u64 << self.pen.order).into());
        details.insert("pool".into(), self.pen.pool.clone().into());
        details.insert("thin_provisioning".into(), self.pen.thin.into());
        details.insert("fsid".into(), self.pen.connection.fsid().into());
        details
    }
}

#[cfg(test)]
mod tests;
