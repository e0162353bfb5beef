//! A server on loopback that answers as a test says, and one that speaks TLS for another.

use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What a server was asked: the heads of requests, in the order they came.
pub(super) type Asked = Arc<Mutex<Vec<String>>>;

/// Starts a server that answers a request by its head, and says where it is.
pub(super) async fn answering(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> (String, Asked) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (asked, answer) = (Asked::default(), Arc::new(answer));
    let heads = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve(socket, Arc::clone(&answer), Arc::clone(&heads)));
        }
    });
    (url, asked)
}

async fn serve(mut socket: TcpStream, answer: Arc<impl Fn(&str) -> String>, asked: Asked) {
    let mut read = Vec::new();
    loop {
        let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") else {
            if socket.read_buf(&mut read).await.unwrap_or(0) == 0 {
                return;
            }
            continue;
        };
        let head = String::from_utf8(read.drain(..end + 4).collect()).unwrap();
        let length =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let length: usize = length.unwrap_or(0);
        while read.len() < length {
            if socket.read_buf(&mut read).await.unwrap_or(0) == 0 {
                return;
            }
        }
        read.drain(..length);
        asked.lock().unwrap().push(head.clone());
        if socket.write_all(answer(&head).as_bytes()).await.is_err() {
            return;
        }
    }
}

/// An answer with this status line and body; none is sent to a HEAD.
pub(super) fn answer(head: &str, status: &str, body: &str) -> String {
    let sent = if head.starts_with("HEAD ") { "" } else { body };
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{sent}", body.len())
}

/// Starts a server that speaks TLS for the one at `behind`. Returns its URL, and its authority's certificate as PEM.
pub(super) async fn with_tls(behind: String) -> (String, String) {
    let (key, authority_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(params, authority_key);
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            tokio::spawn(async move {
                let mut outside = acceptor.accept(socket).await?;
                #[expect(clippy::disallowed_methods, reason = "the server behind the one under test")]
                let mut inside = TcpStream::connect(behind).await?;
                copy_bidirectional(&mut outside, &mut inside).await
            });
        }
    });
    (url, authority.pem())
}
