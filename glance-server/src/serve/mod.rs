//! A server put together from its settings, and run until it is told to stop.

mod banner;
mod database;
mod error;
mod housekeeping;
mod keystone;
mod logging;
mod object_stores;
mod policy;
mod stores;
mod swift;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use glance_core::Glance;
use glance_core::catalogue::Settings as Rules;
use glance_core::database::Database;
use glance_core::image::Formats;
use glance_core::image::inspect::FormatInspection;
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::api::{self, ApiOptions, Healthcheck};
use crate::auth::{BasicAuth, Identity, TrustedHeaders};
use crate::config::{AuthMode, Filter, Finding, HealthcheckBackend, Loaded, Settings};
use crate::http::{self, HttpOptions};
use crate::process::Machine;

pub use error::StartError;
pub use stores::open as open_stores;

/// The project that owns what unauthenticated callers create.
const PROJECT: &str = "default";

/// Longer than any connection lives, and short enough to be added to a moment.
const FOR_EVER: Duration = Duration::from_secs(1 << 32);

/// Serves the Image API as `loaded` says, until the process is told to stop and the requests under
/// way are answered.
///
/// # Errors
///
/// [`StartError`] naming what kept the server from starting.
pub fn run(loaded: &Loaded) -> Result<(), StartError> {
    let Loaded { settings, warnings } = loaded;
    let log = logging::start(&settings.logging)?;
    if let Err(error) = http::raise_descriptor_limit() {
        warn!(%error, "the limit of open files stays as it is, and with it the number of connections");
    }
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = settings.default.workers {
        runtime.worker_threads(workers);
    }
    let runtime = runtime.enable_all().build().map_err(StartError::failed("starting threads"))?;
    runtime.block_on(serve(settings, warnings, log))
}

/// What would keep [`run`] from serving, or from using a store, as far as it shows without opening a store or a
/// database.
#[must_use]
pub fn check(settings: &Settings) -> Vec<StartError> {
    let policy = policy::Files::of(&settings.oslo_policy).load();
    let others = [policy.err(), rules(settings).err(), api_options(settings).err()];
    let stores = stores::refusals(&settings.stores).chain(stores::faults(&settings.stores));
    stores.chain(others.into_iter().flatten()).collect()
}

/// How long what other processes left is put in order before anybody is served.
const PUTTING_IN_ORDER: Duration = Duration::from_secs(10);

async fn serve(settings: &Settings, warnings: &[Finding], log: logging::Log) -> Result<(), StartError> {
    for finding in warnings {
        warn!("{finding}");
    }
    let machine = Machine::this();
    let mut policy = policy::Files::of(&settings.oslo_policy);
    let glance = glance(settings, machine.as_ref())?;
    glance.set_policy(policy.load()?);
    let options = api_options(settings)?;
    let identity = options.identity.clone();
    let router = api::router(glance.clone(), options)?;
    let listener = listen(settings).await?;
    let address = listener.local_addr().map_err(StartError::failed("finding the address"))?;
    // A store that hangs keeps nobody from being served: what is left is looked at again and again.
    let _ = tokio::time::timeout(PUTTING_IN_ORDER, housekeeping::recover(&glance, machine.as_ref())).await;
    let duties = [
        tokio::spawn(housekeeping::keep_recovering(glance.clone(), machine)),
        tokio::spawn(housekeeping::follow_policy(glance, policy, log)),
        tokio::spawn(housekeeping::follow_users(identity)),
    ];
    greet(settings, address);
    info!(%address, version = env!("CARGO_PKG_VERSION"), "serving the Image API");
    serve_router(listener, router, settings).await?;
    duties.iter().for_each(tokio::task::JoinHandle::abort);
    info!("stopped");
    Ok(())
}

async fn serve_router(listener: TcpListener, router: Router, settings: &Settings) -> Result<(), StartError> {
    let stop = async {
        http::termination().await;
        info!("told to stop: no new connections, transfers under way go on; a second signal ends them");
    };
    http::serve_until(listener, router, http_options(settings), stop, http::termination())
        .await
        .map_err(StartError::failed("serving"))
}

/// The database that the settings name, which is made where there is none.
///
/// # Errors
///
/// [`StartError`] naming what is wrong with it.
pub fn open_database(settings: &Settings) -> Result<Arc<dyn Database>, StartError> {
    database::open(&settings.database, settings.default.metadata_encryption_key.as_ref())
}

/// The registry that the settings describe, with the default policy.
fn glance(settings: &Settings, machine: Option<&Machine>) -> Result<Glance, StartError> {
    let database = open_database(settings)?;
    let mut builder =
        Glance::builder(database, stores::open(&settings.stores, &settings.outbound)?).settings(rules(settings)?);
    if let Some(name) = machine.and_then(Machine::name_of_this_process) {
        builder = builder.process(name);
    }
    Ok(builder.build())
}

fn rules(settings: &Settings) -> Result<Rules, StartError> {
    let default = &settings.default;
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Ok(Rules {
        formats: Formats {
            disk: settings.image_format.disk_formats.clone(),
            container: settings.image_format.container_formats.clone(),
        },
        hashing_algorithm: default.hashing_algorithm.parse().map_err(StartError::option("hashing_algorithm"))?,
        image_size_cap: default.image_size_cap,
        user_storage_quota: default.user_storage_quota,
        image_member_quota: default.image_member_quota,
        image_property_quota: default.image_property_quota,
        image_tag_quota: default.image_tag_quota,
        image_location_quota: default.image_location_quota,
        limit_param_default: number(default.limit_param_default),
        api_limit_max: number(default.api_limit_max),
        show_multiple_locations: default.show_multiple_locations,
        delayed_delete: default.delayed_delete,
        inspection: Arc::new(FormatInspection::new(settings.image_format.rules())),
        ..Rules::default()
    })
}

