//! `[glance_rs]`: what Python Glance has no options for.

use std::path::{Path, PathBuf};

use super::default::Bind;
use super::paste::{Filter, PasteSettings};
use crate::auth::UserFiles;
use crate::config::finding::Finding;
use crate::config::resolve::Resolved;
use crate::config::sources::Surroundings;
use crate::config::{Network, NotANetwork};

const SECTION: &str = "glance_rs";

/// Options of `[glance_rs]`.
#[derive(Debug, Clone)]
pub struct GlanceRsSettings {
    /// `auth_mode`, `trusted_peers` and `allow_unauthenticated_remote`.
    pub auth: AuthSettings,
    /// `data_dir` (`--data-dir`): the folder for whatever no other option places: `glance.db`,
    /// `images/`, `staging/`. `None` with a configuration that does not name one.
    pub data_dir: Option<PathBuf>,
    /// `metrics_bind`: where `/metrics` is shown, without asking who reads it; `None`: nowhere.
    pub metrics_bind: Option<Bind>,
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
    /// `allow_unauthenticated_remote`: whether other machines may be served though nobody is asked who they are
    /// (false).
    pub allow_unauthenticated_remote: bool,
    /// `http_basic_auth_user_file` and `http_basic_auth_project_file`: where users stand in mode `http_basic`. Without
    /// the first, `htpasswd` in the data folder or in `/etc/glance`; without the second, beside it with `.projects`
    /// behind its name.
    pub user_files: UserFiles,
    /// Whether only this machine may be served: callers are taken at their word, and the operator did not say
    /// that others may be.
    pub confined: bool,
}

/// How callers are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMode {
    /// `none`: everybody who reaches the server is its administrator.
    None,
    /// `trusted_headers`: identity headers of an authenticating proxy.
    TrustedHeaders,
    /// `fake`: callers say themselves who they are.
    Fake,
    /// `keystone`: Keystone vouches for tokens.
    Keystone,
    /// `http_basic`: users of this server's own, with passwords.
    HttpBasic,
}

/// Bounds on what clients may ask of the server.
#[derive(Debug, Clone, Copy)]
pub struct LimitSettings {
    /// `max_json_body`: the longest JSON body, in bytes (1048576).
    pub max_json_body: usize,
    /// `max_connections`: most connections served at once; further ones wait (4096).
    pub max_connections: usize,
    /// `header_timeout`: seconds a client has to send its request's header (30).
    pub header_timeout: u64,
    /// `idle_timeout`: seconds a connection may wait for its next request (75).
    pub idle_timeout: u64,
}

