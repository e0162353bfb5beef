//! An S3 server that is killed while data goes in and out, and comes back.
//!
//! `GLANCE_TEST_S3` is its URL, `GLANCE_TEST_S3_CONTROL` the script that kills it and brings it up again. All of
//! it is one test, as there is one server.

#![cfg(feature = "s3")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Stdio};

use bytes::Bytes;
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use glance_core::conformance::backend;
use glance_core::image::ImageId;
use glance_core::store::{BoxError, ByteRange, Store, StoreError, StoreExt};
use glance_stores::data::s3::{S3Config, S3Store};
use glance_stores::outbound::{Client, Deadlines, Tls};
use url::Url;

const MIB: usize = 1 << 20;

/// A store in a bucket of its own on the server that the settings name, with parts of 5 MiB.
fn store_at(settings: &str) -> S3Store {
    let url = Url::parse(settings).unwrap();
    let host = format!("http://{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let bucket = format!("test-{}", ImageId::random());
    let config = S3Config::new(&host, &bucket, url.username(), url.password().unwrap()).unwrap();
    let config = config.parts(5 * MIB, 5 * MIB, 2).unwrap().create_bucket(true);
    S3Store::new(config, Client::new(&Tls::default(), Deadlines::default()).unwrap()).unwrap()
}

/// Has the script that started the server do something to it.
async fn script(control: &str, verb: &'static str) {
    let mut script = Command::new(control);
    script.arg(verb).stdout(Stdio::null()).env("S3_SERVERS", "weed");
    let status = tokio::task::spawn_blocking(move || script.status().unwrap()).await.unwrap();
    assert!(status.success(), "{verb}: {status}");
}

fn data(len: usize) -> Bytes {
    (0..=250).cycle().take(len).collect::<Vec<u8>>().into()
}

fn is_unavailable<T>(answer: &Result<T, StoreError>) -> bool {
    answer.as_ref().is_err_and(|error| matches!(error.reason(), StoreError::Unavailable { .. }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_and_comes_back_costs_no_more_than_what_was_under_way() {
    let (Some(settings), Some(control)) = (backend("GLANCE_TEST_S3"), backend("GLANCE_TEST_S3_CONTROL")) else {
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
        script(&control, "kill").await;
        // Nobody takes it any more when the put has failed.
        while sender.send(Ok(data(MIB))).await.is_ok() {}
        let mut read = first.len();
        let broken = loop {
            match reading.next().await {
                Some(Ok(chunk)) => read += chunk.len(),
                Some(Err(_)) => break true,
                None => break false,
            }
        };
        assert!(broken && read < whole.len(), "{read} bytes read as if they were all");
    };
    let (put, ()) = futures::join!(put, interrupted);
    // Its parts are still there, and it says so.
    assert!(matches!(put, Err(StoreError::LeftBehind { .. })) && is_unavailable(&put), "{put:?}");
    assert!(is_unavailable(&store.size(&kept).await));
    assert!(is_unavailable(&store.delete(&kept).await));
    assert!(is_unavailable(&store.discard(id).await));
    let put = store.write(ImageId::random(), data(10)).await;
    assert!(matches!(put, Err(StoreError::Unavailable { .. })), "{put:?}");

    script(&control, "up").await;
    assert!(store.read(&kept, ByteRange::ALL).await.unwrap() == whole);
    store.discard(id).await.unwrap();
    let again = store.write(id, data(9 * MIB)).await.unwrap();
    assert_eq!(store.size(&again.location).await.unwrap(), 9 * MIB as u64);
    for at in [again.location, kept] {
        store.delete(&at).await.unwrap();
    }
}
