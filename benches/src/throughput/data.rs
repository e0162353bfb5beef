//! Data that does not compress and costs next to nothing to make.

use bytes::Bytes;
use futures::stream;
use glance_core::store::ByteStream;

/// Bytes the data is cut from. More than a processor's caches, so that copying costs what it costs.
const NOISE: usize = 64 << 20;
/// Images begin so many bytes apart, which is no multiple of anything.
const STEP: usize = 1_299_709;

/// Data of a certain length, different for each number it is asked for.
#[derive(Clone)]
pub(super) struct Source {
    noise: Bytes,
    size: u64,
    chunk: usize,
}

impl Source {
    /// Data of `size` bytes in chunks of `chunk` bytes.
    pub(super) fn new(size: u64, chunk: u64) -> Self {
        let chunk = usize::try_from(chunk).unwrap_or(NOISE).clamp(1, NOISE);
        Self { noise: noise(NOISE), size, chunk }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The chunks of image `number`: slices of one block of memory, none of them copied.
    pub(super) fn chunks(&self, number: usize) -> impl Iterator<Item = Bytes> + Send + use<> {
        let Self { noise, size, chunk } = self.clone();
        let mut at = number.wrapping_mul(STEP) % NOISE;
        let mut left = size;
        std::iter::from_fn(move || {
            let len = chunk.min(NOISE - at).min(usize::try_from(left).unwrap_or(usize::MAX));
            let part = noise.slice(at..at + len);
            at = (at + len) % NOISE;
            left -= len as u64;
            (len > 0).then_some(part)
        })
    }

    pub(super) fn stream(&self, number: usize) -> ByteStream {
        Box::pin(stream::iter(self.chunks(number).map(Ok)))
    }
}

/// So many bytes that look random and are the same every time.
pub(crate) fn noise(len: usize) -> Bytes {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut noise = Vec::with_capacity(len);
    while noise.len() < len {
        // xorshift64, Marsaglia 2003
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        noise.extend_from_slice(&state.to_le_bytes());
    }
    noise.truncate(len);
    noise.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_as_long_as_asked_and_differs_by_number() {
        let long = NOISE as u64 + 12_345;
        for (size, chunk) in [(1, 10), (1000, 1000), (1001, 10), (long, 1 << 20)] {
            let source = Source::new(size, chunk);
            assert_eq!(source.chunks(3).map(|chunk| chunk.len() as u64).sum::<u64>(), size);
            assert!(source.chunks(3).all(|part| part.len() as u64 <= chunk));
        }
        let source = Source::new(1000, 1000);
        assert_ne!(source.chunks(0).next(), source.chunks(1).next());
    }
}
