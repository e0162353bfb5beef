//! MD5 (RFC 1321) on the ordinary registers.
//!
//! It shares them with SHA-512, which they are too few for. Where vectors are added in two cycles, as AMD's
//! processors do, that costs less than waiting for them.

use super::words::Words;

/// The state.
pub(super) struct Md5 {
    state: [u32; 4],
    /// The state before the block.
    before: [u32; 4],
}

impl Md5 {
    #[inline]
    pub(super) fn new(state: &[u32; 4]) -> Self {
        Self { state: *state, before: *state }
    }

    #[inline]
    pub(super) fn state(&self) -> [u32; 4] {
        self.state
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    pub(super) fn begin(&mut self, block: &[u8; 64], words: &mut Words) {
        self.before = self.state;
        words.spread(block);
    }

    #[inline]
    pub(super) fn end(&mut self) {
        for (word, before) in self.state.iter_mut().zip(self.before) {
            *word = word.wrapping_add(before);
        }
    }

    /// Step `I`, counted from 0 (RFC 1321 §3.4).
    ///
    /// `b` came last, so that whatever can do without it is added before. The parts of the second round's function
    /// have no bit in common, and may be added apart.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    pub(super) fn step<const I: usize>(&mut self, words: &Words) {
        let [a, b, c, d] = [4, 5, 6, 7].map(|place| (place - I % 4) % 4);
        let (b, c, d) = (self.state[b], self.state[c], self.state[d]);
        let sum = self.state[a].wrapping_add(words.of(I));
        let sum = match I / 16 {
            0 => sum.wrapping_add(((c ^ d) & b) ^ d),
            1 => sum.wrapping_add(!d & c).wrapping_add(d & b),
            2 => sum.wrapping_add((c ^ d) ^ b),
            _ => sum.wrapping_add(c ^ (b | !d)),
        };
        self.state[a] = sum.rotate_left(ROTATIONS[I / 16][I % 4]).wrapping_add(b);
    }
}

/// The amounts that the steps of each round rotate by, in turns.
const ROTATIONS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
