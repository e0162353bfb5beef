//! MD5 (RFC 1321) on vector registers, whose instruction for any function of three words saves a cycle of each step.
//!
//! That is, where vectors are added in one cycle, as Intel's processors do.

use std::arch::asm;
use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_cvtsi32_si128, _mm_cvtsi128_si32, _mm_rol_epi32, _mm_ternarylogic_epi32,
};

use super::words::Words;

/// The state, which stays in registers.
pub(super) struct Md5 {
    state: [__m128i; 4],
    /// The state before the block.
    before: [__m128i; 4],
}

impl Md5 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    pub(super) fn new(state: &[u32; 4]) -> Self {
        let state = state.map(|word| _mm_cvtsi32_si128(word.cast_signed()));
        Self { state, before: state }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    pub(super) fn state(&self) -> [u32; 4] {
        self.state.map(|word| _mm_cvtsi128_si32(word).cast_unsigned())
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    pub(super) fn begin(&mut self, block: &[u8; 64], words: &mut Words) {
        self.before = self.state;
        words.spread(block);
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    pub(super) fn end(&mut self) {
        for (word, before) in self.state.iter_mut().zip(self.before) {
            *word = _mm_add_epi32(*word, before);
        }
    }

    /// Step `I`, counted from 0 (RFC 1321 §3.4).
    ///
    /// The word that came last is the third operand of each function: the first is copied, which takes a
    /// cycle that only an older one can spare.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    pub(super) fn step<const I: usize>(&mut self, words: &Words) {
        let [a, b, c, d] = [4, 5, 6, 7].map(|place| (place - I % 4) % 4);
        let (b, c, d) = (self.state[b], self.state[c], self.state[d]);
        let mixed = match I / 16 {
            0 => _mm_ternarylogic_epi32::<0xd8>(d, c, b),
            1 => _mm_ternarylogic_epi32::<0xac>(d, c, b),
            2 => _mm_ternarylogic_epi32::<0x96>(d, c, b),
            _ => _mm_ternarylogic_epi32::<0x63>(d, c, b),
        };
        let word = _mm_cvtsi32_si128(words.of(I).cast_signed());
        let sum = _mm_add_epi32(_mm_add_epi32(self.state[a], word), mixed);
        self.state[a] = _mm_add_epi32(rotated::<I>(sum), b);
        if I % 8 == 7 {
            self.hold();
        }
    }

    /// Has the compiler finish the four steps before this where it stands.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    fn hold(&mut self) {
        // SAFETY: it is a comment, so it changes neither registers nor memory.
        unsafe { asm!("/* {} */", inout(xmm_reg) self.state[1], options(nostack, preserves_flags)) }
    }
}

/// Rotated to the left by the amount of step `I` of MD5.
#[inline]
#[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
fn rotated<const I: usize>(word: __m128i) -> __m128i {
    match (I / 16, I % 4) {
        (0, 0) => _mm_rol_epi32::<7>(word),
        (0, 1) => _mm_rol_epi32::<12>(word),
        (0, 2) => _mm_rol_epi32::<17>(word),
        (0, _) => _mm_rol_epi32::<22>(word),
        (1, 0) => _mm_rol_epi32::<5>(word),
        (1, 1) => _mm_rol_epi32::<9>(word),
        (1, 2) => _mm_rol_epi32::<14>(word),
        (1, _) => _mm_rol_epi32::<20>(word),
        (2, 0) => _mm_rol_epi32::<4>(word),
        (2, 1) => _mm_rol_epi32::<11>(word),
        (2, 2) => _mm_rol_epi32::<16>(word),
        (2, _) => _mm_rol_epi32::<23>(word),
        (_, 0) => _mm_rol_epi32::<6>(word),
        (_, 1) => _mm_rol_epi32::<10>(word),
        (_, 2) => _mm_rol_epi32::<15>(word),
        (_, _) => _mm_rol_epi32::<21>(word),
    }
}
