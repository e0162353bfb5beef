//! `[paste_deploy]` and the paste file: which filters stand before the API.
//!
//! Glance puts its pipeline together from a file. This server has its filters built in; the file is
//! read as far as it says which of them are wanted and in which order.

mod filter;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::error::ConfigError;
use crate::config::finding::{Finding, Origin};
use crate::config::ini::{Assignment, Document};
use crate::config::layers::document;
use crate::config::options::HEALTHCHECK;
use crate::config::resolve::Resolved;
use crate::config::sources::ConfigFiles;

pub use filter::Filter;
use filter::{by_factory, by_name};

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
    /// Where the health check answers; `None`: nowhere.
    pub healthcheck: Option<HealthcheckPlace>,
    /// Settings of the paste file's health check.
    healthcheck_settings: Vec<Given>,
    /// Settings of the paste file's token filter.
    authtoken: Vec<Given>,
}

/// Where the health check answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthcheckPlace {
    /// As an application beside the pipeline: `/healthcheck` and everything below.
    Beside,
    /// As a filter of the pipeline, as older paste files have it: `/healthcheck` alone.
    Filter,
}

/// A setting of the paste file.
#[derive(Clone)]
struct Given {
    name: String,
    value: String,
    /// Where it stands; `None` for one of Glance's own paste file.
    place: Option<Origin>,
}

impl Given {
    fn built_in(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned(), place: None }
    }
}

/// What is wrong with the pipeline, and where that shows.
struct Wrong {
    must: String,
    place: Option<Origin>,
}

impl From<String> for Wrong {
    fn from(must: String) -> Self {
        Self { must, place: None }
    }
}

impl PasteSettings {
    /// Reads the paste file that the options lead to.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the file cannot be read; whatever is wrong inside is noted in
    /// `options`.
    pub(super) fn from(
        options: &Resolved,
        files: &ConfigFiles,
        warnings: &mut Vec<Finding>,
    ) -> Result<Self, ConfigError> {
        let mut settings = Self {
            flavor: options.text(SECTION, "flavor"),
            config_file: config_file(options, files),
            filters: Vec::new(),
            healthcheck: Some(HealthcheckPlace::Beside),
            healthcheck_settings: Vec::new(),
            authtoken: Vec::new(),
        };
        let key = settings.flavor.as_deref().unwrap_or("default").to_owned();
        let read = match &settings.config_file {
            Some(path) => PasteFile::read(path)?.pipeline(settings.flavor.as_deref(), &key),
            None => built_in(&key).map_err(Wrong::from).map(|filters| Pipeline {
                filters,
                healthcheck: Some(HealthcheckPlace::Beside),
                healthcheck_settings: own_healthcheck(),
                authtoken: vec![Given::built_in("delay_auth_decision", "true")],
            }),
        };
        match read {
            Ok(pipeline) => {
                settings.filters = pipeline.filters;
                settings.healthcheck = pipeline.healthcheck;
                settings.healthcheck_settings = pipeline.healthcheck_settings;
                settings.authtoken = pipeline.authtoken;
            }
            Err(Wrong { must, place }) => {
                options.refuse_at(place, SECTION, "flavor", must);
                // Whoever looks on should not find fault with the filters as well.
                settings.filters = vec![Filter::Context];
            }
        }
        warnings.extend(settings.healthcheck_settings.iter().filter_map(unknown));
        Ok(settings)
    }

    /// What the paste file sets for the health check.
    pub(super) fn healthcheck_setting(&self, option: &str) -> Option<&str> {
        last(&self.healthcheck_settings, option).map(|given| given.value.as_str())
    }

    /// Where it does.
    pub(in crate::config) fn healthcheck_place(&self, option: &str) -> Option<Origin> {
        last(&self.healthcheck_settings, option)?.place.clone()
    }

    /// What the paste file sets for the token filter.
    pub(super) fn authtoken(&self, option: &str) -> Option<&str> {
        last(&self.authtoken, option).map(|given| given.value.as_str())
    }

    /// Where it does.
    pub(super) fn authtoken_place(&self, option: &str) -> Option<Origin> {
        last(&self.authtoken, option)?.place.clone()
    }
}

fn last<'a>(settings: &'a [Given], option: &str) -> Option<&'a Given> {
    settings.iter().rfind(|given| given.name == option)
}

