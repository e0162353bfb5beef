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
use glance_stores::outbound::{Client, Deadlines, Tls};
use url::Url;

use crate::{MIB, control, data, read_until_broken};

/// A store in a bucket of its own on the server that the settings name, with parts of 5 MiB.
fn store_at(settings: &str) -> S3Store {
    let url = Url::parse(settings).unwrap();
    let host = format!("http://{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let bucket = format!("test-{}", ImageId::random());
    let config = S3Config::new(&host, &bucket, url.username(), url.password().unwrap()).unwrap();
    let config = config.parts(5 * MIB, 5 * MIB, 2).unwrap().create_bucket(true);
    S3Store::new(config, Client::new(&Tls::default(), Deadlines::default()).unwrap()).unwrap()
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
    let (store, whole) = (store_at(&settings), data(40 * MIB));
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
    store.discard(id).await.unwrap();
    let again = store.write(id, data(9 * MIB)).await.unwrap();
    assert_eq!(store.size(&again.location).await.unwrap(), 9 * MIB as u64);
    for at in [again.location, kept] {
        store.delete(&at).await.unwrap();
    }
}
