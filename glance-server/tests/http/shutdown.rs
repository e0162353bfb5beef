//! Stopping while requests run.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Extension;
use axum::routing::{get, post};
use glance_server::http::{HttpOptions, PeerAddr, bind, serve_until};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};

use crate::client::Server;

/// `/wait` answers once `gate` opens and says on `reached` when it is asked.
fn waiting(gate: &Arc<Notify>, reached: &Arc<Notify>) -> Router {
    let (gate, reached) = (Arc::clone(gate), Arc::clone(reached));
    let wait = move || async move {
        reached.notify_one();
        gate.notified().await;
        "done"
    };
    Router::new().route("/wait", get(wait)).route("/echo", post(|body: Bytes| async move { body }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_request_is_answered_before_the_end() {
    let (gate, reached) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let server = Server::start(waiting(&gate, &reached), HttpOptions::default());
    let address = server.address;
    let mut client = server.connect().await;
    client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await;
    reached.notified().await;

    let ended = server.stop();
    #[expect(clippy::disallowed_methods, reason = "a client of the server under test")]
    while TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!ended.is_finished());

    gate.notify_one();
    assert_eq!(client.head().await.status, 200);
    assert_eq!(client.rest().await, b"done");
    ended.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_under_way_is_let_finish() {
    let server = Server::start(waiting(&Arc::default(), &Arc::default()), HttpOptions::default());
    let mut client = server.connect().await;
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n").await;
    assert_eq!(client.head().await.status, 100);
    client.send("abc").await;
    let ended = server.stop();
    client.send("def").await;
    assert_eq!(client.head().await.status, 200);
    assert_eq!(client.rest().await, b"abcdef");
    ended.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_do_not_delay_the_end() {
    let server = Server::start(waiting(&Arc::default(), &Arc::default()), HttpOptions::default());
    let mut fresh = server.connect().await;
    let mut used = server.connect().await;
    assert_eq!(used.get("/none").await.status, 404);
    let mut half = server.connect().await;
    half.send("GET /none HT").await;
    server.stop().await.unwrap().unwrap();
    assert!(fresh.rest().await.is_empty());
    assert!(used.rest().await.is_empty());
    half.rest().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_what_still_runs() {
    let (gate, reached) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let listener = bind(([127, 0, 0, 1], 0).into(), 16).unwrap();
    let address = listener.local_addr().unwrap();
    let (first, second) = (oneshot::channel::<()>(), oneshot::channel::<()>());
    let running = tokio::spawn(serve_until(
        listener,
        waiting(&gate, &reached),
        HttpOptions::default(),
        async move { drop(first.1.await) },
        async move { drop(second.1.await) },
    ));
    let mut client = crate::client::Client::to(address).await;
    client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await;
    reached.notified().await;
    first.0.send(()).unwrap();
    second.0.send(()).unwrap();
    running.await.unwrap().unwrap();
    assert!(client.rest().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_ends_what_still_runs() {
    let (gate, reached) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let mut options = HttpOptions::default();
    options.shutdown_limit = Some(Duration::from_millis(50));
    let server = Server::start(waiting(&gate, &reached), options);
    let mut client = server.connect().await;
    client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await;
    reached.notified().await;
    server.stop().await.unwrap().unwrap();
    assert!(client.rest().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_wait_for_their_turn() {
    let mut options = HttpOptions::default();
    options.max_connections = 2;
    let server = Server::start(waiting(&Arc::default(), &Arc::default()), options);
    let mut first = server.connect().await;
    let mut second = server.connect().await;
    assert_eq!(first.get("/none").await.status, 404);
    assert_eq!(second.get("/none").await.status, 404);

    let mut third = server.connect().await;
    third.send("GET /none HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let early = tokio::time::timeout(Duration::from_millis(100), third.head()).await;
    assert!(early.is_err());
    drop(first);
    assert_eq!(third.head().await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn handlers_know_the_peer() {
    let router = Router::new()
        .route("/", get(|Extension(PeerAddr(peer)): Extension<PeerAddr>| async move { Body::from(peer.to_string()) }));
    let server = Server::start(router, HttpOptions::default());
    let mut client = server.connect().await;
    let own = client.0.get_ref().local_addr().unwrap().to_string();
    let head = client.get("/").await;
    assert_eq!(client.body(head.length()).await, own.into_bytes());
}
