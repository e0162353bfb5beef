//! Registries, callers and faulty stores for the tests of the facade.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use glance_core::catalogue::UploadOptions;
use glance_core::image::{Image, ImageId, NewImage};
use glance_core::location::Location;
use glance_core::memory::{MemoryDatabase, MemoryStore};
use glance_core::store::{
    BoxError, ByteRange, ByteStream, Capabilities, Reading, Store, StoreError, Stored, stream_of,
};
use glance_core::{Error, Glance, NamedStore, RequestContext, Settings, Stores};

pub(crate) struct Lab {
    pub(crate) glance: Glance,
    pub(crate) database: Arc<MemoryDatabase>,
    pub(crate) store: Arc<FaultyStore>,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let (database, store) = (Arc::new(MemoryDatabase::new()), Arc::new(FaultyStore::new("one")));
        let glance = Glance::builder(database.clone(), Stores::single(store.clone())).settings(settings).build();
        Self { glance, database, store }
    }

    /// Another process on the same database and store.
    pub(crate) fn another(&self) -> Glance {
        Glance::builder(self.database.clone(), Stores::single(self.store.clone()))
            .settings(self.glance.settings().clone())
            .build()
    }

    pub(crate) async fn queued(&self, caller: &RequestContext) -> Image {
        self.glance.images(caller).create(NewImage::named("n", "raw", "bare")).await.unwrap()
    }

    pub(crate) async fn active(&self, caller: &RequestContext, data: &'static str) -> Image {
        let image = self.queued(caller).await;
        self.upload(caller, image.id, data).await.unwrap()
    }

    pub(crate) async fn upload(
        &self,
        caller: &RequestContext,
        id: ImageId,
        data: &'static str,
    ) -> Result<Image, Error> {
        self.glance.images(caller).upload(id, text(data), UploadOptions::default()).await
    }
}

pub(crate) fn text(data: &'static str) -> ByteStream {
    stream_of(Bytes::from_static(data.as_bytes()))
}

/// A registry with two named stores, the heavier one last.
pub(crate) fn two_stores() -> (Glance, Arc<FaultyStore>, Arc<FaultyStore>) {
    let (cheap, fast) = (Arc::new(FaultyStore::new("cheap")), Arc::new(FaultyStore::new("fast")));
    let entries = vec![
        NamedStore { weight: 1, ..NamedStore::new("cheap", cheap.clone()) },
        NamedStore { weight: 2, ..NamedStore::new("fast", fast.clone()) },
    ];
    let stores = Stores::several(entries, "cheap").unwrap();
    let settings = Settings { show_multiple_locations: true, ..Settings::default() };
    (Glance::builder(Arc::new(MemoryDatabase::new()), stores).settings(settings).build(), cheap, fast)
}

pub(crate) fn owner() -> RequestContext {
    RequestContext::new("alice", "mine", ["member", "reader"])
}

pub(crate) fn stranger() -> RequestContext {
    RequestContext::new("bob", "theirs", ["member", "reader"])
}

pub(crate) fn admin() -> RequestContext {
    RequestContext::new("root", "admins", ["admin", "member", "reader"])
}

/// A store in memory that fails when it is told to.
#[derive(Debug)]
pub(crate) struct FaultyStore {
    inner: MemoryStore,
    pub(crate) down: AtomicBool,
    pub(crate) full: AtomicBool,
    pub(crate) keeps: AtomicBool,
    /// It goes down in the middle of a put, with the data in it.
    pub(crate) falls: AtomicBool,
    /// So many readings break off.
    pub(crate) breaks: AtomicU64,
    /// How often it was asked for a length.
    pub(crate) sizes: AtomicU64,
    /// Who holds it keeps readings waiting.
    pub(crate) gate: tokio::sync::Mutex<()>,
}

impl FaultyStore {
    pub(crate) fn new(name: &str) -> Self {
        let no = || AtomicBool::new(false);
        Self {
            inner: MemoryStore::new(name),
            down: no(),
            full: no(),
            keeps: no(),
            falls: no(),
            breaks: 0.into(),
            sizes: 0.into(),
            gate: ().into(),
        }
    }

    pub(crate) async fn has(&self, id: ImageId, name: &str) -> bool {
        self.inner.size(&Location::new(format!("memory://{name}/{id}"))).await.is_ok()
    }

    fn fail(&self) -> Result<(), StoreError> {
        if self.full.load(Ordering::Relaxed) {
            return Err(StoreError::Full { store: "faulty" });
        }
        if self.down.load(Ordering::Relaxed) {
            let source = BoxError::from("down");
            return Err(StoreError::Unavailable { store: "faulty", doing: "being down", source });
        }
        Ok(())
    }
}

#[async_trait]
impl Store for FaultyStore {
    fn kind(&self) -> &'static str {
        "faulty"
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn holds(&self, at: &Location) -> bool {
        self.inner.holds(at)
    }

    fn is_for_clients(&self, id: ImageId, at: &Location) -> bool {
        self.inner.is_for_clients(id, at)
    }

    async fn put(&self, id: ImageId, size: Option<u64>, data: ByteStream) -> Result<Stored, StoreError> {
        self.fail()?;
        let stored = self.inner.put(id, size, data).await?;
        if self.falls.swap(false, Ordering::Relaxed) {
            self.down.store(true, Ordering::Relaxed);
            return Err(self.fail().unwrap_err().left_behind("faulty"));
        }
        Ok(stored)
    }

    async fn get(&self, at: &Location, range: ByteRange) -> Result<Reading, StoreError> {
        drop(self.gate.lock().await);
        self.fail()?;
        let mut reading = self.inner.get(at, range).await?;
        if self.breaks.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            reading.stream = Box::pin(futures::stream::iter([Err(BoxError::from("broken off"))]));
        }
        Ok(reading)
    }

    async fn size(&self, at: &Location) -> Result<u64, StoreError> {
        self.sizes.fetch_add(1, Ordering::Relaxed);
        self.fail()?;
        self.inner.size(at).await
    }

    async fn delete(&self, at: &Location) -> Result<(), StoreError> {
        self.fail()?;
        if self.keeps.load(Ordering::Relaxed) {
            return Err(StoreError::Denied { store: "faulty" });
        }
        self.inner.delete(at).await
    }

    async fn discard(&self, id: ImageId) -> Result<(), StoreError> {
        self.fail()?;
        self.inner.discard(id).await
    }
}
