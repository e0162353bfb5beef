//! A watched store against the suite, and against stores that do not answer.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;

use super::*;
use crate::memory::MemoryStore;
use crate::store::StoreExt;

crate::store_conformance!(
    || ((), Watched::new("watched", Arc::new(MemoryStore::new("suite")))),
    crate::conformance::store::nowhere_to_look
);

/// A store whose calls fail, or never end, until it is mended.
#[derive(Debug)]
struct Broken {
    store: MemoryStore,
    mended: AtomicBool,
    hangs: bool,
    calls: AtomicUsize,
}

impl Broken {
    fn new(hangs: bool) -> Arc<Self> {
        let store = MemoryStore::new("broken");
        Arc::new(Self { store, mended: AtomicBool::new(false), hangs, calls: AtomicUsize::new(0) })
    }

    async fn answer(&self) -> Result<(), StoreError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.mended.load(Ordering::Relaxed) {
            return Ok(());
        }
        if self.hangs {
            std::future::pending::<()>().await;
        }
        Err(StoreError::Unavailable { store: "broken", doing: "answering", source: "it is down".into() })
    }
}

/// The part of a shared store that is a store.
#[derive(Debug)]
struct Shared(Arc<Broken>);

#[async_trait]
impl Store for Shared {
    fn kind(&self) -> &'static str {
        "broken"
    }

    fn capabilities(&self) -> Capabilities {
        self.0.store.capabilities()
    }

    fn holds(&self, at: &Location) -> bool {
        self.0.store.holds(at)
    }

    async fn put(&self, id: ImageId, size: Option<u64>, data: ByteStream) -> Result<Stored, StoreError> {
        self.0.answer().await?;
        self.0.store.put(id, size, data).await
    }

    async fn get(&self, at: &Location, range: ByteRange) -> Result<Reading, StoreError> {
        self.0.answer().await?;
        self.0.store.get(at, range).await
    }

    async fn size(&self, at: &Location) -> Result<u64, StoreError> {
        self.0.answer().await?;
        self.0.store.size(at).await
    }

    async fn delete(&self, at: &Location) -> Result<(), StoreError> {
        self.0.answer().await?;
        self.0.store.delete(at).await
    }

    async fn discard(&self, id: ImageId) -> Result<(), StoreError> {
        self.0.answer().await?;
        self.0.store.discard(id).await
    }

    async fn for_caller(&self, _: &RequestContext) -> Result<Option<Arc<dyn Store>>, StoreError> {
        Ok(Some(Arc::new(Self(Arc::clone(&self.0)))))
    }
}

fn somewhere() -> Location {
    Location::new(format!("memory://broken/{}", ImageId::random()))
}

async fn fails(watched: &Watched) {
    let answer = watched.size(&somewhere()).await;
    assert!(matches!(answer, Err(StoreError::Unavailable { .. })), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_is_left_alone_and_found_again() {
    let broken = Broken::new(false);
    let watched = Watched::new("one", Arc::new(Shared(Arc::clone(&broken))));
    for _ in 0..20 {
        fails(&watched).await;
    }
    assert_eq!(broken.calls.load(Ordering::Relaxed), 3, "a store that is down was asked on");
    assert!(!watched.answers());
    tokio::time::advance(Duration::from_secs(1)).await;
    fails(&watched).await;
    assert_eq!(broken.calls.load(Ordering::Relaxed), 4);
    broken.mended.store(true, Ordering::Relaxed);
    fails(&watched).await;
    tokio::time::advance(Duration::from_secs(2)).await;
    watched.write(ImageId::random(), Bytes::from_static(b"x")).await.unwrap();
    assert!(watched.answers());
    let missing = watched.size(&somewhere()).await;
    assert!(matches!(missing, Err(StoreError::NotFound { .. })), "{missing:?}");
}

#[tokio::test(start_paused = true)]
async fn callers_find_out_together_that_a_store_is_down() {
    let broken = Broken::new(false);
    let watched = Watched::new("one", Arc::new(Shared(Arc::clone(&broken))));
    let caller = RequestContext::new("u", "p", ["member"]);
    for _ in 0..20 {
        let view = watched.for_caller(&caller).await.unwrap().unwrap();
        let answer = view.size(&somewhere()).await;
        assert!(matches!(answer, Err(StoreError::Unavailable { .. })), "{answer:?}");
    }
    fails(&watched).await;
    assert_eq!(broken.calls.load(Ordering::Relaxed), 3, "a store that is down was asked on");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_is_not_waited_for() {
    let watched = Watched::new("one", Arc::new(Shared(Broken::new(true))));
    fails(&watched).await;
    let opened = watched.get(&somewhere(), ByteRange::ALL).await;
    assert!(matches!(opened, Err(StoreError::Unavailable { .. })), "{opened:?}");
}

#[tokio::test(start_paused = true)]
async fn refusals_are_answers() {
    let watched = Watched::new("one", Arc::new(MemoryStore::new("empty")));
    for _ in 0..10 {
        let missing = watched.size(&Location::new(format!("memory://empty/{}", ImageId::random()))).await;
        assert!(matches!(missing, Err(StoreError::NotFound { .. })), "{missing:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_opened_is_opened_later() {
    let ready = Arc::new(AtomicBool::new(false));
    let there = Arc::clone(&ready);
    let open = move || -> Result<Arc<dyn Store>, BoxError> {
        if there.load(Ordering::Relaxed) { Ok(Arc::new(MemoryStore::new("broken"))) } else { Err("not mounted".into()) }
    };
    let watched = Watched::opening("one", "memory", &["memory"], Box::new(open));
    assert!(watched.holds(&somewhere()) && !watched.holds(&Location::new("file:///x")));
    assert!(watched.capabilities().write && !watched.answers());
    let refused = watched.write(ImageId::random(), Bytes::from_static(b"x")).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    ready.store(true, Ordering::Relaxed);
    watched.write(ImageId::random(), Bytes::from_static(b"x")).await.unwrap();
}
