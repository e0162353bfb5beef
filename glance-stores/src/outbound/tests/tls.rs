//! Servers that are believed, and those that are not.

use std::path::PathBuf;
use std::sync::Arc;

use http::Method;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::super::testing::SECOND;
use super::super::*;

/// A server for `images.example` that speaks TLS, and the file with its certificate.
struct Secure {
    port: u16,
    folder: tempfile::TempDir,
    accepting: tokio::task::JoinHandle<()>,
}

impl Secure {
    async fn new() -> Self {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["images.example".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), cert.pem()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
        let config = config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
        let listener = TcpListener::bind((SECOND, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let accepting = tokio::spawn(answer(listener, TlsAcceptor::from(Arc::new(config))));
        Self { port, folder, accepting }
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn answer(listener: TcpListener, tls: TlsAcceptor) {
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        // Whoever does not believe the certificate goes away.
        let Ok(mut socket) = tls.accept(socket).await else { continue };
        let mut read = Vec::new();
        while !read.ends_with(b"\r\n\r\n") {
            assert!(socket.read_buf(&mut read).await.unwrap() > 0);
        }
        socket.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nsecret").await.unwrap();
        let _ = socket.shutdown().await;
    }
}

/// Every name leads to the second address of this machine.
#[derive(Debug)]
struct Here;

impl Resolve for Here {
    fn resolve<'a>(&'a self, _: &'a str) -> Resolved<'a> {
        Box::pin(async { Ok(vec![SECOND]) })
    }
}

async fn ask(server: &Secure, trust: Trust, host: &str) -> Result<Response, OutboundError> {
    let guard = Guard::default().except("127.0.0.2".parse().unwrap());
    let client = Client::builder(Tls { trust, identity: None }).guard(guard).resolver(Arc::new(Here)).build().unwrap();
    let url = UserUrl::parse(&format!("https://{host}:{}/", server.port)).unwrap();
    client.follow(Request::new(Method::GET, url), 5).await
}

#[tokio::test]
async fn a_server_is_believed_by_its_name_and_whoever_vouches_for_it() {
    let server = Secure::new().await;
    let believed = ask(&server, Trust::CaFile(server.ca()), "images.example").await.unwrap();
    assert_eq!(believed.read(10).await.unwrap(), "secret");
    assert!(ask(&server, Trust::Anyone, "other.example").await.is_ok());
    for (trust, host) in
        [(Trust::System, "images.example"), (Trust::CaFile(server.ca()), "other.example"), (Trust::System, "127.0.0.2")]
    {
        let answer = ask(&server, trust.clone(), host).await;
        assert!(matches!(answer, Err(OutboundError::Connect(_))), "{trust:?} {host}: {answer:?}");
    }
}
