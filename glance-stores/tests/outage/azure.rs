//! Azurite, in place of Azure Blob Storage, that is killed while data goes in and out, and comes back; and one that is
//! full.
//!
//! `GLANCE_TEST_AZURE` and `GLANCE_TEST_AZURE_SMALL` are their URLs, `GLANCE_TEST_S3_CONTROL` is the script that kills
//! them and brings them up again.

use std::path::Path;
use std::time::Duration;

use glance_core::conformance::backend;
use glance_core::image::ImageId;
use glance_core::store::{ByteRange, Store, StoreError, StoreExt, stream_of};
use glance_stores::data::azure::{self, AzureConfig};
use glance_stores::data::object::BucketStore;
use http::Method;
use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential};
use object_store::client::{HttpRequest, HttpRequestBody};
use percent_encoding::percent_decode_str;
use url::Url;

use crate::object::{Server, client, comes_back, each, goes_away, send, text};
use crate::{MIB, data};

/// A container of a test's own.
struct Container(AzureConfig);

impl Container {
    async fn new(settings: &str) -> Self {
        let url = Url::parse(settings).unwrap();
        let account = url.username().to_owned();
        let key = percent_decode_str(url.password().unwrap()).decode_utf8().unwrap().into_owned();
        let endpoint = Some(format!("http://{}:{}/{account}", url.host_str().unwrap(), url.port().unwrap()));
        let here = Self(AzureConfig { account, key, container: format!("test-{}", ImageId::random()), endpoint });
        here.ask(Method::PUT, "").await;
        here
    }

    async fn ask(&self, method: Method, query: &str) -> String {
        let url = format!("{}/{}?restype=container{query}", self.0.endpoint.as_ref().unwrap(), self.0.container);
        let request = http::Request::builder().method(method).uri(url).header("content-length", "0");
        let mut signed: HttpRequest = request.body(HttpRequestBody::empty()).unwrap();
        let credential = AzureCredential::AccessKey(AzureAccessKey::try_new(&self.0.key).unwrap());
        AzureAuthorizer::new(&credential, &self.0.account).try_authorize(&mut signed).unwrap();
        text(send(signed).await).await
    }

    fn store(&self) -> BucketStore {
        azure::open(&self.0, client()).unwrap().with_part_size(5 * MIB)
    }

    /// Names of blobs, and of those that there are only blocks of.
    async fn names(&self) -> Vec<String> {
        each("Name", &self.ask(Method::GET, "&comp=list&include=uncommittedblobs").await)
    }
}

/// Waits until Azurite has written to its tables that there is a blob of one name, and blocks of another, and where all
/// of the data is: it does so every five seconds, and knows nothing after a crash that is not there.
async fn are_in_tables(folder: &Path, blob: ImageId, blocks: ImageId) {
    let table = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    let written = || {
        let (blobs, extents) = (table("__azurite_db_blob__.json"), table("__azurite_db_blob_extent__.json"));
        let mut places = blobs.split("\"persistency\":{\"id\":\"").skip(1).map(|rest| rest.split('"').next().unwrap());
        blobs.contains(&format!("\"name\":\"{blob}\""))
            && blobs.contains(&format!("\"blobName\":\"{blocks}\""))
            && places.all(|place| extents.contains(&format!("\"id\":\"{place}\"")))
    };
    for _ in 0..600 {
        if written() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("Azurite does not write its tables to {}", folder.display());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_and_comes_back_costs_no_more_than_what_was_under_way() {
    let (Some(settings), Some(tables)) = (backend("GLANCE_TEST_AZURE"), backend("GLANCE_TEST_AZURE_TABLES")) else {
        return;
    };
    let Some(script) = backend("GLANCE_TEST_S3_CONTROL") else { return };
    let (container, server) = (Container::new(&settings).await, Server { script, name: "azurite" });
    let (store, whole, kept) = (container.store(), data(40 * MIB), ImageId::random());
    let at = store.write(kept, whole.clone()).await.unwrap().location;

    let id = goes_away(&store, &server, (&at, &whole), async |id| {
        are_in_tables(tables.as_ref(), kept, id).await;
    })
    .await;
    server.up().await;
    comes_back(&store, (&at, &whole), id, async || container.names().await).await;
    container.ask(Method::DELETE, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_room_is_full_and_holds_nothing_of_what_was_refused() {
    let (Some(settings), Some(script)) = (backend("GLANCE_TEST_AZURE_SMALL"), backend("GLANCE_TEST_S3_CONTROL")) else {
        return;
    };
    let server = Server { script, name: "small" };
    // It takes minutes to find out that something is not needed any more, unless it starts anew.
    server.kill().await;
    server.up().await;
    let container = Container::new(&settings).await;
    let (in_parts, whole) = (container.store(), data(40 * MIB));
    let in_one = container.store().with_part_size(64 * MIB);
    let kept = in_parts.write(ImageId::random(), whole.clone()).await.unwrap().location;
    for (store, size) in [(&in_one, Some(whole.len() as u64)), (&in_parts, Some(whole.len() as u64)), (&in_parts, None)]
    {
        let put = store.put(ImageId::random(), size, stream_of(whole.clone())).await;
        assert!(matches!(put, Err(StoreError::Full { .. })), "{size:?}: {put:?}");
        assert_eq!(container.names().await.len(), 1, "the image that was there before");
    }
    assert!(in_parts.read(&kept, ByteRange::ALL).await.unwrap() == whole);
    in_parts.delete(&kept).await.unwrap();
    assert_eq!(container.names().await, [""; 0]);
}
