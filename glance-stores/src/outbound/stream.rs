//! Connections for protocols other than HTTP, to hosts that an operator named.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::io::{AsyncRead, AsyncWrite};
use glance_core::store::BoxError;
use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::io::{AsyncRead as TokioRead, AsyncWrite as TokioWrite, ReadBuf};
use tower::Service;

use super::connect::Dialer;
use super::connection::Connection;
use super::resolve::SystemResolver;
use super::{Tls, TlsError};

/// Connects to hosts that an operator named.
#[derive(Debug, Clone)]
pub struct Connector {
    dialer: Dialer,
    tls: Option<ClientConfig>,
    deadline: Duration,
}

/// An open connection, in TLS where that was asked for.
#[derive(Debug)]
pub struct Stream(TokioIo<MaybeHttpsStream<Connection>>);

impl Connector {
    /// One that verifies servers, and shows itself to them, as `tls` says, or speaks no TLS. A
    /// connection that takes longer than `deadline` fails.
    ///
    /// # Errors
    ///
    /// [`TlsError`] if a certificate or key cannot be read or used.
    pub fn new(tls: Option<&Tls>, deadline: Duration) -> Result<Self, TlsError> {
        let dialer = Dialer::trusting(deadline, Arc::new(SystemResolver));
        Ok(Self { dialer, tls: tls.map(Tls::config).transpose()?, deadline })
    }

    /// Connects to `port` of `host`, a name or an address.
    ///
    /// # Errors
    ///
    /// Whatever keeps the connection from being opened.
    pub async fn connect(&self, host: &str, port: u16) -> io::Result<Stream> {
        let opened = tokio::time::timeout(self.deadline, self.connect_at_leisure(host, port)).await;
        opened.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?.map_err(io::Error::other)
    }

    async fn connect_at_leisure(&self, host: &str, port: u16) -> Result<Stream, BoxError> {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let uri: Uri = format!("{scheme}://{host}:{port}/").parse()?;
        let mut dialer = self.dialer.clone();
        let stream = match &self.tls {
            None => MaybeHttpsStream::Http(dialer.call(uri).await?),
            Some(tls) => HttpsConnector::from((dialer, tls.clone())).call(uri).await?,
        };
        Ok(Stream(TokioIo::new(stream)))
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(buf);
        ready!(TokioRead::poll_read(Pin::new(&mut self.0), cx, &mut buf))?;
        Poll::Ready(Ok(buf.filled().len()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        TokioWrite::poll_write(Pin::new(&mut self.0), cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        TokioWrite::poll_flush(Pin::new(&mut self.0), cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        TokioWrite::poll_shutdown(Pin::new(&mut self.0), cx)
    }
}
