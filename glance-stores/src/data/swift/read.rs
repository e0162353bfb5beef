//! Reading objects, and going on where a connection broke.

use std::ops::Range;
use std::sync::Arc;

use futures::{StreamExt, stream};
use glance_core::store::{BoxError, ByteStream, StoreError};
use http::StatusCode;

use super::client::{KIND, Swift, drain, etag, pause, refusal};
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
    /// The bytes, of which the first come from `answer`.
    pub(super) fn stream(self, answer: Response) -> ByteStream {
        let since = self.range.start;
        let running = Running { transfer: self, data: Some(answer.into_stream()), broken: 0, since };
        Box::pin(stream::try_unfold(running, Running::next))
    }

    /// Asks for what is still to come.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if it is not what was there before.
    pub(super) async fn open(&self) -> Result<Response, StoreError> {
        const DOING: &str = "opening an object";
        let whole = self.range == (0..self.size);
        let range = (!whole).then_some((self.range.start, self.range.end.saturating_sub(1)));
        let answer = self.swift.open(&self.container, &self.object, range).await?;
        let status = answer.status;
        if !matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
            drain(answer).await;
            return Err(refusal(DOING, status));
        }
        if self.is_same(&answer) {
            return Ok(answer);
        }
        Err(StoreError::failed(KIND, DOING)("the object is not what it was"))
    }

    /// Whether an answer holds the rest of the same data.
    fn is_same(&self, answer: &Response) -> bool {
        let etag = etag(answer);
        let begins = match answer.header(http::header::CONTENT_RANGE) {
            Some(told) => told == format!("bytes {}-{}/{}", self.range.start, self.range.end - 1, self.size),
            None => self.range == (0..self.size) && answer.content_length() == Some(self.size),
        };
        begins && (self.etag.is_none() || etag == self.etag)
    }
}

impl Running {
    async fn next(mut self) -> Result<Option<(bytes::Bytes, Self)>, BoxError> {
        while !self.transfer.range.is_empty() {
            let data = match &mut self.data {
                Some(data) => data,
                None => self.data.insert(self.transfer.open().await?.into_stream()),
            };
            match data.next().await {
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(chunk)) => {
                    self.take(chunk.len() as u64)?;
                    return Ok(Some((chunk, self)));
                }
                Some(Err(error)) => self.broke(error).await?,
                None => self.broke("the data ended before its length".into()).await?,
            }
        }
        Ok(None)
    }

    fn take(&mut self, bytes: u64) -> Result<(), BoxError> {
        let left = self.transfer.range.end - self.transfer.range.start;
        if bytes > left {
            return Err("more data came than was asked for".into());
        }
        self.transfer.range.start += bytes;
        if self.transfer.range.start - self.since > PROGRESS {
            (self.broken, self.since) = (0, self.transfer.range.start);
        }
        Ok(())
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
