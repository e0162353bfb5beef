//! `[paste_deploy]` and the paste file: which filters stand before the API.
//!
//! Glance puts its pipeline together from a file. This server has its filters built in; the file is
//! read as far as it says which of them are wanted and in which order.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::config::error::ConfigError;
use crate::config::ini::Document;
use crate::config::layers::document;
use crate::config::resolve::Resolved;
use crate::config::sources::ConfigFiles;

const SECTION: &str = "paste_deploy";

/// Options of `[paste_deploy]`, and what they lead to.
#[derive(Clone)]
pub struct PasteSettings {
    /// `flavor`: which pipeline; `None`: the default one, where everybody is administrator.
    pub flavor: Option<String>,
    /// `config_file`, or the file found beside the configuration; `None` when there is none and
    /// Glance's own pipelines apply.
    pub config_file: Option<PathBuf>,
    /// The filters of the pipeline, outermost first.
    pub filters: Vec<Filter>,
    /// Settings of the paste file's health check.
    healthcheck: Vec<(String, String)>,
    /// Settings of the paste file's token filter.
    authtoken: Vec<(String, String)>,
}

/// A filter that a pipeline may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Cross-origin requests.
    Cors,
    /// The headers of a proxy in front.
    HttpProxyToWsgi,
    /// The health check as a filter, as older paste files have it.
    Healthcheck,
    /// Versions in the path and in `Accept`.
    VersionNegotiation,
    /// Profiling: nothing here.
    Profiler,
    /// Request ids: every answer has one here.
    RequestId,
    /// Tokens, checked by Keystone.
    AuthToken,
    /// Tokens that say who sends them.
    FakeAuth,
    /// Identity headers.
    Context,
    /// Everybody is administrator.
    UnauthenticatedContext,
    /// Downloads from the cache.
    Cache,
    /// The old API of the cache.
    CacheManage,
    /// Compressed answers.
    Gzip,
}

impl PasteSettings {
    /// Reads the paste file that the options lead to.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the file cannot be read; whatever is wrong inside is noted in
    /// `options`.
    pub(super) fn from(options: &Resolved, files: &ConfigFiles) -> Result<Self, ConfigError> {
        let mut settings = Self {
            flavor: options.text(SECTION, "flavor"),
            config_file: config_file(options, files),
            filters: Vec::new(),
            healthcheck: Vec::new(),
            authtoken: Vec::new(),
        };
        let key = settings.flavor.as_deref().unwrap_or("default").to_owned();
        let read = match &settings.config_file {
            Some(path) => PasteFile::read(path)?.pipeline(settings.flavor.as_deref(), &key),
            None => built_in(&key).map(|filters| Pipeline {
                filters,
                healthcheck: own_healthcheck(),
                authtoken: vec![("delay_auth_decision".to_owned(), "true".to_owned())],
            }),
        };
        match read {
            Ok(pipeline) => {
                settings.filters = pipeline.filters;
                settings.healthcheck = pipeline.healthcheck;
                settings.authtoken = pipeline.authtoken;
            }
            Err(must) => {
                options.refuse(SECTION, "flavor", must);
                // Whoever looks on should not find fault with the filters as well.
                settings.filters = vec![Filter::Context];
            }
        }
        Ok(settings)
    }

    /// What the paste file sets for the health check.
    pub(super) fn healthcheck(&self, option: &str) -> Option<&str> {
        last(&self.healthcheck, option)
    }

    /// What the paste file sets for the token filter.
    pub(super) fn authtoken(&self, option: &str) -> Option<&str> {
        last(&self.authtoken, option)
    }
}

fn last<'a>(settings: &'a [(String, String)], option: &str) -> Option<&'a str> {
    settings.iter().rfind(|(name, _)| name == option).map(|(_, value)| value.as_str())
}

