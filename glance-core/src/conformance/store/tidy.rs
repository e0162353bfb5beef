//! What a case leaves in the backend, apart from data that the store was told to keep.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::conformance::given_up::{LOOKS, PAUSE, settles};
use crate::context::RequestContext;
use crate::image::{ImageId, Readers};
use crate::location::Location;
use crate::store::{ByteRange, ByteStream, Capabilities, Reading, Store, StoreError, Stored};

/// A store that remembers which data it was given and has not been told to remove.
///
/// A case may end with data in the store, but with nothing that nobody would remove: a part, a segment, a draft, a
/// snapshot. So what is still known is deleted after each, and then the backend has to be empty.
#[derive(Debug)]
pub struct Tidy<S> {
    store: S,
    known: Mutex<Vec<(ImageId, Location)>>,
}

impl<S: Store> Tidy<S> {
    /// Nothing may have been written to `store`.
    pub const fn new(store: S) -> Self {
        Self { store, known: Mutex::new(Vec::new()) }
    }

    /// Asserts that once all known data is deleted, the backend is empty, of which `names` tells what lies there in any form.
    pub async fn leaves_nothing(&self, mut names: impl AsyncFnMut() -> Vec<String>) {
        let known = std::mem::take(&mut *self.known.lock().unwrap_or_else(PoisonError::into_inner));
        for (_, at) in known {
            self.remove(&at).await;
        }
        settles(&mut names).await;
    }

    async fn remove(&self, at: &Location) {
        let mut removed = self.store.delete(at).await;
        for _ in 0..LOOKS {
            if !matches!(removed, Err(StoreError::InUse { .. })) {
                break;
            }
            // By a reading that was dropped.
            tokio::time::sleep(PAUSE).await;
            removed = self.store.delete(at).await;
        }
        assert!(matches!(removed, Ok(()) | Err(StoreError::NotFound { .. })), "{removed:?}");
    }

    fn know(&self, id: ImageId, stored: Stored) -> Stored {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).push((id, stored.location.clone()));
        stored
    }

    fn forget(&self, gone: impl Fn(&(ImageId, Location)) -> bool) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).retain(|known| !gone(known));
    }
}

#[async_trait]
impl<S: Store> Store for Tidy<S> {
    fn kind(&self) -> &'static str {
        self.store.kind()
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    fn holds(&self, at: &Location) -> bool {
        self.store.holds(at)
    }

    async fn put(&self, id: ImageId, size: Option<u64>, data: ByteStream) -> Result<Stored, StoreError> {
        Ok(self.know(id, self.store.put(id, size, data).await?))
    }

    async fn get(&self, at: &Location, range: ByteRange) -> Result<Reading, StoreError> {
        self.store.get(at, range).await
    }

    async fn size(&self, at: &Location) -> Result<u64, StoreError> {
        self.store.size(at).await
    }

    async fn delete(&self, at: &Location) -> Result<(), StoreError> {
        self.store.delete(at).await?;
        self.forget(|(_, known)| known == at);
        Ok(())
    }

    async fn discard(&self, id: ImageId) -> Result<(), StoreError> {
        self.store.discard(id).await?;
        self.forget(|(known, _)| *known == id);
        Ok(())
    }

    async fn for_caller(&self, context: &RequestContext) -> Result<Option<Arc<dyn Store>>, StoreError> {
        self.store.for_caller(context).await
    }

    fn destination(&self, id: ImageId) -> Option<Location> {
        self.store.destination(id)
    }

    async fn discard_at(&self, id: ImageId, destination: &Location) -> Result<(), StoreError> {
        self.store.discard_at(id, destination).await?;
        self.forget(|(known, _)| *known == id);
        Ok(())
    }

    fn has_readers(&self) -> bool {
        self.store.has_readers()
    }

    async fn set_readers(&self, at: &Location, readers: &Readers) -> Result<(), StoreError> {
        self.store.set_readers(at, readers).await
    }

    fn system(&self) -> Option<String> {
        self.store.system()
    }

    async fn copy(&self, id: ImageId, from: &Location, size: u64) -> Result<Stored, StoreError> {
        Ok(self.know(id, self.store.copy(id, from, size).await?))
    }

    fn is_for_clients(&self, id: ImageId, at: &Location) -> bool {
        self.store.is_for_clients(id, at)
    }

    fn answers(&self) -> bool {
        self.store.answers()
    }

    fn details(&self) -> Map<String, Value> {
        self.store.details()
    }
}

/// For backends without a place that could be looked into: a store in memory has what it knows of, and nothing else.
pub async fn nowhere_to_look<Backend>(_: &Backend) -> Vec<String> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;
    use crate::store::StoreExt;

    #[tokio::test]
    async fn what_the_store_knows_is_deleted() {
        let tidy = Tidy::new(MemoryStore::new("tidy"));
        let (kept, gone) = (ImageId::random(), ImageId::random());
        let kept = tidy.write(kept, "data".into()).await.unwrap().location;
        tidy.write(gone, "data".into()).await.unwrap();
        tidy.discard(gone).await.unwrap();
        tidy.leaves_nothing(async || tidy.size(&kept).await.map(|size| size.to_string()).into_iter().collect()).await;
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "left behind: [\"draft\"]")]
    async fn what_nobody_would_remove_is_found() {
        Tidy::new(MemoryStore::new("tidy")).leaves_nothing(async || vec!["draft".to_owned()]).await;
    }
}
