//! Sections that belong to the libraries around Glance: identity, policy, middleware, messages.

use super::known::{Known, choice, decimal, flag, int, list, multi, text};

pub(super) const POLICY: &[Known] = &[
    text("policy_file").or("policy.yaml").honoured(),
    multi("policy_dirs").or("policy.d").honoured(),
    text("policy_default_rule").or("default").honoured(),
    flag("enforce_new_defaults", true).honoured(),
    flag("enforce_scope", true),
    choice("remote_content_type", &["application/x-www-form-urlencoded", "application/json"])
        .or("application/x-www-form-urlencoded"),
    flag("remote_ssl_verify_server_crt", false),
    text("remote_ssl_ca_crt_file"),
    text("remote_ssl_client_crt_file"),
    text("remote_ssl_client_key_file"),
    decimal("remote_timeout").or("60"),
];

pub(super) const MIDDLEWARE: &[Known] = &[
    flag("enable_proxy_headers_parsing", false).honoured(),
    int("max_request_body_size"),
    text("secure_proxy_ssl_header"),
];

pub(super) const CORS: &[Known] = &[
    list("allowed_origin").honoured(),
    flag("allow_credentials", true).honoured(),
    list("expose_headers")
        .or("X-Image-Meta-Checksum,X-Auth-Token,X-Subject-Token,X-Service-Token,\
             X-OpenStack-Request-ID")
        .honoured(),
    int("max_age").at_least(0).or("3600").honoured(),
    list("allow_methods").or("GET,PUT,POST,DELETE,PATCH").honoured(),
    list("allow_headers")
        .or("Content-MD5,X-Image-Meta-Checksum,X-Storage-Token,Accept-Encoding,X-Auth-Token,\
             X-Identity-Status,X-Roles,X-Service-Catalog,X-User-Id,X-Tenant-Id,\
             X-OpenStack-Request-ID")
        .honoured(),
];

pub(in crate::config) const HEALTHCHECK: &[Known] = &[
    text("path").or("/healthcheck"),
    list("backends").honoured(),
    text("disable_by_file_path").honoured(),
    list("disable_by_file_paths").honoured(),
    list("enable_by_file_paths").honoured(),
    flag("detailed", false).honoured(),
    list("allowed_source_ranges").honoured(),
    flag("ignore_proxied_requests", false).honoured(),
];

pub(super) const CONCURRENCY: &[Known] = &[text("lock_path"), flag("disable_process_locking", false)];

pub(super) const NOTIFICATIONS: &[Known] = &[
    multi("driver").honoured(),
    text("transport_url").secret().honoured(),
    list("topics").was(&[("DEFAULT", "notification_topics")]).or("notifications").honoured(),
    int("retry").at_least(-1).or("-1").honoured(),
];

/// What notifications take from a section that is mostly about remote calls, which Glance makes none of.
pub(super) const RABBIT: &[Known] = &[
    flag("ssl", false).honoured(),
    text("ssl_ca_file").honoured(),
    text("ssl_cert_file").honoured(),
    text("ssl_key_file").honoured(),
    flag("amqp_durable_queues", false).honoured(),
    flag("amqp_auto_delete", false).honoured(),
    flag("rabbit_ha_queues", false).honoured(),
    flag("rabbit_quorum_queue", false).honoured(),
    int("rabbit_quorum_delivery_limit").between(0, u32::MAX as i128).or("0").honoured(),
    int("rabbit_quorum_max_memory_length").between(0, u32::MAX as i128).or("0").honoured(),
    int("rabbit_quorum_max_memory_bytes").between(0, u32::MAX as i128).or("0").honoured(),
    choice("rabbit_login_method", &["PLAIN", "AMQPLAIN", "EXTERNAL", "RABBIT-CR-DEMO"]).or("AMQPLAIN").honoured(),
    int("heartbeat_timeout_threshold").between(0, u16::MAX as i128).or("60").honoured(),
    int("rabbit_retry_interval").between(1, 3600).or("1").honoured(),
    int("rabbit_retry_backoff").between(0, 3600).or("2").honoured(),
    int("rabbit_interval_max").between(1, 3600).or("30").honoured(),
    text("kombu_compression").missing("notifications are not compressed"),
];

