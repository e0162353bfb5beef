//! A server that is a Keystone to those who log in, and to all others answers by its mood, with what it was sent.

use std::sync::{Arc, Mutex};

use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::TOKEN;

/// How a server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// With this status.
    Status(&'static str),
    /// With less than it announces.
    Short,
    /// With what is no HTTP.
    Garbage,
    /// It lets nobody in.
    Shut,
}

pub(crate) const MOODS: [Mood; 14] = [
    Mood::Status("200 OK"),
    Mood::Status("201 Created"),
    Mood::Status("206 Partial Content"),
    Mood::Status("302 Found"),
    Mood::Status("400 Bad Request"),
    Mood::Status("401 Unauthorized"),
    Mood::Status("403 Forbidden"),
    Mood::Status("404 Not Found"),
    Mood::Status("409 Conflict"),
    Mood::Status("412 Precondition Failed"),
    Mood::Status("503 Service Unavailable"),
    Mood::Short,
    Mood::Garbage,
    Mood::Shut,
];

/// What the servers of one test share.
struct State {
    mood: Mutex<Mood>,
    sent: Mutex<String>,
}

/// Servers on loopback, one that speaks plainly and one that speaks TLS.
pub(crate) struct Server {
    state: Arc<State>,
    pub(crate) plain: String,
    pub(crate) tls: String,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let state = Arc::new(State { mood: Mutex::new(MOODS[0]), sent: Mutex::default() });
        let plain = listen(Arc::clone(&state), None).await;
        let tls = listen(Arc::clone(&state), Some(acceptor())).await;
        Self { state, plain, tls }
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.state.mood.lock().unwrap() = mood;
    }

    /// All that was sent here.
    pub(crate) fn sent(&self) -> String {
        self.state.sent.lock().unwrap().clone()
    }

    /// How often something was asked for whose first line names `what`.
    pub(crate) fn asked(&self, what: &str) -> usize {
        let sent = self.sent();
        sent.lines().filter(|line| line.ends_with("HTTP/1.1") && line.contains(what)).count()
    }
}

async fn listen(state: Arc<State>, tls: Option<TlsAcceptor>) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let host = address.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (state, tls, host) = (Arc::clone(&state), tls.clone(), host.clone());
            tokio::spawn(async move {
                match tls {
                    None => serve(socket, &state, &host).await,
                    Some(tls) => match tls.accept(socket).await {
                        Ok(socket) => serve(socket, &state, &host).await,
                        Err(_) => None,
                    },
                }
            });
        }
    });
    address
}

fn acceptor() -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Answers one request and closes.
async fn serve(mut socket: impl AsyncRead + AsyncWrite + Unpin, state: &State, host: &str) -> Option<()> {
    let mut read = Vec::new();
    let end = loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        more(&mut socket, &mut read).await?;
    };
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    let header = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    };
    let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0_usize);
    let chunked = header("transfer-encoding").is_some();
    while read.len() < end + length || (chunked && !read.ends_with(b"0\r\n\r\n")) {
        more(&mut socket, &mut read).await?;
    }
    let sent = String::from_utf8_lossy(&read).into_owned();
    state.sent.lock().unwrap().push_str(&sent);
    let mood = *state.mood.lock().unwrap();
    socket.write_all(answer(&sent, mood, host).as_bytes()).await.ok()?;
    socket.shutdown().await.ok()
}

async fn more(socket: &mut (impl AsyncRead + Unpin), read: &mut Vec<u8>) -> Option<()> {
    matches!(socket.read_buf(read).await, Ok(1..)).then_some(())
}

fn answer(sent: &str, mood: Mood, host: &str) -> String {
    let logs_in = sent.starts_with("POST /v3/auth/tokens");
    match mood {
        Mood::Garbage => format!("{sent}\r\n\r\n"),
        Mood::Shut if logs_in => with_status("401 Unauthorized", sent, 0),
        Mood::Shut => with_status("403 Forbidden", sent, 0),
        _ if logs_in => keystone(host),
        Mood::Short => with_status("200 OK", sent, 1000),
        Mood::Status(status) => with_status(status, sent, 0),
    }
}

/// An answer that repeats all it can, and announces `missing` bytes more than it has.
fn with_status(status: &str, sent: &str, missing: usize) -> String {
    let target = sent.split(' ').nth(1).unwrap_or_default();
    let body = if sent.starts_with("HEAD ") { "" } else { sent };
    let told = sent.lines().nth(1).unwrap_or_default().replace(':', "-");
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\nSet-Cookie: vmware_soap_session={TOKEN}\r\n\
         Location: http://{TOKEN}@127.0.0.1:1{target}\r\nX-Told: {told}\r\nETag: \"0\"\r\n\
         Content-Range: bytes 1-2/4\r\n\r\n{body}",
        sent.len() + missing,
    )
}

fn keystone(host: &str) -> String {
    let catalogue = format!(
        "{{\"token\":{{\"catalog\":[{{\"type\":\"object-store\",\"endpoints\":[{{\"interface\":\"public\",\
         \"url\":\"http://{host}/swift\"}}]}}]}}}}"
    );
    format!(
        "HTTP/1.1 201 Created\r\nContent-Length: {}\r\nConnection: close\r\nX-Subject-Token: {TOKEN}\r\n\r\n{catalogue}",
        catalogue.len()
    )
}
