//! Data cut into what is written and the zeros that are left out.

use std::ops::Range;

use bytes::Bytes;

/// What a hole may consist of: the smallest block that a file system would leave out.
const BLOCK: usize = 4096;

/// A part of a batch.
#[derive(Debug, PartialEq)]
pub(super) enum Stretch<'a> {
    /// To be written.
    Data(Vec<&'a [u8]>),
    /// So many zeros, to be left out.
    Hole(usize),
}

/// Cuts chunks that belong at `offset` into data and holes. A run of zeros becomes a hole where it
/// spares a block and has `hole` bytes, or costs no further call because it begins or ends the batch.
pub(super) fn stretches(chunks: &[Bytes], offset: u64, hole: usize) -> Vec<Stretch<'_>> {
    let pieces = pieces(chunks, offset);
    let total: usize = pieces.iter().map(|(_, bytes)| bytes.len()).sum();
    let mut stretches = Vec::new();
    let mut at = 0;
    for run in pieces.chunk_by(|(zero, _), (next, _)| zero == next) {
        let len: usize = run.iter().map(|(_, bytes)| bytes.len()).sum();
        let at_an_edge = at == 0 || at + len == total;
        at += len;
        match stretches.last_mut() {
            _ if run[0].0 && (len >= hole || at_an_edge) => stretches.push(Stretch::Hole(len)),
            Some(Stretch::Data(slices)) => slices.extend(run.iter().map(|(_, bytes)| *bytes)),
            _ => stretches.push(Stretch::Data(run.iter().map(|(_, bytes)| *bytes).collect())),
        }
    }
    stretches
}

/// The chunks, cut where a block of the file begins and zeros do or end; and whether they are zeros.
fn pieces(chunks: &[Bytes], mut offset: u64) -> Vec<(bool, &[u8])> {
    let mut pieces = Vec::new();
    for chunk in chunks {
        let mut begun: Option<(bool, Range<usize>)> = None;
        let mut at = 0;
        while at < chunk.len() {
            let into_block = usize::try_from(offset % BLOCK as u64).unwrap_or_default();
            let len = (BLOCK - into_block).min(chunk.len() - at);
            let zero = is_zero(&chunk[at..at + len]);
            match &mut begun {
                Some((same, range)) if *same == zero => range.end += len,
                _ => pieces.extend(begun.replace((zero, at..at + len)).map(|(zero, range)| (zero, &chunk[range]))),
            }
            at += len;
            offset += len as u64;
        }
        pieces.extend(begun.map(|(zero, range)| (zero, &chunk[range])));
    }
    pieces
}

/// Whether a piece no longer than a block is all zeros. Comparing memory ends at the first
/// difference and is as fast as the machine can.
fn is_zero(piece: &[u8]) -> bool {
    static ZEROS: [u8; BLOCK] = [0; BLOCK];
    *piece == ZEROS[..piece.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOLE: usize = 16 * 1024;

    /// The batch as it would be read back.
    fn rebuilt(stretches: &[Stretch<'_>]) -> Vec<u8> {
        let bytes = |stretch: &Stretch<'_>| match stretch {
            Stretch::Data(slices) => slices.concat(),
            Stretch::Hole(len) => vec![0; *len],
        };
        stretches.iter().flat_map(bytes).collect()
    }

    #[test]
    fn zeros_become_holes_where_it_pays() {
        let batch = |parts: &[(u8, usize)]| -> Vec<Bytes> {
            parts.iter().map(|(byte, len)| Bytes::from(vec![*byte; *len])).collect()
        };
        let shape = |parts: &[(u8, usize)]| -> Vec<(bool, usize)> {
            let batch = batch(parts);
            let len = |slices: &Vec<&[u8]>| slices.iter().map(|slice| slice.len()).sum();
            let shape = |stretch: &Stretch<'_>| match stretch {
                Stretch::Data(slices) => (false, len(slices)),
                Stretch::Hole(len) => (true, *len),
            };
            stretches(&batch, 0, HOLE).iter().map(shape).collect()
        };
        assert_eq!(shape(&[(0, 100_000)]), [(true, 100_000)]);
        assert_eq!(shape(&[(0, 50_000), (0, 50_000)]), [(true, 100_000)]);
        assert_eq!(shape(&[(1, 8192), (0, HOLE), (1, 1)]), [(false, 8192), (true, HOLE), (false, 1)]);
        assert_eq!(shape(&[(1, 8192), (0, HOLE - BLOCK), (1, 1)]), [(false, 8192 + HOLE - BLOCK + 1)]);
        assert_eq!(shape(&[(0, 10), (1, 10), (0, 10)]), [(true, 10), (false, 10), (true, 10)]);
        assert_eq!(shape(&[(1, 300_000)]), [(false, 300_000)]);
    }

    proptest! {
        #[test]
        fn data_and_holes_make_up_the_batch(
            parts in prop::collection::vec((0..2u8, 1..40_000usize), 0..12), offset in 0..10_000u64
        ) {
            let chunks: Vec<Bytes> = parts.iter().map(|(byte, len)| vec![*byte; *len].into()).collect();
            let stretches = stretches(&chunks, offset, HOLE);
            prop_assert!(rebuilt(&stretches) == chunks.concat());
            prop_assert!(stretches.windows(2).all(|pair| matches!(
                pair, [Stretch::Data(_), Stretch::Hole(_)] | [Stretch::Hole(_), Stretch::Data(_)]
            )));
        }
    }
}
