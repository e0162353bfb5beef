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
    let within = |chunk: &Bytes, slice: &[u8]| chunk.as_ptr_range().contains(&slice.as_ptr());
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
