//! Unified limits: what Keystone says that projects may hold, read as `oslo.limit` reads it.
//!
//! A limit of the project comes before the registered one of the service; what is not registered is 0.

mod answers;
mod asking;
mod kept;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use glance_core::limits::{Limits, LimitsError, ProjectLimits, Resource};

use self::answers::{Endpoint, Endpoints, Modelled, OneEndpoint, OwnLimits, RegisteredLimits, Services};
use self::asking::Asking;
use self::kept::Kept;
use super::credentials::Login;
use super::error::KeystoneError;
use crate::outbound::{Client, OperatorUrl};

/// Projects whose limits are remembered at most.
const PROJECTS: usize = 4096;

/// How Keystone is asked about limits.
#[derive(Debug, Clone)]
pub struct LimitsConfig {
    /// The account that asks. Keystone tells the limits of all projects to accounts whose scope is the system alone.
    pub login: Login,
    /// Where it asks, with `/v3` at its end or without; `None`: where Keystone's catalogue says.
    pub address: Option<OperatorUrl>,
    /// The interfaces looked for in that catalogue, the best first (`public`). Where it has none of them, the address
    /// of the login is asked.
    pub interfaces: Vec<String>,
    /// The region of that endpoint; `None`: any.
    pub region: Option<String>,
    /// The service that limits are registered for.
    pub service: LimitedService,
    /// How often a question is asked again while Keystone cannot be reached or is overloaded.
    pub retries: u32,
    /// How long finding out the limits of a project may take, with all attempts.
    pub patience: Duration,
    /// How long an answer counts.
    pub counts_for: Duration,
}

/// How Keystone knows a service and its region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitedService {
    /// By the id of one of its endpoints.
    Endpoint(String),
    /// As the only endpoint that fits.
    Found {
        /// The service's type (`image`); `None`: any.
        kind: Option<String>,
        /// The service's name; `None`: any.
        name: Option<String>,
        /// The endpoint's region; `None`: any.
        region: Option<String>,
        /// The endpoint's interface: `public`, `internal` or `admin`.
        interface: String,
    },
}

/// The limits that Keystone has of projects.
#[derive(Debug)]
pub struct KeystoneLimits {
    asking: Asking,
    config: LimitsConfig,
    registered: Kept<Arc<Registered>>,
    projects: Mutex<HashMap<String, Arc<Kept<ProjectLimits>>>>,
}

/// What is registered for the service.
#[derive(Debug)]
struct Registered {
    service: Endpoint,
    limits: HashMap<String, i64>,
}

impl KeystoneLimits {
    /// The limits that Keystone has, as `config` says. Nothing is asked yet.
    #[must_use]
    pub fn new(http: Client, config: LimitsConfig) -> Self {
        Self { asking: Asking::new(http, &config), config, registered: Kept::default(), projects: Mutex::default() }
    }

    async fn ask(&self, project: &str) -> Result<ProjectLimits, Arc<KeystoneError>> {
        let registered = self.registered.get(self.config.counts_for, || self.ask_registered()).await?;
        let mut query = registered.service.query();
        query.push(("project_id", project));
        let told: OwnLimits = self.list(&["limits"], &query).await?;
        if told.truncated {
            return Err(unsuitable("it does not list all limits of a project ([unified_limit] list_limit)"));
        }
        let is_meant = |service_id: &String, region_id: &Option<String>| {
            *service_id == registered.service.service_id && *region_id == registered.service.region_id
        };
        let own = told.limits.into_iter().filter(|limit| {
            limit.project_id.as_deref() == Some(project) && is_meant(&limit.service_id, &limit.region_id)
        });
        let own: HashMap<String, i64> = own.map(|limit| (limit.resource_name, limit.resource_limit)).collect();
        Ok(together(&own, &registered.limits))
    }

    async fn ask_registered(&self) -> Result<Arc<Registered>, Arc<KeystoneError>> {
        let model: Modelled = self.list(&["limits", "model"], &[]).await?;
        // In other models, what a project may hold depends on what others hold, which nobody here can count.
        if model.model.name != "flat" {
            return Err(unsuitable(format!("its enforcement model is {:?}, not \"flat\"", model.model.name)));
        }
        let service = self.find_service().await?;
        let told: RegisteredLimits = self.list(&["registered_limits"], &service.query()).await?;
        if told.truncated {
            return Err(unsuitable("it does not list all registered limits ([unified_limit] list_limit)"));
        }
        let is_meant = |limit: &answers::RegisteredLimit| {
            limit.service_id == service.service_id && limit.region_id == service.region_id
        };
        let limits = told.registered_limits.into_iter().filter(is_meant);
        let limits: HashMap<String, i64> = limits.map(|limit| (limit.resource_name, limit.default_limit)).collect();
        for resource in Resource::ALL.iter().filter(|resource| !limits.contains_key(resource.as_str())) {
            tracing::warn!(%resource, service = service.service_id, "no limit is registered in Keystone, which counts as 0");
        }
        Ok(Arc::new(Registered { service, limits }))
    }

