//! `[glance_store]`, `enabled_backends` and the section of each backend: where image data goes.

use std::path::{Path, PathBuf};

use super::cloud_store::{AzureStoreSettings, GcsStoreSettings};
use super::file_store::{FileStoreSettings, reserved};
use super::http_store::HttpStoreSettings;
use super::rbd_store::RbdStoreSettings;
use super::s3_store::S3StoreSettings;
use super::swift_store::SwiftStoreSettings;
use super::vmware_store::VmwareStoreSettings;
use crate::config::kind::Value;
use crate::config::options::{DRIVERS, driver};
use crate::config::resolve::Resolved;
use crate::config::secret::Secret;

/// All stores.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// Whether `enabled_backends` names stores. Only then do locations carry a store id, and
    /// clients may choose.
    pub multi: bool,
    /// The stores in the order configured; with a single-store configuration these are the kinds
    /// of `stores`, under their kind as id.
    pub stores: Vec<ConfiguredStore>,
    /// The id of the store that takes images nobody chose a store for: `default_backend`, or what
    /// `default_store` comes to.
    pub default: String,
    /// Where staged data waits: `[os_glance_staging_store]`, or `node_staging_uri` with a
    /// single-store configuration.
    pub staging: FileStoreSettings,
    /// Scratch space of tasks: `[os_glance_tasks_store]`.
    pub tasks: FileStoreSettings,
}

/// One store.
#[derive(Debug, Clone)]
pub struct ConfiguredStore {
    /// Its name in `enabled_backends`.
    pub id: String,
    /// `store_description`, shown to clients.
    pub description: Option<String>,
    /// `weight` (0): images are read from the heaviest store first.
    pub weight: i32,
    /// What it is.
    pub kind: StoreKind,
}

/// What a store is, and how it is set up.
#[derive(Debug, Clone)]
pub enum StoreKind {
    /// `file`: files in folders.
    File(FileStoreSettings),
    /// `http`: images elsewhere, only read.
    Http(HttpStoreSettings),
    /// `swift`: objects in OpenStack Object Storage.
    Swift(Box<SwiftStoreSettings>),
    /// `rbd`: images in a Ceph cluster.
    Rbd(RbdStoreSettings),
    /// `vmware`: files in datastores of vSphere.
    Vmware(Box<VmwareStoreSettings>),
    /// `s3`: objects in S3.
    S3(S3StoreSettings),
    /// `gcs`: objects in Google Cloud Storage.
    Gcs(GcsStoreSettings),
    /// `azure`: blobs in Azure.
    Azure(AzureStoreSettings),
    /// Any other driver of Glance.
    Other {
        /// The driver's name: `cinder`.
        kind: String,
        /// Its options with their values, as text, references filled in.
        options: Vec<(&'static str, Secret)>,
    },
}

impl StoreKind {
    /// The driver's name, as `enabled_backends` spells it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::File(_) => "file",
            Self::Http(_) => "http",
            Self::Swift(_) => "swift",
            Self::Vmware(_) => "vmware",
            Self::S3(_) => "s3",
            Self::Gcs(_) => "gcs",
            Self::Azure(_) => "azure",
            Self::Rbd(_) => "rbd",
            Self::Other { kind, .. } => kind,
        }
    }
}

impl StoreSettings {
    /// `data_dir` is where image data goes unless something says otherwise.
    pub(super) fn from(options: &Resolved, data_dir: Option<&Path>) -> Self {
        let backends = options.dict("DEFAULT", "enabled_backends");
        if backends.is_empty() { single(options, data_dir) } else { multi(options, &backends, data_dir) }
    }
}

fn single(options: &Resolved, data_dir: Option<&Path>) -> StoreSettings {
    const SECTION: &str = "glance_store";
    let kinds = options.list(SECTION, "stores");
    for kind in &kinds {
        if driver(kind).is_none() {
            let must = format!("must hold nothing but {}, {kind} is no store", DRIVERS.join(", "));
            options.refuse(SECTION, "stores", must);
        }
    }
    let scheme = options.text(SECTION, "default_store").unwrap_or_default();
    let default = driver_of_scheme(&scheme).to_owned();
    if !kinds.contains(&default) {
        let must = format!("is {scheme}, but no store in [{SECTION}] stores serves that scheme");
        options.refuse(SECTION, "default_store", must);
    }
    let stores = kinds.iter().map(|kind| ConfiguredStore {
        id: kind.clone(),
        description: None,
        weight: 0,
        kind: store_kind(options, SECTION, kind, data_dir.map(|dir| dir.join("images"))),
    });
    StoreSettings {
        multi: false,
        stores: stores.collect(),
        default,
        staging: FileStoreSettings::plain(staging_dir(options, data_dir)),
        tasks: reserved(options, "os_glance_tasks_store", data_dir),
    }
}

