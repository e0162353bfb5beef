//! A store that may be down without harming more than itself.

mod health;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout};

use self::health::{Health, Turn};
use crate::context::RequestContext;
use crate::image::{ImageId, Readers};
use crate::location::Location;
use crate::store::{BoxError, ByteRange, ByteStream, Capabilities, Reading, Store, StoreError, Stored};

/// How long a store may take to open data or to say how long it is.
const TO_OPEN: Duration = Duration::from_secs(30);
/// How long it may take to remove data, of which there may be thousands of pieces.
const TO_REMOVE: Duration = Duration::from_secs(300);

/// Opens a store. Called again, after a pause, as long as it fails. It may block.
pub type Open = Box<dyn Fn() -> Result<Arc<dyn Store>, BoxError> + Send + Sync>;

/// A store that is watched for whether it answers.
///
/// Calls that take too long fail as [`StoreError::Unavailable`]. After three such failures in a row
/// the store counts as down: calls fail at once, and one call in a while (1 second at first, 30 at
/// last) finds out whether it is back. So callers lose no time with a store that is down, and it
/// comes back by itself. How long data takes on its way is the store's own business.
///
/// For stores that are one place. Where every location is another server's, one server that is
/// down says nothing of the others.
pub struct Watched {
    name: String,
    state: Arc<State>,
}

struct State {
    kind: &'static str,
    capabilities: Capabilities,
    schemes: &'static [&'static str],
    open: Option<Open>,
    store: OnceLock<Arc<dyn Store>>,
    /// Shared with the views that callers have of the store: it answers all of them, or none.
    health: Arc<Mutex<Health>>,
}

impl Watched {
    /// Watches a store under the name it has in logs.
    pub fn new(name: impl Into<String>, store: Arc<dyn Store>) -> Self {
        let (kind, capabilities) = (store.kind(), store.capabilities());
        Self::of(name, State { store: OnceLock::from(store), ..State::unopened(kind, capabilities, &[], None) })
    }

    /// Stands for a store that could not be opened, and tries again when it is asked for data. Until
    /// then it is taken to hold all locations of the given `schemes`, to write and to delete.
    pub fn opening(name: impl Into<String>, kind: &'static str, schemes: &'static [&'static str], open: Open) -> Self {
        let capabilities = Capabilities { write: true, delete: true };
        Self::of(name, State::unopened(kind, capabilities, schemes, Some(open)))
    }

    fn of(name: impl Into<String>, state: State) -> Self {
        Self { name: name.into(), state: Arc::new(state) }
    }

    /// The store, provided it may be asked now.
    async fn admitted(&self, doing: &'static str) -> Result<Arc<dyn Store>, StoreError> {
        if !self.state.health().admits(Instant::now()) {
            return Err(self.unavailable(doing, "the store did not answer lately"));
        }
        if let Some(store) = self.state.store.get() {
            return Ok(Arc::clone(store));
        }
        let state = Arc::clone(&self.state);
        let span = tracing::Span::current();
        let opened = tokio::task::spawn_blocking(move || span.in_scope(|| state.open())).await;
        let opened = opened.unwrap_or_else(|error| Err(error.into()));
        match opened {
            Ok(store) => Ok(store),
            Err(cause) => self.noted(Err(self.unavailable(doing, cause))),
        }
    }

    /// Asks the store and notes whether it answered, in `patience` where that is limited.
    async fn ask<T>(
        &self,
        doing: &'static str,
        patience: Duration,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let answer = timeout(patience, answer).await;
        self.noted(answer.unwrap_or_else(|_| Err(self.unavailable(doing, "the store took too long"))))
    }

    fn noted<T>(&self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        let turn = match answer.as_ref().map_err(StoreError::reason) {
            Err(StoreError::Unavailable { .. }) => self.state.health().failed(Instant::now()),
            // The data broke off before the store had said anything.
            Err(StoreError::Source { .. }) => None,
            _ => self.state.health().answered(),
        };
        match (turn, &answer) {
            (Some(Turn::WentDown), Err(error)) => {
                tracing::error!(store = self.name, error = error as &dyn std::error::Error, "a store does not answer");
            }
            (Some(Turn::CameBack), _) => tracing::info!(store = self.name, "a store answers again"),
            _ => {}
        }
        answer
    }

    fn unavailable(&self, doing: &'static str, cause: impl Into<BoxError>) -> StoreError {
        StoreError::Unavailable { store: self.state.kind, doing, source: cause.into() }
    }
}

impl State {
    fn unopened(
        kind: &'static str,
        capabilities: Capabilities,
        schemes: &'static [&'static str],
        open: Option<Open>,
    ) -> Self {
        Self { kind, capabilities, schemes, open, store: OnceLock::new(), health: Arc::new(Mutex::new(Health::NEW)) }
    }

