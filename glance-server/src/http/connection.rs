//! One client connection as hyper sees it.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::alarm::Alarm;
use super::exchange::Exchange;
use super::framing::{Limits, Violation};
use super::inbound::{Awaited, Inbound};
use super::options::HttpOptions;
use super::wire::Wire;

/// How long a client that still sends is listened to after the last answer.
///
/// Closing on unread bytes makes the client's system throw away the answer that explains why.
const LINGER: Duration = Duration::from_secs(2);

/// A connection with strict framing and deadlines.
#[derive(Debug)]
pub(super) struct Connection {
    wire: Wire,
    inbound: Inbound,
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
    /// `exchange` is what the service above hyper knows of this connection.
    pub(super) fn new(wire: Wire, exchange: Arc<Exchange>, options: Arc<HttpOptions>) -> Self {
        let limits = Limits { line: options.max_header_line, head: options.max_head };
        Self {
            wire,
            inbound: Inbound::new(limits, Arc::clone(&exchange)),
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

    /// What came of something that takes the client to take bytes: fails when it has taken none for too long.
    fn poll_taken<T>(&mut self, taken: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if taken.is_ready() {
            // hyper flushes also where nothing was written, which is no sign of life.
            if self.stalled.take().is_some() {
                self.last_write = Instant::now();
            }
            return taken;
        }
        let since = *self.stalled.get_or_insert_with(Instant::now);
        ready!(self.write_alarm.poll_at(since + self.options.idle_timeout, cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Reads what the client still sends, for a while or until it closes.
    fn poll_linger(&mut self, since: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let mut space = [MaybeUninit::uninit(); 16 << 10];
        loop {
            let mut unread = ReadBuf::uninit(&mut space);
            match Pin::new(&mut self.wire).poll_read(cx, &mut unread) {
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
            if let Poll::Ready(result) = this.inbound.poll_read(&mut this.wire, cx, into) {
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
        let sent = this.wire.poll_send(slices, cx);
        if sent.is_ready() {
            this.last_write = Instant::now();
        }
        this.poll_taken(sent, cx)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.wire.poll_flush(cx);
        self.poll_taken(flushed, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(since) = this.lingering {
            return this.poll_linger(since, cx).map(Ok);
        }
        let shut = this.wire.poll_shutdown(cx);
        ready!(this.poll_taken(shut, cx))?;
        if !this.inbound.unfinished() {
            return Poll::Ready(Ok(()));
        }
        let now = Instant::now();
        this.lingering = Some(now);
        this.poll_linger(now, cx).map(Ok)
    }
}
