//! The reading side of a connection: what hyper gets to see of the client's bytes.
//!
//! Heads are held back until they are complete and judged, bodies pass as they come. When no
//! further request can be made out, hyper is handed a request of ours instead, which the service
//! above it answers with the refusal: so the refusal comes after the answers that were owed before
//! it, and in proper form.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use super::exchange::Exchange;
use super::framing::{Framing, Limits, Violation};

/// The field that makes a request ours. No client can send it: names with an underscore do not pass.
pub(super) const REFUSED: &str = "x_refused";

const REFUSED_REQUEST: &[u8] = b"GET / HTTP/1.1\r\nx_refused: 1\r\n\r\n";

/// What is read at once while a head is awaited.
const HEAD_READ: usize = 8 << 10;

#[derive(Debug)]
pub(super) struct Inbound {
    framing: Framing,
    exchange: Arc<Exchange>,
    /// Bytes from the client that are not judged yet.
    unjudged: Pending,
    /// Bytes for hyper.
    ready: Pending,
    /// Nothing further from the client has a meaning.
    refused: bool,
    requests: usize,
}

/// What a connection waits for when there is nothing to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    /// The first request.
    First,
    /// A further request.
    Next,
    /// The rest of a head.
    Head,
    Body,
    /// Nothing: the connection will be closed.
    Nothing,
}

impl Inbound {
    pub(super) fn new(limits: Limits, exchange: Arc<Exchange>) -> Self {
        Self {
            framing: Framing::new(limits),
            exchange,
            unjudged: Pending::default(),
            ready: Pending::default(),
            refused: false,
            requests: 0,
        }
    }

    pub(super) fn awaited(&self) -> Awaited {
        if self.refused {
            Awaited::Nothing
        } else if self.framing.in_body() {
            Awaited::Body
        } else if self.framing.in_head() {
            Awaited::Head
        } else if self.requests > 0 {
            Awaited::Next
        } else {
            Awaited::First
        }
    }

    /// Whether the client may have sent, or be sending, what nobody will read.
    pub(super) fn unfinished(&self) -> bool {
        self.refused || self.framing.in_body() || self.framing.in_head() || !self.unjudged.is_empty()
    }

    /// Has the next read end the connection with an answer that says why.
    pub(super) fn refuse(&mut self, why: Violation) {
        self.refused = true;
        self.requests += 1;
        self.exchange.refuse_head(why);
        self.exchange.head_passed();
        self.ready = Pending::of(REFUSED_REQUEST.to_vec());
    }

    /// Notes that the body under way is of no use.
    pub(super) fn refuse_body(&mut self, why: Violation) -> io::Error {
        self.refused = true;
        self.exchange.refuse_body(why);
        let kind = match why {
            Violation::TooSlow => io::ErrorKind::TimedOut,
            Violation::Malformed(_) | Violation::HeadTooLarge => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, why)
    }

    /// Fills `into` with what hyper may see. Nothing, though ready, is the end.
    ///
    /// # Errors
    ///
    /// Those of `source`, and what is wrong with a body.
    pub(super) fn poll_read(
        &mut self,
        source: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if self.ready.move_to(into) || into.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            if self.refused {
                // An end here would have hyper drop the answer that tells the client why.
                return Poll::Pending;
            }
            if !self.unjudged.is_empty() {
                self.judge(into.remaining())?;
            } else if self.framing.in_body() {
                return self.poll_body(source, cx, into);
            } else if !ready!(self.poll_head(source, cx))? {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Judges what was read beyond a head or a body; `room` bytes of a body at most.
    fn judge(&mut self, room: usize) -> io::Result<()> {
        let bytes = self.unjudged.as_slice();
        if self.framing.in_body() {
            let part = &bytes[..bytes.len().min(room)];
            match self.framing.body(part) {
                Ok(taken) => {
                    self.ready = Pending::of(part[..taken].to_vec());
                    self.unjudged.advance(taken);
                }
                Err(why) => return Err(self.refuse_body(why)),
            }
            return Ok(());
        }
        match self.framing.head(bytes) {
            Ok((taken, head)) => {
                self.unjudged.advance(taken);
                if let Some(head) = head {
                    self.requests += 1;
                    self.exchange.head_passed();
                    self.ready = Pending::of(head);
                }
            }
            Err(why) => self.refuse(why),
        }
        Ok(())
    }

    /// Reads a part of a body to where hyper wants it, without a copy.
    fn poll_body(
        &mut self,
        source: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(source).poll_read(cx, into))?;
        let read = &into.filled()[before..];
        if read.is_empty() {
            // hyper tells the handler; the client, if it still listens, is told what was wrong.
            self.refuse_body(Violation::Malformed("the body was cut off"));
            return Poll::Ready(Ok(()));
        }
        match self.framing.body(read) {
            Ok(taken) => {
                self.unjudged = Pending::of(read[taken..].to_vec());
                into.set_filled(before + taken);
                Poll::Ready(Ok(()))
            }
            Err(why) => {
                into.set_filled(before);
                Poll::Ready(Err(self.refuse_body(why)))
            }
        }
    }

    /// Reads a part of a head; `false` at the end of the connection.
    fn poll_head(&mut self, source: &mut (impl AsyncRead + Unpin), cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut space = [MaybeUninit::uninit(); HEAD_READ];
        let mut read = ReadBuf::uninit(&mut space);
        ready!(Pin::new(source).poll_read(cx, &mut read))?;
        if !read.filled().is_empty() {
            self.unjudged = Pending::of(read.filled().to_vec());
        } else if self.framing.in_head() {
            self.refuse(Violation::Malformed("the head was cut off"));
        } else {
            return Poll::Ready(Ok(false));
        }
        Poll::Ready(Ok(true))
    }
}

/// Bytes that wait to be taken from the front.
#[derive(Debug, Default)]
struct Pending {
    bytes: Vec<u8>,
    taken: usize,
}

impl Pending {
    fn of(bytes: Vec<u8>) -> Self {
        Self { bytes, taken: 0 }
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }

    fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    fn advance(&mut self, count: usize) {
        self.taken += count;
        if self.is_empty() {
            *self = Self::default();
        }
    }

    /// Moves what fits; says whether it was anything.
    fn move_to(&mut self, into: &mut ReadBuf<'_>) -> bool {
        let count = self.as_slice().len().min(into.remaining());
        into.put_slice(&self.as_slice()[..count]);
        self.advance(count);
        count > 0
    }
}
