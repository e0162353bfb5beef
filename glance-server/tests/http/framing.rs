//! Requests that are none, and those at the edge of being some.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{any, get, post};
use glance_server::http::HttpOptions;
use tokio::io::AsyncWriteExt;

use crate::client::{Client, Head, Server};

/// `/echo` answers with the body, `/names` with the header names, `/early` without reading, `/slow` late.
fn router(reached: &Arc<AtomicUsize>) -> Router {
    let reached = Arc::clone(reached);
    let echo = move |body: Bytes| async move {
        reached.fetch_add(1, Ordering::SeqCst);
        body
    };
    let names = |headers: HeaderMap| async move {
        let names: Vec<_> = headers.keys().map(ToString::to_string).collect();
        names.join(" ")
    };
    // Answers after hyper has had every chance to look at the connection again.
    let slow = || async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        "slow"
    };
    Router::new()
        .route("/echo", post(echo))
        .route("/names", get(names))
        .route("/early", any(|_: Request| async { StatusCode::CONFLICT }))
        .route("/ok", get(|| async { "ok" }))
        .route("/slow", get(slow))
        .route(
            "/tolerant",
            post(|body: Body| async move {
                let _ = axum::body::to_bytes(body, usize::MAX).await;
                "did not notice"
            }),
        )
}

fn server() -> (Server, Arc<AtomicUsize>) {
    let reached = Arc::new(AtomicUsize::new(0));
    let server = Server::start(router(&reached), HttpOptions::default());
    (server, reached)
}

/// The one answer to `stream`, after which the server closes.
async fn last_answer(server: &Server, stream: &str) -> Head {
    let mut client = server.connect().await;
    client.send(stream).await;
    let head = client.head().await;
    assert_eq!(head.header("connection"), Some("close"), "{stream:?}");
    client.body(head.length()).await;
    assert!(client.rest().await.is_empty(), "{stream:?}");
    head
}

