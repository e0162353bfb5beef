//! `[cors]`, `[healthcheck]` and `[oslo_middleware]`: what happens around every request.

use std::path::PathBuf;

use super::paste::PasteSettings;
use crate::config::Network;
use crate::config::resolve::Resolved;

/// `[cors]` or one `[cors.<name>]`: pages of these origins may call the API.
#[derive(Debug, Clone)]
pub struct CorsSettings {
    /// `allowed_origin`: at least one; `*` stands for any.
    pub allowed_origin: Vec<String>,
    /// `allow_credentials` (true).
    pub allow_credentials: bool,
    /// `expose_headers`.
    pub expose_headers: Vec<String>,
    /// `max_age`: seconds a browser may remember the answer (3600).
    pub max_age: u64,
    /// `allow_methods`.
    pub allow_methods: Vec<String>,
    /// `allow_headers`.
    pub allow_headers: Vec<String>,
}

impl CorsSettings {
    /// The sections that name an origin, `[cors]` first.
    pub(super) fn all(options: &Resolved) -> Vec<Self> {
        options
            .sections
            .iter()
            .map(|section| section.name.as_str())
            .filter(|name| *name == "cors" || name.starts_with("cors."))
            .map(|section| Self::from(options, section))
            .filter(|cors| !cors.allowed_origin.is_empty())
            .collect()
    }

    fn from(options: &Resolved, section: &str) -> Self {
        Self {
            allowed_origin: options.list(section, "allowed_origin"),
            allow_credentials: options.flag(section, "allow_credentials"),
            expose_headers: options.list(section, "expose_headers"),
            max_age: options.int(section, "max_age").unwrap_or_default(),
            allow_methods: options.list(section, "allow_methods"),
            allow_headers: options.list(section, "allow_headers"),
        }
    }
}

/// `[oslo_middleware]`: what is believed of a proxy in front.
#[derive(Debug, Clone, Copy)]
pub struct ProxyHeaders {
    /// `enable_proxy_headers_parsing`: whether `X-Forwarded-*` and `Forwarded` count (false).
    pub enabled: bool,
}

impl ProxyHeaders {
    pub(super) fn from(options: &Resolved) -> Self {
        Self { enabled: options.flag("oslo_middleware", "enable_proxy_headers_parsing") }
    }
}

/// `[healthcheck]`; settings of the paste file's health check override the section, which overrides what Glance's own
/// paste file has.
#[derive(Debug, Clone)]
pub struct HealthcheckSettings {
    /// `backends`: what is looked at (`disable_by_file` with Glance's own paste file).
    pub backends: Vec<HealthcheckBackend>,
    /// `disable_by_file_path`: while this file exists, the answer is 503.
    pub disable_by_file_path: Option<PathBuf>,
    /// `disable_by_file_paths`: the same for requests to one port each.
    pub disable_by_file_paths: Vec<(u16, PathBuf)>,
    /// `enable_by_file_paths`: all must exist.
    pub enable_by_file_paths: Vec<PathBuf>,
    /// `detailed`: whether the answer shows more than its outcome (false).
    pub detailed: bool,
    /// `allowed_source_ranges`: who may ask; empty: everybody.
    pub allowed_source_ranges: Vec<Network>,
    /// `ignore_proxied_requests`: whether requests through a proxy are refused (false).
    pub ignore_proxied_requests: bool,
}

/// A thing that a health check looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthcheckBackend {
    /// `disable_by_file`.
    DisableByFile,
    /// `disable_by_files_ports`.
    DisableByFilesPorts,
    /// `enable_by_files`.
    EnableByFiles,
}

const HEALTHCHECK: &str = "healthcheck";

impl HealthcheckSettings {
    pub(super) fn from(options: &Resolved, paste: &PasteSettings) -> Self {
        // What Glance's own paste file says gives way to the section where there is no file to change it in.
        let given = |option: &str| {
            let is_written = paste.healthcheck_place(option).is_some() || !options.is_set(HEALTHCHECK, option);
            paste.healthcheck_setting(option).filter(|_| is_written)
        };
        let items = |option: &str| match given(option) {
            Some(text) => text.split(',').map(|item| item.trim().to_owned()).collect(),
            None => options.list(HEALTHCHECK, option),
        };
        let flag = |option: &str| match given(option) {
            Some(text) => matches!(text.to_ascii_lowercase().as_str(), "true" | "1" | "yes" | "on"),
            None => options.flag(HEALTHCHECK, option),
        };
        let path = given("disable_by_file_path").map(ToOwned::to_owned);
        let path = path.or_else(|| options.text(HEALTHCHECK, "disable_by_file_path"));
        Self {
            backends: read((options, paste), "backends", items("backends"), backend),
            disable_by_file_path: path.map(PathBuf::from),
            disable_by_file_paths: read(
                (options, paste),
                "disable_by_file_paths",
                items("disable_by_file_paths"),
                port_and_path,
            ),
            enable_by_file_paths: items("enable_by_file_paths").into_iter().map(PathBuf::from).collect(),
            detailed: flag("detailed"),
            allowed_source_ranges: read(
                (options, paste),
                "allowed_source_ranges",
                items("allowed_source_ranges"),
                |item| item.parse().map_err(|error| format!("{error}")),
            ),
            ignore_proxied_requests: flag("ignore_proxied_requests"),
        }
    }
}

