//! Opening connections: the one place where a socket is made.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use glance_core::store::BoxError;
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::Service;

/// Connects to the host of a URL.
#[derive(Debug, Clone)]
pub(super) struct Dialer {
    deadline: Duration,
}

impl Dialer {
    pub(super) fn new(deadline: Duration) -> Self {
        Self { deadline }
    }
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let deadline = self.deadline;
        Box::pin(async move {
            let connected = tokio::time::timeout(deadline, connect(&uri)).await;
            Ok(TokioIo::new(connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??))
        })
    }
}

async fn connect(uri: &Uri) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in addresses(uri).await? {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn addresses(uri: &Uri) -> io::Result<Vec<SocketAddr>> {
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    let port = uri.port_u16().unwrap_or(default);
    Ok(tokio::net::lookup_host((host, port)).await?.collect())
}
