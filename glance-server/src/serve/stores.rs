//! The stores that the settings describe.

use std::path::Path;
use std::sync::Arc;

use glance_core::store::Store;
use glance_core::{NamedStore, Stores, Watched};
use glance_stores::data::file::{FileStore, FileStoreBuilder, Folder};
use glance_stores::data::http::HttpStore;
use glance_stores::data::rbd::RbdStore;
use glance_stores::data::vmware::VmwareStore;
use glance_stores::outbound::{Client, Tls, Trust};
use serde_json::Value;

use super::StartError;
use super::object_stores;
use super::swift;
use crate::config::{
    ConfiguredStore, FileStoreSettings, Finding, HttpStoreSettings, OutboundSettings, RbdStoreSettings, StoreKind,
    StoreSettings, VmwareStoreSettings,
};

/// What `filesystem_store_chunk_size` is where nobody says otherwise. It was chosen for Python; the
/// store's own default suits it better.
const CHUNK_SIZE_OF_PYTHON: usize = 65_536;

/// Opens all stores.
///
/// # Errors
///
/// [`StartError`] if settings make no sense, or the only store cannot be opened.
pub fn open(settings: &StoreSettings, outbound: &OutboundSettings) -> Result<Stores, StartError> {
    if let Some(refusal) = refusals(settings).next() {
        return Err(refusal);
    }
    if settings.multi {
        let several = settings.stores.iter().map(|store| watched(store, outbound));
        return Ok(Stores::several(several.collect(), &settings.default)?);
    }
    let named = settings.stores.iter().map(|store| named(store, outbound));
    let named: Vec<NamedStore> = named.collect::<Result<_, _>>()?;
    let (default, others): (Vec<_>, Vec<_>) = named.into_iter().partition(|store| store.id == settings.default);
    let default = default.into_iter().next();
    let default = default.ok_or_else(|| StartError::option("default_store")("it is not among the stores"))?;
    Ok(Stores::single_with(default.store, others.into_iter().map(|other| other.store)))
}

/// The stores that no server is started with, as far as the settings alone tell.
pub(super) fn refusals(settings: &StoreSettings) -> impl Iterator<Item = StartError> {
    settings.stores.iter().filter_map(|store| match &store.kind {
        StoreKind::Other { kind, .. } => Some(unsupported(&store.id, kind)),
        _ => None,
    })
}

/// What else is wrong with stores, as far as it shows on this machine without changing anything: one of several then
/// keeps nothing but itself from its work.
pub(super) fn faults(settings: &StoreSettings, outbound: &OutboundSettings) -> impl Iterator<Item = StartError> {
    settings.stores.iter().filter_map(|configured| match &configured.kind {
        StoreKind::Swift(swift) => swift::check(&configured.id, swift).err(),
        // Opened, it would make its folders.
        StoreKind::File(file) => {
            let checked = file_builder(file).and_then(|file| file.check().map_err(StartError::store(&configured.id)));
            checked.err()
        }
        StoreKind::Other { .. } => None,
        _ => store(configured, outbound).err(),
    })
}

/// What to tell whoever starts a server with these stores.
pub(super) fn warnings(settings: &StoreSettings) -> impl Iterator<Item = Finding> {
    settings.stores.iter().filter_map(|store| {
        let id = &store.id;
        let options = match &store.kind {
            StoreKind::Rbd(_) => {
                let error = RbdStore::find_libraries().err()?;
                return Some(Finding::new(None, format!("store {id} in Ceph cannot be used: {error}")));
            }
            StoreKind::Http(http) if http.insecure && http.ca_certificates_file.is_none() => {
                "set https_ca_certificates_file, or https_insecure = false"
            }
            StoreKind::Vmware(vmware) if vmware.insecure && vmware.ca_file.is_none() && vmware.thumbprint.is_none() => {
                "set vmware_ca_file or vmware_thumbprint, or vmware_insecure = false"
            }
            StoreKind::Swift(swift) if swift.insecure => "set swift_store_auth_insecure = false",
            _ => return None,
        };
        Some(Finding::new(None, format!("store {id}: certificates of https servers are not verified: {options}")))
    })
}

fn unsupported(id: &str, kind: &str) -> StartError {
    let cause = format!("stores of the type {kind} are not supported yet; take it out of the configuration");
    StartError::store(id)(cause)
}

/// The only store has to be there when the server starts.
fn named(configured: &ConfiguredStore, outbound: &OutboundSettings) -> Result<NamedStore, StartError> {
    Ok(described(configured, watch(configured, store(configured, outbound)?)))
}

/// One store of several that cannot be opened does not keep the others from their work.
fn watched(configured: &ConfiguredStore, outbound: &OutboundSettings) -> NamedStore {
    let store = match store(configured, outbound) {
        Ok(store) => watch(configured, store),
        Err(error) => {
            tracing::error!(store = configured.id, %error, "a store cannot be opened yet");
            Arc::new(opened_later(configured, outbound))
        }
    };
    described(configured, store)
}

fn opened_later(configured: &ConfiguredStore, outbound: &OutboundSettings) -> Watched {
    let again = (configured.clone(), outbound.clone());
    let open = move || store(&again.0, &again.1).map_err(Into::into);
    let (kind, schemes) = nature(&configured.kind);
    Watched::opening(&configured.id, kind, schemes, Box::new(open))
}