/// An account of Keystone's, and how to reach it.
pub(super) const ACCOUNT: &[Known] = &[
    text("auth_url").honoured(),
    text("auth_type").was(&[("", "auth_plugin")]).honoured(),
    text("auth_section").honoured(),
    text("username").was(&[("", "user_name"), ("", "user")]).honoured(),
    text("user_id").honoured(),
    text("password").secret().honoured(),
    text("user_domain_name").honoured(),
    text("user_domain_id").honoured(),
    text("project_name").was(&[("", "tenant_name")]).honoured(),
    text("project_id").was(&[("", "tenant_id")]).honoured(),
    text("project_domain_name").honoured(),
    text("project_domain_id").honoured(),
    text("domain_name").honoured(),
    text("domain_id").honoured(),
    text("default_domain_name").honoured(),
    text("default_domain_id").honoured(),
    text("system_scope").honoured(),
    text("trust_id").honoured(),
    text("application_credential_id").secret().honoured(),
    text("application_credential_name").honoured(),
    text("application_credential_secret").secret().honoured(),
    text("token").secret(),
    text("region_name").honoured(),
    text("cafile").honoured(),
    text("certfile").honoured(),
    text("keyfile").honoured(),
    flag("insecure", false).honoured(),
];

/// `[keystone_authtoken]` beside its account; sections that `auth_section` names hold the same.
pub(super) const AUTHTOKEN: &[Known] = &[
    text("www_authenticate_uri").was(&[("", "auth_uri")]).honoured(),
    text("endpoint"),
    text("interface").or("internal").honoured(),
    text("auth_version"),
    text("service_type").honoured(),
    flag("delay_auth_decision", false).honoured(),
    int("http_connect_timeout").honoured(),
    int("http_request_max_retries").or("3").honoured(),
    int("timeout"),
    list("memcached_servers").was(&[("", "memcache_servers")]),
    int("token_cache_time").or("300").honoured(),
    choice("memcache_security_strategy", &["None", "MAC", "ENCRYPT"]).or("None"),
    text("memcache_secret_key").secret(),
    int("memcache_pool_dead_retry"),
    int("memcache_pool_maxsize"),
    int("memcache_pool_socket_timeout"),
    int("memcache_pool_unused_timeout"),
    int("memcache_pool_conn_get_timeout"),
    flag("memcache_use_advanced_pool", true),
    flag("memcache_tls_enabled", false),
    text("memcache_tls_cafile"),
    text("memcache_tls_certfile"),
    text("memcache_tls_keyfile"),
    text("memcache_tls_allowed_ciphers"),
    flag("memcache_sasl_enabled", false),
    text("memcache_sasl_username"),
    text("memcache_sasl_password").secret(),
    flag("include_service_catalog", true).honoured(),
    text("enforce_token_bind").or("permissive"),
    list("service_token_roles").or("service").honoured(),
    flag("service_token_roles_required", true).honoured(),
    text("cache"),
];

/// `[oslo_limit]` beside its account.
pub(super) const LIMIT: &[Known] = &[
    text("endpoint_id").honoured(),
    text("endpoint_service_name").honoured(),
    text("endpoint_service_type").honoured(),
    text("endpoint_region_name").honoured(),
    choice("endpoint_interface", &["public", "publicURL", "internal", "internalURL", "admin", "adminURL"])
        .or("publicURL")
        .honoured(),
    text("endpoint_override").honoured(),
    list("valid_interfaces").honoured(),
    int("timeout").at_least(0).honoured(),
    int("connect_retries").at_least(0).honoured(),
];
