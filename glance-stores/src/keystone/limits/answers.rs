//! What Keystone says of limits, as its identity API v3 writes it.

use serde::Deserialize;

/// `GET /limits/model`.
#[derive(Debug, Deserialize)]
pub(super) struct Modelled {
    pub(super) model: Model,
}

/// How limits of projects go together.
#[derive(Debug, Deserialize)]
pub(super) struct Model {
    pub(super) name: String,
}

/// `GET /endpoints/{id}`.
#[derive(Debug, Deserialize)]
pub(super) struct OneEndpoint {
    pub(super) endpoint: Endpoint,
}

/// `GET /endpoints`.
#[derive(Debug, Deserialize)]
pub(super) struct Endpoints {
    pub(super) endpoints: Vec<Endpoint>,
}

/// Where a service is; all that matters here is of which service, and in which region.
#[derive(Debug, Deserialize)]
pub(super) struct Endpoint {
    pub(super) service_id: String,
    pub(super) region_id: Option<String>,
}

/// `GET /services`.
#[derive(Debug, Deserialize)]
pub(super) struct Services {
    pub(super) services: Vec<Service>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Service {
    pub(super) id: String,
}

/// `GET /registered_limits`.
#[derive(Debug, Deserialize)]
pub(super) struct RegisteredLimits {
    pub(super) registered_limits: Vec<RegisteredLimit>,
    #[serde(default)]
    pub(super) truncated: bool,
}

/// What every project may hold of something unless a limit of its own says otherwise.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct RegisteredLimit {
    pub(super) service_id: String,
    pub(super) region_id: Option<String>,
    pub(super) resource_name: String,
    pub(super) default_limit: i64,
}

/// `GET /limits`.
#[derive(Debug, Deserialize)]
pub(super) struct OwnLimits {
    pub(super) limits: Vec<OwnLimit>,
    #[serde(default)]
    pub(super) truncated: bool,
}

/// What one project may hold of something.
#[derive(Debug, Deserialize)]
pub(super) struct OwnLimit {
    pub(super) service_id: String,
    pub(super) region_id: Option<String>,
    pub(super) project_id: Option<String>,
    pub(super) resource_name: String,
    pub(super) resource_limit: i64,
}
