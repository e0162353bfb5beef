//! A server put together from its settings, and run until it is told to stop.

mod banner;
mod database;
mod error;
mod housekeeping;
mod keystone;
mod listen;
mod logging;
mod metrics;
mod notifications;
mod notify;
mod object_stores;
pub(crate) mod policy;
mod stores;
mod swift;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use glance_core::Glance;
use glance_core::catalogue::Settings as Rules;
use glance_core::database::Database;
use glance_core::events::Notifier;
use glance_core::image::inspect::FormatInspection;
use glance_core::image::{CustomProperties, Formats};
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::api::{self, ApiOptions, Healthcheck, Pipeline};
use crate::auth::{BasicAuth, Identity, TrustedHeaders};
use crate::config::{AuthMode, Filter, Finding, HealthcheckBackend, HealthcheckPlace, Loaded, Settings};
use crate::http::{self, HttpOptions, Tls};
use crate::metrics::{Metrics, Sources};
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

/// What would keep [`run`] from serving, or from using a store, as far as it shows without connecting anywhere, without
/// making or changing a file, and without the database.
#[must_use]
pub fn check(settings: &Settings) -> Vec<StartError> {
    let policy = policy::Files::of(settings).load();
    let rules = rules(settings).and_then(|rules| Ok(api::check(&rules)?));
    let limits = settings.oslo_limit.as_ref().and_then(|limits| keystone::limits(limits).err());
    let brokers = notifications::check(&settings.notifications).err();
    let others = [policy.err(), rules.err(), api_options(settings).err(), tls(settings).err(), limits, brokers];
    let stores = stores::refusals(&settings.stores).chain(stores::faults(&settings.stores, &settings.outbound));
    stores.chain(others.into_iter().flatten()).collect()
}

/// What [`run`] warns of beside what reading the configuration found: rules in the policy files, and stores.
#[must_use]
pub fn warnings(settings: &Settings) -> Vec<Finding> {
    let rules = policy::Files::of(settings).load().map(|loaded| loaded.findings).unwrap_or_default();
    rules.into_iter().chain(stores::warnings(&settings.stores)).collect()
}

/// How long what other processes left is put in order before anybody is served.
const PUTTING_IN_ORDER: Duration = Duration::from_secs(10);

async fn serve(settings: &Settings, warnings: &[Finding], log: logging::Log) -> Result<(), StartError> {
    for finding in warnings.iter().cloned().chain(stores::warnings(&settings.stores)) {
        warn!("{finding}");
    }
    // From here on the signal waits until somebody has time for it.
    let [hangups, of_certificate] = [(); 2].map(|()| housekeeping::Hangups::listen());
    let machine = Machine::this();
    let mut policy = policy::Files::of(settings);
    let metrics = Metrics::default();
    let opened = database::open(&settings.database, settings.default.metadata_encryption_key.as_ref())?;
    let outlets = notifications::open(&settings.notifications)?;
    let glance = glance(settings, opened.database, machine.as_ref(), &metrics, outlets.notifier())?;
    policy.load_and_tell()?.put_in_force(&glance);
    let options = ApiOptions { metrics: metrics.clone(), ..api_options(settings)? };
    let tls = tls(settings)?;
    let identity = options.identity.clone();
    let router = api::router(glance.clone(), options)?;
    let listener = listen::for_clients(settings).await?;
    let address = listener.local_addr().map_err(StartError::failed("finding the address"))?;
    let exposition = match &settings.glance_rs.metrics_bind {
        Some(bind) => {
            let (glance, identity) = (glance.clone(), identity.clone());
            let sources =
                Sources { glance, database: Some(opened.usage), identity, brokers: outlets.brokers().to_vec() };
            Some(metrics::show(bind, metrics.registry(sources)).await?)
        }
        None => None,
    };
    // A store that hangs keeps nobody from being served: what is left is looked at again and again.
    let _ = tokio::time::timeout(PUTTING_IN_ORDER, housekeeping::recover(&glance, machine.as_ref())).await;
    let duties = [
        tokio::spawn(housekeeping::keep_recovering(glance.clone(), machine)),
        tokio::spawn(housekeeping::follow_policy(glance, policy, log, hangups)),
        tokio::spawn(housekeeping::follow_users(identity)),
        tokio::spawn(housekeeping::follow_certificate(tls.clone(), of_certificate)),
    ];
    greet(settings, address);
    info!(%address, version = env!("CARGO_PKG_VERSION"), "serving the Image API");
    notify::tell(notify::READY);
    serve_router(listener, router, HttpOptions { tls, ..http_options(settings, &metrics) }).await?;
    duties.iter().for_each(tokio::task::JoinHandle::abort);
    if let Some(exposition) = exposition {
        exposition.end().await;
    }
    outlets.close().await;
    info!("stopped");
    Ok(())
}

