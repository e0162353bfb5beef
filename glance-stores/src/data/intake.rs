//! Data on its way into a store, counted and gathered into batches of an even size.

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use glance_core::store::{ByteStream, StoreError};

/// Chunks below it are copied together: what takes a list of chunks takes a limited number.
const SMALL: usize = 16 * 1024;

/// Data held to the length that was announced.
pub(super) struct Intake {
    store: &'static str,
    data: ByteStream,
    expected: Option<u64>,
    received: u64,
    /// What has come and belongs to the next batch.
    rest: Bytes,
    ended: bool,
}

impl Intake {
    /// `store` is the kind of store, for errors.
    pub(super) fn new(store: &'static str, data: ByteStream, expected: Option<u64>) -> Self {
        Self { store, data, expected, received: 0, rest: Bytes::new(), ended: false }
    }

    /// How many bytes have come.
    #[cfg(any(feature = "object", feature = "swift", feature = "vmware"))]
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// The next `len` bytes, in as few chunks as copying little allows; fewer when the data ends,
    /// and then none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Source`] if the data broke off; [`StoreError::SizeMismatch`], as soon as it shows.
    pub(super) async fn batch(&mut self, len: usize) -> Result<Vec<Bytes>, StoreError> {
        let (mut batch, mut small, mut missing) = (Vec::new(), BytesMut::new(), len);
        while missing > 0 {
            if self.rest.is_empty() {
                let Some(chunk) = self.next().await? else { break };
                self.rest = chunk;
            }
            let chunk = self.rest.split_to(self.rest.len().min(missing));
            missing -= chunk.len();
            if chunk.len() < SMALL {
                small.extend_from_slice(&chunk);
            } else {
                batch.extend((!small.is_empty()).then(|| small.split().freeze()));
                batch.push(chunk);
            }
        }
        batch.extend((!small.is_empty()).then(|| small.freeze()));
        Ok(batch)
    }

    async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        if self.ended {
            return Ok(None);
        }
        let chunk = self.data.next().await.transpose();
        let chunk = chunk.map_err(|source| StoreError::Source { store: self.store, source })?;
        self.ended = chunk.is_none();
        self.received = self.received.saturating_add(chunk.as_ref().map_or(0, Bytes::len) as u64);
        match self.expected {
            Some(expected) if self.received > expected || (self.ended && self.received < expected) => {
                Err(StoreError::SizeMismatch { store: self.store, expected, received: self.received })
            }
            _ => Ok(chunk),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use proptest::prelude::*;

    async fn batches(chunks: &[Bytes], len: usize) -> Vec<Vec<Bytes>> {
        let source = futures::stream::iter(chunks.to_vec()).map(Ok);
        let mut intake = Intake::new("test", Box::pin(source), None);
        let mut batches = Vec::new();
        loop {
            let batch = intake.batch(len).await.unwrap();
            if batch.is_empty() {
                return batches;
            }
            batches.push(batch);
        }
    }

    proptest! {
        #[test]
        fn batches_are_even_and_make_up_the_data(
            chunks in prop::collection::vec((any::<u8>(), 0..70_000usize), 0..20), len in 1..200_000usize
        ) {
            let chunks: Vec<Bytes> = chunks.into_iter().map(|(byte, len)| vec![byte; len].into()).collect();
            let batches = batches(&chunks, len).now_or_never().unwrap();
            let lengths: Vec<usize> = batches.iter().map(|batch| batch.concat().len()).collect();
            prop_assert!(lengths.iter().rev().skip(1).all(|length| *length == len));
            prop_assert!(lengths.iter().all(|length| (1..=len).contains(length)));
            prop_assert!(batches.iter().all(|batch| batch.len() <= 2 + 2 * len / SMALL));
            prop_assert!(batches.concat().concat() == chunks.concat());
        }
    }
}
