//! Clients that are slow, or gone without a word.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use futures::{StreamExt, stream};
use glance_server::http::HttpOptions;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::client::Server;

/// Long enough for a busy machine to get a request through within a few of it.
const SHORT: Duration = Duration::from_millis(80);
const LONG: Duration = Duration::from_secs(3600);

/// Everything waits for ever, unless a test says otherwise.
fn patient() -> HttpOptions {
    let mut options = HttpOptions::default();
    options.header_timeout = LONG;
    options.keepalive_timeout = LONG;
    options.idle_timeout = LONG;
    options
}

/// `/endless` never ends, `/slow` takes several times [`SHORT`].
fn router() -> Router {
    let endless = || async {
        let zeros = stream::repeat(Bytes::from(vec![0; 65536])).map(Ok::<_, std::io::Error>);
        Body::from_stream(zeros)
    };
    let slow = || async {
        sleep(SHORT * 12).await;
        "at last"
    };
    Router::new()
        .route("/echo", post(|body: Bytes| async move { body }))
        .route("/endless", get(endless))
        .route("/slow", get(slow))
        .route("/ok", get(|| async { "ok" }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_end_gets_408() {
    let mut options = patient();
    options.header_timeout = SHORT;
    let server = Server::start(router(), options);
    let mut client = server.connect().await;
    client.send("GET /ok HTTP/1.1\r\nHo").await;
    assert_eq!(client.head().await.status, 408);

    let mut dripping = server.connect().await;
    for byte in b"GET /ok HTTP/1.1\r\nHost: abcdefghijklmnopqrstuvwxyz".chunks(1) {
        // Until the server hangs up.
        let _ = tokio::io::AsyncWriteExt::write_all(dripping.0.get_mut(), byte).await;
        sleep(SHORT / 10).await;
    }
    assert!(dripping.rest().await.starts_with(b"HTTP/1.1 408 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_a_request_is_closed() {
    let mut options = patient();
    options.header_timeout = SHORT;
    let server = Server::start(router(), options);
    assert!(server.connect().await.rest().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_a_further_request_is_closed() {
    let mut options = patient();
    options.keepalive_timeout = SHORT * 5;
    let server = Server::start(router(), options);
    let mut client = server.connect().await;
    for _ in 0..3 {
        let head = client.get("/ok").await;
        assert_eq!((head.status, client.body(2).await), (200, b"ok".to_vec()));
    }
    assert!(client.rest().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_handler_is_no_slow_client() {
    let mut options = patient();
    options.keepalive_timeout = SHORT * 5;
    options.header_timeout = SHORT * 5;
    options.idle_timeout = SHORT * 5;
    let server = Server::start(router(), options);
    let mut client = server.connect().await;
    let head = client.get("/slow").await;
    assert_eq!(head.status, 200);
    assert_eq!(client.body(head.length()).await, b"at last");
    // The deadline has been running since the answer, not since the request.
    assert_eq!(client.get("/ok").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_gets_408() {
    let mut options = patient();
    options.idle_timeout = SHORT;
    let server = Server::start(router(), options);
    for framing in ["Content-Length: 10", "Transfer-Encoding: chunked"] {
        let mut client = server.connect().await;
        client.send(format!("POST /echo HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n5\r\n")).await;
        assert_eq!(client.head().await.status, 408);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_drips_arrives() {
    let mut options = patient();
    options.idle_timeout = SHORT * 10;
    options.header_timeout = SHORT;
    options.keepalive_timeout = SHORT;
    let server = Server::start(router(), options);
    let mut client = server.connect().await;
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n").await;
    for _ in 0..30 {
        client.send("x").await;
        sleep(SHORT / 2).await;
    }
    assert_eq!(client.head().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_nothing_loses_the_connection() {
    let mut options = patient();
    options.idle_timeout = SHORT;
    let dropped = Arc::new(Notify::new());
    let told = Arc::clone(&dropped);
    let endless = move || async move {
        let told = TellsWhenDropped(told);
        let zeros = stream::repeat(Bytes::from(vec![0; 65536])).map(move |bytes| {
            let _ = &told;
            Ok::<_, std::io::Error>(bytes)
        });
        Body::from_stream(zeros)
    };
    let server = Server::start(Router::new().route("/", get(endless)), options);
    let mut client = server.connect().await;
    assert_eq!(client.get("/").await.status, 200);
    dropped.notified().await;
}

struct TellsWhenDropped(Arc<Notify>);

impl Drop for TellsWhenDropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_idle_connections_hold_up_nobody() {
    let server = Server::start(router(), patient());
    let mut held = Vec::new();
    for number in 0..200 {
        let mut client = server.connect().await;
        match number % 4 {
            0 => {}
            1 => client.send("GET /ok HT").await,
            2 => client.send("POST /echo HTTP/1.1\r\nContent-Length: 9\r\n\r\n1").await,
            _ => client.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await,
        }
        held.push(client);
    }
    let mut client = server.connect().await;
    for _ in 0..50 {
        assert_eq!(client.get("/ok").await.status, 200);
        assert_eq!(client.body(2).await, b"ok");
    }
}