async fn serve_router(listener: TcpListener, router: Router, options: HttpOptions) -> Result<(), StartError> {
    let stop = async {
        http::termination().await;
        notify::tell(notify::STOPPING);
        info!("told to stop: no new connections, transfers under way go on; a second signal ends them");
    };
    http::serve_until(listener, router, options, stop, http::termination()).await.map_err(StartError::failed("serving"))
}

/// The database that the settings name, which is made where there is none.
///
/// # Errors
///
/// [`StartError`] naming what is wrong with it.
pub fn open_database(settings: &Settings) -> Result<Arc<dyn Database>, StartError> {
    Ok(database::open(&settings.database, settings.default.metadata_encryption_key.as_ref())?.database)
}

/// The registry that the settings describe, with the default policy.
fn glance(
    settings: &Settings,
    database: Arc<dyn Database>,
    machine: Option<&Machine>,
    metrics: &Metrics,
    notifier: Option<Arc<dyn Notifier>>,
) -> Result<Glance, StartError> {
    let stores = metrics.metered(stores::open(&settings.stores, &settings.outbound)?);
    let mut builder = Glance::builder(database, stores).settings(rules(settings)?);
    if let Some(limits) = &settings.oslo_limit {
        builder = builder.limits(Arc::new(keystone::limits(limits)?));
    }
    if let Some(name) = machine.and_then(Machine::name_of_this_process) {
        builder = builder.process(name);
    }
    if let Some(notifier) = notifier {
        builder = builder.notifier(notifier);
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
        custom_properties: settings.schema_image.as_deref().map(custom_properties).transpose()?.map(Arc::new),
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
        do_secure_hash: default.do_secure_hash,
        http_retries: default.http_retries,
        delayed_delete: default.delayed_delete,
        disabled_notifications: settings.notifications.disabled.clone(),
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
        pipeline: Pipeline {
            cors: wants(Filter::Cors),
            version_negotiation: wants(Filter::VersionNegotiation),
            gzip: wants(Filter::Gzip),
        },
        metrics: Metrics::default(),
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

fn healthcheck(settings: &Settings) -> Option<Healthcheck> {
    let place = settings.paste.healthcheck?;
    let healthcheck = &settings.healthcheck;
    let looks_at = |backend| healthcheck.backends.contains(&backend);
    let disabled_by = healthcheck.disable_by_file_path.clone();
    let by_port = healthcheck.disable_by_file_paths.iter().find(|(port, _)| *port == settings.default.bind.port);
    let by_port = by_port.map(|(_, path)| path.clone()).filter(|_| looks_at(HealthcheckBackend::DisableByFilesPorts));
    Some(Healthcheck {
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
        is_filter: place == HealthcheckPlace::Filter,
    })
}

fn custom_properties(file: &Path) -> Result<CustomProperties, StartError> {
    let text = std::fs::read(file).map_err(StartError::file(file))?;
    let definitions = serde_json::from_slice(&text).map_err(StartError::file(file))?;
    CustomProperties::parse(&definitions).map_err(StartError::file(file))
}

/// The certificate that the server shows; `None` for plain HTTP.
fn tls(settings: &Settings) -> Result<Option<Tls>, StartError> {
    let files = settings.tls.clone();
    Ok(files.map(Tls::open).transpose()?)
}

fn http_options(settings: &Settings, metrics: &Metrics) -> HttpOptions {
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
        figures: metrics.connections.clone(),
        ..HttpOptions::default()
    }
}

fn greet(settings: &Settings, address: SocketAddr) {
    // Nobody may be looking, which is no reason not to serve.
    let _ = writeln!(io::stdout().lock(), "{}", banner::Banner { settings, address });
}

#[cfg(test)]
mod tests;
