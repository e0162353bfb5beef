//! TLS of the server's own, as a client sees it that speaks TLS through the same library.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path};
use axum::routing::{get, post};
use axum::{Extension, Router};
use futures::{StreamExt, stream};
use glance_server::http::{FileBody, FileSender, HttpOptions, OverTls, Tls, TlsFiles};
use rcgen::ExtendedKeyUsagePurpose;
use rustls::{ClientConfig, ProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::authority::Authority;
use crate::client::{Client, Server};
use crate::downloads::{file_of, random};

const MIB: usize = 1 << 20;
const SHORT: Duration = Duration::from_millis(80);
const LONG: Duration = Duration::from_secs(3600);

type Secured = Client<TlsStream<TcpStream>>;

async fn connect(server: &Server, config: ClientConfig) -> std::io::Result<Secured> {
    let plain = server.connect().await.0.into_inner();
    let name = "localhost".try_into().unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, plain).await?;
    Ok(Client(BufReader::new(stream)))
}

/// Whether a client gets an answer. A refusal in TLS 1.3 comes after the client believes that all is well.
async fn is_served(server: &Server, config: ClientConfig) -> bool {
    let Ok(mut client) = connect(server, config).await else { return false };
    let _ = client.0.get_mut().write_all(b"GET /ok HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.try_head().await.is_some_and(|head| head.status == 200)
}

fn router() -> Router {
    let ok = |tls: Option<Extension<OverTls>>, files: Option<Extension<FileSender>>| async move {
        format!("{} {}", tls.is_some(), files.is_some())
    };
    let endless = || async {
        let zeros = stream::repeat(Bytes::from(vec![0; 65536])).map(Ok::<_, std::io::Error>);
        Body::from_stream(zeros)
    };
    Router::new()
        .route("/ok", get(ok))
        .route("/endless", get(endless))
        .route("/echo", post(|body: Bytes| async move { body }).layer(DefaultBodyLimit::disable()))
}

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_of_tls_are_spoken_and_handlers_know() {
    let authority = Authority::new();
    let server = Server::start(router(), authority.options());
    for (version, spoken) in
        [(&rustls::version::TLS12, ProtocolVersion::TLSv1_2), (&rustls::version::TLS13, ProtocolVersion::TLSv1_3)]
    {
        let mut client = connect(&server, authority.client_with(None, &[version])).await.unwrap();
        assert_eq!(client.0.get_ref().get_ref().1.protocol_version(), Some(spoken));
        for _ in 0..2 {
            let head = client.get("/ok").await;
            assert_eq!((head.status, client.body(head.length()).await), (200, b"true false".to_vec()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_is_agreed_on_and_nothing_else() {
    let authority = Authority::new();
    let server = Server::start(router(), authority.options());
    let offering = |protocols: &[&[u8]]| {
        let mut config = authority.client();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        config
    };
    for (offered, agreed) in [
        (&[b"h2".as_slice(), b"http/1.1"][..], Some(b"http/1.1".as_slice())),
        (&[b"http/1.0"], Some(b"http/1.0")),
        (&[], None),
    ] {
        let client = connect(&server, offering(offered)).await.unwrap();
        assert_eq!(client.0.get_ref().get_ref().1.alpn_protocol(), agreed);
    }
    assert!(connect(&server, offering(&[b"h2"])).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_pass_in_both_directions() {
    let authority = Authority::new();
    let server = Server::start(router(), authority.options());
    let mut client = connect(&server, authority.client()).await.unwrap();
    let data = random(9 * MIB + 5, 3);
    for _ in 0..2 {
        client.send(format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", data.len())).await;
        client.send(&data).await;
        client.0.get_mut().flush().await.unwrap();
        let head = client.head().await;
        assert_eq!((head.status, head.length()), (200, data.len()));
        assert!(client.body(data.len()).await == data);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn file_data_that_only_the_kernel_could_send_breaks_the_connection() {
    let authority = Authority::new();
    let data = random(MIB, 7);
    let file = file_of(&data);
    // Nobody should: the sender belongs to no connection.
    let part = move |Path(end): Path<u64>| {
        let body = FileBody::new(&FileSender::default(), Arc::clone(&file), 0..end);
        async move { Body::new(body) }
    };
    let server = Server::start(Router::new().route("/{end}", get(part)), authority.options());
    let mut client = connect(&server, authority.client()).await.unwrap();
    client.send("GET /1000 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(!client.rest().await.ends_with(&[0; 10]));
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_vouched_for_where_that_is_asked() {
    let (authority, other) = (Authority::new(), Authority::new());
    authority.sign("client", ExtendedKeyUsagePurpose::ClientAuth);
    other.sign("client", ExtendedKeyUsagePurpose::ClientAuth);
    let files = TlsFiles { clients: Some(authority.path("ca.crt")), ..authority.files() };
    let mut options = HttpOptions::default();
    options.tls = Some(Tls::open(files).unwrap());
    let server = Server::start(router(), options);
    for version in rustls::ALL_VERSIONS {
        let with = |certificate| authority.client_with(certificate, &[version]);
        assert!(is_served(&server, with(Some((&authority, "client")))).await);
        assert!(!is_served(&server, with(None)).await);
        assert!(!is_served(&server, with(Some((&other, "client")))).await);
        // Made for servers, by the right authority.
        assert!(!is_served(&server, with(Some((&authority, "server")))).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_connections_see_a_new_certificate_and_old_ones_go_on() {
    let authority = Authority::new();
    let options = authority.options();
    let tls = options.tls.clone().unwrap();
    let server = Server::start(router(), options);
    let shown = |client: &Secured| client.0.get_ref().get_ref().1.peer_certificates().unwrap()[0].to_vec();
    let mut before = connect(&server, authority.client()).await.unwrap();
    authority.sign("server", ExtendedKeyUsagePurpose::ServerAuth);
    assert!(tls.follow().unwrap());
    let after = connect(&server, authority.client()).await.unwrap();
    assert_ne!(shown(&before), shown(&after));
    assert_eq!(before.get("/ok").await.status, 200);
    fs::write(authority.path("server.crt"), "").unwrap();
    assert!(tls.follow().is_err());
    let later = connect(&server, authority.client()).await.unwrap();
    assert_eq!(shown(&later), shown(&after));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_half_open_handshakes_leave_others_alone() {
    let authority = Authority::new();
    let mut options = authority.options();
    options.header_timeout = LONG;
    let server = Server::start(router(), options);
    let mut half_open = Vec::new();
    for number in 0..200 {
        let mut client = server.connect().await;
        // Some say nothing, others begin.
        client.send(&b"\x16\x03\x01\x02\x00\x01"[..number % 7]).await;
        half_open.push(client);
    }
    for _ in 0..20 {
        assert!(is_served(&server, authority.client()).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_has_a_deadline_and_counts_as_a_connection() {
    let authority = Authority::new();
    let mut options = authority.options();
    options.max_connections = 2;
    options.header_timeout = SHORT * 10;
    let server = Server::start(router(), options);
    let mut silent = server.connect().await;
    let mut begun = server.connect().await;
    begun.send(b"\x16\x03\x01").await;
    // Its turn comes when the others have had their time.
    assert!(is_served(&server, authority.client()).await);
    assert!(silent.rest().await.is_empty());
    assert!(begun.rest().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_tls_gets_no_answer_in_the_clear() {
    let authority = Authority::new();
    let server = Server::start(router(), authority.options());
    let mut client = server.connect().await;
    client.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(!client.rest().await.starts_with(b"HTTP"));
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_hold_inside_tls() {
    let authority = Authority::new();
    let mut options = authority.options();
    options.header_timeout = SHORT * 5;
    options.keepalive_timeout = SHORT;
    options.idle_timeout = SHORT;
    let server = Server::start(router(), options);
    let mut head = connect(&server, authority.client()).await.unwrap();
    head.send("GET /ok HTTP/1.1\r\nHo").await;
    assert_eq!(head.head().await.status, 408);

    let mut used = connect(&server, authority.client()).await.unwrap();
    let answer = used.get("/ok").await;
    used.body(answer.length()).await;
    assert!(used.rest().await.is_empty());

    let mut body = connect(&server, authority.client()).await.unwrap();
    body.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").await;
    assert_eq!(body.head().await.status, 408);

    let mut greedy = connect(&server, authority.client()).await.unwrap();
    greedy.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await;
    tokio::time::sleep(SHORT * 10).await;
    // What was on its way arrives; then the server has hung up.
    greedy.rest().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_without_a_goodbye_is_the_end_of_a_body() {
    let authority = Authority::new();
    let server = Server::start(router(), authority.options());
    let mut client = connect(&server, authority.client()).await.unwrap();
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").await;
    client.0.get_mut().flush().await.unwrap();
    let plain = client.0.get_mut().get_mut().0;
    plain.shutdown().await.unwrap();
    assert_eq!(client.head().await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_finished_at_the_end() {
    let (gate, reached) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let wait = {
        let (gate, reached) = (Arc::clone(&gate), Arc::clone(&reached));
        move || async move {
            reached.notify_one();
            gate.notified().await;
            vec![7; 3 * MIB]
        }
    };
    let authority = Authority::new();
    let server = Server::start(router().route("/wait", get(wait)), authority.options());
    let mut half_open = server.connect().await;
    let mut idle = connect(&server, authority.client()).await.unwrap();
    let mut running = connect(&server, authority.client()).await.unwrap();
    running.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await;
    reached.notified().await;
    let ended = server.stop();
    assert!(half_open.rest().await.is_empty());
    assert!(idle.rest().await.is_empty());
    assert!(!ended.is_finished());
    gate.notify_one();
    assert_eq!(running.head().await.status, 200);
    // With the goodbye of TLS, or reading to the end would fail.
    let mut body = Vec::new();
    running.0.read_to_end(&mut body).await.unwrap();
    assert_eq!(body, vec![7; 3 * MIB]);
    ended.await.unwrap().unwrap();
}
