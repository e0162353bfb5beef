//! The client against servers on loopback.

mod addresses;
mod proxies;
mod redirects;
mod spelling;
mod tls;

use bytes::Bytes;
use http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

fn client(idle: Duration) -> Client {
    let tls = Tls { trust: Trust::Anyone, identity: None };
    Client::new(&tls, Deadlines { idle, ..Deadlines::default() }).unwrap()
}

/// A client for URLs of users that lead where `guard` says.
fn guarded(guard: Guard) -> ClientBuilder {
    Client::builder(Tls { trust: Trust::Anyone, identity: None }).guard(guard)
}

/// The same, not waiting long for hosts that are not there.
fn quick(guard: Guard) -> Client {
    let connect = Duration::from_secs(2);
    guarded(guard).deadlines(Deadlines { connect, ..Deadlines::default() }).build().unwrap()
}

/// A server that reads one request up to `until`, answers with `answer`, and gives back what it read.
async fn server(until: &'static str, answer: &'static str) -> (OperatorUrl, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://user:p%40ss@{}/a/b?c=d", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut read = Vec::new();
        while !String::from_utf8_lossy(&read).contains(until) {
            assert!(socket.read_buf(&mut read).await.unwrap() > 0, "{}", String::from_utf8_lossy(&read));
        }
        socket.write_all(answer.as_bytes()).await.unwrap();
        if answer.is_empty() {
            // Keeps the connection open until the client gives up.
            let _ = socket.read_buf(&mut Vec::new()).await;
        }
        String::from_utf8(read).unwrap()
    });
    (OperatorUrl::parse(&url).unwrap(), served)
}

#[tokio::test]
async fn a_request_arrives_with_its_data_and_credentials() {
    let (url, served) = server("data", "HTTP/1.1 201 Created\r\nContent-Length: 4\r\nX-A: b\r\n\r\nback").await;
    let request = Request::new(Method::PUT, url).payload(Payload::Bytes(Bytes::from_static(b"data")));
    let answer = client(Duration::from_secs(30)).send(request).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.header("x-a"), answer.content_length()), (201, Some("b"), Some(4)));
    assert_eq!(answer.read(10).await.unwrap(), "back");
    let read = served.await.unwrap();
    assert!(read.starts_with("PUT /a/b?c=d HTTP/1.1\r\n"), "{read}");
    assert!(read.contains("authorization: Basic dXNlcjpwQHNz\r\n") && read.contains("content-length: 4\r\n"), "{read}");
}

#[tokio::test]
async fn data_that_breaks_off_is_told_from_a_connection_that_does() {
    let (url, _served) = server("never", "").await;
    let broken: glance_core::store::ByteStream =
        Box::pin(futures::stream::iter([Ok(Bytes::from_static(b"x")), Err("gone".into())]));
    let request = Request::new(Method::PUT, url).payload(Payload::Stream(broken, None));
    let answer = client(Duration::from_secs(30)).send(request).await;
    assert!(matches!(&answer, Err(OutboundError::Source(cause)) if cause.to_string() == "gone"), "{answer:?}");
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let (url, _served) = server("\r\n\r\n", "").await;
    let answer = client(Duration::from_millis(50)).send(Request::new(Method::GET, url)).await;
    assert!(matches!(answer, Err(OutboundError::TimedOut)), "{answer:?}");
}

#[tokio::test]
async fn an_answer_that_stops_halfway_is_given_up() {
    let (url, _served) = server("\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nba").await;
    let answer = client(Duration::from_secs(30)).send(Request::new(Method::GET, url)).await.unwrap();
    let read = answer.read(10).await;
    assert!(matches!(read, Err(OutboundError::BrokenOff(_))), "{read:?}");
}

#[tokio::test]
async fn nobody_listening_is_a_transient_error() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = OperatorUrl::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let answer = client(Duration::from_secs(30)).send(Request::new(Method::GET, url)).await;
    assert!(matches!(&answer, Err(error @ OutboundError::Connect(_)) if error.is_transient()), "{answer:?}");
}

#[test]
fn no_credential_is_printed() {
    let url = OperatorUrl::parse("https://user:secret@host/secret?secret").unwrap();
    let user = UserUrl::parse("https://user:secret@host/secret?secret").unwrap();
    let printed = format!("{url:?} {user:?} {:?}", Request::new(Method::GET, url.clone()));
    assert!(!printed.contains("secret") && !printed.contains("user"), "{printed}");
}
