//! The bytes of one connection below HTTP: as they are, or inside TLS.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::sendfile::{self, Cork, FileSender};

/// What a connection reads from and writes to.
#[derive(Debug)]
pub(super) enum Wire {
    /// The kernel may send files.
    Plain { stream: TcpStream, sender: FileSender, cork: Cork },
    /// What is sent passes through this process to be encrypted.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    pub(super) fn plain(stream: TcpStream) -> Self {
        Self::Plain { stream, sender: FileSender::default(), cork: Cork::default() }
    }

    /// What answers with files need; `None` where the kernel cannot send them.
    pub(super) fn sender(&self) -> Option<&FileSender> {
        match self {
            Self::Plain { sender, .. } => Some(sender),
            Self::Tls(_) => None,
        }
    }

    /// Writes some of `slices` and says how many bytes it was.
    pub(super) fn poll_send(&mut self, slices: &[IoSlice<'_>], cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain { stream, sender, cork } => sendfile::send(stream, (sender, cork), slices, cx),
            Self::Tls(stream) => {
                sendfile::without_markers(slices)?;
                Pin::new(stream).poll_write_vectored(cx, slices)
            }
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain { stream, sender, cork } => {
                if !sender.expects_more() {
                    cork.release(stream);
                }
                Poll::Ready(Ok(()))
            }
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    /// Says goodbye. What the client still sends can be read.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain { stream, .. } => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain { stream, .. } => Pin::new(stream).poll_read(cx, into),
            Self::Tls(stream) => match Pin::new(stream).poll_read(cx, into) {
                // Without the goodbye of TLS, the end may be somebody else's doing. Requests say themselves where
                // they end, so nothing is lost by taking it for the client's.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
                read => read,
            },
        }
    }
}
