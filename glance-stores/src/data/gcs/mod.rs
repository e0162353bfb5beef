//! Image data in Google Cloud Storage, as objects named by image id (`gs://<bucket>/<image id>`).
//!
//! Memory of an upload is that of a [`BucketStore`]: 24 MiB, and more from 78 GiB on, where parts are longer. A
//! download holds one connection and about half a MiB. The parts of an upload that could not be aborted, such as one that was
//! cut off with its process, are the bucket's to remove: give it a lifecycle rule with the action
//! `AbortIncompleteMultipartUpload`.

use std::path::PathBuf;
use std::sync::Arc;

use glance_core::store::StoreError;
use object_store::StaticCredentialProvider;
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder};

use super::object::BucketStore;
use super::object::connector::{Outbound, retries};
use crate::outbound::{Client, OperatorUrl};

/// The kind of store, in errors and logs.
const KIND: &str = "gcs";

/// Where a store in Google Cloud Storage is, and as whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcsConfig {
    /// The bucket. It has to exist.
    pub bucket: String,
    /// The key of a service account, as a JSON file. Without one, requests come from nobody, which emulators take.
    pub credentials_file: Option<PathBuf>,
    /// Where the service is, if not at Google.
    pub endpoint: Option<String>,
}

/// A store in Google Cloud Storage that connects through `client`. The key is read; nothing is sent yet.
///
/// # Errors
///
/// [`StoreError::Failed`] if the settings or the key are of no use.
pub fn open(config: &GcsConfig, client: Client) -> Result<BucketStore, StoreError> {
    let unusable = |cause: &'static str| StoreError::failed(KIND, "setting up the store")(cause);
    if !is_plain(&config.bucket) || config.bucket.contains('/') {
        return Err(unusable("the bucket's name must be letters, digits, dots, hyphens and underscores"));
    }
    let builder = GoogleCloudStorageBuilder::new()
        .with_http_connector(Outbound(client))
        .with_retry(retries())
        .with_bucket_name(&config.bucket);
    let builder = match &config.endpoint {
        Some(endpoint) if OperatorUrl::parse(endpoint).is_err() => {
            return Err(unusable("the endpoint must be an http or https URL"));
        }
        Some(endpoint) => builder.with_base_url(endpoint.trim_end_matches('/')),
        None => builder,
    };
    let builder = match &config.credentials_file {
        Some(file) => builder.with_service_account_path(file.to_string_lossy()),
        None => builder.with_credentials(Arc::new(StaticCredentialProvider::new(GcpCredential {
            bearer: "anonymous".to_owned(),
        }))),
    };
    // The cause may show what the key holds.
    let objects = builder.build().map_err(|_| unusable("the key of the service account cannot be used"))?;
    Ok(BucketStore::new(KIND, Arc::new(objects), format!("gs://{}/", config.bucket)).with_names(is_plain).with_marks())
}

/// Whether a name can stand in a URL as it is: the client for this service does not encode it.
fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
    !name.is_empty() && name.bytes().all(plain)
}

#[cfg(test)]
mod tests;
