//! The stores that the settings describe.

use std::path::Path;
use std::sync::Arc;

use glance_core::store::Store;
use glance_core::{NamedStore, Stores};
use glance_stores::data::file::{FileStore, Folder};
use serde_json::Value;

use super::StartError;
use super::unread::UnreadStore;
use crate::config::{ConfiguredStore, FileStoreSettings, StoreKind, StoreSettings};

/// What `filesystem_store_chunk_size` is where nobody says otherwise. It was chosen for Python; the
/// store's own default suits it better.
const CHUNK_SIZE_OF_PYTHON: usize = 65_536;

/// Opens all stores.
pub(super) fn open(settings: &StoreSettings) -> Result<Stores, StartError> {
    let named: Vec<NamedStore> = settings.stores.iter().map(named).collect::<Result<_, _>>()?;
    if settings.multi {
        return Ok(Stores::several(named, &settings.default)?);
    }
    let (default, others): (Vec<_>, Vec<_>) = named.into_iter().partition(|store| store.id == settings.default);
    let default = default.into_iter().next();
    let default = default.ok_or_else(|| StartError::option("default_store")("it is not among the stores"))?;
    Ok(Stores::single_with(default.store, others.into_iter().map(|other| other.store)))
}

/// Why stores cannot be opened, as far as the settings alone tell.
pub(super) fn refusals(settings: &StoreSettings) -> impl Iterator<Item = StartError> {
    settings.stores.iter().filter_map(|store| match &store.kind {
        StoreKind::Other { kind, .. } => Some(unsupported(&store.id, kind)),
        StoreKind::File(_) | StoreKind::Http(_) => None,
    })
}

fn unsupported(id: &str, kind: &str) -> StartError {
    let cause = format!("stores of the type {kind} are not supported yet; take it out of the configuration");
    StartError::store(id)(cause)
}

fn named(configured: &ConfiguredStore) -> Result<NamedStore, StartError> {
    let ConfiguredStore { id, description, weight, kind } = configured;
    let store: Arc<dyn Store> = match kind {
        StoreKind::File(file) => Arc::new(file_store(id, file)?),
        StoreKind::Http(_) => {
            tracing::debug!(store = id, "images that lie elsewhere on the web are listed, but not read yet");
            Arc::new(UnreadStore)
        }
        StoreKind::Other { kind, .. } => return Err(unsupported(id, kind)),
    };
    Ok(NamedStore { description: description.clone(), weight: (*weight).into(), ..NamedStore::new(id, store) })
}

fn file_store(id: &str, settings: &FileStoreSettings) -> Result<FileStore, StartError> {
    let folders = settings.datadirs.iter();
    let folders = folders.map(|dir| Folder { path: dir.path.clone(), priority: dir.priority.into() });
    let mut builder = FileStore::in_folders(folders).thin_provisioning(settings.thin_provisioning);
    if settings.chunk_size != CHUNK_SIZE_OF_PYTHON {
        builder = builder.chunk_size(settings.chunk_size);
    }
    if let Some(mode) = settings.file_perm {
        builder = builder.file_perm(mode);
    }
    if let Some(file) = &settings.metadata_file {
        builder = builder.metadata(metadata(file)?);
    }
    builder.open().map_err(StartError::store(id))
}

fn metadata(file: &Path) -> Result<Value, StartError> {
    let text = std::fs::read(file).map_err(StartError::file(file))?;
    serde_json::from_slice(&text).map_err(StartError::file(file))
}
