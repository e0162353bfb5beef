//! Image data on the web, which this version knows of but does not read.

use async_trait::async_trait;
use glance_core::image::ImageId;
use glance_core::location::Location;
use glance_core::store::{ByteRange, ByteStream, Capabilities, Reading, Store, StoreError, Stored};

const KIND: &str = "http";

/// Takes the place of an `http` store, so that a configuration which names one works, and images
/// that lie there can be told from images that lie nowhere: asked for data, it says that it cannot
/// be reached.
#[derive(Debug)]
pub(super) struct UnreadStore;

impl UnreadStore {
    fn unavailable(doing: &'static str) -> StoreError {
        StoreError::Unavailable { store: KIND, doing, source: "reading from the web is not supported yet".into() }
    }
}

#[async_trait]
impl Store for UnreadStore {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { write: false, delete: false }
    }

    fn holds(&self, at: &Location) -> bool {
        matches!(at.scheme(), "http" | "https")
    }

    async fn put(&self, _: ImageId, _: Option<u64>, _: ByteStream) -> Result<Stored, StoreError> {
        Err(StoreError::Unsupported { store: KIND, operation: "writing" })
    }

    async fn get(&self, _: &Location, _: ByteRange) -> Result<Reading, StoreError> {
        Err(Self::unavailable("opening data"))
    }

    async fn size(&self, _: &Location) -> Result<u64, StoreError> {
        Err(Self::unavailable("asking for the length of data"))
    }

    async fn delete(&self, _: &Location) -> Result<(), StoreError> {
        Err(StoreError::Unsupported { store: KIND, operation: "deleting" })
    }

    async fn discard(&self, _: ImageId) -> Result<(), StoreError> {
        Ok(())
    }
}
