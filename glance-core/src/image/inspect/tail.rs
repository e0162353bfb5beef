//! The end of a stream, known only once it has ended.

/// Bytes that the longest footer takes: a VMDK's footer and the two markers around it.
const LONGEST: usize = 1536;

/// Keeps the last bytes of what passed.
#[derive(Debug, Default)]
pub(super) struct Tail(Vec<u8>);

impl Tail {
    pub(super) fn take(&mut self, data: &[u8]) {
        let fresh = &data[data.len().saturating_sub(LONGEST)..];
        let too_many = (self.0.len() + fresh.len()).saturating_sub(LONGEST);
        self.0.drain(..too_many);
        self.0.reserve_exact(LONGEST - self.0.len());
        self.0.extend_from_slice(fresh);
    }

    pub(super) fn held(&self) -> usize {
        self.0.capacity()
    }

    pub(super) fn of(&self, length: u64) -> End<'_> {
        End { length, data: &self.0 }
    }
}

/// How long a stream was and how it ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct End<'a> {
    /// Bytes in all.
    pub(super) length: u64,
    data: &'a [u8],
}

impl<'a> End<'a> {
    /// The last `count` bytes; `None` if there were fewer.
    pub(super) fn last(&self, count: usize) -> Option<&'a [u8]> {
        self.data.get(self.data.len().checked_sub(count)?..)
    }
}
