//! A stretch of a stream that is kept.

/// Collects the bytes from `start` on, as many as wanted, from a stream that passes once.
#[derive(Debug)]
pub(super) struct Window {
    start: u64,
    wanted: usize,
    data: Vec<u8>,
}

impl Window {
    /// A window of `wanted` bytes, a number that never comes from the data.
    pub(super) fn new(start: u64, wanted: usize) -> Self {
        Self { start, wanted, data: Vec::new() }
    }

    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// Takes what it wants of `data`, which lies at `at` in the stream.
    pub(super) fn take(&mut self, at: u64, data: &[u8]) {
        let missing = self.wanted - self.data.len();
        let Some(next) = self.start.checked_add(self.data.len() as u64) else { return };
        // What has passed already does not come back: such a window stays incomplete.
        let Some(skipped) = next.checked_sub(at).and_then(|skipped| usize::try_from(skipped).ok()) else { return };
        if let Some(rest) = data.get(skipped..).filter(|_| missing > 0) {
            self.data.reserve_exact(missing.min(rest.len()));
            self.data.extend_from_slice(&rest[..missing.min(rest.len())]);
        }
    }

    /// All it wanted, once it has passed.
    pub(super) fn complete(&self) -> Option<&[u8]> {
        (self.data.len() == self.wanted).then_some(&self.data)
    }

    /// What has passed so far.
    pub(super) fn so_far(&self) -> &[u8] {
        &self.data
    }

    pub(super) fn held(&self) -> usize {
        self.data.capacity()
    }
}
