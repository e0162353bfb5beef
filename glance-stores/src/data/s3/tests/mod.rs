//! S3 against the suite and its own cases, on a real server (`GLANCE_TEST_S3`).

mod answers;
mod away;
mod checks;
mod copies;
mod full;
mod interrupted;
mod lost;
mod server;
mod sizes;
mod virtual_hosted;

use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use bytes::Bytes;
use glance_core::conformance::backend;
use glance_core::store::StoreExt;
use http::{Method, StatusCode};
use tokio::runtime;
use url::Url;

use super::requests::{Ask, OpenUploads};
use super::*;
use crate::outbound::{Deadlines, Tls};

const MIB: usize = 1 << 20;
const VARIABLE: &str = "GLANCE_TEST_S3";

fn client() -> Client {
    Client::new(&Tls::default(), Deadlines::default()).unwrap()
}

/// Where a test runs: a bucket of its own, which goes with this.
struct Here {
    config: S3Config,
}

impl Here {
    /// What the settings `http://ACCESS:SECRET@HOST:PORT/?region=REGION` say, with a new name for the bucket.
    fn named(settings: &str) -> Self {
        let url = Url::parse(settings).unwrap();
        let host = format!("{}://{}:{}", url.scheme(), url.host_str().unwrap(), url.port().unwrap());
        let bucket = format!("test-{}", ImageId::random());
        let config = S3Config::new(&host, &bucket, url.username(), url.password().unwrap_or_default()).unwrap();
        let region = url.query_pairs().find(|(name, _)| name == "region").map(|(_, value)| value.into_owned());
        let config = config.region(&region.unwrap()).unwrap().parts(5 * MIB, 5 * MIB, 4).unwrap();
        Self { config }
    }

    async fn new(settings: &str) -> Self {
        let here = Self::named(settings);
        here.bucket().create().await.unwrap();
        here
    }

    fn bucket(&self) -> Bucket {
        Bucket::new(&self.config, client())
    }

    fn store(&self) -> S3Store {
        S3Store::new(self.config.clone(), client()).unwrap()
    }

    /// The same, of a bucket that may have to be made yet.
    async fn names_if_any(&self) -> Vec<String> {
        let ask = Ask::new(Method::HEAD, self.config.endpoint.bucket_url(&self.config.bucket));
        match self.bucket().send("looking for a bucket", ask).await.unwrap() {
            (StatusCode::NOT_FOUND, _) => Vec::new(),
            _ => self.names().await,
        }
    }

    async fn uploads(&self) -> usize {
        let OpenUploads { upload, .. } = self.bucket().open_uploads("", None).await.unwrap();
        upload.len()
    }

    /// Names of objects, and of those that uploads in parts are to become.
    async fn names(&self) -> Vec<String> {
        let OpenUploads { upload, .. } = self.bucket().open_uploads("", None).await.unwrap();
        let objects = self.objects().await;
        upload.into_iter().map(|upload| upload.key).chain(objects.iter().map(ToString::to_string)).collect()
    }

    async fn objects(&self) -> Vec<object_store::path::Path> {
        self.listed().await.unwrap()
    }

    async fn listed(&self) -> object_store::Result<Vec<object_store::path::Path>> {
        use futures::TryStreamExt;
        use object_store::ObjectStore;
        let objects = amazon(&self.config, &client(), &self.config.bucket).unwrap();
        objects.list(None).map_ok(|found| found.location).try_collect().await
    }

    async fn remove(&self) {
        use object_store::ObjectStoreExt;
        let bucket = self.bucket();
        let objects = amazon(&self.config, &client(), &self.config.bucket).unwrap();
        for object in self.listed().await.unwrap_or_default() {
            let _ = objects.delete(&object).await;
        }
        let _ = bucket
            .send("removing", Ask::new(Method::DELETE, self.config.endpoint.bucket_url(&self.config.bucket)))
            .await;
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        // The runtime of the test cannot wait in here.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(self.remove());
            });
        });
    }
}

async fn here(settings: String) -> (Here, S3Store) {
    let here = Here::new(&settings).await;
    let store = here.store();
    (here, store)
}

/// `len` bytes, no two MiB of them alike.
fn data(len: usize) -> Bytes {
    (0..len).map(|at| u8::try_from((at ^ (at >> 8) ^ (at >> 20).wrapping_mul(37)) & 0xff).unwrap()).collect()
}

mod in_parts {
    use super::*;

    glance_core::store_conformance!(live "GLANCE_TEST_S3", |settings: String| async move {
        let here = Here::new(&settings).await;
        let config = here.config.clone().parts(5 * MIB, 0, 2).unwrap();
        let store = S3Store::new(config, client()).unwrap();
        (here, store)
    }, Here::names);
}

mod by_default {
    use super::*;

    glance_core::store_conformance!(live "GLANCE_TEST_S3", |settings: String| async move {
        let mut here = Here::named(&settings);
        here.config = here.config.clone().parts(10 * MIB, 100 * MIB, 10).unwrap().create_bucket(true).checksums(true);
        here.config = here.config.clone().check_reads(true);
        let store = here.store();
        (here, store)
    }, Here::names_if_any);
}

mod with_old_locations {
    use super::*;

    glance_core::store_conformance!(live "GLANCE_TEST_S3", |settings: String| async move {
        let here = Here::new(&settings).await;
        let store = S3Store::new(here.config.clone().credentials_in_locations(true), client()).unwrap();
        (here, store)
    }, Here::names);
}

