//! `[DEFAULT]`: the listener, limits and behaviour of the image service.

use super::known::{Known, bracketed, choice, choice_any_case, dict, flag, int, list, text};

/// Import methods that exist.
const IMPORT_METHODS: &[&str] = &["glance-direct", "web-download", "copy-image", "glance-download"];

const TWO_TO_63: i128 = 1 << 63;

pub(super) const LISTENER: &[Known] = &[
    text("bind_host").honoured(),
    int("bind_port").between(0, 65535).or("9292").honoured(),
    int("backlog").between(1, i32::MAX as i128).or("4096").honoured(),
    int("workers").between(0, 4096).honoured(),
    int("tcp_keepidle").at_least(1).or("600").honoured(),
    flag("http_keepalive", true).honoured(),
    int("max_header_line").between(1, 1 << 30).or("16384").honoured(),
    int("client_socket_timeout").at_least(0).or("900").honoured(),
    int("max_request_id_length").at_least(0).or("64").honoured(),
    text("public_endpoint").honoured(),
    flag("allow_anonymous_access", false).honoured(),
];

pub(super) const IMAGES: &[Known] = &[
    text("hashing_algorithm").or("sha512").honoured(),
    int("image_member_quota").or("128").honoured(),
    int("image_property_quota").or("128").honoured(),
    int("image_tag_quota").or("128").honoured(),
    int("image_location_quota").or("10").honoured(),
    int("limit_param_default").at_least(1).or("25").honoured(),
    int("api_limit_max").at_least(1).or("1000").honoured(),
    flag("show_image_direct_url", false).honoured(),
    flag("show_multiple_locations", false).honoured(),
    flag("do_secure_hash", true).honoured(),
    int("http_retries").at_least(0).or("3").honoured(),
    int("image_size_cap").between(1, TWO_TO_63).or("1099511627776").honoured(),
    text("user_storage_quota").or("0").honoured(),
    flag("use_keystone_limits", false).honoured(),
    text("node_staging_uri").or("file:///tmp/staging/").honoured(),
    bracketed("enabled_import_methods", IMPORT_METHODS).or("[glance-direct,web-download,copy-image]").honoured(),
    text("worker_self_reference_url").missing("staged images are not fetched from the server that has them"),
    text("metadata_encryption_key").secret().honoured(),
    text("digest_algorithm").or("sha256"),
    text("property_protection_file").honoured(),
    choice("property_protection_rule_format", &["roles", "policies"]).or("roles").honoured(),
    dict("enabled_backends").honoured(),
    flag("delayed_delete", false)
        .missing("data of deleted images stays until a glance-scrubber removes it: this server does not do so yet"),
    int("scrub_time").at_least(0).or("0"),
    int("scrub_pool_size").at_least(1).or("1"),
    int("wakeup_time").at_least(0).or("300"),
    flag("daemon", false),
    text("restore"),
    text("metadata_source_path").or("/etc/glance/metadefs/").honoured(),
];

pub(super) const CACHE: &[Known] = &[
    choice_any_case("image_cache_driver", &["centralized_db", "sqlite", "xattr"]).or("centralized_db"),
    text("image_cache_dir").missing("images are not cached yet"),
    text("image_cache_sqlite_db").or("cache.db"),
    int("image_cache_max_size").at_least(0).or("10737418240"),
    int("image_cache_stall_time").at_least(0).or("86400"),
];

pub(super) const MESSAGES: &[Known] = &[
    text("default_publisher_id").or("image.localhost").honoured(),
    list("disabled_notifications").honoured(),
    text("transport_url").or("rabbit://").secret().honoured(),
    // The library has another default, which Glance overrides.
    text("control_exchange").or("glance").honoured(),
    int("rpc_response_timeout").or("60"),
    int("executor_thread_pool_size").was(&[("DEFAULT", "rpc_thread_pool_size")]).or("64"),
    flag("rpc_ping_enabled", false),
    text("pydev_worker_debug_host"),
    int("pydev_worker_debug_port").between(0, 65535).or("5678"),
];

pub(super) const LOGGING: &[Known] = &[
    flag("debug", false).honoured(),
    text("log_file").was(&[("DEFAULT", "logfile")]).honoured(),
    text("log_dir").was(&[("DEFAULT", "logdir")]).honoured(),
    text("log_config_append")
        .was(&[("DEFAULT", "log_config"), ("DEFAULT", "log-config")])
        .missing("a Python logging configuration has no meaning here"),
    text("log_date_format").or("%Y-%m-%d %H:%M:%S"),
    flag("use_syslog", false).missing("log lines do not go to syslog"),
    text("syslog_log_facility").or("LOG_USER"),
    flag("use_journal", false).missing("log lines do not go to the journal by themselves"),
    flag("use_json", false).honoured(),
    flag("use_stderr", false).honoured(),
    flag("log_color", false),
    flag("watch_log_file", false),
    list("default_log_levels"),
    text("logging_context_format_string"),
    text("logging_default_format_string"),
    text("logging_debug_format_suffix"),
    text("logging_exception_prefix"),
    text("logging_user_identity_format"),
    text("instance_format"),
    text("instance_uuid_format"),
    choice_any_case("log_rotation_type", &["none", "size", "interval"])
        .or("none")
        .missing("the log file is not rotated by the server"),
    int("log_rotate_interval").or("1"),
    choice_any_case("log_rotate_interval_type", &["seconds", "minutes", "hours", "days", "weekday", "midnight"])
        .or("days"),
    int("max_logfile_count").or("30"),
    int("max_logfile_size_mb").or("200"),
    int("rate_limit_interval").or("0"),
    int("rate_limit_burst").or("0"),
    text("rate_limit_except_level").or("CRITICAL"),
    flag("publish_errors", false),
    flag("fatal_deprecations", false),
];

/// What earlier releases of Glance had. Names that begin with `registry_` belong here as well.
pub(super) const REMOVED: &[Known] = &[
    flag("owner_is_tenant", true).removed(),
    text("enable_v1_api").removed(),
    text("enable_v2_api").removed(),
    text("enable_v1_registry").removed(),
    text("enable_v2_registry").removed(),
    text("use_registry").removed(),
    text("data_api").removed(),
    text("allow_additional_image_properties").removed(),
    text("admin_role").removed(),
    text("admin_user").removed(),
    text("admin_password").secret().removed(),
    text("admin_tenant_name").removed(),
    text("auth_url").removed(),
    text("auth_strategy").removed(),
    text("auth_region").removed(),
    text("use_user_token").removed(),
    text("send_identity_headers").removed(),
    text("secure_proxy_ssl_header").removed(),
    text("cert_file").removed(),
    text("key_file").removed(),
    text("ca_file").removed(),
    text("use_forwarded_for").removed(),
    text("eventlet_hub").removed(),
    text("conversion_plugin_options").removed(),
    text("location_strategy").removed(),
    text("enforce_secure_rbac").removed(),
    text("verbose").removed(),
    text("rpc_backend").removed(),
    text("notification_driver").removed(),
    text("notification_topics").removed(),
    text("use_syslog_rfc_format").removed(),
];