impl fmt::Debug for PasteSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What the token filter is told may be a password.
        f.debug_struct("PasteSettings")
            .field("flavor", &self.flavor)
            .field("config_file", &self.config_file)
            .field("filters", &self.filters)
            .finish_non_exhaustive()
    }
}

/// The paste file: the one named, else the one called like the configuration file.
fn config_file(options: &Resolved, files: &ConfigFiles) -> Option<PathBuf> {
    if let Some(name) = options.text(SECTION, "config_file") {
        // Glance takes a relative name from the working folder; next to the configuration is kinder.
        let path = files.find(&name).filter(|path| path.is_file());
        let path = path.or_else(|| Some(PathBuf::from(&name)).filter(|path| path.is_file()));
        if path.is_none() {
            options.refuse(SECTION, "config_file", format!("must exist: there is no file {name}"));
        }
        return path;
    }
    let main = files.main.as_deref().and_then(Path::file_name)?;
    let name = main.to_string_lossy().replace(".conf", "-paste.ini");
    files.find(name).filter(|path| path.is_file())
}

/// The pipelines of the paste file that Glance comes with.
fn built_in(flavor: &str) -> Result<Vec<Filter>, String> {
    use Filter::{AuthToken, Cache, CacheManage, Context, UnauthenticatedContext};
    let inner: &[Filter] = match flavor {
        "default" => &[UnauthenticatedContext],
        "caching" => &[UnauthenticatedContext, Cache],
        "cachemanagement" => &[UnauthenticatedContext, Cache, CacheManage],
        "keystone" => &[AuthToken, Context],
        "keystone+caching" => &[AuthToken, Context, Cache],
        "keystone+cachemanagement" => &[AuthToken, Context, Cache, CacheManage],
        other => {
            return Err(format!("is {other}, which is no pipeline of Glance, and no paste file was found"));
        }
    };
    let outer = [Filter::Cors, Filter::HttpProxyToWsgi, Filter::VersionNegotiation, Filter::Profiler];
    Ok(outer.iter().chain(inner).copied().collect())
}

