//! What of a batch is written to an image, and in which slices.

use bytes::Bytes;

use crate::data::stretch::{Stretch, stretches};

/// Runs of zeros from this length on are left out, if any are: shorter ones cost more requests than room.
const HOLE: usize = 64 * 1024;
/// Slices one call takes for sure.
const SLICES: usize = 512;

/// The parts of a batch that hold anything but zeros, and where they belong.
pub(super) fn without_zeros(batch: &[Bytes], mut at: u64) -> Vec<(u64, Vec<Bytes>)> {
    let mut parts = Vec::new();
    for stretch in stretches(batch, at, HOLE) {
        match stretch {
            Stretch::Hole(len) => at += len as u64,
            Stretch::Data(slices) => {
                let begin = at;
                at += slices.iter().map(|slice| slice.len()).sum::<usize>() as u64;
                parts.push((begin, owned(batch, &slices)));
            }
        }
    }
    parts
}

/// Slices of the chunks of a batch, in their order, as chunks of their own that share the memory.
fn owned(batch: &[Bytes], slices: &[&[u8]]) -> Vec<Bytes> {
    let mut chunks = batch.iter().peekable();
    // Chunks may overlap, where they share memory.
    let within = |chunk: &Bytes, slice: &[u8]| {
        let (chunk, slice) = (chunk.as_ptr_range(), slice.as_ptr_range());
        chunk.start <= slice.start && slice.end <= chunk.end
    };
    let mut owned = Vec::with_capacity(slices.len());
    for slice in slices.iter().filter(|slice| !slice.is_empty()) {
        while chunks.next_if(|chunk| !within(chunk, slice)).is_some() {}
        owned.extend(chunks.peek().map(|chunk| chunk.slice_ref(slice)));
    }
    owned
}

/// The same data in so few slices that one call takes them.
pub(super) fn in_few_slices(data: Vec<Bytes>) -> Vec<Bytes> {
    if data.len() <= SLICES { data } else { vec![data.concat().into()] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PIECE: u64 = 8 << 20;

    #[test]
    fn chunks_of_the_same_memory_are_told_apart() {
        let noise: Bytes = (1..=250).cycle().take(300_000).collect::<Vec<u8>>().into();
        let zeros = Bytes::from(vec![0; 200_000]);
        let batch = [noise.slice(..200_000), noise.slice(50_000..250_000), zeros, noise.slice(7..)];
        let parts = without_zeros(&batch, 0);
        let data: Vec<u8> = parts.iter().flat_map(|(_, data)| data.concat()).collect();
        assert!(data.starts_with(&batch[..2].concat()) && data.ends_with(&batch[3]));
    }

    proptest! {
        #[test]
        fn what_is_not_written_is_zeros(
            parts in prop::collection::vec((0..2u8, 1..200_000usize), 0..12), offset in 0..3u64
        ) {
            let at = offset * PIECE;
            let batch: Vec<Bytes> = parts.iter().map(|(byte, len)| vec![*byte; *len].into()).collect();
            let mut rebuilt = vec![0; batch.iter().map(Bytes::len).sum()];
            for (begin, data) in without_zeros(&batch, at) {
                let (begin, data) = (usize::try_from(begin - at).unwrap(), data.concat());
                rebuilt[begin..begin + data.len()].copy_from_slice(&data);
            }
            prop_assert!(rebuilt == batch.concat());
        }
    }
}