#[tokio::test(flavor = "multi_thread")]
async fn ambiguous_requests_get_400_and_the_end() {
    let (server, reached) = server();
    for stream in [
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: abc\r\n\r\nabc",
        "GET /ok HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /ok HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n",
        "GET /ok HTTP/1.1\r\nHost: a\r\nA b: c\r\n\r\n",
        "GET /ok HTTP/1.1\r\nHost: a\r\nA\0: c\r\n\r\n",
        "GET /ok HTTP/1.1\r\nHost: a\r\nÄ: c\r\n\r\n",
        "GET /ok HTTP/1.1\r\nHost: a\n\r\n",
        "GET /ok HTTP/1.1\r\nHost: a\r\nA: b\rc\r\n\r\n",
        "GET /ok\r\n\r\n",
        "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT /ok HTTP/1.1\r\nHost: a\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        assert_eq!(last_answer(&server, stream).await.status, 400, "{stream:?}");
    }
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_chunks_get_400_and_the_end() {
    let (server, reached) = server();
    for body in ["3\r\nabcd\r\n", "3\nabc\r\n", "z\r\n", "0\r\nA\n\r\n", "1\r\na\r\n-1\r\n"] {
        for path in ["/echo", "/tolerant"] {
            let stream = format!("POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
            assert_eq!(last_answer(&server, &stream).await.status, 400, "{stream:?}");
        }
    }
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_bodies_and_heads_get_400() {
    let (server, reached) = server();
    for stream in [
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nHost: a\r\nConte",
    ] {
        let mut client = server.connect().await;
        client.send(stream).await;
        client.0.get_mut().shutdown().await.unwrap();
        assert_eq!(client.head().await.status, 400, "{stream:?}");
    }
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_comes_after_the_answers_owed_before_it() {
    let (server, reached) = server();
    let mut client = server.connect().await;
    client
        .send(
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none\
             GET /names HTTP/1.1\r\nHost: a\r\n\r\n\
             POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n\
             GET /ok HTTP/1.1\r\nHost : a\r\n\r\n\
             POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nnever",
        )
        .await;
    for expected in ["one", "host", "two"] {
        let head = client.head().await;
        assert_eq!(head.status, 200);
        assert_eq!(client.body(head.length()).await, expected.as_bytes());
    }
    assert_eq!(client.head().await.status, 400);
    assert!(!client.rest().await.ends_with(b"never"));
    assert_eq!(reached.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_body_spoils_only_its_own_request() {
    let (server, _) = server();
    let mut client = server.connect().await;
    client
        .send(
            "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n\
             POST /tolerant HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd",
        )
        .await;
    let head = client.head().await;
    assert_eq!(head.status, 200);
    assert_eq!(client.body(head.length()).await, b"ok");
    assert_eq!(client.head().await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_arrive_however_they_are_cut() {
    let (server, _) = server();
    let mut client = server.connect().await;
    let stream = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\r\n\
                  POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                  2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nA: b\r\n\r\n";
    for size in [1, 2, 3, 7, 40] {
        for piece in stream.as_bytes().chunks(size) {
            client.send(piece).await;
            client.0.get_mut().flush().await.unwrap();
            tokio::task::yield_now().await;
        }
        for _ in 0..2 {
            let head = client.head().await;
            assert_eq!(head.status, 200);
            assert_eq!(client.body(head.length()).await, b"hello");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_of_every_size_arrive_unchanged() {
    let mut options = HttpOptions::default();
    options.max_connections = 4;
    let router = Router::new().route(
        "/sum",
        post(|body: Body| async move {
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            let sum = body.iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
            format!("{} {sum}", body.len())
        }),
    );
    let server = Server::start(router, options);
    let mut client = server.connect().await;
    for length in [1_usize, 8192, 100_000, 3_000_017] {
        let data: Vec<u8> = (0..length).map(|n| u8::try_from(n * 7 % 251).unwrap()).collect();
        let sum = data.iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
        let head = format!("POST /sum HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        client.send([head.as_bytes(), &data].concat()).await;
        let answer = client.head().await;
        let told = client.body(answer.length()).await;
        assert_eq!(String::from_utf8(told).unwrap(), format!("{length} {sum}"));

        let mut chunked = b"POST /sum HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for chunk in data.chunks(33_333) {
            chunked.extend(format!("{:x}\r\n", chunk.len()).bytes());
            chunked.extend(chunk);
            chunked.extend(b"\r\n");
        }
        chunked.extend(b"0\r\n\r\n");
        client.send(chunked).await;
        let answer = client.head().await;
        let told = client.body(answer.length()).await;
        assert_eq!(String::from_utf8(told).unwrap(), format!("{length} {sum}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_with_underscores_never_reach_a_handler() {
    let (server, _) = server();
    let mut client = server.connect().await;
    client.send("GET /names HTTP/1.1\r\nX_Roles: admin\r\nHost: a\r\nx_refused: 1\r\nX-Roles: b\r\n\r\n").await;
    let head = client.head().await;
    assert_eq!(client.body(head.length()).await, b"host x-roles");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_heads_get_431_and_the_end() {
    let (server, _) = server();
    let line = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(16_384));
    let field = format!("GET /ok HTTP/1.1\r\nA: {}\r\n\r\n", "a".repeat(16_384));
    let many = format!("GET /ok HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(101));
    let sum = format!("GET /ok HTTP/1.1\r\n{}\r\n", format!("A: {}\r\n", "b".repeat(9000)).repeat(9));
    let endless = "a".repeat(20_000);
    for stream in [line, field, many, sum, endless] {
        assert_eq!(last_answer(&server, &stream).await.status, 431);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_heads_allowed_are_served() {
    let (server, _) = server();
    let mut client = server.connect().await;
    let fields = format!("A: {}\r\n", "b".repeat(16_000)).repeat(4);
    client.send(format!("GET /ok HTTP/1.1\r\n{fields}\r\n")).await;
    assert_eq!(client.head().await.status, 200);
    client.body(2).await;
    client.send(format!("GET /ok HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(100))).await;
    assert_eq!(client.head().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_in_the_middle_of_an_upload_still_gets_the_answer() {
    let (server, _) = server();
    let mut client = server.connect().await;
    let length = 20 << 20;
    client.send(format!("PUT /early HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n")).await;
    client.send(vec![1; length]).await;
    assert_eq!(client.head().await.status, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_has_no_more_to_say_still_gets_the_answers() {
    let (server, reached) = server();
    let mut client = server.connect().await;
    let echo = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none";
    client.send(format!("{echo}GET /slow HTTP/1.1\r\nHost: a\r\n\r\n{echo}")).await;
    client.0.get_mut().shutdown().await.unwrap();
    for expected in ["one", "slow", "one"] {
        let head = client.head().await;
        assert_eq!(client.body(head.length()).await, expected.as_bytes());
    }
    assert!(client.rest().await.is_empty());
    assert_eq!(reached.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_to_change_the_protocol_are_ignored() {
    let (server, _) = server();
    let mut client = server.connect().await;
    let offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n";
    for _ in 0..2 {
        client.send(format!("POST /echo HTTP/1.1\r\nHost: a\r\n{offer}Content-Length: 3\r\n\r\nabc")).await;
        let head = client.head().await;
        assert_eq!((head.status, head.header("upgrade")), (200, None));
        assert_eq!(client.body(head.length()).await, b"abc");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_waits_for_leave_to_send_is_answered_without() {
    let (server, _) = server();
    let mut client: Client = server.connect().await;
    client.send("PUT /early HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n").await;
    assert_eq!(client.head().await.status, 409);
}