fn api_options(settings: &Settings) -> Result<ApiOptions, StartError> {
    let default = &settings.default;
    let wants = |filter| settings.paste.filters.contains(&filter);
    Ok(ApiOptions {
        identity: identity(settings)?,
        public_endpoint: default.public_endpoint.clone(),
        max_request_id_length: default.max_request_id_length,
        max_json_body: settings.glance_rs.limits.max_json_body,
        show_image_direct_url: default.show_image_direct_url,
        import_methods: default.enabled_import_methods.clone(),
        has_cache: default.image_cache_dir.is_some(),
        proxy_headers: settings.proxy_headers.enabled && wants(Filter::HttpProxyToWsgi),
        cors: if wants(Filter::Cors) { settings.cors.clone() } else { Vec::new() },
        healthcheck: healthcheck(settings),
        custom_properties: settings.schema_image.as_deref().map(custom_properties).transpose()?,
    })
}

fn identity(settings: &Settings) -> Result<Identity, StartError> {
    let auth = &settings.glance_rs.auth;
    Ok(match auth.mode {
        AuthMode::None => Identity::None {
            project: PROJECT.to_owned(),
            names: (!auth.allow_unauthenticated_remote).then(|| names(settings)),
        },
        AuthMode::TrustedHeaders => Identity::TrustedHeaders(TrustedHeaders {
            peers: auth.trusted_peers.clone(),
            allow_anonymous: settings.default.allow_anonymous_access,
        }),
        AuthMode::Fake => Identity::Fake { allow_anonymous: settings.default.allow_anonymous_access },
        AuthMode::HttpBasic => {
            let users = BasicAuth::open(auth.user_files.clone());
            Identity::Basic(Arc::new(users.map_err(StartError::option("auth_mode"))?))
        }
        AuthMode::Keystone => Identity::Keystone(Arc::new(keystone::open(settings)?)),
    })
}

/// The names an operator gave the server.
fn names(settings: &Settings) -> Vec<String> {
    let endpoint = settings.default.public_endpoint.as_deref().and_then(|url| url.parse::<::http::Uri>().ok());
    let public = endpoint.and_then(|url| url.host().map(str::to_owned));
    public.into_iter().chain([settings.default.bind.host.clone()]).collect()
}

fn healthcheck(settings: &Settings) -> Healthcheck {
    let healthcheck = &settings.healthcheck;
    let looks_at = |backend| healthcheck.backends.contains(&backend);
    let disabled_by = healthcheck.disable_by_file_path.clone();
    let by_port = healthcheck.disable_by_file_paths.iter().find(|(port, _)| *port == settings.default.bind.port);
    let by_port = by_port.map(|(_, path)| path.clone()).filter(|_| looks_at(HealthcheckBackend::DisableByFilesPorts));
    Healthcheck {
        disabled_by: disabled_by
            .filter(|_| looks_at(HealthcheckBackend::DisableByFile))
            .into_iter()
            .chain(by_port)
            .collect(),
        enabled_by: healthcheck
            .enable_by_file_paths
            .iter()
            .filter(|_| looks_at(HealthcheckBackend::EnableByFiles))
            .cloned()
            .collect(),
        detailed: healthcheck.detailed,
        allowed_sources: healthcheck.allowed_source_ranges.clone(),
        ignore_proxied: healthcheck.ignore_proxied_requests,
    }
}

fn custom_properties(file: &std::path::Path) -> Result<serde_json::Map<String, serde_json::Value>, StartError> {
    let text = std::fs::read(file).map_err(StartError::file(file))?;
    serde_json::from_slice(&text).map_err(StartError::file(file))
}

fn http_options(settings: &Settings) -> HttpOptions {
    let limits = &settings.glance_rs.limits;
    let default = &settings.default;
    HttpOptions {
        max_connections: limits.max_connections,
        tcp_keepidle: Some(Duration::from_secs(default.tcp_keepidle)).filter(|idle| !idle.is_zero()),
        header_timeout: Duration::from_secs(limits.header_timeout),
        keepalive_timeout: Duration::from_secs(limits.idle_timeout),
        idle_timeout: default.client_socket_timeout.map_or(FOR_EVER, Duration::from_secs),
        keepalive: default.http_keepalive,
        max_header_line: default.max_header_line,
        ..HttpOptions::default()
    }
}

/// Listens on the first address that the configured name stands for.
async fn listen(settings: &Settings) -> Result<TcpListener, StartError> {
    let bind = &settings.default.bind;
    let refused = |cause: io::Error| StartError::Listen { bind: bind.to_string(), cause };
    #[expect(clippy::disallowed_methods, reason = "to listen, not to connect")]
    let mut addresses = tokio::net::lookup_host((bind.host.as_str(), bind.port)).await.map_err(refused)?;
    let address = addresses.next().ok_or_else(|| refused(io::ErrorKind::AddrNotAvailable.into()))?;
    let auth = &settings.glance_rs.auth;
    // The configuration was judged by the name alone, which the resolver may have had its own idea of.
    if auth.confined && !address.ip().to_canonical().is_loopback() {
        return Err(StartError::Unauthenticated(address));
    }
    http::bind(address, settings.default.backlog).map_err(refused)
}

fn greet(settings: &Settings, address: SocketAddr) {
    // Nobody may be looking, which is no reason not to serve.
    let _ = writeln!(io::stdout().lock(), "{}", banner::Banner { settings, address });
}

#[cfg(test)]
mod tests;
