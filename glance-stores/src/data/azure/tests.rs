//! Azure Blob Storage against the suite, on an emulator (`GLANCE_TEST_AZURE`).

use bytes::Bytes;
use glance_core::conformance::backend;
use glance_core::image::ImageId;
use glance_core::store::{ByteRange, StoreError, StoreExt};
use http::Method;
use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential};
use object_store::client::{HttpRequest, HttpRequestBody, HttpService};
use percent_encoding::percent_decode_str;
use url::Url;

use super::*;
use crate::outbound::{Deadlines, Tls};

const MIB: usize = 1 << 20;

fn client() -> Client {
    Client::new(&Tls::default(), Deadlines::default()).unwrap()
}

/// Makes or removes a container.
async fn container(method: Method, config: &AzureConfig) {
    let url = format!("{}/{}?restype=container", config.endpoint.as_ref().unwrap(), config.container);
    let request = http::Request::builder().method(method).uri(url).header("content-length", "0");
    let mut request: HttpRequest = request.body(HttpRequestBody::empty()).unwrap();
    let credential = AzureCredential::AccessKey(AzureAccessKey::try_new(&config.key).unwrap());
    AzureAuthorizer::new(&credential, &config.account).try_authorize(&mut request).unwrap();
    let answer = Outbound(client()).call(request).await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
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
        self::container(Method::PUT, &here.0).await;
        here
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        // The runtime of the test cannot wait in here.
        std::thread::scope(|scope| {
            scope.spawn(|| glance_core::conformance::run(container(Method::DELETE, &self.0)));
        });
    }
}

mod suite {
    use super::*;

    glance_core::store_conformance!(live "GLANCE_TEST_AZURE", |settings: String| async move {
        let here = Here::new(&settings).await;
        let store = open(&here.0, client()).unwrap();
        (here, store)
    });
}

mod suite_in_parts {
    use super::*;

    glance_core::store_conformance!(live "GLANCE_TEST_AZURE", |settings: String| async move {
        let here = Here::new(&settings).await;
        let store = open(&here.0, client()).unwrap().with_part_size(MIB);
        (here, store)
    });
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