/// Each of `items` by `one`; the first that is refused is the option's problem.
fn read<T>(
    (options, paste): (&Resolved, &PasteSettings),
    option: &str,
    items: Vec<String>,
    one: impl Fn(&str) -> Result<T, String>,
) -> Vec<T> {
    let items = items.into_iter().filter(|item| !item.is_empty());
    let read: Result<Vec<_>, _> = items.map(|item| one(&item)).collect();
    read.unwrap_or_else(|must| {
        options.refuse_at(paste.healthcheck_place(option), HEALTHCHECK, option, must);
        Vec::new()
    })
}

fn backend(name: &str) -> Result<HealthcheckBackend, String> {
    match name {
        "disable_by_file" => Ok(HealthcheckBackend::DisableByFile),
        "disable_by_files_ports" => Ok(HealthcheckBackend::DisableByFilesPorts),
        "enable_by_files" => Ok(HealthcheckBackend::EnableByFiles),
        other => {
            Err(format!("names {other}, which is none of disable_by_file, disable_by_files_ports, enable_by_files"))
        }
    }
}

fn port_and_path(item: &str) -> Result<(u16, PathBuf), String> {
    item.split_once(':')
        .and_then(|(port, path)| Some((port.trim().parse().ok()?, PathBuf::from(path.trim()))))
        .ok_or_else(|| "must be <port>:<path> pairs".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{problems, settings};

    #[test]
    fn cors_is_off_until_an_origin_is_named() {
        assert!(settings("[cors]\nmax_age = 1").cors.is_empty());
    }

    #[test]
    fn further_cors_sections_take_what_they_leave_out_from_the_first() {
        let cors = settings(
            "[cors]\nallowed_origin = https://a, https://b\nmax_age = 7\n\
             [cors.more]\nallowed_origin = https://c\nallow_credentials = false\n[cors.idle]\nmax_age = 1",
        )
        .cors;
        assert_eq!(cors.len(), 2);
        assert_eq!(cors[0].allowed_origin, ["https://a", "https://b"]);
        assert_eq!(cors[1].allowed_origin, ["https://c"]);
        assert_eq!((cors[1].max_age, cors[1].allow_credentials), (7, false));
        assert_eq!(cors[1].allow_methods, ["GET", "PUT", "POST", "DELETE", "PATCH"]);
    }

    #[test]
    fn the_health_check_is_switched_off_by_glances_own_file() {
        let health = settings("[healthcheck]\ndetailed = true").healthcheck;
        assert_eq!(health.backends, [HealthcheckBackend::DisableByFile]);
        assert_eq!(health.disable_by_file_path, Some("/etc/glance/healthcheck_disable".into()));
        assert!(health.detailed);
    }

    #[test]
    fn without_a_paste_file_the_section_has_the_say() {
        let text = "[healthcheck]\nbackends = disable_by_file, disable_by_files_ports\ndisable_by_file_path = /off";
        let health = settings(text).healthcheck;
        assert_eq!(health.backends, [HealthcheckBackend::DisableByFile, HealthcheckBackend::DisableByFilesPorts]);
        assert_eq!(health.disable_by_file_path, Some("/off".into()));
        assert_eq!(problems("[healthcheck]\nbackends = nosuch").len(), 1);
    }

    #[test]
    fn health_check_settings_are_read_strictly() {
        let health =
            settings("[healthcheck]\nallowed_source_ranges = 10.0.0.0/8, ::1\ndisable_by_file_paths = 9292:/a, 80:/b")
                .healthcheck;
        assert_eq!(health.allowed_source_ranges.len(), 2);
        assert_eq!(health.disable_by_file_paths, [(9292, "/a".into()), (80, "/b".into())]);
        assert_eq!(problems("[healthcheck]\nallowed_source_ranges = home").len(), 1);
        assert_eq!(problems("[healthcheck]\ndisable_by_file_paths = /a").len(), 1);
    }
}
