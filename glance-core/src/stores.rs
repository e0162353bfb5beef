//! The stores of one registry, and which of them a call means.

use std::sync::Arc;

use crate::error::Error;
use crate::image::Image;
use crate::location::ImageLocation;
use crate::store::Store;

/// Store ids that begin so are the registry's own and never named by a client.
pub const RESERVED_STORES: &str = "os_glance_";

/// The stores of one registry.
#[derive(Debug, Clone)]
pub struct Stores {
    entries: Vec<NamedStore>,
    default: usize,
    several: bool,
}

/// A store and what the operator says of it.
#[derive(Debug, Clone)]
pub struct NamedStore {
    /// The id that clients name it by.
    pub id: String,
    /// A text for people.
    pub description: Option<String>,
    /// Of several locations of an image, those in stores of higher weight come first.
    pub weight: i64,
    /// The store itself.
    pub store: Arc<dyn Store>,
}

/// The set of stores makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoresError {
    /// No store has the id that was to be the default.
    #[error("default store {0} is not among the stores")]
    NoSuchDefault(String),
    /// Two stores have this id.
    #[error("two stores have the id {0}")]
    Twice(String),
    /// The id is kept for the registry itself.
    #[error("store id {0} is reserved: ids must not begin with {RESERVED_STORES}")]
    Reserved(String),
}

impl NamedStore {
    /// A store of weight 0 without a description.
    pub fn new(id: impl Into<String>, store: Arc<dyn Store>) -> Self {
        Self { id: id.into(), description: None, weight: 0, store }
    }

    /// Whether the store takes no data, as the list of stores shows it.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        !self.store.capabilities().write
    }
}

impl Stores {
    /// A registry with one place for new data. Clients do not name stores then, and locations do
    /// not record one.
    #[must_use]
    pub fn single(store: Arc<dyn Store>) -> Self {
        let id = store.kind();
        Self { entries: vec![NamedStore::new(id, store)], default: 0, several: false }
    }

    /// A registry with one place for new data that also reads what lies in `others`, such as a
    /// read-only HTTP store.
    #[must_use]
    pub fn single_with(store: Arc<dyn Store>, others: impl IntoIterator<Item = Arc<dyn Store>>) -> Self {
        let mut stores = Self::single(store);
        stores.entries.extend(others.into_iter().map(|store| NamedStore::new(store.kind(), store)));
        stores
    }

    /// A registry with stores that clients name (`enabled_backends`).
    ///
    /// # Errors
    ///
    /// [`StoresError`] if ids repeat, are reserved, or lack the default.
    pub fn several(entries: Vec<NamedStore>, default: &str) -> Result<Self, StoresError> {
        for (at, entry) in entries.iter().enumerate() {
            if entry.id.starts_with(RESERVED_STORES) {
                return Err(StoresError::Reserved(entry.id.clone()));
            }
            if entries[..at].iter().any(|other| other.id == entry.id) {
                return Err(StoresError::Twice(entry.id.clone()));
            }
        }
        let default = entries
            .iter()
            .position(|entry| entry.id == default)
            .ok_or_else(|| StoresError::NoSuchDefault(default.to_owned()))?;
        Ok(Self { entries, default, several: true })
    }

    /// The same stores, each replaced by what `wrap` makes of it and its id: one that counts, caches or throttles.
    #[must_use]
    pub fn wrapped(mut self, wrap: impl Fn(&str, Arc<dyn Store>) -> Arc<dyn Store>) -> Self {
        for entry in &mut self.entries {
            entry.store = wrap(&entry.id, Arc::clone(&entry.store));
        }
        self
    }

    /// Whether clients name stores.
    #[must_use]
    pub fn are_named(&self) -> bool {
        self.several
    }

    /// The stores in the order they were configured.
    pub fn iter(&self) -> impl Iterator<Item = &NamedStore> {
        self.entries.iter()
    }

    /// The store new data goes to unless somebody says otherwise.
    #[must_use]
    pub fn default_store(&self) -> &NamedStore {
        &self.entries[self.default]
    }

    /// The store that a journal entry, a location or a client names; the default for `None`.
    #[must_use]
    pub fn named(&self, id: Option<&str>) -> Option<&NamedStore> {
        match id {
            None => Some(self.default_store()),
            Some(id) => self.entries.iter().find(|entry| entry.id == id),
        }
    }

    /// The store that new data goes to when a client asks for `wanted`. Where stores have no names
    /// the wish is ignored, as the Python server does.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if there is no such store.
    pub fn for_upload(&self, wanted: Option<&str>) -> Result<&NamedStore, Error> {
        let wanted = wanted.filter(|_| self.several);
        self.named(wanted).ok_or_else(|| {
            Error::Invalid(format!("store {:?} is not one of this server's", wanted.unwrap_or_default()))
        })
    }

    /// The store a location lies in: the one it names, else the first that knows its URL.
    #[must_use]
    pub fn of(&self, location: &ImageLocation) -> Option<&NamedStore> {
        location
            .store()
            .filter(|_| self.several)
            .and_then(|id| self.named(Some(id)))
            .or_else(|| self.entries.iter().find(|entry| entry.store.holds(&location.url)))
    }

    /// Orders the locations of an image as they are shown and tried: highest weight first, and
    /// among equals as they are recorded.
    pub fn order(&self, image: &mut Image) {
        if self.several && image.locations.len() > 1 {
            image
                .locations
                .sort_by_key(|location| std::cmp::Reverse(self.of(location).map_or(0, |entry| entry.weight)));
        }
    }
}
