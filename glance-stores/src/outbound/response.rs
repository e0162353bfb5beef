//! The answer to a request.

use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use glance_core::store::ByteStream;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyStream;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::error::OutboundError;

/// An answer whose data is still to be read. Dropped, its connection is closed unless all was read.
pub struct Response {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    body: Incoming,
    bounds: Bounds,
}

/// How long, and how much, an answer may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// How long the next byte may take.
    pub(super) idle: Duration,
    /// When the last byte has to be there.
    pub(super) until: Option<Instant>,
    /// How many bytes may come.
    pub(super) at_most: Option<usize>,
}

impl Bounds {
    /// The latest moment for the next byte.
    fn next(self) -> Instant {
        let idle = Instant::now() + self.idle;
        self.until.map_or(idle, |until| until.min(idle))
    }
}

impl Response {
    pub(super) fn new(answer: http::Response<Incoming>, bounds: Bounds) -> Self {
        let (head, body) = answer.into_parts();
        Self { status: head.status, headers: head.headers, body, bounds }
    }

    /// The text of a header; `None` if it is missing or no text.
    pub fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The number in `Content-Length`; `None` if there is none.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.header(http::header::CONTENT_LENGTH)?.trim().parse().ok()
    }

    /// The data as it comes.
    #[must_use]
    pub fn into_stream(self) -> ByteStream {
        Box::pin(self.chunks().map(|chunk| chunk.map_err(Into::into)))
    }

    /// All of the data, for short answers.
    ///
    /// # Errors
    ///
    /// [`OutboundError::TooLong`] if it is more than `limit` bytes; others if reading breaks off.
    pub async fn read(self, limit: usize) -> Result<Bytes, OutboundError> {
        let mut chunks = std::pin::pin!(self.chunks());
        let mut data = BytesMut::new();
        while let Some(chunk) = chunks.next().await {
            data.extend_from_slice(&chunk?);
            if data.len() > limit {
                return Err(OutboundError::TooLong { limit });
            }
        }
        Ok(data.freeze())
    }

    fn chunks(self) -> impl Stream<Item = Result<Bytes, OutboundError>> + Send {
        let frames = BodyStream::new(self.body);
        let bounds = self.bounds;
        futures::stream::unfold((Some(frames), 0_usize), move |(frames, taken)| async move {
            let mut frames = frames?;
            let last = |error| Some((Err(error), (None, taken)));
            loop {
                return match tokio::time::timeout_at(bounds.next(), frames.next()).await {
                    Err(_) => last(OutboundError::TimedOut),
                    Ok(None) => None,
                    Ok(Some(Err(error))) => last(OutboundError::BrokenOff(error.into())),
                    Ok(Some(Ok(frame))) => match frame.into_data() {
                        Ok(data) => match (taken.saturating_add(data.len()), bounds.at_most) {
                            (now, Some(limit)) if now > limit => last(OutboundError::TooLong { limit }),
                            (now, _) => Some((Ok(data), (Some(frames), now))),
                        },
                        // Trailers.
                        Err(_) => continue,
                    },
                };
            }
        })
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers may be cookies and tokens.
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}