impl GlanceRsSettings {
    pub(super) fn from(options: &Resolved, paste: &PasteSettings, data_dir: Option<PathBuf>) -> Self {
        let number = |option| options.int(SECTION, option).unwrap_or_default();
        let mode = auth_mode(options, paste);
        let allow_unauthenticated_remote = options.flag(SECTION, "allow_unauthenticated_remote");
        let is_deliberate = ["auth_mode", "trusted_peers"].iter().any(|option| options.is_set(SECTION, option));
        let takes_anyones_word = match mode {
            AuthMode::None | AuthMode::Fake => true,
            AuthMode::TrustedHeaders => !is_deliberate,
            AuthMode::Keystone | AuthMode::HttpBasic => false,
        };
        Self {
            auth: AuthSettings {
                mode,
                trusted_peers: trusted_peers(options),
                user_files: user_files(options, data_dir.as_deref()),
                allow_unauthenticated_remote,
                confined: takes_anyones_word && !allow_unauthenticated_remote,
            },
            data_dir,
            metrics_bind: metrics_bind(options),
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
        return Some(absolute(PathBuf::from(dir)));
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
        Some("fake") => return AuthMode::Fake,
        Some("keystone") => return AuthMode::Keystone,
        Some("http_basic") => return AuthMode::HttpBasic,
        _ => {}
    }
    if paste.filters.contains(&Filter::AuthToken) {
        return AuthMode::Keystone;
    }
    if paste.filters.contains(&Filter::FakeAuth) {
        return AuthMode::Fake;
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

/// `<host>:<port>`: an address that others reach is one that the operator wrote down.
fn metrics_bind(options: &Resolved) -> Option<Bind> {
    let text = options.text(SECTION, "metrics_bind").filter(|text| !text.is_empty())?;
    let bind = Bind::parse(&text);
    if bind.is_none() {
        options.refuse(SECTION, "metrics_bind", "must be <host>:<port>, such as 127.0.0.1:9300 or [::1]:9300");
    }
    bind
}

fn user_files(options: &Resolved, data_dir: Option<&Path>) -> UserFiles {
    let path = |option| options.text(SECTION, option).map(|text| absolute(PathBuf::from(text)));
    let passwords = path("http_basic_auth_user_file")
        .unwrap_or_else(|| data_dir.unwrap_or(Path::new("/etc/glance")).join("htpasswd"));
    let projects = path("http_basic_auth_project_file").unwrap_or_else(|| {
        let mut beside = passwords.clone().into_os_string();
        beside.push(".projects");
        PathBuf::from(beside)
    });
    UserFiles { passwords, projects }
}

/// `path` from the root: locations of images name it, and outlive the working folder.
pub(super) fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// Where to listen, given who may.
///
/// Glance's default is every address. Where callers are not known, it is this machine alone unless
/// the operator says otherwise in so many words.
pub(super) fn bind(options: &Resolved, auth: &AuthSettings, unconfigured: bool, warnings: &mut Vec<Finding>) -> Bind {
    let port = options.int("DEFAULT", "bind_port").unwrap_or_default();
    let confined = auth.confined;
    let chosen = options.text("DEFAULT", "bind_host");
    let host = chosen.clone().unwrap_or_else(|| {
        let host = if confined || unconfigured { "127.0.0.1" } else { "0.0.0.0" };
        host.to_owned()
    });
    let bind = Bind { host, port };
    if confined && !bind.is_loopback() {
        let must = format!(
            "{} lets other machines in while nobody is asked to prove who they are; set [{SECTION}] \
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{Folder, problems, settings};

    #[test]
    fn without_any_configuration_this_machine_is_served_from_a_folder_of_the_user() {
        let mut folder = Folder::new();
        let read = folder.load(&[]).unwrap();
        assert!(read.warnings.is_empty(), "{:?}", read.warnings);
        let settings = read.settings;
        assert_eq!(settings.default.bind.to_string(), "127.0.0.1:9292");
        assert_eq!(settings.glance_rs.auth.mode, AuthMode::None);
        let home = folder.path("home/.local/share/glance");
        assert_eq!(settings.glance_rs.data_dir.as_deref(), Some(home.as_path()));
        let text = settings.summary().to_string();
        for name in ["glance.db", "images", "staging"] {
            assert!(text.contains(&home.join(name).display().to_string()), "{text}");
        }
        folder.variable("XDG_DATA_HOME", "/data");
        let moved = folder.load(&[]).unwrap().settings;
        assert_eq!(moved.glance_rs.data_dir, Some("/data/glance".into()));
        folder.around.variables.clear();
        assert!(folder.load(&[]).is_err(), "there is nowhere to keep anything");
    }

    #[test]
    fn unauthenticated_callers_come_from_this_machine_unless_the_operator_insists() {
        let host = |text: &str| settings(text).default.bind.host;
        assert_eq!(host(""), "127.0.0.1");
        assert_eq!(host("[DEFAULT]\nbind_host = ::1"), "::1");
        assert_eq!(problems("[DEFAULT]\nbind_host = 0.0.0.0").len(), 1);
        let insist = "[glance_rs]\nallow_unauthenticated_remote = true";
        assert_eq!(host(insist), "0.0.0.0");
        assert_eq!(host(&format!("{insist}\n[DEFAULT]\nbind_host = 192.0.2.1")), "192.0.2.1");
        assert_eq!(host("[glance_rs]\nauth_mode = trusted_headers"), "0.0.0.0");
    }

    #[test]
    fn metrics_are_shown_where_the_operator_says_and_nowhere_else() {
        let bind = |text: &str| settings(text).glance_rs.metrics_bind.map(|bind| bind.to_string());
        assert_eq!(bind(""), None);
        assert_eq!(bind("[glance_rs]\nmetrics_bind = 127.0.0.1:9300").as_deref(), Some("127.0.0.1:9300"));
        assert_eq!(bind("[glance_rs]\nmetrics_bind = [::1]:9300").as_deref(), Some("[::1]:9300"));
        for wrong in ["9300", ":9300", "here", "::1:9300", "h:70000", "[::1]", "127.0.0.1:9292", "0.0.0.0:9292"] {
            assert_eq!(problems(&format!("[glance_rs]\nmetrics_bind = {wrong}")).len(), 1, "{wrong}");
        }
    }

    #[test]
    fn the_pipeline_says_how_callers_are_known() {
        let mode = |text: &str| settings(text).glance_rs.auth.mode;
        assert_eq!(mode(""), AuthMode::None);
        assert_eq!(mode("[glance_rs]\nauth_mode = trusted_headers"), AuthMode::TrustedHeaders);
        let keystone =
            "[keystone_authtoken]\nauth_url = http://k\nusername = u\npassword = p\n[paste_deploy]\nflavor = ";
        assert_eq!(mode(&format!("{keystone}keystone")), AuthMode::Keystone);
        assert_eq!(mode(&format!("{keystone}keystone\n[glance_rs]\nauth_mode = none")), AuthMode::None);
        assert_eq!(mode("[paste_deploy]\nflavor = keystone\n[glance_rs]\nauth_mode = fake"), AuthMode::Fake);
    }

    #[test]
    fn only_this_machine_is_trusted_by_default() {
        let peers = settings("").glance_rs.auth.trusted_peers;
        let trusted = |address: &str| peers.iter().any(|peer| peer.contains(address.parse().unwrap()));
        assert!(trusted("127.0.0.1") && trusted("::1"));
        assert!(!trusted("10.0.0.1") && !trusted("2001:db8::1"));
        assert_eq!(problems("[glance_rs]\ntrusted_peers = proxy.example").len(), 1);
    }

    #[test]
    fn a_data_folder_takes_what_no_option_places() {
        let folder = Folder::new();
        let path = folder.write(
            "glance-api.conf",
            "[glance_rs]\ndata_dir = /data\n[DEFAULT]\nnode_staging_uri = file:///elsewhere\n",
        );
        let text = folder.load(&[crate::config::Source::File(path)]).unwrap().settings.summary().to_string();
        for place in ["/data/glance.db", "/data/images", "staging: /elsewhere"] {
            assert!(text.contains(place), "{text}");
        }
    }

    #[test]
    fn a_configuration_needs_a_database() {
        let refused = crate::config::testing::read("[DEFAULT]\n").unwrap_err().to_string();
        assert!(refused.contains("[database] connection must be set"), "{refused}");
    }
}
