//! The stores the harness can drive: the one place that knows how to open them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use glance_core::memory::MemoryStore;
use glance_core::store::{BoxError, Store};
use glance_server::config::{self, CliArgs, Source};
use glance_server::serve;
use glance_stores::data::file::FileStore;
use glance_stores::data::object::BucketStore;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use tempfile::TempDir;

use super::Options;

/// A store to be driven, and the folder made for it, which goes when this is dropped.
pub(super) struct Opened {
    store: Arc<dyn Store>,
    _folder: Option<TempDir>,
}

impl Opened {
    pub(super) fn open(options: &Options) -> Result<Self, BoxError> {
        let (kind, place) = options.store.split_once(':').unwrap_or((&options.store, ""));
        match (kind, place) {
            ("memory", "") => Ok(Self { store: Arc::new(MemoryStore::new("throughput")), _folder: None }),
            ("object-memory", "") => Ok(Self { store: Arc::new(bucket(InMemory::new(), options)), _folder: None }),
            ("file", place) if !place.is_empty() => Self::in_folder(place, |folder| {
                let store = FileStore::builder(folder).thin_provisioning(options.thin);
                let store = options.io_size.iter().fold(store, |store, size| store.chunk_size(size.as_usize()));
                Ok(Arc::new(store.open()?))
            }),
            ("config", place) if !place.is_empty() => Ok(Self { store: configured(place)?, _folder: None }),
            ("object-local", place) if !place.is_empty() => Self::in_folder(place, |folder| {
                Ok(Arc::new(bucket(LocalFileSystem::new_with_prefix(folder)?.with_fsync(true), options)))
            }),
            _ => Err(format!("no store {:?}: see --help", options.store).into()),
        }
    }

    /// A store in a new folder below `place`: what else is there stays as it is.
    fn in_folder(place: &str, open: impl FnOnce(&Path) -> Result<Arc<dyn Store>, BoxError>) -> Result<Self, BoxError> {
        let folder = tempfile::Builder::new().prefix("store-throughput-").tempdir_in(PathBuf::from(place))?;
        Ok(Self { store: open(folder.path())?, _folder: Some(folder) })
    }

    pub(super) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }
}

/// The store that a `glance-api.conf` sets up: the one whose id follows `#`, else the default one.
fn configured(place: &str) -> Result<Arc<dyn Store>, BoxError> {
    let (file, id) = place.split_once('#').map_or((place, None), |(file, id)| (file, Some(id)));
    let sources = vec![Source::File(file.into())];
    // No record is read or written, so a file without a database will do.
    let overrides = vec![("database", "connection", "sqlite:////nowhere".to_owned())];
    let loaded = config::load(&CliArgs { sources, overrides })?;
    let stores = serve::open_stores(&loaded.settings.stores, &loaded.settings.outbound)?;
    let found = stores.named(id).ok_or_else(|| format!("{file} has no store {:?}", id.unwrap_or_default()))?;
    Ok(Arc::clone(&found.store))
}

fn bucket(objects: impl ObjectStore, options: &Options) -> BucketStore {
    let store = BucketStore::new("object", Arc::new(objects), "object://throughput/");
    options.io_size.iter().fold(store, |store, size| store.with_part_size(size.as_usize()))
}
