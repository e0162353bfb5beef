//! Moto, in place of Google Cloud Storage, that is killed while data goes in and out, and another one in its place.
//!
//! `GLANCE_TEST_GCS` is its URL, `GLANCE_TEST_S3_CONTROL` the script that kills it and brings it up again. It keeps all it
//! has in memory: the one that comes up has neither the bucket nor anything in it. So this shows what the store says
//! while nobody answers, that nothing of it sticks, and no more; that data outlasts an outage is for other backends
//! to show.

use glance_core::conformance::backend;
use glance_core::image::ImageId;
use glance_core::store::{ByteRange, Store, StoreError, StoreExt};
use glance_stores::data::gcs::{self, GcsConfig};
use glance_stores::outbound::{OperatorUrl, Request};
use http::Method;

use crate::object::{Server, client, each, goes_away, is_taken, is_unavailable, text};
use crate::{MIB, data};

/// A bucket of a test's own.
struct Bucket(GcsConfig);

impl Bucket {
    fn new(settings: &str) -> Self {
        // The emulator does not undo what is percent-encoded in a bucket's name, and the client encodes hyphens.
        let bucket = format!("test{}", ImageId::random()).replace('-', "");
        Self(GcsConfig { bucket, credentials_file: None, endpoint: Some(settings.to_owned()) })
    }

    async fn ask(&self, method: Method, query: &[(&str, &str)]) -> String {
        let url = OperatorUrl::parse(self.0.endpoint.as_ref().unwrap()).unwrap().below([self.0.bucket.as_str()]);
        let answer = client().send(Request::new(method, url.with_query(query.iter().copied()))).await.unwrap();
        assert!(answer.status.is_success(), "{}", answer.status);
        text(answer).await
    }

    async fn make(&self) {
        self.ask(Method::PUT, &[]).await;
    }

    /// Names of objects, and of those that uploads in parts are to become.
    async fn names(&self) -> Vec<String> {
        let mut names = each("Key", &self.ask(Method::GET, &[("list-type", "2")]).await);
        names.extend(each("Key", &self.ask(Method::GET, &[("uploads", "")]).await));
        names
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_is_unavailable_until_another_one_comes() {
    let (Some(settings), Some(script)) = (backend("GLANCE_TEST_GCS"), backend("GLANCE_TEST_S3_CONTROL")) else {
        return;
    };
    let (bucket, server) = (Bucket::new(&settings), Server { script, name: "moto" });
    bucket.make().await;
    let (store, whole) = (gcs::open(&bucket.0, client()).unwrap().with_part_size(5 * MIB), data(40 * MIB));
    let lost = store.write(ImageId::random(), whole.clone()).await.unwrap().location;

    let id = goes_away(&store, &server, (&lost, &whole), async |id| {
        assert!(bucket.names().await.contains(&id.to_string()));
    })
    .await;
    server.up().await;
    // A store whose bucket has gone answers, and has no image to be not found.
    let gone = store.read(&lost, ByteRange::ALL).await;
    assert!(gone.is_err() && !is_unavailable(&gone), "{gone:?}");
    bucket.make().await;
    let gone = store.read(&lost, ByteRange::ALL).await;
    assert!(matches!(gone, Err(StoreError::NotFound { .. })), "{gone:?}");
    store.discard(id).await.unwrap();
    is_taken(&store, id).await;
    assert_eq!(bucket.names().await, [""; 0]);
}
