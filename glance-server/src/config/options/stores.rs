//! Options of the stores: `[glance_store]`, `[backend_defaults]` and one section per backend.

use super::known::{Known, choice, choice_any_case, dict, flag, int, list, multi, text};

pub(super) const COMMON: &[Known] = &[
    list("stores").or("file,http").honoured(),
    choice("default_store", DEFAULT_STORES).or("file").honoured(),
    text("default_backend").honoured(),
];

/// URL schemes that a single-store configuration may name as its default.
const DEFAULT_STORES: &[&str] = &[
    "file",
    "filesystem",
    "http",
    "https",
    "swift",
    "swift+http",
    "swift+https",
    "swift+config",
    "rbd",
    "cinder",
    "vsphere",
    "s3",
    "gs",
    "azure",
];

/// What every backend of a multi-store configuration has.
pub(super) const BACKEND: &[Known] = &[
    text("store_description").honoured(),
    int("weight").between(i32::MIN as i128, i32::MAX as i128).or("0").honoured(),
];

pub(super) const FILE: &[Known] = &[
    text("filesystem_store_datadir").or("/var/lib/glance/images").honoured(),
    multi("filesystem_store_datadirs").honoured(),
    text("filesystem_store_metadata_file").honoured(),
    int("filesystem_store_file_perm").or("0").honoured(),
    int("filesystem_store_chunk_size").between(1, 1 << 30).or("65536").honoured(),
    flag("filesystem_thin_provisioning", false).honoured(),
    int("filesystem_store_timeout").at_least(0).or("0"),
    int("filesystem_store_thread_pool_size").or("10"),
    int("filesystem_store_threadpool_threshold").or("75"),
];

pub(super) const HTTP: &[Known] = &[
    text("https_ca_certificates_file").honoured(),
    flag("https_insecure", true).honoured(),
    dict("http_proxy_information").secret().honoured(),
];

pub(super) const SWIFT: &[Known] = &[
    flag("swift_store_auth_insecure", false).honoured(),
    text("swift_store_cacert").honoured(),
    text("swift_store_region").honoured(),
    text("swift_store_endpoint").honoured(),
    choice("swift_store_endpoint_type", &["publicURL", "adminURL", "internalURL"]).or("publicURL").honoured(),
    text("swift_store_service_type").or("object-store").honoured(),
    text("swift_store_container").or("glance").honoured(),
    int("swift_store_large_object_size").at_least(1).or("5120").honoured(),
    int("swift_store_large_object_chunk_size").at_least(1).or("200").honoured(),
    flag("swift_store_create_container_on_put", false).honoured(),
    flag("swift_store_multi_tenant", false).honoured(),
    int("swift_store_multiple_containers_seed").between(0, 32).or("0").honoured(),
    list("swift_store_admin_tenants").honoured(),
    flag("swift_store_ssl_compression", true),
    int("swift_store_retry_get_count").at_least(0).or("0").honoured(),
    int("swift_store_expire_soon_interval").at_least(0).or("60").honoured(),
    flag("swift_store_use_trusts", true).honoured(),
    flag("swift_buffer_on_upload", false).honoured(),
    text("swift_upload_buffer_dir").honoured(),
    text("default_swift_reference").or("ref1").honoured(),
    text("swift_store_config_file").honoured(),
    text("swift_store_auth_address").honoured(),
    text("swift_store_user").secret().honoured(),
    text("swift_store_key").secret().honoured(),
    text("swift_store_application_credential_id").secret().honoured(),
    text("swift_store_application_credential_secret").secret().honoured(),
    text("swift_store_project_name"),
    text("swift_store_project_id"),
    text("swift_store_auth_version").or("3").honoured(),
];

pub(super) const RBD: &[Known] = &[
    // Ceph knows no objects of more than 32 MiB.
    int("rbd_store_chunk_size").between(1, 63).or("8").honoured(),
    text("rbd_store_pool").or("images").honoured(),
    text("rbd_store_user").honoured(),
    text("rbd_store_ceph_conf").or("").honoured(),
    int("rados_connect_timeout").or("-1").honoured(),
    flag("rbd_thin_provisioning", false).honoured(),
];

