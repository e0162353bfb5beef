//! Options of a `swift` store.

use std::path::PathBuf;

use crate::config::resolve::Resolved;
use crate::config::secret::Secret;

/// How a store in Swift is set up.
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the operator's")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwiftStoreSettings {
    /// `swift_store_config_file`: the file with the accounts; where it is set, locations name an
    /// account rather than hold its credentials.
    pub config_file: Option<PathBuf>,
    /// `default_swift_reference` (ref1): the account of new data.
    pub default_reference: String,
    /// `swift_store_auth_address`, `_user`, `_key` and their like: the account where there is no file.
    pub account: SwiftAccount,
    /// `swift_store_multi_tenant` (false): whether data lies in the accounts of those who upload it.
    pub multi_tenant: bool,
    /// `swift_store_admin_tenants`: the ids of projects that read and write the data of all callers.
    pub admin_projects: Vec<String>,
    /// `swift_store_use_trusts` (true): whether an upload that outlives its caller's token goes on with a trust.
    pub use_trusts: bool,
    /// `swift_store_endpoint`: the storage URL, whatever the catalogue says.
    pub endpoint: Option<String>,
    /// `swift_store_endpoint_type` (publicURL): which URL of the catalogue is used.
    pub endpoint_type: String,
    /// `swift_store_service_type` (object-store): the type of service in the catalogue.
    pub service_type: String,
    /// `swift_store_region`: the region in the catalogue.
    pub region: Option<String>,
    /// `swift_store_container` (glance): the container, or what the names of several begin with.
    pub container: String,
    /// `swift_store_multiple_containers_seed` (0): characters of an image's id in a container's name.
    pub container_seed: usize,
    /// Whether data in any container of the accounts is this store's: where stores have no names.
    pub any_container: bool,
    /// `swift_store_create_container_on_put` (false): whether a missing container is made.
    pub create_container: bool,
    /// `swift_store_large_object_size` (5120): from how many 1,024,000 bytes on data goes in segments.
    pub large_object_size: u64,
    /// `swift_store_large_object_chunk_size` (200): the length of a segment, in 1,024,000 bytes.
    pub segment_size: u64,
    /// `swift_buffer_on_upload` (false) and `swift_upload_buffer_dir`: where a segment is kept until
    /// Swift has it.
    pub buffer_dir: Option<PathBuf>,
    /// `swift_store_retry_get_count`: how often a broken download is taken up again; `None` if
    /// nothing sets it.
    pub retry_get_count: Option<u32>,
    /// `swift_store_expire_soon_interval` (60): how many seconds early a token is renewed.
    pub expire_soon_seconds: u64,
    /// `swift_store_auth_insecure` (false): whether certificates go unverified.
    pub insecure: bool,
    /// `swift_store_cacert`: the authorities that are believed.
    pub ca_file: Option<PathBuf>,
}

/// The account that the options themselves describe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwiftAccount {
    /// `swift_store_auth_address`.
    pub auth_address: Option<String>,
    /// `swift_store_auth_version` (3): Keystone; 1 is Swift's own users.
    pub auth_version: String,
    /// `swift_store_user`: `project:user`.
    pub user: Option<Secret>,
    /// `swift_store_key`.
    pub key: Option<Secret>,
    /// `swift_store_application_credential_id`; wins over a user.
    pub application_credential_id: Option<Secret>,
    /// `swift_store_application_credential_secret`.
    pub application_credential_secret: Option<Secret>,
}

impl SwiftStoreSettings {
    /// The store that `section` sets up.
    pub(super) fn from(options: &Resolved, section: &str) -> Self {
        let text = |option| options.text(section, option);
        let multi_tenant = options.flag(section, "swift_store_multi_tenant");
        let config_file = text("swift_store_config_file").map(PathBuf::from);
        if multi_tenant && config_file.is_some() {
            options.refuse(section, "swift_store_config_file", "and swift_store_multi_tenant exclude each other");
        }
        Self {
            config_file,
            default_reference: text("default_swift_reference").unwrap_or_default(),
            account: SwiftAccount::from(options, section),
            multi_tenant,
            admin_projects: options.list(section, "swift_store_admin_tenants"),
            use_trusts: options.flag(section, "swift_store_use_trusts"),
            endpoint: text("swift_store_endpoint"),
            endpoint_type: text("swift_store_endpoint_type").unwrap_or_default(),
            service_type: text("swift_store_service_type").unwrap_or_default(),
            region: text("swift_store_region"),
            container: text("swift_store_container").unwrap_or_default(),
            container_seed: options.int(section, "swift_store_multiple_containers_seed").unwrap_or_default(),
            any_container: section == "glance_store",
            create_container: options.flag(section, "swift_store_create_container_on_put"),
            large_object_size: options.int(section, "swift_store_large_object_size").unwrap_or_default(),
            segment_size: options.int(section, "swift_store_large_object_chunk_size").unwrap_or_default(),
            buffer_dir: buffer_dir(options, section),
            retry_get_count: retry_get_count(options, section),
            expire_soon_seconds: options.int(section, "swift_store_expire_soon_interval").unwrap_or_default(),
            insecure: options.flag(section, "swift_store_auth_insecure"),
            ca_file: text("swift_store_cacert").map(PathBuf::from),
        }
    }
}

