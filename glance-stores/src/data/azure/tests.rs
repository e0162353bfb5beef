//! Azure Blob Storage against the suite, on an emulator (`GLANCE_TEST_AZURE`).

use std::time::Duration;

use bytes::Bytes;
use glance_core::conformance::{GivenUp, aborts, backend};
use glance_core::image::ImageId;
use glance_core::store::{ByteRange, Store, StoreError, StoreExt};
use http::Method;
use object_store::ObjectStoreExt;
use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential};
use object_store::client::{HttpRequest, HttpRequestBody, HttpService};
use percent_encoding::percent_decode_str;
use url::Url;

use super::*;
use crate::data::object::Leftovers;
use crate::outbound::{Deadlines, Tls};

const MIB: usize = 1 << 20;

fn client() -> Client {
    Client::new(&Tls::default(), Deadlines::default()).unwrap()
}

/// Asks something of a container, such as to be made or removed.
async fn container(method: Method, config: &AzureConfig, query: &str) -> String {
    let url = format!("{}/{}?restype=container{query}", config.endpoint.as_ref().unwrap(), config.container);
    let request = http::Request::builder().method(method).uri(url).header("content-length", "0");
    let mut request: HttpRequest = request.body(HttpRequestBody::empty()).unwrap();
    let credential = AzureCredential::AccessKey(AzureAccessKey::try_new(&config.key).unwrap());
    AzureAuthorizer::new(&credential, &config.account).try_authorize(&mut request).unwrap();
    let answer = Outbound(client()).call(request).await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    String::from_utf8(answer.into_body().bytes().await.unwrap().to_vec()).unwrap()
}

/// A container of its own, which goes with this.
struct Here(AzureConfig);

impl Here {
    /// What the settings `http://ACCOUNT:KEY@HOST:PORT/` say.
    async fn new(settings: &str) -> Self {
        let url = Url::parse(settings).unwrap();
        let account = url.username().to_owned();
        let key = percent_decode_str(url.password().unwrap()).decode_utf8().unwrap().into_owned();
        let endpoint = format!("http://{}:{}/{account}", url.host_str().unwrap(), url.port().unwrap());
        let container = format!("test-{}", ImageId::random());
        let here = Self(AzureConfig { account, key, container, endpoint: Some(endpoint) });
        self::container(Method::PUT, &here.0, "").await;
        here
    }

    /// Names of blobs, and of those that there are only blocks of.
    async fn names(&self) -> Vec<String> {
        let listed = container(Method::GET, &self.0, "&comp=list&include=uncommittedblobs").await;
        listed.split("<Name>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        // The runtime of the test cannot wait in here.
        std::thread::scope(|scope| {
            scope.spawn(|| glance_core::conformance::run(async { drop(container(Method::DELETE, &self.0, "").await) }));
        });
    }
}

mod suite {
    use super::*;

    glance_core::store_conformance!(live "GLANCE_TEST_AZURE", |settings: String| async move {
        let here = Here::new(&settings).await;
        let store = open(&here.0, client()).unwrap();
        (here, store)
    }, Here::names);
}

mod suite_in_parts {
    use super::*;