    fn open(&self) -> Result<Arc<dyn Store>, BoxError> {
        let open = self.open.as_ref().ok_or("the store has never been opened")?;
        let opened = open()?;
        Ok(Arc::clone(self.store.get_or_init(|| opened)))
    }

    fn health(&self) -> std::sync::MutexGuard<'_, Health> {
        // It is whole after any of the calls made under the lock.
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for Watched {
    fn kind(&self) -> &'static str {
        self.state.kind
    }

    fn capabilities(&self) -> Capabilities {
        self.state.store.get().map_or(self.state.capabilities, |store| store.capabilities())
    }

    fn holds(&self, at: &Location) -> bool {
        match self.state.store.get() {
            Some(store) => store.holds(at),
            None => self.state.schemes.contains(&at.scheme()),
        }
    }

    async fn put(&self, id: ImageId, size: Option<u64>, data: ByteStream) -> Result<Stored, StoreError> {
        let store = self.admitted("opening the store").await?;
        self.noted(store.put(id, size, data).await)
    }

    async fn get(&self, at: &Location, range: ByteRange) -> Result<Reading, StoreError> {
        let store = self.admitted("opening data").await?;
        self.ask("opening data", TO_OPEN, store.get(at, range)).await
    }

    async fn size(&self, at: &Location) -> Result<u64, StoreError> {
        let store = self.admitted("asking for the length of data").await?;
        self.ask("asking for the length of data", TO_OPEN, store.size(at)).await
    }

    async fn delete(&self, at: &Location) -> Result<(), StoreError> {
        let store = self.admitted("deleting data").await?;
        self.ask("deleting data", TO_REMOVE, store.delete(at)).await
    }

    async fn discard(&self, id: ImageId) -> Result<(), StoreError> {
        let store = self.admitted("discarding data").await?;
        self.ask("discarding data", TO_REMOVE, store.discard(id)).await
    }

    async fn for_caller(&self, context: &RequestContext) -> Result<Option<Arc<dyn Store>>, StoreError> {
        let store = match self.state.store.get() {
            Some(store) => Arc::clone(store),
            None => self.admitted("opening the store").await?,
        };
        let Some(view) = store.for_caller(context).await? else { return Ok(None) };
        let State { kind, capabilities, schemes, ref health, .. } = *self.state;
        let state = State { kind, capabilities, schemes, open: None, store: view.into(), health: Arc::clone(health) };
        Ok(Some(Arc::new(Self::of(&self.name, state))))
    }

    fn destination(&self, id: ImageId) -> Option<Location> {
        self.state.store.get().and_then(|store| store.destination(id))
    }

    async fn discard_at(&self, id: ImageId, destination: &Location) -> Result<(), StoreError> {
        let store = self.admitted("discarding data").await?;
        self.ask("discarding data", TO_REMOVE, store.discard_at(id, destination)).await
    }

    /// Of a store that could not be opened yet nobody knows; it is told, then, when it can.
    fn has_readers(&self) -> bool {
        self.state.store.get().is_none_or(|store| store.has_readers())
    }

    async fn set_readers(&self, at: &Location, readers: &Readers) -> Result<(), StoreError> {
        let store = self.admitted("setting who may read").await?;
        self.ask("setting who may read", TO_OPEN, store.set_readers(at, readers)).await
    }

    fn system(&self) -> Option<String> {
        self.state.store.get().and_then(|store| store.system())
    }

    async fn copy(&self, id: ImageId, from: &Location, size: u64) -> Result<Stored, StoreError> {
        let store = self.admitted("opening the store").await?;
        self.noted(store.copy(id, from, size).await)
    }

    fn is_for_clients(&self, id: ImageId, at: &Location) -> bool {
        self.state.store.get().is_some_and(|store| store.is_for_clients(id, at))
    }

    fn answers(&self) -> bool {
        self.state.store.get().is_some() && self.state.health().is_up()
    }

    fn details(&self) -> Map<String, Value> {
        self.state.store.get().map(|store| store.details()).unwrap_or_default()
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("name", &self.name).field("store", &self.state.store.get()).finish()
    }
}

#[cfg(test)]
mod tests;
