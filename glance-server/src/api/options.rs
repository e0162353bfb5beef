//! What an operator decides about the API itself.

use super::Healthcheck;
use crate::auth::Identity;
use crate::config::CorsSettings;
use crate::metrics::Metrics;

/// What an operator decides about the API itself; what images may do is in
/// [`glance_core::catalogue::Settings`].
#[derive(Debug, Clone)]
pub struct ApiOptions {
    /// How callers are known.
    pub identity: Identity,
    /// The base URL that the versions document shows (`public_endpoint`); `None`: what the client
    /// used.
    pub public_endpoint: Option<String>,
    /// The longest request id a client may choose, in bytes (`max_request_id_length`); `None`: any.
    pub max_request_id_length: Option<usize>,
    /// The longest JSON body, in bytes.
    pub max_json_body: usize,
    /// Whether images show the address of their data (`show_image_direct_url`).
    pub show_image_direct_url: bool,
    /// What `/v2/info/import` and new images name (`enabled_import_methods`).
    pub import_methods: Vec<String>,
    /// Whether the versions document announces the cache (`image_cache_dir`).
    pub has_cache: bool,
    /// Whether `X-Forwarded-*` and `Forwarded` count (`enable_proxy_headers_parsing`).
    pub proxy_headers: bool,
    /// Which web pages may call the API (`[cors]`).
    pub cors: Vec<CorsSettings>,
    /// What `/healthcheck` looks at; `None`: it is a path as any other.
    pub healthcheck: Option<Healthcheck>,
    /// Which filters stand before the API.
    pub pipeline: Pipeline,
    /// What is counted. By default nobody looks at it.
    pub metrics: Metrics,
}

/// Which filters of a paste pipeline stand before the API, of those that have no settings here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pipeline {
    /// `cors`: whether `OPTIONS` is answered at all, and pages that `[cors]` lists are told that they may read.
    pub cors: bool,
    /// `versionnegotiation`: whether `/v2.3/…`, `/versions` and versions in `Accept` mean anything, and unknown
    /// versions are answered before anybody is asked who they are.
    pub version_negotiation: bool,
    /// `gzip`: whether JSON is compressed for clients that take it.
    pub gzip: bool,
}

impl Default for Pipeline {
    /// That of the pipelines that Glance comes with.
    fn default() -> Self {
        Self { cors: true, version_negotiation: true, gzip: false }
    }
}

impl Default for ApiOptions {
    fn default() -> Self {
        Self {
            identity: Identity::default(),
            public_endpoint: None,
            max_request_id_length: Some(64),
            max_json_body: 1 << 20,
            show_image_direct_url: false,
            import_methods: Vec::new(),
            has_cache: false,
            proxy_headers: false,
            cors: Vec::new(),
            healthcheck: Some(Healthcheck::default()),
            pipeline: Pipeline::default(),
            metrics: Metrics::default(),
        }
    }
}
