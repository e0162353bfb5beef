//! The data of an upload in batches, none of which reaches over the end of a segment.

use bytes::Bytes;
use glance_core::store::StoreError;

use crate::data::intake::Intake;

/// Bytes of a batch.
const BATCH: u64 = 256 * 1024;

/// Data known one batch ahead: the last batch is not given out before the data has ended well, so
/// that Swift never sees the whole of data that turns out to be broken.
pub(super) struct Feed {
    data: Intake,
    segment: u64,
    /// Bytes that have been taken from the data.
    at: u64,
    ahead: Vec<Bytes>,
}

impl Feed {
    /// Begins to read; segments have `segment` bytes.
    pub(super) async fn open(data: Intake, segment: u64) -> Result<Self, StoreError> {
        let mut feed = Self { data, segment, at: 0, ahead: Vec::new() };
        feed.ahead = feed.fetch().await?;
        Ok(feed)
    }

    /// The next batch; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Bytes>>, StoreError> {
        if self.ahead.is_empty() {
            return Ok(None);
        }
        let following = self.fetch().await?;
        Ok(Some(std::mem::replace(&mut self.ahead, following)))
    }

    /// Whether all of the data has been given out.
    pub(super) fn has_ended(&self) -> bool {
        self.ahead.is_empty()
    }

    /// How many bytes came in all.
    pub(super) fn received(&self) -> u64 {
        self.data.received()
    }

    async fn fetch(&mut self) -> Result<Vec<Bytes>, StoreError> {
        let left = self.segment - self.at % self.segment;
        let batch = self.data.batch(usize::try_from(left.min(BATCH)).unwrap_or(usize::MAX)).await?;
        self.at += size_of(&batch);
        Ok(batch)
    }
}

/// Bytes of a batch.
pub(super) fn size_of(batch: &[Bytes]) -> u64 {
    batch.iter().map(Bytes::len).sum::<usize>() as u64
}