/// How the paste file that Glance comes with sets the health check up.
fn own_healthcheck() -> Vec<(String, String)> {
    [("backends", "disable_by_file"), ("disable_by_file_path", "/etc/glance/healthcheck_disable")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

/// What a pipeline comes to.
struct Pipeline {
    filters: Vec<Filter>,
    healthcheck: Vec<(String, String)>,
    authtoken: Vec<(String, String)>,
}

struct PasteFile {
    document: Document,
    /// The folder it lies in, which `%(here)s` stands for.
    here: String,
}

impl PasteFile {
    fn read(path: &Path) -> Result<Self, ConfigError> {
        let here = path.parent().unwrap_or(Path::new("."));
        let here = std::path::absolute(here).unwrap_or_else(|_| here.to_owned());
        Ok(Self { document: document(path)?, here: here.display().to_string() })
    }

    /// The filters of `flavor`, whose key in a table of pipelines is `key`, and the settings of the
    /// health check.
    fn pipeline(&self, flavor: Option<&str>, key: &str) -> Result<Pipeline, String> {
        let app = match flavor {
            Some(flavor) => format!("glance-api-{flavor}"),
            None => "glance-api".to_owned(),
        };
        let names = match self.get(&format!("pipeline:{app}"), "pipeline") {
            Some(names) => names,
            None => self.table_entry(&app, key)?,
        };
        let mut names: Vec<_> = names.split_whitespace().collect();
        // The last one is the application.
        names.pop();
        let filters: Result<Vec<_>, _> = names.iter().map(|name| self.filter(name)).collect();
        let filters = filters?;
        let token_filter = names.iter().zip(&filters).find(|(_, filter)| **filter == Filter::AuthToken);
        let authtoken = token_filter.map(|(name, _)| self.all(&format!("filter:{name}"))).unwrap_or_default();
        Ok(Pipeline { filters, healthcheck: self.all("app:healthcheck"), authtoken })
    }

    /// The pipeline that the composite application `app` mounts at `/`.
    fn table_entry(&self, app: &str, key: &str) -> Result<String, String> {
        let composite = format!("composite:{app}");
        let table = self
            .get(&composite, "/")
            .ok_or_else(|| format!("needs [{composite}] with an entry for / in the paste file"))?;
        let table = format!("composite:{table}");
        self.get(&table, key).ok_or_else(|| format!("needs an entry {key} under [{table}] in the paste file"))
    }

    fn filter(&self, name: &str) -> Result<Filter, String> {
        let section = format!("filter:{name}");
        let factory = self.get(&section, "paste.filter_factory");
        let known = match &factory {
            Some(factory) => by_factory(factory),
            None => by_name(name),
        };
        known.ok_or_else(|| match factory {
            Some(factory) => {
                format!("leads to the filter {name} ({factory}), which is unknown here")
            }
            None => format!("leads to the filter {name}, which is unknown here"),
        })
    }

    fn get(&self, section: &str, key: &str) -> Option<String> {
        let found = self.document.assignments.iter().rfind(|a| a.section.trim() == section && a.key == key)?;
        Some(self.filled(&found.value))
    }

    fn all(&self, section: &str) -> Vec<(String, String)> {
        let all = self.document.assignments.iter();
        all.filter(|a| a.section.trim() == section).map(|a| (a.key.clone(), self.filled(&a.value))).collect()
    }

    fn filled(&self, value: &str) -> String {
        value.replace("%(here)s", &self.here).trim().to_owned()
    }
}

fn by_factory(factory: &str) -> Option<Filter> {
    Some(match factory {
        "oslo_middleware.cors:filter_factory" | "oslo_middleware:CORS.factory" => Filter::Cors,
        "oslo_middleware:HTTPProxyToWSGI.factory"
        | "oslo_middleware.http_proxy_to_wsgi:HTTPProxyToWSGI.factory"
        | "oslo_middleware:SSLMiddleware.factory" => Filter::HttpProxyToWsgi,
        "oslo_middleware:Healthcheck.factory" | "oslo_middleware.healthcheck:Healthcheck.factory" => {
            Filter::Healthcheck
        }
        "oslo_middleware:RequestId.factory" | "oslo_middleware.request_id:RequestId.factory" => Filter::RequestId,
        "osprofiler.web:WsgiMiddleware.factory" => Filter::Profiler,
        "keystonemiddleware.auth_token:filter_factory" => Filter::AuthToken,
        "glance.api.middleware.version_negotiation:VersionNegotiationFilter.factory" => Filter::VersionNegotiation,
        "glance.tests.utils:FakeAuthMiddleware.factory" => Filter::FakeAuth,
        "glance.api.middleware.context:ContextMiddleware.factory" => Filter::Context,
        "glance.api.middleware.context:UnauthenticatedContextMiddleware.factory" => Filter::UnauthenticatedContext,
        "glance.api.middleware.cache:CacheFilter.factory" => Filter::Cache,
        "glance.api.middleware.cache_manage:CacheManageFilter.factory" => Filter::CacheManage,
        "glance.api.middleware.gzip:GzipMiddleware.factory" => Filter::Gzip,
        _ => return None,
    })
}

fn by_name(name: &str) -> Option<Filter> {
    Some(match name {
        "cors" => Filter::Cors,
        "http_proxy_to_wsgi" => Filter::HttpProxyToWsgi,
        "healthcheck" => Filter::Healthcheck,
        "request_id" => Filter::RequestId,
        "osprofiler" => Filter::Profiler,
        "authtoken" => Filter::AuthToken,
        "versionnegotiation" => Filter::VersionNegotiation,
        "fakeauth" => Filter::FakeAuth,
        "context" => Filter::Context,
        "unauthenticated-context" => Filter::UnauthenticatedContext,
        "cache" => Filter::Cache,
        "cachemanage" => Filter::CacheManage,
        "gzip" => Filter::Gzip,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
