//! An S3 server that is killed while data goes in and out, and comes back.
//!
//! `GLANCE_TEST_S3` is its URL, `GLANCE_TEST_S3_CONTROL` the script that kills it and brings it up again.

use bytes::Bytes;
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use glance_core::conformance::backend;
use glance_core::image::ImageId;
use glance_core::store::{BoxError, ByteRange, Store, StoreError, StoreExt};
use glance_stores::data::s3::{S3Config, S3Store};
use glance_stores::outbound::{Client, Deadlines, OperatorUrl, Request, Tls};
use http::Method;
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::{HttpRequest, HttpRequestBody};
use url::Url;

use crate::{MIB, control, data, read_until_broken};

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
            let mut request = Request::new(Method::GET, OperatorUrl::parse(&url).unwrap());
            for (name, value) in signed.headers() {
                request = request.header(name, value.clone());
            }
            let listed = client().send(request).await.unwrap();
            assert!(listed.status.is_success(), "{}", listed.status);
            let listed = String::from_utf8(listed.read(MIB).await.unwrap().to_vec()).unwrap();
            names.extend(listed.split("<Key>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()));
        }
        names
    }
}

fn client() -> Client {
    Client::new(&Tls::default(), Deadlines::default()).unwrap()
}

/// The one server of those that the script may start.
const WEED: Option<(&str, &str)> = Some(("S3_SERVERS", "weed"));

fn is_unavailable<T>(answer: &Result<T, StoreError>) -> bool {
    answer.as_ref().is_err_and(|error| matches!(error.reason(), StoreError::Unavailable { .. }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_and_comes_back_costs_no_more_than_what_was_under_way() {
    let (Some(settings), Some(script)) = (backend("GLANCE_TEST_S3"), backend("GLANCE_TEST_S3_CONTROL")) else {
        return;
    };
    let bucket = Bucket::new(&settings);
    let (store, whole) = (bucket.store(), data(40 * MIB));
    let kept = store.write(ImageId::random(), whole.clone()).await.unwrap().location;

    // One put that has sent parts, and one reading.
    let (mut sender, source) = mpsc::channel::<Result<Bytes, BoxError>>(0);
    let id = ImageId::random();
    let put = store.put(id, None, Box::pin(source));
    let interrupted = async {
        for _ in 0..16 {
            sender.send(Ok(data(MIB))).await.unwrap();
        }
        let mut reading = store.get(&kept, ByteRange::ALL).await.unwrap().stream;
        let first = reading.next().await.unwrap().unwrap();
        control(&script, "kill", WEED).await;
        // Nobody takes it any more when the put has failed.
        while sender.send(Ok(data(MIB))).await.is_ok() {}
        read_until_broken(reading, first, &whole).await;
    };
    let (put, ()) = futures::join!(put, interrupted);
    // Its parts are still there, and it says so.
    assert!(matches!(put, Err(StoreError::LeftBehind { .. })) && is_unavailable(&put), "{put:?}");
    assert!(is_unavailable(&store.size(&kept).await));
    assert!(is_unavailable(&store.delete(&kept).await));
    assert!(is_unavailable(&store.discard(id).await));
    let put = store.write(ImageId::random(), data(10)).await;
    assert!(matches!(put, Err(StoreError::Unavailable { .. })), "{put:?}");

    control(&script, "up", WEED).await;
    assert!(store.read(&kept, ByteRange::ALL).await.unwrap() == whole);
    // What was left behind goes when it is asked for: parts alone, since nothing came to its end.
    assert!(bucket.names().await.contains(&id.to_string()));
    store.discard(id).await.unwrap();
    assert_eq!(bucket.names().await.len(), 1, "the image that was there before");
    let again = store.write(id, data(9 * MIB)).await.unwrap();
    assert_eq!(store.size(&again.location).await.unwrap(), 9 * MIB as u64);
    for at in [again.location, kept] {
        store.delete(&at).await.unwrap();
    }
    assert_eq!(bucket.names().await, [""; 0]);
}
