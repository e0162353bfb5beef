//! Sections of the service other than `[DEFAULT]`, its stores and its libraries.

use super::known::{Known, bracketed, choice, dict, flag, int, list, text};

/// What becomes of the list of VMDK types, which never applied to uploads.
const NOT_CONVERTED: &str = "images are not converted; uploads may be streamOptimized or monolithicSparse";

pub(super) const IMAGE_FORMAT: &[Known] = &[
    list("container_formats")
        .was(&[("DEFAULT", "container_formats")])
        .or("ami,ari,aki,bare,ovf,ova,docker,compressed")
        .honoured(),
    list("disk_formats")
        .was(&[("DEFAULT", "disk_formats")])
        .or("ami,ari,aki,vhd,vhdx,vmdk,raw,qcow2,vdi,iso,ploop")
        .honoured(),
    list("vmdk_allowed_types").or("streamOptimized,monolithicSparse").missing(NOT_CONVERTED),
    flag("require_image_format_match", true).honoured(),
    list("gpt_safety_checks_nonfatal").honoured(),
];

pub(super) const TASK: &[Known] = &[
    int("task_time_to_live").was(&[("DEFAULT", "task_time_to_live")]).or("48"),
    text("task_executor").or("taskflow"),
    text("work_dir"),
];

pub(super) const TASKFLOW: &[Known] = &[
    choice("engine_mode", &["serial", "parallel"]).or("parallel"),
    int("max_workers").at_least(1).or("10"),
    choice("conversion_format", &["qcow2", "raw", "vmdk"]).missing("imported images are not converted"),
];

pub(super) const WSGI: &[Known] = &[int("task_pool_threads").at_least(1).or("16"), text("python_interpreter")];

pub(super) const IMPORT: &[Known] = &[
    bracketed("image_import_plugins", &[]).missing("import plugins do not run"),
    int("max_parallel_stores").at_least(1).or("1"),
];

pub(super) const IMPORT_FILTERING: &[Known] = &[
    bracketed("allowed_schemes", &[]).or("[http,https]").honoured(),
    bracketed("disallowed_schemes", &[]).honoured(),
    bracketed("allowed_hosts", &[]).honoured(),
    bracketed("disallowed_hosts", &[]).honoured(),
    bracketed("allowed_ports", &[]).or("[80,443]").honoured(),
    bracketed("disallowed_ports", &[]).honoured(),
];

pub(super) const IMAGE_CONVERSION: &[Known] = &[choice("output_format", &["qcow2", "raw", "vmdk"]).or("raw")];

pub(super) const INJECT_METADATA: &[Known] = &[list("ignore_user_roles").or("admin"), dict("inject")];

pub(super) const GLANCE_DOWNLOAD: &[Known] =
    &[bracketed("extra_properties", &[]).or("[hw_,trait:,os_distro,os_secure_boot,os_type]")];

pub(super) const DATABASE: &[Known] = &[
    text("connection").secret().honoured(),
    text("slave_connection").secret().missing("every read goes to the main database"),
    text("backend").or("sqlalchemy"),
    flag("sqlite_synchronous", true).honoured(),
    text("mysql_sql_mode").or("TRADITIONAL"),
    int("mysql_wsrep_sync_wait"),
    int("connection_recycle_time").or("3600"),
    int("max_pool_size").or("5"),
    int("max_overflow").or("50"),
    int("pool_timeout"),
    int("max_retries").or("10"),
    int("retry_interval").or("10"),
    flag("use_db_reconnect", false),
    int("db_max_retries").or("20"),
    int("db_retry_interval").or("1"),
    flag("db_inc_retry_interval", true),
    int("db_max_retry_interval").or("10"),
    text("connection_parameters").or(""),
    int("connection_debug").between(0, 100).or("0"),
    flag("connection_trace", false),
    flag("synchronous_reader", true),
    text("asyncio_connection").secret(),
    text("asyncio_slave_connection").secret(),
    flag("mysql_enable_ndb", false),
    int("idle_timeout"),
    int("min_pool_size"),
];

pub(super) const PASTE_DEPLOY: &[Known] = &[text("flavor").honoured(), text("config_file").honoured()];

/// Our own section.
pub(super) const GLANCE_RS: &[Known] = &[
    choice("auth_mode", &["none", "trusted_headers", "keystone", "http_basic", "fake"]).honoured(),
    text("http_basic_auth_user_file").honoured(),
    text("http_basic_auth_project_file").honoured(),
    list("trusted_peers").or("127.0.0.0/8,::1").honoured(),
    flag("allow_unauthenticated_remote", false).honoured(),
    text("data_dir").honoured(),
    text("cert_file").honoured(),
    text("key_file").honoured(),
    text("ca_file").honoured(),
    text("metrics_bind").honoured(),
    int("max_json_body").between(1, 1 << 30).or("1048576").honoured(),
    int("max_connections").between(1, 1 << 20).or("4096").honoured(),
    int("header_timeout").between(1, 86_400).or("30").honoured(),
    int("idle_timeout").between(1, 86_400).or("75").honoured(),
    list("outbound_allowed").honoured(),
    flag("outbound_private", true).honoured(),
];
