//! Segments read one after another, as their container lists them. Never more than a page of the list is held.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, stream};
use glance_core::store::{BoxError, ByteStream, StoreError};

use super::transfer::Transfer;
use crate::data::swift::client::{Entry, KIND, Swift};

/// Pages of a listing that are asked for at most: of a thousand entries each, they list more than a manifest of ours
/// has, and as much as anybody's who numbers segments with six digits.
const PAGES: u32 = 1000;

/// What a dynamic large object is made of.
#[derive(Debug, Clone)]
pub(super) struct Segments {
    pub(super) swift: Arc<Swift>,
    pub(super) container: String,
    /// What their names begin with.
    pub(super) prefix: String,
    /// How often a broken connection is replaced, in each segment.
    pub(super) retries: u32,
}

/// A listing that is being gone through.
struct Listing {
    segments: Arc<Segments>,
    page: VecDeque<Entry>,
    marker: String,
    pages: u32,
}

/// Some bytes of the segments that are being read.
struct Running {
    listing: Listing,
    /// Where the next segment of the listing begins.
    at: u64,
    /// What is still to come.
    range: Range<u64>,
    data: Option<ByteStream>,
}

impl Segments {
    /// Bytes of all of them.
    pub(super) async fn size(&self) -> Result<u64, StoreError> {
        let mut listing = Listing::of(Arc::new(self.clone()));
        let mut size = 0_u64;
        while let Some(entry) = listing.next().await? {
            size = size.checked_add(entry.bytes).ok_or_else(|| failed("the segments are longer than anything"))?;
        }
        Ok(size)
    }

    /// The bytes of `range`, which lies within their size.
    pub(super) fn stream(self, range: Range<u64>) -> ByteStream {
        let running = Running { listing: Listing::of(Arc::new(self)), at: 0, range, data: None };
        Box::pin(stream::try_unfold(running, Running::next))
    }
}

impl Listing {
    fn of(segments: Arc<Segments>) -> Self {
        Self { segments, page: VecDeque::new(), marker: String::new(), pages: 0 }
    }

    /// The next segment; `None` behind the last one.
    async fn next(&mut self) -> Result<Option<Entry>, StoreError> {
        if self.page.is_empty() {
            self.pages += 1;
            if self.pages > PAGES {
                return Err(failed("there are too many segments"));
            }
            let Segments { swift, container, prefix, .. } = &*self.segments;
            self.page = swift.list(container, prefix, &self.marker).await?.into();
            if let Some(last) = self.page.back() {
                self.marker.clone_from(&last.name);
            }
        }
        Ok(self.page.pop_front())
    }
}

impl Running {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, BoxError> {
        while !self.range.is_empty() {
            let data = if let Some(data) = &mut self.data {
                data
            } else {
                let next = self.next_segment().await?;
                self.data.insert(next)
            };
            match data.next().await {
                Some(chunk) => {
                    let chunk = chunk?;
                    self.range.start += chunk.len() as u64;
                    return Ok(Some((chunk, self)));
                }
                None => self.data = None,
            }
        }
        Ok(None)
    }

    /// What the next segment has of the range, which is something. Another segment of the same name ends it with an error.
    async fn next_segment(&mut self) -> Result<ByteStream, BoxError> {
        loop {
            let entry = self.listing.next().await?.ok_or("segments are missing that were there")?;
            let (begin, end) = (self.at, self.at.saturating_add(entry.bytes));
            self.at = end;
            if end <= self.range.start {
                continue;
            }
            let Segments { swift, container, retries, .. } = &*self.listing.segments;
            let transfer = Transfer {
                swift: Arc::clone(swift),
                container: container.clone(),
                object: entry.name,
                etag: Some(entry.hash),
                size: entry.bytes,
                range: self.range.start - begin..self.range.end.min(end) - begin,
                retries: *retries,
            };
            return Ok(transfer.stream(None));
        }
    }
}

fn failed(what: &'static str) -> StoreError {
    StoreError::failed(KIND, "adding up segments")(what)
}
