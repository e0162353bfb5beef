//! `[DEFAULT]`: the listener, limits and behaviour of the image service.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use glance_core::protection::RuleFormat;

use crate::config::Secret;
use crate::config::resolve::Resolved;

const SECTION: &str = "DEFAULT";

/// Options of `[DEFAULT]` other than those about logging.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "one field for each option, as the section has them")]
pub struct DefaultSettings {
    /// `bind_host` and `bind_port`: where the server listens.
    pub bind: Bind,
    /// `backlog`: connections the system holds until they are accepted (4096).
    pub backlog: u32,
    /// `workers`: how many threads serve requests; `None` (unset or 0): one for each core.
    pub workers: Option<usize>,
    /// `tcp_keepidle`: seconds of silence before a connection is probed (600).
    pub tcp_keepidle: u64,
    /// `http_keepalive`: whether a connection serves more than one request (true).
    pub http_keepalive: bool,
    /// `max_header_line`: the longest header line, in bytes (16384).
    pub max_header_line: usize,
    /// `client_socket_timeout`: seconds a client may stay silent within a request (900);
    /// `None` (0): for ever.
    pub client_socket_timeout: Option<u64>,
    /// `allow_anonymous_access`: whether callers without identity may read (false).
    pub allow_anonymous_access: bool,
    /// `max_request_id_length`: the longest `X-Openstack-Request-ID`, in bytes (64);
    /// `None` (0): no limit.
    pub max_request_id_length: Option<usize>,
    /// `public_endpoint`: the base URL that the versions document shows; `None`: what the client
    /// used.
    pub public_endpoint: Option<String>,
    /// `hashing_algorithm`: the digest for `os_hash_value`, as Python's hashlib names it (sha512).
    pub hashing_algorithm: String,
    /// `metadata_encryption_key`: encrypts location URLs in the database; `None`: they are kept in the clear.
    pub metadata_encryption_key: Option<Secret>,
    /// `metadata_source_path`: where metadata definitions are loaded from and exported to
    /// (`/etc/glance/metadefs/`).
    pub metadata_source_path: PathBuf,
    /// `image_member_quota`: most members of an image (128); `None` (negative): no limit.
    pub image_member_quota: Option<u64>,
    /// `image_property_quota`: most custom properties of an image (128); `None`: no limit.
    pub image_property_quota: Option<u64>,
    /// `image_tag_quota`: most tags of an image (128); `None`: no limit.
    pub image_tag_quota: Option<u64>,
    /// `image_location_quota`: most locations of an image (10); `None`: no limit.
    pub image_location_quota: Option<u64>,
    /// `limit_param_default`: images on a page when the client does not say (25).
    pub limit_param_default: u64,
    /// `api_limit_max`: most images on a page (1000).
    pub api_limit_max: u64,
    /// `show_image_direct_url`: whether images show `direct_url` (false).
    pub show_image_direct_url: bool,
    /// `show_multiple_locations`: whether images show `locations` and clients edit them (false).
    pub show_multiple_locations: bool,
    /// `do_secure_hash`: whether data of registered locations is read to find its digests (true).
    pub do_secure_hash: bool,
    /// `http_retries`: how often reading such data is tried again (3).
    pub http_retries: u64,
    /// `image_size_cap`: the largest image, in bytes (1 TiB).
    pub image_size_cap: u64,
    /// `user_storage_quota`: bytes a project may keep; `None` (0): no limit. Without effect where
    /// `use_keystone_limits` is set.
    pub user_storage_quota: Option<u64>,
    /// `enabled_import_methods`: in the order given (glance-direct, web-download, copy-image).
    pub enabled_import_methods: Vec<String>,
    /// `worker_self_reference_url`: where other workers reach this one.
    pub worker_self_reference_url: Option<String>,
    /// `property_protection_file`, found; it exists.
    pub property_protection_file: Option<PathBuf>,
    /// `property_protection_rule_format`: what the rules in that file are (roles).
    pub property_protection_rule_format: RuleFormat,
    /// `image_cache_dir`: its presence makes the versions document announce the cache API.
    pub image_cache_dir: Option<PathBuf>,
    /// `delayed_delete`: whether deleted images wait as `pending_delete` (false).
    pub delayed_delete: bool,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// An address or a name.
    pub host: String,
    /// The port; 0 leaves the choice to the system.
    pub port: u16,
}

impl Bind {
    /// Whether nobody can listen on both. Names are compared as they are written.
    pub(super) fn meets(&self, other: &Self) -> bool {
        // `::` takes the addresses of both kinds.
        let takes = |one: &str, other: &str| match one {
            "::" => true,
            "0.0.0.0" => !other.contains(':'),
            _ => one == other,
        };
        let hosts_meet = takes(&self.host, &other.host) || takes(&other.host, &self.host);
        self.port == other.port && self.port != 0 && hosts_meet
    }