    glance_core::store_conformance!(live "GLANCE_TEST_AZURE", |settings: String| async move {
        let here = Here::new(&settings).await;
        let store = open(&here.0, client()).unwrap().with_part_size(MIB);
        (here, store)
    }, Here::names);
}

#[tokio::test]
async fn uploads_that_are_given_up_leave_neither_blobs_nor_blocks() {
    let Some(settings) = backend("GLANCE_TEST_AZURE") else { return };
    let here = Here::new(&settings).await;
    let store = open(&here.0, client()).unwrap().with_part_size(MIB / 4);
    let given_up = GivenUp { uploads: aborts(), part: MIB / 4, looks: 100, pause: Duration::from_millis(3) };
    given_up.leave_nothing(&store, async || here.names().await).await;
}

/// Sends a block that nobody makes a blob of, as if the process were killed then.
async fn send_block(here: &Here, id: ImageId) {
    let AzureConfig { account, key, container, endpoint } = here.0.clone();
    let objects = MicrosoftAzureBuilder::new()
        .with_http_connector(Outbound(client()))
        .with_account(account)
        .with_access_key(key)
        .with_container_name(container)
        .with_endpoint(endpoint.unwrap())
        .build()
        .unwrap();
    let mut upload = objects.put_multipart(&id.to_string().into()).await.unwrap();
    upload.put_part(vec![7; MIB].into()).await.unwrap();
}

#[tokio::test]
async fn discard_removes_the_blocks_of_a_process_that_was_killed() {
    let Some(settings) = backend("GLANCE_TEST_AZURE") else { return };
    let here = Here::new(&settings).await;
    let (store, id, other) = (open(&here.0, client()).unwrap(), ImageId::random(), ImageId::random());
    for id in [id, id, other] {
        send_block(&here, id).await;
    }
    assert_eq!(here.names().await.len(), 2);
    store.discard(id).await.unwrap();
    assert_eq!(here.names().await, [other.to_string()]);
    store.discard(other).await.unwrap();
    store.discard(other).await.unwrap();
    assert_eq!(here.names().await, [""; 0]);
}

#[tokio::test]
async fn blocks_are_not_removed_with_a_blob_that_is_there() {
    let Some(settings) = backend("GLANCE_TEST_AZURE") else { return };
    let here = Here::new(&settings).await;
    let (store, id) = (open(&here.0, client()).unwrap(), ImageId::random());
    let stored = store.write(id, Bytes::from_static(b"data")).await.unwrap();
    send_block(&here, id).await;
    let container = Url::parse(&format!("{}/{}", here.0.endpoint.as_ref().unwrap(), here.0.container)).unwrap();
    let blocks = Blocks::of(Outbound(client()), &here.0.account, &here.0.key, container).unwrap();
    blocks.remove(&id.to_string().into()).await.unwrap();
    assert_eq!(store.read(&stored.location, ByteRange::ALL).await.unwrap(), "data");
}

#[tokio::test]
async fn a_wrong_key_is_denied_and_not_shown() {
    let Some(settings) = backend("GLANCE_TEST_AZURE") else { return };
    let here = Here::new(&settings).await;
    // "canary" in base64.
    let config = AzureConfig { key: "Y2FuYXJ5".into(), ..here.0.clone() };
    let store = open(&config, client()).unwrap();
    let put = store.write(ImageId::random(), Bytes::from_static(b"x")).await;
    assert!(matches!(put, Err(StoreError::Denied { .. })), "{put:?}");
    assert!(!format!("{put:?} {store:?} {config:?}").contains("Y2FuYXJ5"));
}

#[tokio::test]
async fn a_missing_container_is_named() {
    let Some(settings) = backend("GLANCE_TEST_AZURE") else { return };
    let here = Here::new(&settings).await;
    let store = open(&AzureConfig { container: "test-missing".into(), ..here.0.clone() }, client()).unwrap();
    let put = store.write(ImageId::random(), Bytes::from_static(b"x")).await;
    assert!(matches!(&put, Err(StoreError::Failed { source, .. }) if source.to_string().contains("bucket")), "{put:?}");
    let stored = open(&here.0, client()).unwrap().write(ImageId::random(), Bytes::from_static(b"x")).await.unwrap();
    let at = stored.location.expose();
    assert!(at.starts_with("azure://glance/test-"), "{at}");
    assert_eq!(open(&here.0, client()).unwrap().read(&stored.location, ByteRange::ALL).await.unwrap(), "x");
}

#[test]
fn unusable_settings_are_refused_without_showing_them() {
    let good = AzureConfig { account: "a".into(), key: "Y2FuYXJ5".into(), container: "c".into(), endpoint: None };
    for bad in [
        AzureConfig { key: "no base64: canary!".into(), ..good.clone() },
        AzureConfig { container: "c/d".into(), ..good.clone() },
        AzureConfig { endpoint: Some("ftp://h".into()), ..good.clone() },
    ] {
        let refused = open(&bad, client()).unwrap_err();
        assert!(!format!("{refused:?}").contains("canary"), "{refused:?}");
    }
    assert!(open(&good, client()).is_ok());
}
