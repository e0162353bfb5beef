//! A store that counts what is asked of it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use bytes::Bytes;
use futures::Stream;
use glance_core::RequestContext;
use glance_core::image::{ImageId, Readers};
use glance_core::location::Location;
use glance_core::store::{BoxError, ByteRange, ByteStream, Capabilities, Reading, Store, StoreError, Stored};
use serde_json::{Map, Value};

use super::labels;
use super::transfers::{Of, StoreFigures, Uploading};

/// A store that counts what is asked of it, and does nothing else by itself.
pub(super) struct Metered {
    of: Of,
    store: Arc<dyn Store>,
    figures: StoreFigures,
}

impl Metered {
    pub(super) fn new(of: Of, store: Arc<dyn Store>, figures: StoreFigures) -> Self {
        Self { of, store, figures }
    }

    async fn ask<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let mut asking = self.figures.begin(&self.of, operation);
        let answer = call.await;
        asking.outcome = labels::outcome(&answer);
        answer
    }
}

#[async_trait]
impl Store for Metered {
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
        let data = Box::pin(Counted { data, uploading: self.figures.uploading(&self.of) });
        self.ask("put", self.store.put(id, size, data)).await
    }

    async fn get(&self, at: &Location, range: ByteRange) -> Result<Reading, StoreError> {
        self.ask("open", self.store.get(at, range)).await
    }

    async fn size(&self, at: &Location) -> Result<u64, StoreError> {
        self.ask("size", self.store.size(at)).await
    }

    async fn delete(&self, at: &Location) -> Result<(), StoreError> {
        self.ask("delete", self.store.delete(at)).await
    }

    async fn discard(&self, id: ImageId) -> Result<(), StoreError> {
        self.ask("discard", self.store.discard(id)).await
    }

    async fn for_caller(&self, context: &RequestContext) -> Result<Option<Arc<dyn Store>>, StoreError> {
        let Some(view) = self.store.for_caller(context).await? else { return Ok(None) };
        Ok(Some(Arc::new(Self::new(self.of.clone(), view, self.figures.clone()))))
    }

    fn destination(&self, id: ImageId) -> Option<Location> {
        self.store.destination(id)
    }

    async fn discard_at(&self, id: ImageId, destination: &Location) -> Result<(), StoreError> {
        self.ask("discard", self.store.discard_at(id, destination)).await
    }

    fn has_readers(&self) -> bool {
        self.store.has_readers()
    }

    async fn set_readers(&self, at: &Location, readers: &Readers) -> Result<(), StoreError> {
        self.ask("set_readers", self.store.set_readers(at, readers)).await
    }

    fn system(&self) -> Option<String> {
        self.store.system()
    }

    async fn copy(&self, id: ImageId, from: &Location, size: u64) -> Result<Stored, StoreError> {
        self.ask("copy", self.store.copy(id, from, size)).await
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

impl fmt::Debug for Metered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

/// Data that is counted while a store takes it.
struct Counted {
    data: ByteStream,
    uploading: Uploading,
}

impl Stream for Counted {
    type Item = Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let chunk = ready!(self.data.as_mut().poll_next(cx));
        if let Some(Ok(chunk)) = &chunk {
            self.uploading.tally.add(chunk.len());
        }
        Poll::Ready(chunk)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use glance_core::memory::MemoryStore;
    use glance_core::store::StoreExt;

    use super::*;

    /// A store that keeps data in accounts of callers.
    #[derive(Debug)]
    struct Accounts(MemoryStore, AtomicUsize);

    #[async_trait]
    impl Store for Accounts {
        fn kind(&self) -> &'static str {
            self.0.kind()
        }

        fn capabilities(&self) -> Capabilities {
            self.0.capabilities()
        }

        fn holds(&self, at: &Location) -> bool {
            self.0.holds(at)
        }

        async fn put(&self, id: ImageId, size: Option<u64>, data: ByteStream) -> Result<Stored, StoreError> {
            self.0.put(id, size, data).await
        }

        async fn get(&self, at: &Location, range: ByteRange) -> Result<Reading, StoreError> {
            self.0.get(at, range).await
        }

        async fn size(&self, at: &Location) -> Result<u64, StoreError> {
            self.0.size(at).await
        }

        async fn delete(&self, at: &Location) -> Result<(), StoreError> {
            self.0.delete(at).await
        }

        async fn discard(&self, id: ImageId) -> Result<(), StoreError> {
            self.0.discard(id).await
        }

        async fn for_caller(&self, _: &RequestContext) -> Result<Option<Arc<dyn Store>>, StoreError> {
            Ok(Some(Arc::new(Self(MemoryStore::new("account"), AtomicUsize::new(0)))))
        }

        fn destination(&self, id: ImageId) -> Option<Location> {
            Some(Location::new(format!("account://{id}")))
        }

        async fn discard_at(&self, _: ImageId, _: &Location) -> Result<(), StoreError> {
            self.1.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }

        fn has_readers(&self) -> bool {
            true
        }

        async fn set_readers(&self, _: &Location, _: &Readers) -> Result<(), StoreError> {
            self.1.fetch_add(10, Ordering::Relaxed);
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_a_store_does_for_callers_goes_through() {
        let accounts = Arc::new(Accounts(MemoryStore::new("server"), AtomicUsize::new(0)));
        let metered = Metered::new(Of { store: "s".to_owned() }, accounts.clone(), StoreFigures::default());
        let (id, caller) = (ImageId::random(), RequestContext::new("u", "p", ["member"]));
        let place = metered.destination(id).unwrap();
        assert_eq!(Some(&place), accounts.destination(id).as_ref());
        assert!(metered.has_readers());
        metered.discard_at(id, &place).await.unwrap();
        metered.set_readers(&place, &Readers::Everybody).await.unwrap();
        assert_eq!(accounts.1.load(Ordering::Relaxed), 11);
        let view = metered.for_caller(&caller).await.unwrap().unwrap();
        let stored = view.write(id, "data".into()).await.unwrap();
        assert!(view.holds(&stored.location) && accounts.0.size(&stored.location).await.is_err());
    }

    glance_core::store_conformance!(
        || {
            let store = Arc::new(MemoryStore::new("suite"));
            ((), Metered::new(Of { store: "suite".to_owned() }, store, StoreFigures::default()))
        },
        glance_core::conformance::store::nowhere_to_look
    );
}