#[tokio::test]
async fn both_forms_of_a_location_lead_to_the_data() {
    let Some(settings) = backend(VARIABLE) else { return };
    let (here, store) = here(settings).await;
    let id = ImageId::random();
    let stored = store.write(id, data(1000)).await.unwrap();
    let (_, host) = here.config.endpoint.location_parts();
    let bucket = &here.config.bucket;
    assert_eq!(stored.location.expose(), format!("s3://{host}/{bucket}/{id}"));
    for url in [
        format!("s3://other:cre/dentials@{host}/{bucket}/{id}"),
        format!("s3+http://{host}/{bucket}/{id}"),
        format!("s3+https://{host}/{bucket}/{id}"),
    ] {
        let at = Location::new(url);
        assert!(store.holds(&at));
        assert_eq!(store.read(&at, ByteRange::ALL).await.unwrap(), data(1000));
    }
    // The host of a location is not connected to; what it names lies on our server, or nowhere.
    let elsewhere = Location::new(format!("s3://192.0.2.1/{bucket}/{id}"));
    assert!(!store.holds(&elsewhere));
    assert_eq!(store.size(&elsewhere).await.unwrap(), 1000);
}

#[tokio::test]
async fn another_bucket_of_the_server_is_read_and_cleared() {
    let Some(settings) = backend(VARIABLE) else { return };
    let (_here, store) = here(settings.clone()).await;
    let (_there, other) = self::here(settings).await;
    let stored = other.write(ImageId::random(), data(1000)).await.unwrap();
    assert!(store.holds(&stored.location));
    assert_eq!(store.read(&stored.location, ByteRange { start: 7, end: Some(11) }).await.unwrap(), data(1000)[7..11]);
    store.delete(&stored.location).await.unwrap();
    assert!(matches!(other.size(&stored.location).await, Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn a_missing_bucket_is_told_from_a_missing_object_and_made_if_wanted() {
    let Some(settings) = backend(VARIABLE) else { return };
    let here = Here::named(&settings);
    let (store, id) = (here.store(), ImageId::random());
    let at = location::written(&here.config, &id.to_string());
    for refused in
        [store.size(&at).await.map(drop), store.delete(&at).await, store.get(&at, ByteRange::ALL).await.map(drop)]
    {
        let Err(StoreError::Failed { source, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(source.to_string(), "the bucket does not exist");
    }
    store.discard(id).await.unwrap();
    let making = S3Store::new(here.config.clone().create_bucket(true), client()).unwrap();
    making.write(id, data(1000)).await.unwrap();
    assert!(here.bucket().exists().await.unwrap());
    assert_eq!(store.read(&at, ByteRange::ALL).await.unwrap(), data(1000));
    here.bucket().create().await.unwrap();
}

#[tokio::test]
async fn a_wrong_secret_is_denied_and_not_shown() {
    let Some(settings) = backend(VARIABLE) else { return };
    let here = Here::new(&settings).await;
    let (_, host) = here.config.endpoint.location_parts();
    let (bucket, access) = (&here.config.bucket, &here.config.access_key);
    for (access, secret) in [(access.as_str(), "canary-secret"), ("canary-access", "canary-secret")] {
        let config = S3Config::new(&format!("http://{host}"), bucket, access, secret).unwrap();
        let store = S3Store::new(config.credentials_in_locations(true), client()).unwrap();
        let at = location::written(&store.config, &ImageId::random().to_string());
        for denied in [
            store.write(ImageId::random(), data(1000)).await.map(drop),
            store.write(ImageId::random(), data(6 * MIB)).await.map(drop),
            store.get(&at, ByteRange::ALL).await.map(drop),
            store.size(&at).await.map(drop),
            store.delete(&at).await,
            store.discard(ImageId::random()).await,
        ] {
            assert!(matches!(denied, Err(StoreError::Denied { .. })), "{denied:?}");
            assert!(!format!("{denied:?} {store:?} {at:?}").contains("canary"));
        }
    }
}

#[tokio::test]
async fn a_server_is_believed_by_the_authority_in_a_file() {
    let Some(settings) = backend(VARIABLE) else { return };
    let here = Here::new(&settings).await;
    let (_, behind) = here.config.endpoint.location_parts();
    let (url, authority) = server::with_tls(behind.to_owned()).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authority).unwrap();
    let S3Config { bucket, access_key, secret_key, .. } = &here.config;
    let config = S3Config::new(&url, bucket, access_key, secret_key).unwrap().parts(5 * MIB, 5 * MIB, 2).unwrap();
    let tls = Tls { trust: crate::outbound::Trust::CaFile(file.path().to_owned()), identity: None };
    let trusting = Client::new(&tls, Deadlines::default()).unwrap();
    let store = S3Store::new(config.clone(), trusting).unwrap();
    for len in [1000, 6 * MIB] {
        let stored = store.write(ImageId::random(), data(len)).await.unwrap();
        assert!(stored.location.expose().starts_with("s3+https://localhost:"));
        assert!(store.read(&stored.location, ByteRange::ALL).await.unwrap() == data(len));
    }
    let wary = S3Store::new(config, client()).unwrap();
    let put = wary.write(ImageId::random(), data(10)).await;
    assert!(matches!(put, Err(StoreError::Unavailable { .. })), "{put:?}");
}
