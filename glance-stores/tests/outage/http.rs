//! A web server that is killed while data comes out of it, and comes back.
//!
//! `GLANCE_TEST_WEB` is its address, `GLANCE_TEST_WEB_CONTROL` the script that kills it and brings it up again.

use futures::StreamExt;
use glance_core::conformance::backend;
use glance_core::location::Location;
use glance_core::store::{ByteRange, Store, StoreError, StoreExt};
use glance_stores::data::http::HttpStore;
use glance_stores::outbound::{Client, Guard, Tls};

use crate::{MIB, control, data, read_until_broken};

/// A store that may read from this machine.
fn store() -> HttpStore {
    let guard = Guard::default().except("127.0.0.0/8".parse().unwrap());
    HttpStore::new(Client::builder(Tls::default()).guard(guard).build().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_and_comes_back_costs_no_more_than_what_was_under_way() {
    let (Some(address), Some(script)) = (backend("GLANCE_TEST_WEB"), backend("GLANCE_TEST_WEB_CONTROL")) else {
        return;
    };
    let (store, whole) = (store(), data(64 * MIB));
    let at = Location::new(format!("{address}/large"));
    let behind = 5 * MIB + 3;
    let part = ByteRange { start: behind as u64, end: None };

    // Both wait for somebody to take more than the connections hold.
    let mut all = store.get(&at, ByteRange::ALL).await.unwrap().stream;
    let mut rest = store.get(&at, part).await.unwrap().stream;
    let (first_of_all, first_of_rest) = (all.next().await.unwrap().unwrap(), rest.next().await.unwrap().unwrap());

    control(&script, "kill", &[]).await;
    read_until_broken(all, first_of_all, &whole).await;
    read_until_broken(rest, first_of_rest, &whole[behind..]).await;
    for failed in [
        store.size(&at).await.map(drop),
        store.get(&at, ByteRange::ALL).await.map(drop),
        store.get(&at, part).await.map(drop),
    ] {
        assert!(matches!(failed, Err(StoreError::Unavailable { .. })), "{failed:?}");
    }

    control(&script, "up", &[]).await;
    assert_eq!(store.size(&at).await.unwrap(), whole.len() as u64);
    assert!(store.read(&at, ByteRange::ALL).await.unwrap() == whole);
    assert!(store.read(&at, part).await.unwrap() == whole[behind..]);
}
