//! Image data in memory (`memory://<name>/<image id>`).

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use serde_json::Map;

use crate::image::ImageId;
use crate::location::Location;
use crate::store::{ByteRange, ByteStream, Capabilities, Reading, Store, StoreError, Stored, stream_of};

const KIND: &str = "memory";

/// A store that keeps image data in memory and loses it when it is dropped.
///
/// Chunks it hands out share the memory of the data, so reading copies nothing.
pub struct MemoryStore {
    prefix: String,
    room: usize,
    writable: bool,
    data: Mutex<HashMap<ImageId, Bytes>>,
}

impl MemoryStore {
    /// An empty store whose locations begin with `memory://<name>/`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { prefix: format!("memory://{name}/"), room: usize::MAX, writable: true, data: Mutex::default() }
    }

    /// The same store with room for `bytes` bytes: what goes beyond is [`StoreError::Full`].
    #[must_use]
    pub fn with_room(self, bytes: usize) -> Self {
        Self { room: bytes, ..self }
    }

    /// The same store with what it holds, taking no more.
    #[must_use]
    pub fn read_only(self) -> Self {
        Self { writable: false, ..self }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<ImageId, Bytes>> {
        // A map is whole after any of the calls made under the lock, panics elsewhere or not.
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn location(&self, id: ImageId) -> Location {
        Location::new(format!("{}{id}", self.prefix))
    }

    fn id(&self, at: &Location) -> Result<ImageId, StoreError> {
        let id = at.expose().strip_prefix(&self.prefix).and_then(|id| id.parse().ok());
        id.ok_or_else(|| StoreError::BadLocation { store: KIND, location: at.clone() })
    }

    fn find(&self, at: &Location) -> Result<Bytes, StoreError> {
        let found = self.entries().get(&self.id(at)?).cloned();
        found.ok_or_else(|| StoreError::NotFound { store: KIND, location: at.clone() })
    }

    fn refuse_double(&self, id: ImageId) -> Result<(), StoreError> {
        if self.entries().contains_key(&id) { Err(StoreError::Exists { store: KIND, id }) } else { Ok(()) }
    }

    fn used(entries: &HashMap<ImageId, Bytes>) -> usize {
        entries.values().map(Bytes::len).sum()
    }

    /// All of `data`, provided it is as long as announced and there is room for it.
    async fn collect(&self, size: Option<u64>, mut data: ByteStream) -> Result<Bytes, StoreError> {
        let room = self.room.saturating_sub(Self::used(&self.entries()));
        let mut collected = BytesMut::new();
        while let Some(chunk) = data.next().await {
            let chunk = chunk.map_err(|source| StoreError::Source { store: KIND, source })?;
            let received = collected.len().saturating_add(chunk.len());
            if let Some(expected) = size.filter(|size| received as u64 > *size) {
                return Err(StoreError::SizeMismatch { store: KIND, expected, received: received as u64 });
            }
            if received > room {
                return Err(StoreError::Full { store: KIND });
            }
            collected.extend_from_slice(&chunk);
        }
        let received = collected.len() as u64;
        match size.filter(|size| *size != received) {
            Some(expected) => Err(StoreError::SizeMismatch { store: KIND, expected, received }),
            None => Ok(collected.freeze()),
        }
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { write: self.writable, delete: self.writable }
    }

    fn holds(&self, at: &Location) -> bool {
        self.id(at).is_ok()
    }

    /// What lies in memory was put there by the program's own tests.
    fn is_for_clients(&self, _: ImageId, _: &Location) -> bool {
        true
    }

    async fn put(&self, id: ImageId, size: Option<u64>, data: ByteStream) -> Result<Stored, StoreError> {
        if !self.writable {
            return Err(StoreError::Unsupported { store: KIND, operation: "writing" });
        }
        self.refuse_double(id)?;
        let data = self.collect(size, data).await?;
        let size = data.len() as u64;
        let mut entries = self.entries();
        if entries.contains_key(&id) {
            return Err(StoreError::Exists { store: KIND, id });
        }
        // Others may have filled the room while this data was on its way.
        if Self::used(&entries).saturating_add(data.len()) > self.room {
            return Err(StoreError::Full { store: KIND });
        }
        entries.insert(id, data);
        Ok(Stored { location: self.location(id), size, metadata: Map::new() })
    }

    async fn get(&self, at: &Location, range: ByteRange) -> Result<Reading, StoreError> {
        let data = self.find(at)?;
        let size = data.len() as u64;
        let range = range.within(size).ok_or(StoreError::OutOfRange { store: KIND, size })?;
        let bounds = |at: u64| usize::try_from(at).unwrap_or(data.len());
        let part = data.slice(bounds(range.start)..bounds(range.end));
        Ok(Reading { size, range, stream: stream_of(part), file: None })
    }

    async fn size(&self, at: &Location) -> Result<u64, StoreError> {
        self.find(at).map(|data| data.len() as u64)
    }

    async fn delete(&self, at: &Location) -> Result<(), StoreError> {
        let id = self.id(at)?;
        if !self.writable {
            return Err(StoreError::Unsupported { store: KIND, operation: "deleting" });
        }
        let removed = self.entries().remove(&id);
        removed.map(drop).ok_or_else(|| StoreError::NotFound { store: KIND, location: at.clone() })
    }

    async fn discard(&self, id: ImageId) -> Result<(), StoreError> {
        if !self.writable {
            return Err(StoreError::Unsupported { store: KIND, operation: "deleting" });
        }
        self.entries().remove(&id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreExt;

    crate::store_conformance!(|| ((), MemoryStore::new("suite")), crate::conformance::store::nowhere_to_look);

    mod read_only {
        use super::*;

        crate::store_conformance!(
            || ((), MemoryStore::new("suite").read_only()),
            crate::conformance::store::nowhere_to_look
        );
    }

    #[tokio::test]
    async fn a_full_store_refuses_more_until_something_goes() {
        let store = MemoryStore::new("small").with_room(10);
        let first = store.write(ImageId::random(), Bytes::from_static(b"0123456")).await.unwrap();
        let second = store.write(ImageId::random(), Bytes::from_static(b"0123")).await;
        assert!(matches!(second, Err(StoreError::Full { .. })), "{second:?}");
        store.delete(&first.location).await.unwrap();
        store.write(ImageId::random(), Bytes::from_static(b"0123")).await.unwrap();
    }
}
