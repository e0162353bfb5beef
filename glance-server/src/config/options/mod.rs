//! Every option of Glance and its libraries that this server knows, section by section.

mod default;
mod known;
mod libraries;
mod services;
mod stores;

pub(in crate::config) use known::{Effect, Known};
pub(in crate::config) use libraries::HEALTHCHECK;
pub(in crate::config) use stores::{DRIVERS, driver};

/// A section of the configuration.
#[derive(Debug, Clone)]
pub(in crate::config) struct Section {
    /// The name, lower-case except for `DEFAULT`.
    pub(in crate::config) name: String,
    /// Tables of its options.
    pub(in crate::config) tables: Vec<&'static [Known]>,
    /// Whether options that stand in no table are welcome: the section belongs to a library whose
    /// tuning means nothing here.
    pub(in crate::config) open: bool,
    /// The section that gives values which this one leaves out.
    pub(in crate::config) fallback: Option<&'static str>,
    /// Options that the fallback section does not give.
    pub(in crate::config) own: &'static [&'static str],
}

impl Section {
    fn of(name: impl Into<String>, tables: &[&'static [Known]]) -> Self {
        Self { name: name.into(), tables: tables.to_vec(), open: false, fallback: None, own: &[] }
    }

    fn open(name: impl Into<String>, tables: &[&'static [Known]]) -> Self {
        Self { open: true, ..Self::of(name, tables) }
    }

    /// The section of a backend of `kind`.
    pub(in crate::config) fn backend(id: &str, kind: &str) -> Self {
        let options = driver(kind).unwrap_or_default();
        Self {
            fallback: Some("backend_defaults"),
            ..Self::of(super::layers::section_name(id), &[stores::BACKEND, options])
        }
    }

    /// A section for one of the stores that the server keeps for itself.
    pub(in crate::config) fn reserved(id: &str) -> Self {
        Self::of(id, &[stores::BACKEND, stores::FILE])
    }

    /// A further `[cors.<name>]`.
    pub(in crate::config) fn cors(name: &str) -> Self {
        Self { fallback: Some("cors"), own: &["allowed_origin"], ..Self::of(name, &[libraries::CORS]) }
    }

    /// The section that `auth_section` names.
    pub(in crate::config) fn auth(name: &str) -> Self {
        Self::open(super::layers::section_name(name), &[libraries::ACCOUNT, libraries::AUTHTOKEN])
    }

    /// Takes the options of `other` in, and its fallback.
    pub(super) fn absorb(&mut self, other: Self) {
        for table in other.tables {
            if !self.tables.iter().any(|known| std::ptr::eq(*known, table)) {
                self.tables.push(table);
            }
        }
        self.fallback = self.fallback.or(other.fallback);
    }

    /// The section that gives `option` when this one leaves it out.
    pub(in crate::config) fn fallback_for(&self, option: &str) -> Option<&'static str> {
        self.fallback.filter(|_| !self.own.contains(&option))
    }

    /// All options, in the order of the tables.
    pub(in crate::config) fn options(&self) -> impl Iterator<Item = &'static Known> + '_ {
        self.tables.iter().flat_map(|table| table.iter())
    }

    /// The option called `name` now.
    pub(in crate::config) fn option(&self, name: &str) -> Option<&'static Known> {
        self.options().find(|option| option.name == name)
    }
}

/// The sections that exist whatever is configured.
pub(in crate::config) fn sections() -> Vec<Section> {
    use libraries as lib;
    use services as svc;
    let all_drivers: Vec<_> = DRIVERS.iter().filter_map(|kind| driver(kind)).collect();
    let mut glance_store = vec![stores::COMMON];
    glance_store.extend(&all_drivers);
    let mut backend_defaults = vec![stores::BACKEND];
    backend_defaults.extend(&all_drivers);
    let default =
        [default::LISTENER, default::IMAGES, default::CACHE, default::MESSAGES, default::LOGGING, default::REMOVED];
    let mut sections = vec![
        Section::of("DEFAULT", &default),
        Section::of("image_format", &[svc::IMAGE_FORMAT]),
        Section::of("task", &[svc::TASK]),
        Section::of("taskflow_executor", &[svc::TASKFLOW]),
        Section::of("wsgi", &[svc::WSGI]),
        Section::of("image_import_opts", &[svc::IMPORT]),
        Section::of("import_filtering_opts", &[svc::IMPORT_FILTERING]),
        Section::of("image_conversion", &[svc::IMAGE_CONVERSION]),
        Section::of("inject_metadata_properties", &[svc::INJECT_METADATA]),
        Section::of("glance_download_properties", &[svc::GLANCE_DOWNLOAD]),
        Section::of("database", &[svc::DATABASE]),
        Section::of("paste_deploy", &[svc::PASTE_DEPLOY]),
        Section::of("glance_rs", &[svc::GLANCE_RS]),
        Section::of("glance_store", &glance_store),
        Section::of("backend_defaults", &backend_defaults),
        Section::of("oslo_policy", &[lib::POLICY]),
        Section::of("oslo_middleware", &[lib::MIDDLEWARE]),
        Section::of("cors", &[lib::CORS]),
        Section::of("healthcheck", &[lib::HEALTHCHECK]),
        Section::of("oslo_concurrency", &[lib::CONCURRENCY]),
        Section::of("oslo_messaging_notifications", &[lib::NOTIFICATIONS]),
        Section::open("oslo_messaging_rabbit", &[lib::RABBIT]),
        Section::open("keystone_authtoken", &[lib::ACCOUNT, lib::AUTHTOKEN]),
        Section::open("service_user", &[lib::ACCOUNT, lib::AUTHTOKEN]),
        Section::open("oslo_limit", &[lib::LIMIT, lib::ACCOUNT]),
    ];
    sections.extend(FOREIGN.iter().map(|name| Section::open(*name, &[])));
    sections
}

/// Sections of libraries that have no counterpart here, and of programs that Glance no longer has.
const FOREIGN: &[&str] = &[
    "barbican",
    "barbican_service_user",
    "cache",
    "key_manager",
    "vault",
    "matchmaker_redis",
    "oslo_messaging_amqp",
    "oslo_messaging_kafka",
    "oslo_messaging_metrics",
    "oslo_messaging_zmq",
    "oslo_reports",
    "oslo_versionedobjects",
    "privsep",
    "profiler",
    "profiler_jaeger",
    "profiler_otlp",
    "glance.store.http.store",
    "glance.store.rbd.store",
    "glance.store.s3.store",
    "glance.store.swift.store",
    "glance.store.vmware_datastore.store",
    "glance.store.cinder.store",
    "os_brick",
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_default_is_a_value_of_its_kind() {
        for section in sections() {
            for option in section.options() {
                if let Some(default) = option.default {
                    let read = option.kind.read(default);
                    assert!(read.is_ok(), "[{}] {}", section.name, option.name);
                }
            }
        }
    }

    #[test]
    fn no_option_stands_in_a_section_twice() {
        for section in sections() {
            let mut seen = HashSet::new();
            for option in section.options() {
                assert!(seen.insert(option.name), "[{}] {}", section.name, option.name);
            }
        }
    }

    #[test]
    fn what_sounds_like_a_secret_is_one() {
        let telling = ["password", "secret_key", "_secret", "access_key", "store_key"];
        for section in sections() {
            for option in section.options() {
                if telling.iter().any(|word| option.name.ends_with(word)) {
                    assert!(option.secret, "[{}] {}", section.name, option.name);
                }
            }
        }
    }
}