/// A warning about a setting of the health check that nobody knows.
fn unknown(given: &Given) -> Option<Finding> {
    /// What Paste and oslo.config themselves read there.
    const OF_LOADERS: [&str; 2] = ["use", "set"];
    let name = given.name.as_str();
    let of_loaders = OF_LOADERS.contains(&name) || name.starts_with("paste.") || name.starts_with("oslo_config_");
    let known = of_loaders || HEALTHCHECK.iter().any(|option| option.name == name);
    let message = format!("unknown option {name} of the health check has no effect");
    (!known).then(|| Finding::new(given.place.clone(), message))
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
fn own_healthcheck() -> Vec<Given> {
    vec![
        Given::built_in("backends", "disable_by_file"),
        Given::built_in("disable_by_file_path", "/etc/glance/healthcheck_disable"),
    ]
}

/// What a pipeline comes to.
struct Pipeline {
    filters: Vec<Filter>,
    healthcheck: Option<HealthcheckPlace>,
    healthcheck_settings: Vec<Given>,
    authtoken: Vec<Given>,
}

struct PasteFile {
    path: Arc<PathBuf>,
    document: Document,
    /// The folder it lies in, which `%(here)s` stands for.
    here: String,
}

impl PasteFile {
    fn read(path: &Path) -> Result<Self, ConfigError> {
        let here = path.parent().unwrap_or(Path::new("."));
        let here = std::path::absolute(here).unwrap_or_else(|_| here.to_owned());
        Ok(Self { path: Arc::new(path.to_owned()), document: document(path)?, here: here.display().to_string() })
    }

    /// The filters of `flavor`, whose key in a table of pipelines is `key`, and the settings of the
    /// health check.
    fn pipeline(&self, flavor: Option<&str>, key: &str) -> Result<Pipeline, Wrong> {
        let app = match flavor {
            Some(flavor) => format!("glance-api-{flavor}"),
            None => "glance-api".to_owned(),
        };
        let names = match self.get(&format!("pipeline:{app}"), "pipeline") {
            Some(names) => names,
            None => self.table_entry(&app, key)?,
        };
        let Given { value, place, .. } = names;
        let mut names: Vec<_> = value.split_whitespace().collect();
        // The last one is the application.
        names.pop();
        let filters: Result<Vec<_>, String> = names.iter().map(|name| self.filter(name)).collect();
        let filters = filters.map_err(|must| Wrong { must, place })?;
        let settings_of = |wanted| {
            let found = names.iter().zip(&filters).find(|(_, filter)| **filter == wanted);
            found.map(|(name, _)| self.all(&format!("filter:{name}")))
        };
        let authtoken = settings_of(Filter::AuthToken).unwrap_or_default();
        let (healthcheck, healthcheck_settings) =
            match (self.healthcheck_beside(&app), settings_of(Filter::Healthcheck)) {
                (Some(settings), _) => (Some(HealthcheckPlace::Beside), settings),
                (None, Some(settings)) => (Some(HealthcheckPlace::Filter), settings),
                (None, None) => (None, Vec::new()),
            };
        Ok(Pipeline { filters, healthcheck, healthcheck_settings, authtoken })
    }

    /// The settings of the health check that the composite application `app` mounts; `None` if it mounts none.
    fn healthcheck_beside(&self, app: &str) -> Option<Vec<Given>> {
        let mounted = self.get(&format!("composite:{app}"), "/healthcheck")?;
        Some(self.all(&format!("app:{}", mounted.value)))
    }

    /// The pipeline that the composite application `app` mounts at `/`.
    fn table_entry(&self, app: &str, key: &str) -> Result<Given, Wrong> {
        let composite = format!("composite:{app}");
        let table = self
            .get(&composite, "/")
            .ok_or_else(|| format!("needs [{composite}] with an entry for / in the paste file"))?;
        let section = format!("composite:{}", table.value);
        self.get(&section, key).ok_or_else(|| Wrong {
            must: format!("needs an entry {key} under [{section}] in the paste file"),
            place: table.place,
        })
    }

    fn filter(&self, name: &str) -> Result<Filter, String> {
        let section = format!("filter:{name}");
        let factory = self.get(&section, "paste.filter_factory").map(|given| given.value);
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

    fn get(&self, section: &str, key: &str) -> Option<Given> {
        let found = self.document.assignments.iter().rfind(|a| a.section.trim() == section && a.key == key)?;
        Some(self.given(found))
    }

    fn all(&self, section: &str) -> Vec<Given> {
        let all = self.document.assignments.iter();
        all.filter(|a| a.section.trim() == section).map(|assignment| self.given(assignment)).collect()
    }

    fn given(&self, Assignment { key, value, line, .. }: &Assignment) -> Given {
        let value = value.replace("%(here)s", &self.here).trim().to_owned();
        Given { name: key.clone(), value, place: Some(Origin::File { path: Arc::clone(&self.path), line: *line }) }
    }
}

#[cfg(test)]
mod tests;
