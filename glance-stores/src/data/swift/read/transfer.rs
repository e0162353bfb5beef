//! Reading one object, and going on where a connection broke.

use std::ops::Range;
use std::sync::Arc;

use futures::{StreamExt, stream};
use glance_core::store::{BoxError, ByteStream, StoreError};
use http::StatusCode;

use super::DOING;
use crate::data::exact;
use crate::data::swift::client::{KIND, Swift, drain, etag, pause, refusal};
use crate::outbound::Response;

/// A reading that got so many bytes further is as good as one that never broke.
const PROGRESS: u64 = 16 * 1024 * 1024;

/// Some bytes of an object that are being read.
pub(super) struct Transfer {
    pub(super) swift: Arc<Swift>,
    pub(super) container: String,
    pub(super) object: String,
    /// The object's checksum: another one is other data.
    pub(super) etag: Option<String>,
    /// Bytes of the object.
    pub(super) size: u64,
    /// What is still to come.
    pub(super) range: Range<u64>,
    /// How often a broken connection is replaced.
    pub(super) retries: u32,
}

/// A transfer with its connection, if there is one.
struct Running {
    transfer: Transfer,
    data: Option<ByteStream>,
    broken: u32,
    since: u64,
}

impl Transfer {
    /// The bytes, of which the first come from `first`; where there is none yet, it is asked for with the first poll.
    pub(super) fn stream(self, first: Option<ByteStream>) -> ByteStream {
        let since = self.range.start;
        let data = first.map(|data| exact::all(data, self.range.end - since));
        Box::pin(stream::try_unfold(Running { transfer: self, data, broken: 0, since }, Running::next))
    }

    /// Asks for what is still to come.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if it is not what was there before.
    pub(super) async fn open(&self) -> Result<ByteStream, StoreError> {
        let Range { start, end } = self.range;
        let range = (self.range != (0..self.size)).then(|| (start, end.saturating_sub(1)));
        let answer = self.swift.open(&self.container, &self.object, range, self.etag.as_deref()).await?;
        let is_same = self.etag.is_none() || etag(&answer) == self.etag;
        match answer.status {
            StatusCode::PARTIAL_CONTENT if is_same && self.is_range(&answer) => {
                Ok(exact::all(answer.into_stream(), end - start))
            }
            // All of it, from whoever stands before Swift and knows no ranges.
            StatusCode::OK if is_same && answer.content_length() == Some(self.size) => {
                Ok(exact::slice(answer.into_stream(), start..end))
            }
            StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::PRECONDITION_FAILED => {
                Err(StoreError::failed(KIND, DOING)("the object is not what it was"))
            }
            status => {
                drain(answer).await;
                Err(refusal(DOING, status))
            }
        }
    }

    fn is_range(&self, answer: &Response) -> bool {
        let Range { start, end } = self.range;
        let told = answer.header(http::header::CONTENT_RANGE).map(str::trim);
        told == Some(format!("bytes {start}-{}/{}", end.saturating_sub(1), self.size).as_str())
    }
}

impl Running {
    async fn next(mut self) -> Result<Option<(bytes::Bytes, Self)>, BoxError> {
        while !self.transfer.range.is_empty() {
            let data = match &mut self.data {
                Some(data) => data,
                None => self.data.insert(self.transfer.open().await?),
            };
            match data.next().await {
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(chunk)) => {
                    self.take(chunk.len() as u64);
                    return Ok(Some((chunk, self)));
                }
                Some(Err(error)) => self.broke(error).await?,
                // Held to its length, data does not end before.
                None => self.data = None,
            }
        }
        Ok(None)
    }

    fn take(&mut self, bytes: u64) {
        self.transfer.range.start += bytes;
        if self.transfer.range.start - self.since > PROGRESS {
            (self.broken, self.since) = (0, self.transfer.range.start);
        }
    }

    /// Makes room for another connection, if there may be one.
    async fn broke(&mut self, error: BoxError) -> Result<(), BoxError> {
        self.data = None;
        self.broken += 1;
        if self.broken > self.transfer.retries {
            return Err(error);
        }
        tracing::info!(error = %error, byte = self.transfer.range.start, "a download broke off and is taken up again");
        pause(self.broken).await;
        Ok(())
    }
}
