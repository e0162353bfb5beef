//! Settings with types: one struct for each section that the server acts upon.

mod account;
mod authtoken;
mod cloud_store;
mod database;
mod default;
mod file_store;
mod glance_rs;
mod http_store;
mod image_format;
mod logging;
mod middleware;
mod notifications;
mod oslo_limit;
mod outbound;
mod paste;
mod policy;
mod rbd_store;
mod s3_store;
mod stores;
mod summary;
mod swift_store;
mod tls;
mod vmware_store;

pub use authtoken::AuthtokenSettings;
pub use cloud_store::{AzureStoreSettings, GcsStoreSettings};
pub use database::{Connection, DatabaseSettings};
pub use default::{Bind, DefaultSettings};
pub use file_store::{Datadir, FileStoreSettings};
pub use glance_rs::{AuthMode, AuthSettings, GlanceRsSettings, LimitSettings};
pub use http_store::HttpStoreSettings;
pub use image_format::ImageFormatSettings;
pub use logging::LoggingSettings;
pub use middleware::{CorsSettings, HealthcheckBackend, HealthcheckSettings, ProxyHeaders};
pub use notifications::NotificationSettings;
pub use oslo_limit::OsloLimitSettings;
pub use outbound::OutboundSettings;
pub use paste::{Filter, HealthcheckPlace, PasteSettings};
pub use policy::{OsloPolicySettings, Sought};
pub use rbd_store::RbdStoreSettings;
pub use s3_store::S3StoreSettings;
pub use stores::{ConfiguredStore, StoreKind, StoreSettings};
pub use summary::Summary;
pub use swift_store::{SwiftAccount, SwiftStoreSettings};
pub use vmware_store::VmwareStoreSettings;

use std::path::PathBuf;

use super::error::ConfigError;
use super::finding::Finding;
use super::resolve::Resolved;
use super::sources::{ConfigFiles, Surroundings};
use crate::http::TlsFiles;

/// Everything the server is told by its configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `[DEFAULT]` without logging.
    pub default: DefaultSettings,
    /// `[DEFAULT]`, logging.
    pub logging: LoggingSettings,
    /// `[image_format]`.
    pub image_format: ImageFormatSettings,
    /// `[glance_store]` and the sections of stores.
    pub stores: StoreSettings,
    /// Where URLs of users may lead: `outbound_*` of `[glance_rs]`, and `[import_filtering_opts]`.
    pub outbound: OutboundSettings,
    /// `[oslo_messaging_notifications]`, `[oslo_messaging_rabbit]`, and what `[DEFAULT]` says of messages.
    pub notifications: NotificationSettings,
    /// `[database]`.
    pub database: DatabaseSettings,
    /// `[paste_deploy]` and the paste file.
    pub paste: PasteSettings,
    /// `[keystone_authtoken]`, where callers are known by Keystone.
    pub authtoken: Option<AuthtokenSettings>,
    /// `[oslo_limit]`, where `use_keystone_limits` is set.
    pub oslo_limit: Option<OsloLimitSettings>,
    /// `[oslo_policy]`.
    pub oslo_policy: OsloPolicySettings,
    /// `[cors]` and `[cors.<name>]` where they name an origin; empty: no such requests.
    pub cors: Vec<CorsSettings>,
    /// `[healthcheck]`.
    pub healthcheck: HealthcheckSettings,
    /// `[oslo_middleware]`.
    pub proxy_headers: ProxyHeaders,
    /// `[glance_rs]`.
    pub glance_rs: GlanceRsSettings,
    /// `cert_file`, `key_file` and `ca_file` of `[glance_rs]`; `None`: plain HTTP.
    pub tls: Option<TlsFiles>,
    /// `schema-image.json`, the operator's own image properties, where it exists.
    pub schema_image: Option<PathBuf>,
    /// The files all this was read from; none of them when nothing is configured at all.
    pub files: ConfigFiles,
}

impl Settings {
    /// What an operator wants to read when the server starts, without secrets.
    #[must_use]
    pub fn summary(&self) -> Summary<'_> {
        Summary(self)
    }

    /// The settings that `options` come to. Whatever cannot be used is noted in `options`.
    pub(super) fn from(
        options: &Resolved,
        files: ConfigFiles,
        around: &Surroundings,
        warnings: &mut Vec<Finding>,
    ) -> Result<Self, ConfigError> {
        let unconfigured = files.is_empty();
        let paste = PasteSettings::from(options, &files, warnings)?;
        demand_cache_address(options, &paste);
        let data_dir = glance_rs::data_dir(options, around, unconfigured);
        let glance_rs = GlanceRsSettings::from(options, &paste, data_dir);
        let bind = glance_rs::bind(options, &glance_rs.auth, unconfigured, warnings);
        demand_two_addresses(options, &bind, glance_rs.metrics_bind.as_ref());
        let keystone = glance_rs.auth.mode == AuthMode::Keystone;
        let limited = options.flag("DEFAULT", "use_keystone_limits");
        let data_dir = glance_rs.data_dir.as_deref();
        Ok(Self {
            default: DefaultSettings::from(options, bind, protection_file(options, &files)),
            logging: LoggingSettings::from(options),
            image_format: ImageFormatSettings::from(options),
            stores: StoreSettings::from(options, data_dir),
            outbound: OutboundSettings::from(options),
            notifications: NotificationSettings::from(options, warnings),
            database: DatabaseSettings::from(options, data_dir),
            authtoken: keystone.then(|| AuthtokenSettings::from(options, &paste)).flatten(),
            oslo_limit: limited.then(|| OsloLimitSettings::from(options)).flatten(),
            oslo_policy: OsloPolicySettings::from(options, &files, warnings),
            cors: CorsSettings::all(options),
            healthcheck: HealthcheckSettings::from(options, &paste),
            proxy_headers: ProxyHeaders::from(options),
            schema_image: files.find("schema-image.json").filter(|path| path.is_file()),
            paste,
            glance_rs,
            tls: tls::from(options, warnings),
            files,
        })
    }
}

/// Notes a cache that lives in the database while nothing says which node holds what.
fn demand_cache_address(options: &Resolved, paste: &PasteSettings) {
    let central = options.text("DEFAULT", "image_cache_driver").as_deref() == Some("centralized_db");
    let address = options.text("DEFAULT", "worker_self_reference_url");
    if paste.filters.contains(&Filter::Cache) && central && address.is_none() {
        let must = "must be set: the cache driver centralized_db knows nodes by it";
        options.refuse("DEFAULT", "worker_self_reference_url", must);
    }
}

/// Notes metrics shown where the API is: one of them would not find its address free.
fn demand_two_addresses(options: &Resolved, api: &Bind, metrics: Option<&Bind>) {
    if metrics.is_some_and(|metrics| metrics.meets(api)) {
        options.refuse("glance_rs", "metrics_bind", format!("must be another address than that of the API, {api}"));
    }
}

/// The file that `property_protection_file` means, which must exist.
fn protection_file(options: &Resolved, files: &ConfigFiles) -> Option<PathBuf> {
    const OPTION: &str = "property_protection_file";
    let name = options.text("DEFAULT", OPTION)?;
    let path = files.find(&name).filter(|path| path.is_file());
    if path.is_none() {
        options.refuse("DEFAULT", OPTION, format!("must exist: there is no file {name}"));
    }
    path
}