fn described(configured: &ConfiguredStore, store: Arc<dyn Store>) -> NamedStore {
    let ConfiguredStore { id, description, weight, .. } = configured;
    NamedStore { description: description.clone(), weight: (*weight).into(), ..NamedStore::new(id, store) }
}

/// On the web, every location is another server's: one that is down says nothing of the others.
fn watch(configured: &ConfiguredStore, store: Arc<dyn Store>) -> Arc<dyn Store> {
    match configured.kind {
        StoreKind::Http(_) => store,
        _ => Arc::new(Watched::new(&configured.id, store)),
    }
}

/// What a store is called, and the schemes of its locations.
fn nature(kind: &StoreKind) -> (&'static str, &'static [&'static str]) {
    match kind {
        StoreKind::File(_) => ("file", &["file", "filesystem"]),
        StoreKind::Http(_) => ("http", &["http", "https"]),
        StoreKind::Swift(_) => ("swift", &["swift", "swift+http", "swift+https", "swift+config"]),
        StoreKind::Rbd(_) => ("rbd", &["rbd"]),
        StoreKind::Vmware(_) => ("vmware", &["vsphere"]),
        StoreKind::S3(_) => ("s3", &["s3", "s3+http", "s3+https"]),
        StoreKind::Gcs(_) => ("gcs", &["gs"]),
        StoreKind::Azure(_) => ("azure", &["azure"]),
        StoreKind::Other { .. } => ("unsupported", &[]),
    }
}

fn store(configured: &ConfiguredStore, outbound: &OutboundSettings) -> Result<Arc<dyn Store>, StartError> {
    let ConfiguredStore { id, kind, .. } = configured;
    Ok(match kind {
        StoreKind::File(file) => Arc::new(file_store(id, file)?),
        StoreKind::Http(http) => Arc::new(http_store(id, http, outbound)?),
        StoreKind::Swift(settings) => Arc::new(swift::open(id, settings)?),
        StoreKind::Vmware(vmware) => Arc::new(vmware_store(id, vmware)?),
        StoreKind::S3(s3) => Arc::new(object_stores::s3(id, s3)?),
        StoreKind::Gcs(gcs) => Arc::new(object_stores::gcs(id, gcs)?),
        StoreKind::Azure(azure) => Arc::new(object_stores::azure(id, azure)?),
        StoreKind::Rbd(rbd) => Arc::new(rbd_store(rbd)),
        StoreKind::Other { kind, .. } => return Err(unsupported(id, kind)),
    })
}

fn file_store(id: &str, settings: &FileStoreSettings) -> Result<FileStore, StartError> {
    file_builder(settings)?.open().map_err(StartError::store(id))
}

fn file_builder(settings: &FileStoreSettings) -> Result<FileStoreBuilder, StartError> {
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
    Ok(builder)
}

/// The server is connected to when the first image needs it.
fn vmware_store(id: &str, settings: &VmwareStoreSettings) -> Result<VmwareStore, StartError> {
    let trust = match (&settings.thumbprint, &settings.ca_file) {
        (Some(thumbprint), _) => Trust::Thumbprint(thumbprint.clone()),
        (None, Some(file)) => Trust::CaFile(file.clone()),
        (None, None) if settings.insecure => Trust::Anyone,
        (None, None) => Trust::System,
    };
    VmwareStore::on(&settings.server_host, &settings.server_username, settings.server_password.expose())
        .datastores(settings.datastores.iter().cloned())
        .image_dir(settings.store_image_dir.as_str())
        .api_retry_count(settings.api_retry_count)
        .task_poll_interval(settings.task_poll_interval)
        .trust(trust)
        .open()
        .map_err(StartError::store(id))
}

/// Neither a cluster that is down nor missing libraries keep the server from starting: there may be other stores.
fn rbd_store(settings: &RbdStoreSettings) -> RbdStore {
    let mut builder = RbdStore::in_pool(&settings.pool)
        .chunk_size(settings.chunk_size_mib << 20)
        .thin_provisioning(settings.thin_provisioning);
    if let Some(user) = &settings.user {
        builder = builder.user(user);
    }
    if let Some(conf) = &settings.ceph_conf {
        builder = builder.ceph_conf(conf);
    }
    if let Some(seconds) = settings.connect_timeout {
        builder = builder.connect_timeout(seconds);
    }
    builder.open()
}

fn metadata(file: &Path) -> Result<Value, StartError> {
    let text = std::fs::read(file).map_err(StartError::file(file))?;
    serde_json::from_slice(&text).map_err(StartError::file(file))
}

fn http_store(id: &str, settings: &HttpStoreSettings, outbound: &OutboundSettings) -> Result<HttpStore, StartError> {
    let trust = match &settings.ca_certificates_file {
        Some(file) => Trust::CaFile(file.clone()),
        None if settings.insecure => Trust::Anyone,
        None => Trust::System,
    };
    let client = Client::builder(Tls { trust, identity: None })
        .guard(outbound.guard())
        .filter(outbound.filter.clone().unwrap_or_default())
        .proxies(settings.proxies.clone());
    Ok(HttpStore::new(client.build().map_err(StartError::store(id))?))
}
