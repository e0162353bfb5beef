//! Where one request ends and the next begins, and nothing else that could be read two ways.
//!
//! A proxy and a server that disagree about the length of a request can be made to disagree about
//! whose request comes next. So every byte from a client passes through here before hyper sees it,
//! and what leaves any doubt is refused: this is RFC 9112 without its tolerances. Bodies with a
//! length pass at the cost of a counter.

mod chunked;
mod head;

use std::fmt;

use chunked::Chunked;
use head::Head;
use http::StatusCode;

/// How much a request head may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Bytes of one line, without the line break.
    pub(super) line: usize,
    /// Bytes of the whole head.
    pub(super) head: usize,
}

/// Most header lines of a request; hyper's own default.
const MAX_HEADERS: usize = 100;

/// Why a connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Violation {
    /// Bytes that are no request of HTTP/1.1, or could be taken for two different ones.
    Malformed(&'static str),
    /// A head beyond [`Limits`].
    HeadTooLarge,
    /// The client stopped in the middle of a request for too long.
    TooSlow,
}

impl Violation {
    /// The status that tells the client.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(what) => write!(f, "Malformed request: {what}"),
            Self::HeadTooLarge => f.write_str("The request head is too large"),
            Self::TooSlow => f.write_str("The request did not arrive in time"),
        }
    }
}

impl std::error::Error for Violation {}

/// How the body of a request is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    /// Content-Length, 0 when there is no body.
    Bytes(u64),
    Chunked,
}

/// The framing of one connection, from its first byte on.
///
/// What it says depends on the bytes alone, not on how they were cut into reads.
#[derive(Debug)]
pub(super) struct Framing {
    limits: Limits,
    state: State,
}

#[derive(Debug)]
enum State {
    Head(Head),
    Length(u64),
    Chunked(Chunked),
}

impl Framing {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, state: State::Head(Head::default()) }
    }

    /// Whether the next byte belongs to a body.
    pub(super) fn in_body(&self) -> bool {
        !matches!(self.state, State::Head(_))
    }

    /// Whether a head has begun and not ended.
    pub(super) fn in_head(&self) -> bool {
        matches!(&self.state, State::Head(head) if head.begun())
    }

    /// Takes bytes of a head from the start of `input`: how many, and the whole head once it ends.
    ///
    /// The head comes without the fields that have an underscore in their names: gateways that
    /// turn `-` into `_` made them a way to pass off forged fields. `Upgrade` is left out as well.
    ///
    /// # Errors
    ///
    /// [`Violation`], after which the connection has no further meaning.
    pub(super) fn head(&mut self, input: &[u8]) -> Result<(usize, Option<Vec<u8>>), Violation> {
        let State::Head(head) = &mut self.state else {
            return Ok((0, None));
        };
        let taken = head.take(input, self.limits)?;
        let Some((bytes, length)) = head.finished() else {
            return Ok((taken, None));
        };
        self.state = match length {
            Length::Bytes(0) => State::Head(Head::default()),
            Length::Bytes(length) => State::Length(length),
            Length::Chunked => State::Chunked(Chunked::default()),
        };
        Ok((taken, Some(bytes)))
    }

    /// How many bytes at the start of `input` belong to the body: all, or those up to its end.
    ///
    /// # Errors
    ///
    /// [`Violation`], after which the connection has no further meaning.
    pub(super) fn body(&mut self, input: &[u8]) -> Result<usize, Violation> {
        let (taken, ended) = match &mut self.state {
            State::Head(_) => (0, false),
            State::Length(left) => {
                let taken = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
                *left -= taken as u64;
                (taken, *left == 0)
            }
            State::Chunked(chunked) => {
                let taken = chunked.take(input)?;
                (taken, chunked.ended())
            }
        };
        if ended {
            self.state = State::Head(Head::default());
        }
        Ok(taken)
    }
}

/// What RFC 9110 §5.6.2 calls `tchar`: the characters of methods and field names.
fn is_token(byte: u8) -> bool {
    matches!(byte,
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.'
        | b'^'..=b'`' | b'|' | b'~')
}

/// What may stand in a field value: no control but the tab.
fn is_value(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

#[cfg(test)]
mod tests;