impl SwiftAccount {
    /// Whether nothing says who logs in.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        let Self { user, key, application_credential_id: id, application_credential_secret: secret, .. } = self;
        self.auth_address.is_none() && [user, key, id, secret].into_iter().all(Option::is_none)
    }

    fn from(options: &Resolved, section: &str) -> Self {
        let secret = |option| options.secret(section, option);
        Self {
            auth_address: options.text(section, "swift_store_auth_address"),
            auth_version: options.text(section, "swift_store_auth_version").unwrap_or_default(),
            user: secret("swift_store_user"),
            key: secret("swift_store_key"),
            application_credential_id: secret("swift_store_application_credential_id"),
            application_credential_secret: secret("swift_store_application_credential_secret"),
        }
    }
}

fn buffer_dir(options: &Resolved, section: &str) -> Option<PathBuf> {
    if !options.flag(section, "swift_buffer_on_upload") {
        return None;
    }
    let dir = options.text(section, "swift_upload_buffer_dir").map(PathBuf::from);
    if dir.is_none() {
        options.refuse(section, "swift_upload_buffer_dir", "must name a folder while swift_buffer_on_upload is on");
    }
    dir
}

/// Python's default is to give up at once; ours is the store's own.
fn retry_get_count(options: &Resolved, section: &str) -> Option<u32> {
    const OPTION: &str = "swift_store_retry_get_count";
    options.is_set(section, OPTION).then(|| options.int(section, OPTION)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::StoreKind;
    use crate::config::testing::{problems, settings};

    fn store(text: &str) -> SwiftStoreSettings {
        match settings(text).stores.stores.pop().unwrap().kind {
            StoreKind::Swift(swift) => *swift,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_single_store_reads_its_options_and_their_defaults() {
        let read = store(
            "[glance_store]\nstores = file,swift\nswift_store_user = canary:u\nswift_store_key = canary\n\
             swift_store_auth_address = http://auth/v3\nswift_store_multiple_containers_seed = 3",
        );
        assert_eq!(
            (read.container.as_str(), read.container_seed, read.default_reference.as_str()),
            ("glance", 3, "ref1")
        );
        assert_eq!((read.large_object_size, read.segment_size, read.expire_soon_seconds), (5120, 200, 60));
        assert_eq!((read.endpoint_type.as_str(), read.service_type.as_str()), ("publicURL", "object-store"));
        assert_eq!((read.retry_get_count, read.buffer_dir.as_ref()), (None, None));
        assert_eq!(read.account.key.as_ref().map(Secret::expose), Some("canary"));
        assert!(!format!("{read:?}").contains("canary"));
    }

    #[test]
    fn a_backend_reads_its_section() {
        let read = store(
            "[DEFAULT]\nenabled_backends = a:file, far:swift\n[glance_store]\ndefault_backend = a\n\
             [backend_defaults]\nswift_store_container = images\nswift_store_retry_get_count = 0\n\
             [far]\nswift_store_config_file = /etc/glance/swift.conf\nswift_buffer_on_upload = true\n\
             swift_upload_buffer_dir = /var/tmp",
        );
        assert_eq!((read.container.as_str(), read.retry_get_count), ("images", Some(0)));
        assert_eq!(read.config_file, Some(PathBuf::from("/etc/glance/swift.conf")));
        assert_eq!(read.buffer_dir, Some(PathBuf::from("/var/tmp")));
    }

    #[test]
    fn a_store_in_the_accounts_of_callers_reads_its_options() {
        let read = store(
            "[glance_store]\nstores = file,swift\nswift_store_multi_tenant = true\n\
             swift_store_admin_tenants = a1, b2\nswift_store_use_trusts = false",
        );
        assert!(read.multi_tenant && !read.use_trusts && read.account.is_absent());
        assert_eq!(read.admin_projects, ["a1", "b2"]);
        let usual = store("[glance_store]\nstores = file,swift\nswift_store_user = t:u");
        assert!(!usual.multi_tenant && usual.use_trusts && !usual.account.is_absent());
    }

    #[test]
    fn options_that_exclude_each_other_are_refused() {
        let with = |lines: &str| problems(&format!("[glance_store]\nstores = file,swift\n{lines}")).len();
        assert_eq!(with("swift_store_multi_tenant = true\nswift_store_config_file = /f"), 1);
        assert_eq!(with("swift_buffer_on_upload = true"), 1);
        assert_eq!(with("swift_store_multiple_containers_seed = 33"), 1);
    }
}
