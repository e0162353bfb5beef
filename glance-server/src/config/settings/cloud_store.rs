//! Options of `gcs` and `azure` stores, which Python Glance does not have.

use std::path::PathBuf;

use super::s3_store::needed;
use crate::config::resolve::Resolved;
use crate::config::secret::Secret;

/// How a store in Google Cloud Storage is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcsStoreSettings {
    /// `gcs_store_bucket`: the bucket. Must be set.
    pub bucket: String,
    /// `gcs_store_credentials_file`: the key of a service account, as JSON; `None` (empty): no account.
    pub credentials_file: Option<PathBuf>,
    /// `gcs_store_endpoint`: the service's URL; `None` (empty): Google's.
    pub endpoint: Option<String>,
    /// `gcs_store_cacert`: authorities to believe; `None` (empty): those of the system.
    pub ca_file: Option<PathBuf>,
}

/// How a store in Azure Blob Storage is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AzureStoreSettings {
    /// `azure_store_account`: the storage account. Must be set.
    pub account: String,
    /// `azure_store_key`: its key, in base64. Must be set.
    pub key: Secret,
    /// `azure_store_container`: the container. Must be set.
    pub container: String,
    /// `azure_store_endpoint`: the account's URL; `None` (empty): the one at Azure.
    pub endpoint: Option<String>,
    /// `azure_store_cacert`: authorities to believe; `None` (empty): those of the system.
    pub ca_file: Option<PathBuf>,
}

impl GcsStoreSettings {
    /// The store that `section` sets up.
    pub(super) fn from(options: &Resolved, section: &str) -> Self {
        Self {
            bucket: needed(options, section, "gcs_store_bucket"),
            credentials_file: options.text(section, "gcs_store_credentials_file").map(PathBuf::from),
            endpoint: options.text(section, "gcs_store_endpoint"),
            ca_file: options.text(section, "gcs_store_cacert").map(PathBuf::from),
        }
    }
}

impl AzureStoreSettings {
    /// The store that `section` sets up.
    pub(super) fn from(options: &Resolved, section: &str) -> Self {
        Self {
            account: needed(options, section, "azure_store_account"),
            key: Secret::new(needed(options, section, "azure_store_key")),
            container: needed(options, section, "azure_store_container"),
            endpoint: options.text(section, "azure_store_endpoint"),
            ca_file: options.text(section, "azure_store_cacert").map(PathBuf::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::StoreKind;
    use crate::config::testing::{problems, settings};

    #[test]
    fn each_kind_reads_its_section() {
        let stores = settings(
            "[DEFAULT]\nenabled_backends = a:azure, g:gcs\n[glance_store]\ndefault_backend = a\n\
             [a]\nazure_store_account = acc\nazure_store_key = canary\nazure_store_container = c\n\
             [g]\ngcs_store_bucket = b\ngcs_store_credentials_file = /key.json\ngcs_store_endpoint = http://h",
        )
        .stores
        .stores;
        let (StoreKind::Azure(azure), StoreKind::Gcs(gcs)) = (&stores[0].kind, &stores[1].kind) else {
            panic!("{stores:?}")
        };
        assert_eq!((azure.account.as_str(), azure.key.expose(), azure.container.as_str()), ("acc", "canary", "c"));
        assert_eq!((gcs.bucket.as_str(), gcs.endpoint.as_deref()), ("b", Some("http://h")));
        assert!(!format!("{stores:?}").contains("canary"));
    }

    #[test]
    fn a_single_store_is_chosen_by_its_scheme() {
        let read = settings("[glance_store]\nstores = gcs\ndefault_store = gs\ngcs_store_bucket = b");
        assert_eq!(read.stores.default, "gcs");
        assert_eq!(problems("[glance_store]\nstores = azure\ndefault_store = azure").len(), 3);
    }
}
