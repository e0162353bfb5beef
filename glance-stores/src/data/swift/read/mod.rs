//! Reading objects: plain ones, and large ones of either kind.
//!
//! Swift adds up no more than 10,000 segments of a dynamic large object. Of a longer one it tells neither length (0,
//! when it is only looked at) nor checksum (that of the manifest stands in its place), and it honours hardly a range.
//! Such an object is read segment by segment, as the container lists them.

mod segments;
mod transfer;

use std::sync::Arc;

use bytes::Bytes;
use glance_core::store::{ByteRange, Reading, StoreError, stream_of};
use http::StatusCode;

use self::segments::Segments;
use self::transfer::Transfer;
use super::client::{Found, KIND, Swift, drain, refusal};

const DOING: &str = "opening an object";

/// An object to be read.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) swift: Arc<Swift>,
    pub(super) container: String,
    pub(super) name: String,
    /// How often a broken connection is replaced.
    pub(super) retries: u32,
}

impl Object {
    /// Bytes of its data; `None` if there is no such object.
    pub(super) async fn size(self) -> Result<Option<u64>, StoreError> {
        let Some(found) = self.swift.head(&self.container, &self.name).await? else { return Ok(None) };
        match (self.segments(&found), found.size) {
            (Some(segments), _) => segments.size().await.map(Some),
            (None, Some(size)) => Ok(Some(size)),
            (None, None) => Err(without_length()),
        }
    }

    /// Opens a part of it; `None` if there is no such object.
    pub(super) async fn open(self, range: ByteRange) -> Result<Option<Reading>, StoreError> {
        if range == ByteRange::ALL {
            return self.whole().await;
        }
        // Of an empty object Swift refuses any range, and it does not say how long an object is whose range it refuses.
        let Some(found) = self.swift.head(&self.container, &self.name).await? else { return Ok(None) };
        if let Some(segments) = self.segments(&found) {
            return in_segments(segments, range).await.map(Some);
        }
        let size = found.size.ok_or_else(without_length)?;
        let range = range.within(size).ok_or(StoreError::OutOfRange { store: KIND, size })?;
        if range.is_empty() {
            return Ok(Some(Reading { size, range, stream: stream_of(Bytes::new()), file: None }));
        }
        let transfer = self.transfer(found.etag, size, range.clone());
        let answer = transfer.open().await?;
        Ok(Some(Reading { size, range, stream: transfer.stream(Some(answer)), file: None }))
    }

    async fn whole(self) -> Result<Option<Reading>, StoreError> {
        let answer = self.swift.open(&self.container, &self.name, None, None).await?;
        if answer.status == StatusCode::NOT_FOUND {
            drain(answer).await;
            return Ok(None);
        }
        if answer.status != StatusCode::OK {
            return Err(refusal(DOING, answer.status));
        }
        let found = Found::of(&answer);
        if let Some(segments) = self.segments(&found) {
            drop(answer);
            return in_segments(segments, ByteRange::ALL).await.map(Some);
        }
        let size = found.size.ok_or_else(without_length)?;
        let stream = self.transfer(found.etag, size, 0..size).stream(Some(answer.into_stream()));
        Ok(Some(Reading { size, range: 0..size, stream, file: None }))
    }

    /// The segments, where Swift does not add them up. It may say 0 then, as it does of no segments.
    fn segments(&self, found: &Found) -> Option<Segments> {
        let (container, prefix) = found.manifest.clone().filter(|_| found.size.is_none_or(|size| size == 0))?;
        Some(Segments { swift: Arc::clone(&self.swift), container, prefix, retries: self.retries })
    }

    fn transfer(self, etag: Option<String>, size: u64, range: std::ops::Range<u64>) -> Transfer {
        let Self { swift, container, name, retries } = self;
        Transfer { swift, container, object: name, etag, size, range, retries }
    }
}

async fn in_segments(segments: Segments, range: ByteRange) -> Result<Reading, StoreError> {
    let size = segments.size().await?;
    let range = range.within(size).ok_or(StoreError::OutOfRange { store: KIND, size })?;
    Ok(Reading { size, range: range.clone(), stream: segments.stream(range), file: None })
}

fn without_length() -> StoreError {
    StoreError::failed(KIND, DOING)("Swift does not say how long it is")
}