    /// Reads `host:port`, with an IPv6 address in brackets; `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = bare.or_else(|| (!host.contains(':')).then_some(host)).filter(|host| !host.is_empty())?;
        Some(Self { host: host.to_owned(), port: port.parse().ok()? })
    }

    /// Whether only this machine can reach it, as far as the text tells.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(address) => address.to_canonical().is_loopback(),
            Err(_) => self.host.eq_ignore_ascii_case("localhost"),
        }
    }
}

impl fmt::Display for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl DefaultSettings {
    /// `property_protection_file` is what the option was found to mean.
    pub(super) fn from(options: &Resolved, bind: Bind, property_protection_file: Option<PathBuf>) -> Self {
        Self {
            bind,
            backlog: number(options, "backlog"),
            workers: positive(options, "workers"),
            tcp_keepidle: number(options, "tcp_keepidle"),
            http_keepalive: options.flag(SECTION, "http_keepalive"),
            max_header_line: number(options, "max_header_line"),
            client_socket_timeout: positive(options, "client_socket_timeout"),
            allow_anonymous_access: options.flag(SECTION, "allow_anonymous_access"),
            max_request_id_length: positive(options, "max_request_id_length"),
            public_endpoint: options.text(SECTION, "public_endpoint"),
            hashing_algorithm: options.text(SECTION, "hashing_algorithm").unwrap_or_default(),
            metadata_encryption_key: encryption_key(options),
            metadata_source_path: options.text(SECTION, "metadata_source_path").unwrap_or_default().into(),
            // A negative number does not fit, and stands for "no limit".
            image_member_quota: options.int(SECTION, "image_member_quota"),
            image_property_quota: options.int(SECTION, "image_property_quota"),
            image_tag_quota: options.int(SECTION, "image_tag_quota"),
            image_location_quota: options.int(SECTION, "image_location_quota"),
            limit_param_default: number(options, "limit_param_default"),
            api_limit_max: number(options, "api_limit_max"),
            show_image_direct_url: options.flag(SECTION, "show_image_direct_url"),
            show_multiple_locations: options.flag(SECTION, "show_multiple_locations"),
            do_secure_hash: options.flag(SECTION, "do_secure_hash"),
            http_retries: number(options, "http_retries"),
            image_size_cap: number(options, "image_size_cap"),
            user_storage_quota: storage_quota(options),
            enabled_import_methods: options.list(SECTION, "enabled_import_methods"),
            worker_self_reference_url: options.text(SECTION, "worker_self_reference_url"),
            property_protection_file,
            property_protection_rule_format: protection_format(options),
            image_cache_dir: options.text(SECTION, "image_cache_dir").map(PathBuf::from),
            delayed_delete: options.flag(SECTION, "delayed_delete"),
        }
    }
}

/// A number that has a default; 0 stands in for one that is refused anyway.
fn number<T: TryFrom<i128> + Default>(options: &Resolved, option: &str) -> T {
    options.int(SECTION, option).unwrap_or_default()
}

/// A number for which 0 means "none".
fn positive<T: TryFrom<i128> + Default + PartialEq>(options: &Resolved, option: &str) -> Option<T> {
    options.int(SECTION, option).filter(|number| *number != T::default())
}

/// Other words were refused when the option was read.
fn protection_format(options: &Resolved) -> RuleFormat {
    let format = options.text(SECTION, "property_protection_rule_format");
    format.and_then(|format| format.parse().ok()).unwrap_or_default()
}

fn encryption_key(options: &Resolved) -> Option<Secret> {
    let key = options.secret(SECTION, "metadata_encryption_key")?;
    if !matches!(key.expose().len(), 16 | 24 | 32) {
        options.refuse(SECTION, "metadata_encryption_key", "must be 16, 24 or 32 bytes long");
    }
    Some(key)
}

fn storage_quota(options: &Resolved) -> Option<u64> {
    let text = options.text(SECTION, "user_storage_quota")?;
    let bytes = bytes(&text);
    if bytes.is_none() {
        let must = "must be a number with one of B, KB, MB, GB, TB right behind it, or without";
        options.refuse(SECTION, "user_storage_quota", must);
    }
    bytes.filter(|bytes| *bytes > 0)
}

/// Bytes from a number and an optional unit, a power of 1024: `10GB`. No blanks, upper case.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let power = match unit {
        "" | "B" => 0,
        "KB" => 1,
        "MB" => 2,
        "GB" => 3,
        "TB" => 4,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << (10 * power))
}

#[cfg(test)]
mod tests {
    use glance_core::protection::RuleFormat;

    use super::{Bind, bytes};
    use crate::config::testing::{problems, settings};

