//! A process that has run out of file descriptors. Alone in its process, as the limit is.

#![expect(clippy::unwrap_used, reason = "in a test, panicking is how a surprise is told")]

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use glance_server::http::{HttpOptions, bind, serve};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_descriptors_goes_on_when_there_are_some() {
    let listener = bind(([127, 0, 0, 1], 0).into(), 64).unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let router = Router::new().route("/", get(|| async { "here" }));
    tokio::spawn(serve(listener, router, HttpOptions::default(), std::future::pending()));

    let full = getrlimit(Resource::Nofile);
    let mut waiting = connect_without_room_to_accept(address).await;
    waiting.write_all(REQUEST).await.unwrap();
    let mut byte = [0];
    let early = tokio::time::timeout(Duration::from_millis(300), waiting.read(&mut byte)).await;
    assert!(early.is_err());

    setrlimit(Resource::Nofile, full).unwrap();
    let mut answer = Vec::new();
    waiting.read_to_end(&mut answer).await.unwrap();
    assert!(answer.ends_with(b"here"));
}

/// Connects with the last descriptor there is.
#[expect(clippy::disallowed_methods, reason = "a client of the server under test")]
async fn connect_without_room_to_accept(address: SocketAddr) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    // A limit below the descriptors in use leaves those alone and allows no others.
    let none = Rlimit { current: Some(3), maximum: getrlimit(Resource::Nofile).maximum };
    setrlimit(Resource::Nofile, none).unwrap();
    socket.connect(address).await.unwrap()
}