pub(super) const S3: &[Known] = &[
    text("s3_store_host").honoured(),
    text("s3_store_region_name").or("").honoured(),
    text("s3_store_access_key").secret().honoured(),
    text("s3_store_secret_key").secret().honoured(),
    text("s3_store_bucket").honoured(),
    flag("s3_store_create_bucket_on_put", false).honoured(),
    choice("s3_store_bucket_url_format", &["auto", "virtual", "path"]).or("auto").honoured(),
    int("s3_store_large_object_size").or("100").honoured(),
    int("s3_store_large_object_chunk_size").between(5, 5120).or("10").honoured(),
    int("s3_store_thread_pools").between(1, 10_000).or("10").honoured(),
    text("s3_store_cacert").or("").honoured(),
    flag("s3_store_enable_data_integrity_protection", false).honoured(),
    choice_any_case("s3_store_request_checksum_calculation", CHECKSUMS).or("when_required").honoured(),
    choice_any_case("s3_store_response_checksum_validation", CHECKSUMS).or("when_required").honoured(),
    flag("s3_store_credentials_in_locations", false).honoured(),
];

pub(super) const GCS: &[Known] = &[
    text("gcs_store_bucket").honoured(),
    text("gcs_store_credentials_file").honoured(),
    text("gcs_store_endpoint").honoured(),
    text("gcs_store_cacert").honoured(),
];

pub(super) const AZURE: &[Known] = &[
    text("azure_store_account").honoured(),
    text("azure_store_key").secret().honoured(),
    text("azure_store_container").honoured(),
    text("azure_store_endpoint").honoured(),
    text("azure_store_cacert").honoured(),
];

const CHECKSUMS: &[&str] = &["when_supported", "when_required"];

pub(super) const VMWARE: &[Known] = &[
    text("vmware_server_host").honoured(),
    text("vmware_server_username").honoured(),
    text("vmware_server_password").secret().honoured(),
    multi("vmware_datastores").honoured(),
    text("vmware_store_image_dir").or("/openstack_glance").honoured(),
    int("vmware_api_retry_count").at_least(1).or("10").honoured(),
    int("vmware_task_poll_interval").at_least(1).or("5").honoured(),
    flag("vmware_insecure", false).was(&[("", "vmware_api_insecure")]).honoured(),
    text("vmware_ca_file").honoured(),
    text("vmware_thumbprint").honoured(),
];

pub(super) const CINDER: &[Known] = &[
    text("cinder_catalog_info").or("volumev3::publicURL"),
    text("cinder_endpoint_template"),
    text("cinder_os_region_name").was(&[("", "os_region_name")]),
    int("cinder_http_retries").at_least(0).or("3"),
    text("cinder_ca_certificates_file"),
    flag("cinder_api_insecure", false),
    text("cinder_store_auth_address"),
    text("cinder_store_user_name"),
    text("cinder_store_user_domain_name").or("Default"),
    text("cinder_store_password").secret(),
    text("cinder_store_project_name"),
    text("cinder_store_project_domain_name").or("Default"),
    text("cinder_store_application_credential_id").secret(),
    text("cinder_store_application_credential_secret").secret(),
    text("cinder_volume_type"),
    int("cinder_state_transition_timeout").at_least(0).or("300"),
    int("cinder_attachment_retry_attempts").at_least(1).or("5"),
    flag("cinder_do_extend_attached", false),
    text("rootwrap_config").or("/etc/glance/rootwrap.conf"),
    flag("cinder_use_multipath", false),
    flag("cinder_enforce_multipath", false),
    text("cinder_mount_point_base").or("/var/lib/glance/mnt"),
];

/// The options of the driver called `kind`; `None` if there is no such driver.
pub(in crate::config) fn driver(kind: &str) -> Option<&'static [Known]> {
    Some(match kind {
        "file" => FILE,
        "http" => HTTP,
        "swift" => SWIFT,
        "rbd" => RBD,
        "s3" => S3,
        "gcs" => GCS,
        "azure" => AZURE,
        "vmware" => VMWARE,
        "cinder" => CINDER,
        _ => return None,
    })
}

/// The names of all drivers.
pub(in crate::config) const DRIVERS: &[&str] =
    &["file", "http", "swift", "rbd", "s3", "vmware", "cinder", "gcs", "azure"];