    #[test]
    fn addresses_meet_where_one_takes_the_other() {
        for (one, other, meet) in [
            ("127.0.0.1:1", "127.0.0.1:1", true),
            ("127.0.0.1:1", "127.0.0.1:2", false),
            ("127.0.0.1:1", "127.0.0.2:1", false),
            ("0.0.0.0:1", "127.0.0.2:1", true),
            ("0.0.0.0:1", "[::1]:1", false),
            ("[::]:1", "[::1]:1", true),
            ("[::]:1", "127.0.0.1:1", true),
            ("[::]:1", "0.0.0.0:1", true),
            ("127.0.0.1:0", "127.0.0.1:0", false),
        ] {
            let (one_bind, other_bind) = (Bind::parse(one).unwrap(), Bind::parse(other).unwrap());
            assert_eq!(one_bind.meets(&other_bind), meet, "{one} {other}");
            assert_eq!(other_bind.meets(&one_bind), meet, "{other} {one}");
        }
    }

    #[test]
    fn a_storage_quota_has_an_optional_unit() {
        for (text, means) in [
            ("0", Some(0)),
            ("12", Some(12)),
            ("12B", Some(12)),
            ("3KB", Some(3 << 10)),
            ("5MB", Some(5 << 20)),
            ("5GB", Some(5 << 30)),
            ("2TB", Some(2 << 40)),
            ("2 TB", None),
            ("2tb", None),
            ("TB", None),
            ("", None),
            ("-1", None),
            ("1.5GB", None),
            ("99999999999TB", None),
        ] {
            assert_eq!(bytes(text), means, "{text}");
        }
    }

    #[test]
    fn loopback_is_told_from_the_text() {
        for (host, loopback) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("::1", true),
            ("localhost", true),
            ("0.0.0.0", false),
            ("::", false),
            ("example.org", false),
        ] {
            let host = host.to_owned();
            assert_eq!(Bind { host, port: 1 }.is_loopback(), loopback);
        }
    }

    #[test]
    fn glance_defaults_hold_where_nothing_is_said() {
        let default = settings("").default;
        assert_eq!(default.bind.port, 9292);
        assert_eq!((default.backlog, default.workers, default.tcp_keepidle), (4096, None, 600));
        assert_eq!((default.max_header_line, default.client_socket_timeout), (16_384, Some(900)));
        assert_eq!((default.http_keepalive, default.allow_anonymous_access), (true, false));
        assert_eq!((default.limit_param_default, default.api_limit_max), (25, 1000));
        assert_eq!((default.image_size_cap, default.user_storage_quota), (1 << 40, None));
        assert_eq!((default.image_location_quota, default.image_tag_quota), (Some(10), Some(128)));
        assert_eq!(default.hashing_algorithm, "sha512");
        assert_eq!(default.enabled_import_methods, ["glance-direct", "web-download", "copy-image"]);
        assert_eq!(default.property_protection_rule_format, RuleFormat::Roles);
        let policies = settings("[DEFAULT]\nproperty_protection_rule_format = policies").default;
        assert_eq!(policies.property_protection_rule_format, RuleFormat::Policies);
    }

    #[test]
    fn negative_quotas_are_no_quotas() {
        let default = settings("[DEFAULT]\nimage_tag_quota = -1\nimage_member_quota = 0").default;
        assert_eq!((default.image_tag_quota, default.image_member_quota), (None, Some(0)));
    }

    #[test]
    fn zero_switches_a_limit_off() {
        let default = settings("[DEFAULT]\nmax_request_id_length = 0\nclient_socket_timeout = 0\nworkers = 0").default;
        assert_eq!((default.max_request_id_length, default.client_socket_timeout, default.workers), (None, None, None));
    }

    #[test]
    fn an_empty_number_is_an_unset_one() {
        assert_eq!(settings("[DEFAULT]\nworkers =").default.workers, None);
        assert_eq!(settings("[DEFAULT]\nbacklog =").default.backlog, 4096);
    }

    #[test]
    fn import_methods_stand_in_brackets() {
        let methods = |text: &str| format!("[DEFAULT]\nenabled_import_methods = {text}");
        assert!(settings(&methods("[]")).default.enabled_import_methods.is_empty());
        assert_eq!(settings(&methods("['web-download']")).default.enabled_import_methods, ["web-download"]);
        for refused in ["", "web-download", "[telepathy]"] {
            assert_eq!(problems(&methods(refused)).len(), 1, "{refused}");
        }
    }

    #[test]
    fn the_largest_size_cap_is_eight_exbibytes() {
        let cap = |text: &str| format!("[DEFAULT]\nimage_size_cap = {text}");
        assert_eq!(settings(&cap("9223372036854775808")).default.image_size_cap, 1 << 63);
        assert_eq!(problems(&cap("9223372036854775809")).len(), 1);
    }

    #[test]
    fn a_storage_quota_that_makes_no_sense_is_refused() {
        assert_eq!(problems("[DEFAULT]\nuser_storage_quota = 10 GB").len(), 1);
        assert_eq!(settings("[DEFAULT]\nuser_storage_quota = 10GB").default.user_storage_quota, Some(10 << 30));
    }

    #[test]
    fn the_property_protection_file_must_exist() {
        assert_eq!(problems("[DEFAULT]\nproperty_protection_file = nowhere.conf").len(), 1);
    }
}
