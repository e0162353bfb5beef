//! `[glance_rs]`: what Python Glance has no options for.

use std::path::PathBuf;

use super::default::Bind;
use super::paste::{Filter, PasteSettings};
use crate::config::finding::Finding;
use crate::config::network::{Network, NotANetwork};
use crate::config::resolve::Resolved;
use crate::config::sources::Surroundings;

const SECTION: &str = "glance_rs";

/// Options of `[glance_rs]`.
#[derive(Debug, Clone)]
pub struct GlanceRsSettings {
    /// `auth_mode`, `trusted_peers` and `allow_unauthenticated_remote`.
    pub auth: AuthSettings,
    /// `data_dir` (`--data-dir`): the folder for whatever no other option places: `glance.db`,
    /// `images/`, `staging/`. `None` with a configuration that does not name one.
    pub data_dir: Option<PathBuf>,
    /// Bounds on what clients may ask of the server.
    pub limits: LimitSettings,
}

/// How callers are known.
#[derive(Debug, Clone)]
pub struct AuthSettings {
    /// `auth_mode`; unset, it follows from the paste pipeline, and is `none` without any
    /// configuration.
    pub mode: AuthMode,
    /// `trusted_peers`: whose identity headers are believed (this machine's).
    pub trusted_peers: Vec<Network>,
    /// `allow_unauthenticated_remote`: whether mode `none` may serve other machines (false).
    pub allow_unauthenticated_remote: bool,
}

/// How callers are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMode {
    /// `none`: everybody who reaches the server is its administrator.
    None,
    /// `trusted_headers`: identity headers of an authenticating proxy.
    TrustedHeaders,
}

/// Bounds on what clients may ask of the server.
#[derive(Debug, Clone, Copy)]
pub struct LimitSettings {
    /// `max_json_body`: the longest JSON body, in bytes (1048576).
    pub max_json_body: usize,
    /// `max_connections`: most connections at once (1024).
    pub max_connections: usize,
    /// `header_timeout`: seconds a client has to send its request's header (30).
    pub header_timeout: u64,
    /// `idle_timeout`: seconds a connection may wait for its next request (60).
    pub idle_timeout: u64,
}

impl GlanceRsSettings {
    pub(super) fn from(options: &Resolved, paste: &PasteSettings, data_dir: Option<PathBuf>) -> Self {
        let number = |option| options.int(SECTION, option).unwrap_or_default();
        Self {
            auth: AuthSettings {
                mode: auth_mode(options, paste),
                trusted_peers: trusted_peers(options),
                allow_unauthenticated_remote: options.flag(SECTION, "allow_unauthenticated_remote"),
            },
            data_dir,
            limits: LimitSettings {
                max_json_body: options.int(SECTION, "max_json_body").unwrap_or_default(),
                max_connections: options.int(SECTION, "max_connections").unwrap_or_default(),
                header_timeout: number("header_timeout"),
                idle_timeout: number("idle_timeout"),
            },
        }
    }
}

/// The data folder: `data_dir`, or the user's own when there is no configuration at all.
pub(super) fn data_dir(options: &Resolved, around: &Surroundings, unconfigured: bool) -> Option<PathBuf> {
    if let Some(dir) = options.text(SECTION, "data_dir") {
        return Some(PathBuf::from(dir));
    }
    if !unconfigured {
        return None;
    }
    let data = around.variable("XDG_DATA_HOME").map(PathBuf::from);
    // The XDG base directory specification has relative paths ignored.
    let data = data.filter(|data| data.is_absolute());
    let data = data.or_else(|| Some(around.home()?.join(".local/share")));
    if data.is_none() {
        options.refuse(SECTION, "data_dir", "(--data-dir) must be given: there is no home folder");
    }
    data.map(|data| data.join("glance"))
}

fn auth_mode(options: &Resolved, paste: &PasteSettings) -> AuthMode {
    match options.text(SECTION, "auth_mode").as_deref() {
        Some("none") => return AuthMode::None,
        Some("trusted_headers") => return AuthMode::TrustedHeaders,
        _ => {}
    }
    if paste.filters.contains(&Filter::AuthToken) {
        let flavor = paste.flavor.as_deref().unwrap_or("default");
        let must = format!(
            "{flavor} has Keystone check tokens, which this version does not do yet; choose a \
             pipeline without authtoken, or set [{SECTION}] auth_mode"
        );
        options.refuse("paste_deploy", "flavor", must);
        return AuthMode::TrustedHeaders;
    }
    if paste.filters.contains(&Filter::Context) {
        AuthMode::TrustedHeaders
    } else if paste.filters.contains(&Filter::UnauthenticatedContext) {
        AuthMode::None
    } else {
        options.refuse("paste_deploy", "flavor", "must lead to a pipeline with a context filter");
        AuthMode::TrustedHeaders
    }
}

fn trusted_peers(options: &Resolved) -> Vec<Network> {
    let peers = options.list(SECTION, "trusted_peers");
    let peers: Result<Vec<Network>, NotANetwork> = peers.iter().map(|peer| peer.parse()).collect();
    peers.unwrap_or_else(|must| {
        options.refuse(SECTION, "trusted_peers", must.to_string());
        Vec::new()
    })
}

/// Where to listen, given who may.
///
/// Glance's default is every address. Where callers are not known, it is this machine alone unless
/// the operator says otherwise in so many words.
pub(super) fn bind(options: &Resolved, auth: &AuthSettings, unconfigured: bool, warnings: &mut Vec<Finding>) -> Bind {
    let port = options.int("DEFAULT", "bind_port").unwrap_or_default();
    let confined = auth.mode == AuthMode::None && !auth.allow_unauthenticated_remote;
    let chosen = options.text("DEFAULT", "bind_host");
    let host = chosen.clone().unwrap_or_else(|| {
        let host = if confined || unconfigured { "127.0.0.1" } else { "0.0.0.0" };
        host.to_owned()
    });
    let bind = Bind { host, port };
    if confined && !bind.is_loopback() {
        let must = format!(
            "{} lets other machines in while nobody is asked who they are; set [{SECTION}] \
             allow_unauthenticated_remote = true to mean that, or listen on 127.0.0.1",
            bind.host
        );
        options.refuse("DEFAULT", "bind_host", must);
    } else if confined && chosen.is_none() && !unconfigured {
        let message = "callers are not authenticated, so only this machine is served (127.0.0.1)";
        warnings.push(Finding::new(None, message));
    }
    bind
}