/// The driver behind a URL scheme.
fn driver_of_scheme(scheme: &str) -> &str {
    match scheme {
        "filesystem" => "file",
        "https" => "http",
        "vsphere" => "vmware",
        "gs" => "gcs",
        _ => scheme.split('+').next().unwrap_or(scheme),
    }
}

/// `node_staging_uri`, or `staging` in the data folder where there is one and the option is unset.
fn staging_dir(options: &Resolved, data_dir: Option<&Path>) -> PathBuf {
    if let Some(dir) = data_dir
        && !options.is_set("DEFAULT", "node_staging_uri")
    {
        return dir.join("staging");
    }
    let uri = options.text("DEFAULT", "node_staging_uri").unwrap_or_default();
    match uri.strip_prefix("file://") {
        Some(path) if path.starts_with('/') => PathBuf::from(path),
        _ => {
            let must = "must be file:// and an absolute path, such as file:///var/lib/glance/staging";
            options.refuse("DEFAULT", "node_staging_uri", must);
            PathBuf::new()
        }
    }
}

fn multi(options: &Resolved, backends: &[(String, String)], data_dir: Option<&Path>) -> StoreSettings {
    let default = options.text("glance_store", "default_backend").unwrap_or_default();
    if !backends.iter().any(|(id, _)| *id == default) {
        let ids: Vec<_> = backends.iter().map(|(id, _)| id.as_str()).collect();
        let must = format!("must name one of the enabled backends ({})", ids.join(", "));
        options.refuse("glance_store", "default_backend", must);
    }
    StoreSettings {
        multi: true,
        stores: backends.iter().map(|(id, kind)| backend(options, id, kind, data_dir)).collect(),
        default,
        staging: reserved(options, "os_glance_staging_store", data_dir),
        tasks: reserved(options, "os_glance_tasks_store", data_dir),
    }
}

fn backend(options: &Resolved, id: &str, kind: &str, data_dir: Option<&Path>) -> ConfiguredStore {
    if id.starts_with("os_glance_") {
        let must = format!("must not name {id}: os_glance_ is for the server's own stores");
        options.refuse("DEFAULT", "enabled_backends", must);
    }
    if driver(kind).is_none() {
        let drivers = DRIVERS.join(", ");
        let must = format!("gives {id} the type {kind}, which is none of {drivers}");
        options.refuse("DEFAULT", "enabled_backends", must);
    }
    let section = crate::config::layers::section_name(id);
    ConfiguredStore {
        id: id.to_owned(),
        description: options.text(&section, "store_description"),
        weight: options.int(&section, "weight").unwrap_or_default(),
        kind: store_kind(options, &section, kind, data_dir.map(|dir| dir.join("images").join(id))),
    }
}

/// The store of `kind` that `section` sets up; `unset` is its folder when no option names one.
fn store_kind(options: &Resolved, section: &str, kind: &str, unset: Option<PathBuf>) -> StoreKind {
    match kind {
        "file" => StoreKind::File(FileStoreSettings::from(options, section, unset)),
        "http" => StoreKind::Http(HttpStoreSettings::from(options, section)),
        "swift" => StoreKind::Swift(Box::new(SwiftStoreSettings::from(options, section))),
        "vmware" => StoreKind::Vmware(Box::new(VmwareStoreSettings::from(options, section))),
        "s3" => StoreKind::S3(S3StoreSettings::from(options, section)),
        "gcs" => StoreKind::Gcs(GcsStoreSettings::from(options, section)),
        "azure" => StoreKind::Azure(AzureStoreSettings::from(options, section)),
        "rbd" => StoreKind::Rbd(RbdStoreSettings::from(options, section)),
        other => StoreKind::Other {
            kind: other.to_owned(),
            options: driver(other)
                .unwrap_or_default()
                .iter()
                .filter_map(|option| {
                    let value = options.value(section, option.name)?;
                    Some((option.name, Secret::new(as_text(value))))
                })
                .collect(),
        },
    }
}

/// A value as a file would write it; the lines of a repeated option follow each other.
fn as_text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Flag(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Decimal(number) => number.to_string(),
        Value::List(list) => list.join("\n"),
        Value::Dict(pairs) => {
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}:{value}")).collect();
            pairs.join(",")
        }
    }
}

#[cfg(test)]
mod tests;
