//! The answer to a request.

use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use glance_core::store::ByteStream;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyStream;
use hyper::body::Incoming;

use super::error::OutboundError;

/// An answer whose data is still to be read. Dropped, its connection is closed unless all was read.
pub struct Response {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    body: Incoming,
    idle: Duration,
}

impl Response {
    pub(super) fn new(answer: http::Response<Incoming>, idle: Duration) -> Self {
        let (head, body) = answer.into_parts();
        Self { status: head.status, headers: head.headers, body, idle }
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
        futures::stream::unfold(Some(frames), move |frames| async move {
            let mut frames = frames?;
            loop {
                return match tokio::time::timeout(self.idle, frames.next()).await {
                    Err(_) => Some((Err(OutboundError::TimedOut), None)),
                    Ok(None) => None,
                    Ok(Some(Err(error))) => Some((Err(OutboundError::BrokenOff(error.into())), None)),
                    Ok(Some(Ok(frame))) => match frame.into_data() {
                        Ok(data) => Some((Ok(data), Some(frames))),
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
