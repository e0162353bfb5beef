//! MD5 and SHA-512 of the same data, computed together where the processor can.

use std::fmt;

use super::constants::{MD5_START, SHA512_START};
use super::fused::Kernel;
use super::hex;

/// Bytes that both digests take at once: a block of SHA-512, two of MD5.
const BLOCK: usize = 128;

/// Both digests being computed, on the thread that calls it.
#[derive(Clone)]
pub(super) struct Paired {
    kernel: Kernel,
    md5: [u32; 4],
    sha512: [u64; 8],
    /// What has come and makes up no block yet: `length % BLOCK` bytes.
    rest: [u8; BLOCK],
    length: u128,
}

impl Paired {
    /// Digests of nothing yet; `None` where each digest is better computed alone.
    pub(super) fn new() -> Option<Self> {
        Kernel::detect().map(Self::with)
    }

    fn with(kernel: Kernel) -> Self {
        Self { kernel, md5: MD5_START, sha512: SHA512_START, rest: [0; BLOCK], length: 0 }
    }

    /// Takes more data.
    pub(super) fn update(&mut self, data: &[u8]) {
        let held = self.held();
        self.length += data.len() as u128;
        let (first, data) = data.split_at(data.len().min((BLOCK - held) % BLOCK));
        self.rest[held..held + first.len()].copy_from_slice(first);
        if held > 0 && held + first.len() == BLOCK {
            self.kernel.compress(&mut self.md5, &mut self.sha512, &[self.rest]);
        }
        let (blocks, rest) = data.as_chunks::<BLOCK>();
        self.kernel.compress(&mut self.md5, &mut self.sha512, blocks);
        self.rest[..rest.len()].copy_from_slice(rest);
    }

    /// MD5 and SHA-512 of all data taken, lower-case hex.
    pub(super) fn finish(mut self) -> (String, String) {
        let (rest, bits) = (&self.rest[..self.held()], self.length * 8);
        // RFC 1321 §3.2 counts modulo 2^64.
        let low = u64::try_from(bits & u128::from(u64::MAX)).unwrap_or_default();
        md5::block_api::compress(&mut self.md5, padded::<64>(rest, &low.to_le_bytes()).as_chunks().0);
        sha2::block_api::compress512(&mut self.sha512, padded::<128>(rest, &bits.to_be_bytes()).as_chunks().0);
        let md5 = self.md5.map(u32::to_le_bytes);
        let sha512 = self.sha512.map(u64::to_be_bytes);
        (hex(md5.as_flattened()), hex(sha512.as_flattened()))
    }

    fn held(&self) -> usize {
        usize::try_from(self.length % BLOCK as u128).unwrap_or_default()
    }
}

/// The end of the data with a one bit behind it, zeros, and the length at the end of a block of `SIZE` bytes.
fn padded<const SIZE: usize>(rest: &[u8], length: &[u8]) -> Vec<u8> {
    let used = rest.len() + 1 + length.len();
    let mut end = [rest, &[0x80]].concat();
    end.resize(used.next_multiple_of(SIZE) - length.len(), 0);
    end.extend_from_slice(length);
    end
}

impl fmt::Debug for Paired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Paired")
    }
}

#[cfg(test)]
mod tests {
    use super::super::{HashAlgorithm, Hasher};
    use super::*;
    use proptest::prelude::*;

    fn alone(algorithm: HashAlgorithm, data: &[u8]) -> String {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(data);
        hasher.finish()
    }

    /// Every kernel finds the digests of `data` in pieces that end at `cuts`.
    fn agrees(data: &[u8], cuts: &[usize]) -> Result<(), TestCaseError> {
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (data.len() + 1)).collect();
        ends.push(data.len());
        ends.sort_unstable();
        let expected = (alone(HashAlgorithm::Md5, data), alone(HashAlgorithm::Sha512, data));
        for kernel in Kernel::all() {
            let (mut pieces, mut begin) = (Paired::with(kernel), 0);
            for &end in &ends {
                pieces.update(&data[begin..end]);
                begin = end;
            }
            prop_assert_eq!(&pieces.finish(), &expected);
        }
        Ok(())
    }

    #[test]
    fn a_kernel_is_chosen_where_there_is_one() {
        assert_eq!(Paired::new().is_some(), !Kernel::all().is_empty());
    }

    #[test]
    fn every_length_around_a_block_is_padded_as_it_should_be() {
        for length in 0..3 * BLOCK {
            let data: Vec<u8> = (0..=250).cycle().take(length).collect();
            agrees(&data, &[]).unwrap();
        }
    }

    /// The kernel takes blocks in groups, the last of which may be short.
    #[test]
    fn any_number_of_blocks_is_taken_whole_or_behind_a_piece() {
        for blocks in 0..18 {
            let data: Vec<u8> = (0..=250).cycle().take(blocks * BLOCK + 1).collect();
            for cut in [0, 1, BLOCK, 3 * BLOCK + 7] {
                agrees(&data, &[cut]).unwrap();
            }
        }
    }

    proptest! {
        #[test]
        fn both_digests_are_those_of_the_portable_code(
            data in prop::collection::vec(any::<u8>(), 0..9000),
            cuts in prop::collection::vec(any::<usize>(), 0..9),
        ) {
            agrees(&data, &cuts)?;
        }
    }
}