    async fn find_service(&self) -> Result<Endpoint, Arc<KeystoneError>> {
        match &self.config.service {
            LimitedService::Endpoint(id) => {
                let found: Option<OneEndpoint> = self.asking.get(&self.config, &["endpoints", id], &[]).await?;
                found.map(|found| found.endpoint).ok_or_else(|| unsuitable(format!("it has no endpoint {id}")))
            }
            LimitedService::Found { kind, name, region, interface } => {
                let given = |name, value: &'_ Option<String>| value.clone().map(|value| (name, value));
                let query: Vec<_> = given("type", kind).into_iter().chain(given("name", name)).collect();
                let told: Services = self.list(&["services"], &borrowed(&query)).await?;
                let service = only(told.services, "service of the configured type and name")?;
                let mut query = vec![("service_id", service.id), ("interface", interface.clone())];
                query.extend(given("region_id", region));
                let told: Endpoints = self.list(&["endpoints"], &borrowed(&query)).await?;
                only(told.endpoints, "endpoint of the configured service, interface and region")
            }
        }
    }

    async fn list<T: serde::de::DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, Arc<KeystoneError>> {
        let told = self.asking.get(&self.config, path, query).await?;
        told.ok_or_else(|| unsuitable("it knows no limits: its API is too old, or its address is another"))
    }

    /// What is remembered of a project.
    fn kept_of(&self, project: &str) -> Arc<Kept<ProjectLimits>> {
        let mut projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = projects.get(project) {
            return Arc::clone(kept);
        }
        if projects.len() >= PROJECTS {
            projects.retain(|_, kept| !kept.is_stale(self.config.counts_for));
        }
        let kept = Arc::<Kept<_>>::default();
        // Of more projects at once than that, some are asked for each time.
        if projects.len() < PROJECTS {
            projects.insert(project.to_owned(), Arc::clone(&kept));
        }
        kept
    }
}

#[async_trait]
impl Limits for KeystoneLimits {
    async fn of(&self, project: &str) -> Result<ProjectLimits, LimitsError> {
        let ask = || async {
            let asked = tokio::time::timeout(self.config.patience, self.ask(project)).await;
            asked.unwrap_or_else(|_| Err(Arc::new(KeystoneError::TooSlow)))
        };
        self.kept_of(project).get(self.config.counts_for, ask).await.map_err(|error| {
            if error.is_outage() { LimitsError::Unavailable(error.into()) } else { LimitsError::Failed(error.into()) }
        })
    }
}

impl Endpoint {
    fn query(&self) -> Vec<(&str, &str)> {
        let region = self.region_id.as_deref().map(|region| ("region_id", region));
        [("service_id", self.service_id.as_str())].into_iter().chain(region).collect()
    }
}

/// The limits of a project, those of its own before those of all.
fn together(own: &HashMap<String, i64>, registered: &HashMap<String, i64>) -> ProjectLimits {
    let of = |resource: Resource| {
        let name = resource.as_str();
        match own.get(name).or_else(|| registered.get(name)).copied().unwrap_or(0) {
            // As Keystone documents it; oslo.limit takes it for less than nothing.
            -1 => None,
            limit => {
                let limit = u64::try_from(limit).unwrap_or(0);
                Some(if resource.is_bytes() { limit.saturating_mul(1 << 20) } else { limit })
            }
        }
    };
    ProjectLimits {
        image_size_total: of(Resource::ImageSizeTotal),
        image_stage_total: of(Resource::ImageStageTotal),
        image_count_total: of(Resource::ImageCountTotal),
        image_count_uploading: of(Resource::ImageCountUploading),
    }
}

fn borrowed<'a>(query: &'a [(&'a str, String)]) -> Vec<(&'a str, &'a str)> {
    query.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// The one thing there is.
fn only<T>(mut found: Vec<T>, what: &str) -> Result<T, Arc<KeystoneError>> {
    match (found.pop(), found.len()) {
        (Some(only), 0) => Ok(only),
        (None, _) => Err(unsuitable(format!("it has no {what}"))),
        (Some(_), more) => {
            Err(unsuitable(format!("it has {} times a {what}: [oslo_limit] endpoint_id says which", more + 1)))
        }
    }
}

fn unsuitable(why: impl Into<String>) -> Arc<KeystoneError> {
    Arc::new(KeystoneError::Unsuitable(why.into()))
}
