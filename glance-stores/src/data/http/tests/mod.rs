//! The store against servers on loopback.

mod odd;
mod reading;
mod real;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use glance_core::location::Location;
use glance_core::store::{ByteRange, Store, StoreError, StoreExt};

use super::HttpStore;
use crate::outbound::testing::{Head, Reply, Web};
use crate::outbound::{Client, Deadlines, Guard, Tls, Trust};

mod suite {
    //! What every store has to do, as far as this one does it.

    glance_core::store_conformance!(|| ((), super::store()), glance_core::conformance::store::nowhere_to_look);
}

/// A store that may read from this machine.
fn store() -> HttpStore {
    patient(Deadlines::default())
}

fn patient(deadlines: Deadlines) -> HttpStore {
    let guard = Guard::default().except("127.0.0.0/8".parse().unwrap());
    let client = Client::builder(Tls { trust: Trust::Anyone, identity: None });
    HttpStore::new(client.guard(guard).deadlines(deadlines).build().unwrap())
}

/// Bytes that tell where they lie.
fn data(len: usize) -> Bytes {
    (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

/// A server as they should be: it serves `data` whatever the path, and parts of it.
async fn server(data: Bytes) -> Web {
    Web::new(move |head| served(head, &data)).await
}

fn served(head: &Head, data: &Bytes) -> Reply {
    let size = data.len();
    let body = |part: &[u8]| if head.method() == "HEAD" { Vec::new() } else { part.to_vec() };
    let Some((from, to)) = asked(head) else {
        return Reply::new("200 OK", &format!("Content-Length: {size}\r\n"), &body(data));
    };
    let from = usize::try_from(from).unwrap();
    if from >= size {
        let headers = format!("Content-Range: bytes */{size}\r\nContent-Length: 0\r\n");
        return Reply::new("416 Behind", &headers, b"");
    }
    let to = to.map_or(size, |to| size.min(usize::try_from(to).unwrap() + 1));
    let headers = format!("Content-Range: bytes {from}-{}/{size}\r\nContent-Length: {}\r\n", to - 1, to - from);
    Reply::new("206 Part", &headers, &body(&data[from..to]))
}

/// The bounds of a request's `Range`, both counted in.
fn asked(head: &Head) -> Option<(u64, Option<u64>)> {
    let (from, to) = head.header("range")?.strip_prefix("bytes=")?.split_once('-')?;
    Some((from.parse().unwrap(), to.parse().ok()))
}

fn at(web: &Web) -> Location {
    Location::new(web.url("/image"))
}

fn range(start: u64, end: impl Into<Option<u64>>) -> ByteRange {
    ByteRange { start, end: end.into() }
}

/// A server with one answer to everything.
async fn always(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Web {
    Web::new(move |_| reply()).await
}

/// A server that answers with `status`.
async fn answering(status: &'static str) -> Web {
    always(move || Reply::new(status, "Content-Length: 0\r\n", b"")).await
}

fn arc(store: HttpStore) -> Arc<dyn Store> {
    Arc::new(store)
}

#[test]
fn only_locations_on_the_web_are_held() {
    let holds = |url: &str| store().holds(&Location::new(url));
    for url in ["http://host/a", "https://user:pass@host:8443/a?b", "HTTPS://Host/", "http://[2001:db8::1]/x"] {
        assert!(holds(url), "{url}");
    }
    for url in
        ["file:///a", "http:///", "http://", "http:a", "http:\\\\host", "https://host:port/", "swift+http://h/c/o"]
    {
        assert!(!holds(url), "{url}");
    }
}

#[test]
fn a_store_prints_no_secret() {
    assert!(!format!("{:?}", store()).contains("127.0.0"));
}

#[tokio::test]
async fn nobody_listening_refused_and_hidden_look_alike() {
    let gone = server(Bytes::new()).await.address;
    let locations = [
        format!("http://user:canary@{gone}/canary"),
        "http://169.254.169.254/canary".to_owned(),
        "http://user:canary@[::1]/canary".to_owned(),
        "http://canary.invalid/".to_owned(),
    ];
    let mut told = Vec::new();
    for url in locations {
        let location = Location::new(url);
        for refused in [store().get(&location, ByteRange::ALL).await.map(drop), store().size(&location).await.map(drop)]
        {
            let Err(error @ StoreError::Unavailable { .. }) = refused else { panic!("{refused:?}") };
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
            let source = std::error::Error::source(&error).unwrap().to_string();
            told.push(format!("{error} {source}"));
        }
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
}

#[tokio::test]
async fn credentials_of_a_location_are_sent_and_its_fragment_is_not() {
    let web = server(data(10)).await;
    let url = web.url("/a%20b?c=d#canary").replace("http://", "http://us%40er:pass@");
    assert_eq!(store().size(&Location::new(url)).await.unwrap(), 10);
    let asked = &web.requests()[0];
    assert_eq!(asked.target(), "/a%20b?c=d");
    assert_eq!(asked.header("authorization"), Some("Basic dXNAZXI6cGFzcw=="));
    assert_eq!(asked.header("accept-encoding"), Some("identity"));
}

#[tokio::test]
async fn readings_are_the_same_behind_the_trait() {
    let web = server(data(1000)).await;
    let store = arc(store());
    assert_eq!(store.read(&at(&web), range(990, None)).await.unwrap(), data(1000).slice(990..));
    assert!(!store.capabilities().write && !store.capabilities().delete);
    assert!(matches!(store.delete(&at(&web)).await, Err(StoreError::Unsupported { .. })));
    assert!(store.discard(glance_core::image::ImageId::random()).await.is_ok());
}

/// Deadlines that a test does not wait long for.
fn short() -> Deadlines {
    Deadlines { connect: Duration::from_secs(5), idle: Duration::from_millis(200) }
}
