//! A web server on loopback that answers as a test tells it to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// An address of this machine that is not the usual one, so that tests can tell the two apart.
pub(crate) const SECOND: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// What a request looked like: its first line and headers.
#[derive(Debug, Clone)]
pub(crate) struct Head(pub(crate) String);

impl Head {
    pub(crate) fn method(&self) -> &str {
        self.0.split(' ').next().unwrap()
    }

    pub(crate) fn target(&self) -> &str {
        self.0.split(' ').nth(1).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.0.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

/// The bytes of an answer, and what happens when they are sent.
pub(crate) enum Reply {
    /// The connection is closed.
    Close(Vec<u8>),
    /// The connection stays open, and nothing more comes.
    Hang(Vec<u8>),
}

impl Reply {
    /// A whole answer.
    pub(crate) fn new(status: &str, headers: &str, body: &[u8]) -> Self {
        let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n");
        Self::Close([head.as_bytes(), body].concat())
    }

    /// A redirect.
    pub(crate) fn redirect(status: u16, place: &str) -> Self {
        Self::new(&format!("{status} Elsewhere"), &format!("Location: {place}\r\nContent-Length: 0\r\n"), b"")
    }
}

/// A server until it is dropped.
pub(crate) struct Web {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<Head>>>,
    accepting: JoinHandle<()>,
}

impl Web {
    /// Serves at an address; port 0 is any.
    pub(crate) async fn at<F>(address: impl Into<SocketAddr>, answer: F) -> Self
    where
        F: Fn(&Head) -> Reply + Send + Sync + 'static,
    {
        let listener = TcpListener::bind(address.into()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (count, log, answer) = (Arc::clone(&connections), Arc::clone(&requests), Arc::new(answer));
        let accepting = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                tokio::spawn(serve(socket, log, answer));
            }
        });
        Self { address, connections, requests, accepting }
    }

    /// Serves on loopback.
    pub(crate) async fn new<F>(answer: F) -> Self
    where
        F: Fn(&Head) -> Reply + Send + Sync + 'static,
    {
        Self::at(([127, 0, 0, 1], 0), answer).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many connections came.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// What was asked.
    pub(crate) fn requests(&self) -> Vec<Head> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve<F: Fn(&Head) -> Reply>(mut socket: TcpStream, log: Arc<Mutex<Vec<Head>>>, answer: Arc<F>) {
    let mut read = Vec::new();
    let head = loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break Head(String::from_utf8(read.drain(..end + 4).collect()).unwrap());
        }
        if !matches!(socket.read_buf(&mut read).await, Ok(1..)) {
            return;
        }
    };
    // A body is read and forgotten: a connection that is closed over what nobody has read takes the answer along.
    let body: usize = head.header("content-length").map_or(0, |length| length.parse().unwrap());
    while read.len() < body && matches!(socket.read_buf(&mut read).await, Ok(1..)) {}
    log.lock().unwrap().push(head.clone());
    // Whoever asked may have gone.
    match answer(&head) {
        Reply::Close(bytes) => drop(socket.write_all(&bytes).await),
        Reply::Hang(bytes) => {
            let _ = socket.write_all(&bytes).await;
            let _ = socket.read_buf(&mut Vec::new()).await;
        }
    }
}
