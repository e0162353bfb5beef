//! A server with a secret in every option that takes one, and those it speaks to.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::broker::Broker;
use crate::echo::Echo;
use crate::fake::{FakeKeystone, project_scope};
use crate::secrets::{
    ADMIN, APPLICATION, AUTHTOKEN, AZURE, BROKER, CEPH, DATABASE, ENCRYPTION, LIMITS, MEMCACHE, POLICY, PROXY,
    S3_ACCESS, S3_SECRET, SERVICE, SERVICE_HEADER, SWIFT_KEY, SWIFT_REFERENCE, SWIFT_USER, TOKEN, VMWARE,
};

/// What is different from one run to the other.
pub(crate) struct Manners {
    pub(crate) json: bool,
    pub(crate) show_locations: bool,
    pub(crate) auth_type: &'static str,
}

/// Where the server is, and those it speaks to.
pub(crate) struct Stage {
    pub(crate) folder: TempDir,
    pub(crate) keystone: FakeKeystone,
    pub(crate) broker: Broker,
    pub(crate) echo: Echo,
    pub(crate) runtime: tokio::runtime::Runtime,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let keystone = runtime.block_on(FakeKeystone::new());
        let caller = |user: &str| {
            let user = json!({"id": user, "name": user, "domain": {"id": "default", "name": "Default"}});
            let mut scope = project_scope("project");
            scope["user"] = user;
            scope
        };
        keystone.issue(TOKEN, &["member", "reader"], &caller("alice"));
        keystone.issue(ADMIN, &["admin", "member", "reader"], &caller("root"));
        keystone.issue(SERVICE, &["service", "member", "reader"], &caller("nova"));
        keystone.issue(SERVICE_HEADER, &["service"], &caller("cinder"));
        keystone.said().says.extend(limits().map(|(path, answer)| (path.to_owned(), answer)));
        Self { folder: tempfile::tempdir().unwrap(), keystone, broker: Broker::new(), echo: Echo::new(), runtime }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.path().join(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    pub(crate) fn configure(&self, manners: &Manners) {
        let (echo, keystone) = (&self.echo.address, &self.keystone.address);
        let (log, data, broker) = (self.path("api.log"), self.path("data"), &self.broker.address);
        let (main, reference, ceph) = (self.path("main"), self.path("swift.conf"), self.path("ceph.conf"));
        let Manners { json, show_locations, auth_type } = manners;
        self.write("policy.yaml", &policy(echo));
        self.write(
            "swift.conf",
            &format!(
                "[ref1]\nuser = p:u\nkey = {SWIFT_REFERENCE}\nauth_version = 3\nauth_address = http://{echo}/v3\n"
            ),
        );
        self.write("ceph.conf", &format!("[global]\nmon_host = 127.0.0.1:1\nkey = {CEPH}\n"));
        self.write(
            "glance-api.conf",
            &format!(
                "[DEFAULT]
debug = true
use_json = {json}
log_file = {log}
show_multiple_locations = {show_locations}
show_image_direct_url = {show_locations}
image_size_cap = 5000000
use_keystone_limits = true
metadata_encryption_key = {ENCRYPTION}
transport_url = rabbit://glance:{BROKER}@{broker}/
enabled_backends = main:file, web:http, swift:swift, refs:swift, s3:s3, azure:azure, vm:vmware, ceph:rbd
[oslo_messaging_notifications]
driver = messagingv2
driver = log
[database]
slave_connection = mysql://glance:{DATABASE}@{echo}/glance
[keystone_authtoken]
auth_url = {keystone}
auth_type = {auth_type}
username = glance
password = {AUTHTOKEN}
application_credential_id = of-glance
application_credential_secret = {APPLICATION}
memcache_secret_key = {MEMCACHE}
token_cache_time = -1
[oslo_limit]
auth_url = {keystone}
auth_type = password
username = glance
password = {LIMITS}
system_scope = all
endpoint_id = e
timeout = 600
[glance_store]
default_backend = main
[main]
filesystem_store_datadir = {main}
[web]
http_proxy_information = http:http://proxy:{PROXY}@{echo}
[swift]
swift_store_auth_address = http://{echo}/v3
swift_store_user = project:{SWIFT_USER}
swift_store_key = {SWIFT_KEY}
[refs]
swift_store_config_file = {reference}
default_swift_reference = ref1
[s3]
s3_store_host = http://{echo}
s3_store_region_name = R
s3_store_bucket_url_format = path
s3_store_access_key = {S3_ACCESS}
s3_store_secret_key = {S3_SECRET}
s3_store_bucket = b
s3_store_credentials_in_locations = true
[azure]
azure_store_account = account
azure_store_key = {AZURE}
azure_store_container = c
azure_store_endpoint = http://{echo}
[vm]
vmware_server_host = {echo}
vmware_server_username = glance
vmware_server_password = {VMWARE}
vmware_datastores = dc:ds
vmware_api_retry_count = 1
[ceph]
rbd_store_ceph_conf = {ceph}
rados_connect_timeout = 1
[glance_rs]
auth_mode = keystone
data_dir = {data}
metrics_bind = 127.0.0.1:0
outbound_allowed = 127.0.0.2
"
            ),
        );
    }
}

/// What Keystone says of limits: 16 MiB and nine images.
fn limits() -> [(&'static str, Value); 4] {
    let registered = |(name, limit): (&str, i64)| json!({"service_id": "s", "region_id": "R", "resource_name": name, "default_limit": limit});
    let limits =
        [("image_size_total", 16), ("image_stage_total", 16), ("image_count_total", 9), ("image_count_uploading", 9)];
    let endpoint = json!({"id": "e", "service_id": "s", "region_id": "R", "interface": "public"});
    [
        ("/limits/model", json!({"model": {"name": "flat"}})),
        ("/endpoints/e", json!({"endpoint": endpoint})),
        ("/registered_limits", json!({"registered_limits": limits.map(registered)})),
        ("/limits", json!({"limits": []})),
    ]
}

/// Rules, one of which asks another server.
pub(crate) fn policy(echo: &str) -> String {
    format!("publicize_image: role:nobody\ndeactivate: http://policy:{POLICY}@{echo}/check\n")
}
