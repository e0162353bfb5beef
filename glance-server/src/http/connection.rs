//! One client connection as hyper sees it.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::alarm::Alarm;
use super::exchange::Exchange;
use super::framing::{Limits, Violation};
use super::inbound::{Awaited, Inbound};
use super::options::HttpOptions;
use super::sendfile::{self, Cork, FileSender};

/// How long a client that still sends is listened to after the last answer.
///
/// Closing on unread bytes makes the client's system throw away the answer that explains why.
const LINGER: Duration = Duration::from_secs(2);

/// A plain TCP connection with strict framing, deadlines, and file data sent by the kernel.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    inbound: Inbound,
    sender: FileSender,
    cork: Cork,
    exchange: Arc<Exchange>,
    options: Arc<HttpOptions>,
    reading: Option<(Awaited, Instant)>,
    read_alarm: Alarm,
    /// Since when the client takes nothing.
    stalled: Option<Instant>,
    last_write: Instant,
    write_alarm: Alarm,
    lingering: Option<Instant>,
}

impl Connection {
    /// `sender` and `exchange` are what the service above hyper knows of this connection.
    pub(super) fn new(
        stream: TcpStream,
        sender: FileSender,
        exchange: Arc<Exchange>,
        options: Arc<HttpOptions>,
    ) -> Self {
        let limits = Limits { line: options.max_header_line, head: options.max_head };
        Self {
            stream,
            inbound: Inbound::new(limits, Arc::clone(&exchange)),
            sender,
            cork: Cork::default(),
            exchange,
            options,
            reading: None,
            read_alarm: Alarm::default(),
            stalled: None,
            last_write: Instant::now(),
            write_alarm: Alarm::default(),
            lingering: None,
        }
    }

    /// Resolves when what is awaited has been awaited for too long.
    fn poll_overdue(&mut self, awaited: Awaited, cx: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        let since = match self.reading {
            Some((before, since)) if before == awaited => since,
            _ => now,
        };
        self.reading = Some((awaited, since));
        let limit = match awaited {
            Awaited::First | Awaited::Head => self.options.header_timeout,
            Awaited::Next => self.options.keepalive_timeout,
            Awaited::Body => self.options.idle_timeout,
            Awaited::Nothing => return Poll::Pending,
        };
        if awaited == Awaited::Body {
            return self.read_alarm.poll_at(since + limit, cx);
        }
        // A client need not send a thing while it is being answered.
        let quiet = self.exchange.idle_since().filter(|_| self.stalled.is_none());
        let deadline = quiet.unwrap_or(now).max(since).max(self.last_write) + limit;
        self.read_alarm.poll_at(deadline, cx)
    }

    /// Reads what the client still sends, for a while or until it closes.
    fn poll_linger(&mut self, since: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let mut space = [MaybeUninit::uninit(); 16 << 10];
        loop {
            let mut unread = ReadBuf::uninit(&mut space);
            match Pin::new(&mut self.stream).poll_read(cx, &mut unread) {
                Poll::Ready(Ok(())) if !unread.filled().is_empty() => {
                    if since.elapsed() > LINGER {
                        return Poll::Ready(());
                    }
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return self.read_alarm.poll_at(since + LINGER, cx),
            }
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if let Poll::Ready(result) = this.inbound.poll_read(&mut this.stream, cx, into) {
                this.reading = None;
                return Poll::Ready(result);
            }
            let awaited = this.inbound.awaited();
            ready!(this.poll_overdue(awaited, cx));
            match awaited {
                Awaited::Head => this.inbound.refuse(Violation::TooSlow),
                Awaited::Body => {
                    return Poll::Ready(Err(this.inbound.refuse_body(Violation::TooSlow)));
                }
                Awaited::First | Awaited::Next | Awaited::Nothing => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if let Poll::Ready(result) = sendfile::send(&this.stream, (&this.sender, &mut this.cork), slices, cx) {
            this.stalled = None;
            this.last_write = Instant::now();
            return Poll::Ready(result);
        }
        let since = *this.stalled.get_or_insert_with(Instant::now);
        ready!(this.write_alarm.poll_at(since + this.options.idle_timeout, cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.cork.release(&this.stream);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(since) = this.lingering {
            return this.poll_linger(since, cx).map(Ok);
        }
        ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        if !this.inbound.unfinished() {
            return Poll::Ready(Ok(()));
        }
        let now = Instant::now();
        this.lingering = Some(now);
        this.poll_linger(now, cx).map(Ok)
    }
}
