//! An S3 server that is killed while data goes in and out, and comes back.
//!
//! `GLANCE_TEST_S3` is its URL, `GLANCE_TEST_S3_CONTROL` the script that kills it and brings it up again.

use glance_core::conformance::backend;
use glance_core::image::ImageId;
use glance_core::store::StoreExt;
use glance_stores::data::s3::{S3Config, S3Store};
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::{HttpRequest, HttpRequestBody};
use url::Url;

use crate::object::{Server, client, comes_back, each, goes_away, send, text};
use crate::{MIB, data};

/// A bucket of its own on the server that the settings name.
struct Bucket {
    server: Url,
    name: String,
}

impl Bucket {
    fn new(settings: &str) -> Self {
        Self { server: Url::parse(settings).unwrap(), name: format!("test-{}", ImageId::random()) }
    }

    fn host(&self) -> String {
        format!("http://{}:{}", self.server.host_str().unwrap(), self.server.port().unwrap())
    }

    /// A store with parts of 5 MiB.
    fn store(&self) -> S3Store {
        let (access, secret) = (self.server.username(), self.server.password().unwrap());
        let config = S3Config::new(&self.host(), &self.name, access, secret).unwrap();
        let config = config.parts(5 * MIB, 5 * MIB, 2).unwrap().create_bucket(true);
        S3Store::new(config, client()).unwrap()
    }

    /// Names of objects, and of those that uploads in parts are to become.
    async fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for listing in ["list-type=2", "uploads="] {
            let url = format!("{}/{}?{listing}", self.host(), self.name);
            let mut signed: HttpRequest = http::Request::get(&url).body(HttpRequestBody::empty()).unwrap();
            let (key_id, secret_key) = (self.server.username().to_owned(), self.server.password().unwrap().to_owned());
            let credential = AwsCredential { key_id, secret_key, token: None };
            AwsAuthorizer::new(&credential, "s3", "us-east-1").try_authorize(&mut signed, None).unwrap();
            names.extend(each("Key", &text(send(signed).await).await));
        }
        names
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_and_comes_back_costs_no_more_than_what_was_under_way() {
    let (Some(settings), Some(script)) = (backend("GLANCE_TEST_S3"), backend("GLANCE_TEST_S3_CONTROL")) else {
        return;
    };
    let (bucket, server) = (Bucket::new(&settings), Server { script, name: "weed" });
    let (store, whole) = (bucket.store(), data(40 * MIB));
    let kept = store.write(ImageId::random(), whole.clone()).await.unwrap().location;

    let id = goes_away(&store, &server, (&kept, &whole), async |_| ()).await;
    server.up().await;
    comes_back(&store, (&kept, &whole), id, async || bucket.names().await).await;
}
