//! Image data in Azure Blob Storage, as block blobs named by image id (`azure://<account>/<container>/<image id>`).
//!
//! Memory of an upload is that of a [`BucketStore`]: 24 MiB, and more from 78 GiB on, where parts are longer. A
//! download holds one connection and about half a MiB. Blocks of an upload that was cut off with its process are no
//! blob; recovery removes them, or else the service by itself after a week.

mod blocks;

use std::fmt;
use std::sync::Arc;

use glance_core::store::StoreError;
use object_store::azure::MicrosoftAzureBuilder;
use url::Url;

use self::blocks::Blocks;
use super::object::BucketStore;
use super::object::connector::{Outbound, retries};
use crate::outbound::{Client, OperatorUrl};

/// The kind of store, in errors and logs.
const KIND: &str = "azure";

/// Where a store in Azure Blob Storage is, and as whom.
#[derive(Clone, PartialEq, Eq)]
pub struct AzureConfig {
    /// The storage account.
    pub account: String,
    /// Its key, in base64.
    pub key: String,
    /// The container. It has to exist.
    pub container: String,
    /// Where the account is, if not at `https://<account>.blob.core.windows.net`.
    pub endpoint: Option<String>,
}

impl fmt::Debug for AzureConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureConfig")
            .field("account", &self.account)
            .field("container", &self.container)
            .finish_non_exhaustive()
    }
}

/// A store in Azure Blob Storage that connects through `client`. Nothing is sent yet.
///
/// # Errors
///
/// [`StoreError::Failed`] if the settings are of no use.
pub fn open(config: &AzureConfig, client: Client) -> Result<BucketStore, StoreError> {
    let unusable = |cause: &'static str| StoreError::failed(KIND, "setting up the store")(cause);
    if !is_plain(&config.account) || !is_plain(&config.container) {
        return Err(unusable("account and container must be letters, digits and hyphens"));
    }
    let endpoint = config.endpoint.clone();
    let endpoint = endpoint.unwrap_or_else(|| format!("https://{}.blob.core.windows.net", config.account));
    if OperatorUrl::parse(&endpoint).is_err() {
        return Err(unusable("the endpoint must be an http or https URL"));
    }
    let endpoint = endpoint.trim_end_matches('/').to_owned();
    let container = Url::parse(&format!("{endpoint}/{}", config.container)).ok();
    let blocks = container.and_then(|url| Blocks::of(Outbound(client.clone()), &config.account, &config.key, url));
    let builder = MicrosoftAzureBuilder::new()
        .with_http_connector(Outbound(client))
        .with_retry(retries())
        .with_account(&config.account)
        .with_access_key(&config.key)
        .with_container_name(&config.container)
        .with_endpoint(endpoint);
    // The cause may show the key.
    let (Ok(objects), Some(blocks)) = (builder.build(), blocks) else {
        return Err(unusable("the account's key cannot be used"));
    };
    let base = format!("azure://{}/{}/", config.account, config.container);
    let store = BucketStore::new(KIND, Arc::new(objects), base).with_names(has_no_query).with_marks();
    Ok(store.with_parts_that_count(Arc::new(blocks)))
}

/// A URL with a query may hold the signature of somebody's grant, which is no part of a name and not to be shown.
fn has_no_query(name: &str) -> bool {
    !name.contains(['?', '#'])
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'$')
}

#[cfg(test)]
mod tests;
