//! The stores in object storage that the settings describe. None is connected to before it is used.

use std::path::Path;

use glance_stores::data::azure::{self, AzureConfig};
use glance_stores::data::gcs::{self, GcsConfig};
use glance_stores::data::object::BucketStore;
use glance_stores::data::s3::{Addressing, S3Config, S3Store};
use glance_stores::outbound::{Client, Deadlines, Tls, Trust};

use super::StartError;
use crate::config::{AzureStoreSettings, GcsStoreSettings, S3StoreSettings};

pub(super) fn s3(id: &str, settings: &S3StoreSettings) -> Result<S3Store, StartError> {
    let S3StoreSettings { host, bucket, access_key, secret_key, .. } = settings;
    let config = S3Config::new(host, bucket, access_key.expose(), secret_key.expose());
    let config = match &settings.region {
        Some(region) => config.and_then(|config| config.region(region)),
        None => config,
    };
    let addressing = match settings.addressing.as_str() {
        "virtual" => Addressing::Virtual,
        "path" => Addressing::Path,
        _ => Addressing::Auto,
    };
    let config = config
        .and_then(|config| config.addressing(addressing))
        .and_then(|config| config.parts(settings.chunk_size, settings.large_object_size, settings.parallel_parts))
        .map_err(StartError::store(id))?
        .create_bucket(settings.create_bucket)
        .checksums(settings.checksums)
        .check_reads(settings.check_reads)
        .credentials_in_locations(settings.credentials_in_locations);
    S3Store::new(config, client(id, settings.ca_file.as_deref())?).map_err(StartError::store(id))
}

pub(super) fn gcs(id: &str, settings: &GcsStoreSettings) -> Result<BucketStore, StartError> {
    let GcsStoreSettings { bucket, credentials_file, endpoint, ca_file } = settings.clone();
    let config = GcsConfig { bucket, credentials_file, endpoint };
    gcs::open(&config, client(id, ca_file.as_deref())?).map_err(StartError::store(id))
}

pub(super) fn azure(id: &str, settings: &AzureStoreSettings) -> Result<BucketStore, StartError> {
    let AzureStoreSettings { account, key, container, endpoint, ca_file } = settings.clone();
    let config = AzureConfig { account, key: key.expose().to_owned(), container, endpoint };
    azure::open(&config, client(id, ca_file.as_deref())?).map_err(StartError::store(id))
}

fn client(id: &str, ca_file: Option<&Path>) -> Result<Client, StartError> {
    let trust = ca_file.map_or(Trust::System, |file| Trust::CaFile(file.to_owned()));
    Client::new(&Tls { trust, identity: None }, Deadlines::default()).map_err(StartError::store(id))
}
