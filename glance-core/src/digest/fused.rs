//! MD5 and SHA-512 of the same data in one loop, for x86-64 with AVX-512.
//!
//! Each step of MD5 waits for the one before, which leaves most of a core idle; SHA-512 has work for it.
//! Done in turns, on the vector and the ordinary registers, the two take little longer than MD5 alone. The
//! compiler would sort them apart again, so [`State::tie`] holds them together.
//!
//! The one module of this package with `unsafe` code: the call of functions for a processor that was found to
//! have what they need, vectors taken for arrays of the same size, and an empty piece of assembly.
#![expect(unsafe_code, reason = "see above: the portable digests need none, and cost nearly twice as much")]

use std::arch::asm;
use std::arch::x86_64::{
    __m128i, __m512i, _mm_add_epi32, _mm_add_epi64, _mm_alignr_epi8, _mm_cvtsi32_si128, _mm_cvtsi128_si32,
    _mm_rol_epi32, _mm_ror_epi64, _mm_set_epi8, _mm_setzero_si128, _mm_shuffle_epi8, _mm_srli_epi64,
    _mm_ternarylogic_epi32, _mm_ternarylogic_epi64, _mm512_add_epi32, _mm512_permutexvar_epi32,
};
use std::mem::transmute;

use super::constants::{MD5_STEPS, SHA512_ROUNDS};

/// Proof that this processor has the instructions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kernel(());

impl Kernel {
    /// `None` if the processor, or the system on it, cannot run the kernel.
    pub(super) fn detect() -> Option<Self> {
        let able = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2");
        able.then_some(Self(()))
    }

    /// Takes `blocks` into the states of both digests.
    #[expect(clippy::unused_self, reason = "having one is the proof")]
    pub(super) fn compress(self, md5: &mut [u32; 4], sha512: &mut [u64; 8], blocks: &[[u8; 128]]) {
        // SAFETY: `detect` alone makes a kernel, after it has found every feature that `compress` enables.
        unsafe { compress(md5, sha512, blocks) }
    }
}

/// What the steps and rounds of one block add, constants included.
///
/// In memory, since that is where a round gets it cheapest.
#[repr(align(64))]
struct Words {
    md5: [[u32; 16]; 4],
    sha512: [[u64; 2]; 40],
}

struct State {
    md5: [__m128i; 4],
    sha512: [u64; 8],
    /// The last sixteen words of the message schedule of SHA-512.
    schedule: [__m128i; 8],
}

/// Five rounds of SHA-512 and eight steps of MD5, in turns.
macro_rules! in_turns {
    ($state:ident, $words:ident: $($a:literal $b:literal $c:literal $d:literal $e:literal,
        $s:literal $t:literal $u:literal $v:literal $w:literal $x:literal $y:literal $z:literal;)*) => {$(
        $state.round::<$a>($words);
        $state.step::<$s>($words);
        $state.step::<$t>($words);
        $state.round::<$b>($words);
        $state.step::<$u>($words);
        $state.round::<$c>($words);
        $state.step::<$v>($words);
        $state.step::<$w>($words);
        $state.round::<$d>($words);
        $state.step::<$x>($words);
        $state.round::<$e>($words);
        $state.step::<$y>($words);
        $state.step::<$z>($words);
        $state.tie::<$e, $z>($words);
    )*};
}

/// One loop in one function, so that the states of both digests stay in registers.
///
/// One block of SHA-512 is two of MD5.
#[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
#[rustfmt::skip]
fn compress(md5: &mut [u32; 4], sha512: &mut [u64; 8], blocks: &[[u8; 128]]) {
    let mut state = State {
        md5: md5.map(|word| _mm_cvtsi32_si128(word.cast_signed())),
        sha512: *sha512,
        schedule: [_mm_setzero_si128(); 8],
    };
    let words = &mut Words { md5: [[0; 16]; 4], sha512: [[0; 2]; 40] };
    for block in blocks {
        let (halves, _) = block.as_chunks::<64>();
        state.begin_sha512(block, words);
        let before = state.begin_md5(&halves[0], words);
        in_turns! { state, words:
            0 1 2 3 4, 0 1 2 3 4 5 6 7;
            5 6 7 8 9, 8 9 10 11 12 13 14 15;
            10 11 12 13 14, 16 17 18 19 20 21 22 23;
            15 16 17 18 19, 24 25 26 27 28 29 30 31;
            20 21 22 23 24, 32 33 34 35 36 37 38 39;
            25 26 27 28 29, 40 41 42 43 44 45 46 47;
            30 31 32 33 34, 48 49 50 51 52 53 54 55;
            35 36 37 38 39, 56 57 58 59 60 61 62 63;
        }
        state.end_md5(before);
        let before = state.begin_md5(&halves[1], words);
        in_turns! { state, words:
            40 41 42 43 44, 0 1 2 3 4 5 6 7;
            45 46 47 48 49, 8 9 10 11 12 13 14 15;
            50 51 52 53 54, 16 17 18 19 20 21 22 23;
            55 56 57 58 59, 24 25 26 27 28 29 30 31;
            60 61 62 63 64, 32 33 34 35 36 37 38 39;
            65 66 67 68 69, 40 41 42 43 44 45 46 47;
            70 71 72 73 74, 48 49 50 51 52 53 54 55;
            75 76 77 78 79, 56 57 58 59 60 61 62 63;
        }
        state.end_md5(before);
        state.end_sha512(sha512);
    }
    *md5 = state.md5.map(|word| _mm_cvtsi128_si32(word).cast_unsigned());
}

impl State {
    /// Spreads a block over the steps of MD5, each of whose rounds takes the words in another order.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    fn begin_md5(&self, block: &[u8; 64], words: &mut Words) -> [__m128i; 4] {
        // SAFETY: a vector is as large as the array, and takes any bits.
        let data = unsafe { transmute::<[u8; 64], __m512i>(*block) };
        for ((to, order), constants) in words.md5.iter_mut().zip(ORDER).zip(MD5_STEPS) {
            // SAFETY: vectors are as large as the arrays, and both take any bits.
            unsafe {
                let (order, constants) =
                    (transmute::<[u32; 16], __m512i>(order), transmute::<[u32; 16], __m512i>(constants));
                *to =
                    transmute::<__m512i, [u32; 16]>(_mm512_add_epi32(_mm512_permutexvar_epi32(order, data), constants));
            }
        }
        self.md5
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    fn end_md5(&mut self, before: [__m128i; 4]) {
        for (word, before) in self.md5.iter_mut().zip(before) {
            *word = _mm_add_epi32(*word, before);
        }
    }

    /// Step `I` of MD5, counted from 0 (RFC 1321 §3.4).
    ///
    /// The word that came last is the third operand of each function: the first is copied, which takes a
    /// cycle that only an older one can spare.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    fn step<const I: usize>(&mut self, words: &Words) {
        let [a, b, c, d] = [4, 5, 6, 7].map(|place| (place - I % 4) % 4);
        let (b, c, d) = (self.md5[b], self.md5[c], self.md5[d]);
        let mixed = match I / 16 {
            0 => _mm_ternarylogic_epi32::<0xd8>(d, c, b),
            1 => _mm_ternarylogic_epi32::<0xac>(d, c, b),
            2 => _mm_ternarylogic_epi32::<0x96>(d, c, b),
            _ => _mm_ternarylogic_epi32::<0x63>(d, c, b),
        };
        let word = _mm_cvtsi32_si128(words.md5[I / 16][I % 16].cast_signed());
        let sum = _mm_add_epi32(_mm_add_epi32(self.md5[a], word), mixed);
        self.md5[a] = _mm_add_epi32(rotated::<I>(sum), b);
    }

    /// Loads a block of SHA-512, whose words have their first byte foremost.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    fn begin_sha512(&mut self, block: &[u8; 128], words: &mut Words) {
        let foremost = _mm_set_epi8(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
        for (i, pair) in block.as_chunks::<16>().0.iter().enumerate() {
            // SAFETY: a vector is as large as the array, and takes any bits.
            let pair = unsafe { transmute::<[u8; 16], __m128i>(*pair) };
            self.schedule[i] = _mm_shuffle_epi8(pair, foremost);
            words.schedule(i, self.schedule[i]);
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    fn end_sha512(&mut self, before: &mut [u64; 8]) {
        for (word, before) in self.sha512.iter_mut().zip(before) {
            *word = word.wrapping_add(*before);
            *before = *word;
        }
    }

    /// Round `I` of SHA-512 (FIPS 180-4 §6.4.2); the even ones prepare two words for later.
    #[expect(clippy::many_single_char_names, reason = "the names are the standard's")]
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    fn round<const I: usize>(&mut self, words: &mut Words) {
        let [a, b, c, d, e, f, g, h] = [0, 1, 2, 3, 4, 5, 6, 7].map(|place| self.sha512[place_of(place, I)]);
        let (from_a, from_e) = (
            a.rotate_right(28) ^ a.rotate_right(34) ^ a.rotate_right(39),
            e.rotate_right(14) ^ e.rotate_right(18) ^ e.rotate_right(41),
        );
        let sum = h.wrapping_add(words.sha512[I / 2][I % 2]);
        let sum = sum.wrapping_add(e & f).wrapping_add(!e & g).wrapping_add(from_e);
        let majority = b ^ ((a ^ b) & (b ^ c));
        self.sha512[place_of(3, I)] = d.wrapping_add(sum);
        self.sha512[place_of(7, I)] = sum.wrapping_add(majority).wrapping_add(from_a);
        if I.is_multiple_of(2) && I < 64 {
            self.expand(I / 2 + 8, words);
        }
    }

    /// The words of the rounds `2 * pair` and `2 * pair + 1`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    fn expand(&mut self, pair: usize, words: &mut Words) {
        let [w0, w1, w4, w5, last] = [0, 1, 4, 5, 7].map(|back| self.schedule[(pair + back) % 8]);
        let (w15, w7) = (_mm_alignr_epi8::<8>(w1, w0), _mm_alignr_epi8::<8>(w5, w4));
        let small0 =
            _mm_ternarylogic_epi64::<0x96>(_mm_ror_epi64::<1>(w15), _mm_ror_epi64::<8>(w15), _mm_srli_epi64::<7>(w15));
        let small1 = _mm_ternarylogic_epi64::<0x96>(
            _mm_ror_epi64::<19>(last),
            _mm_ror_epi64::<61>(last),
            _mm_srli_epi64::<6>(last),
        );
        let next = _mm_add_epi64(_mm_add_epi64(_mm_add_epi64(w0, w7), small0), small1);
        self.schedule[pair % 8] = next;
        words.schedule(pair, next);
    }

    /// Has the compiler finish what stands before it of both digests first, and keep the words in memory.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    fn tie<const ROUND: usize, const STEP: usize>(&mut self, words: &mut Words) {
        let (md5, sha512) = (&mut self.md5[(4 - STEP % 4) % 4], &mut self.sha512[place_of(3, ROUND)]);
        // SAFETY: it is a comment, so it changes neither registers nor memory.
        unsafe {
            asm!("/* {} {} {} */", inout(xmm_reg) *md5, inout(reg) *sha512, in(reg) std::ptr::from_mut(words),
                options(nostack, preserves_flags));
        }
    }
}

impl Words {
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    fn schedule(&mut self, pair: usize, words: __m128i) {
        // SAFETY: vectors are as large as the arrays, and both take any bits.
        self.sha512[pair] = unsafe {
            transmute::<__m128i, [u64; 2]>(_mm_add_epi64(words, transmute::<[u64; 2], __m128i>(SHA512_ROUNDS[pair])))
        };
    }
}

/// Where the eight words are kept in a round: instead of every word moving on, their places do.
const fn place_of(word: usize, round: usize) -> usize {
    (word + 80 - round) % 8
}

/// The words of a block as the four rounds of MD5 take them.
#[expect(clippy::cast_possible_truncation, reason = "no step of a round is beyond 15")]
const ORDER: [[u32; 16]; 4] = {
    let (factor, first) = ([1, 5, 3, 7], [0, 1, 5, 0]);
    let mut order = [[0; 16]; 4];
    let mut at = 0;
    while at < 64 {
        let (round, step) = (at / 16, at % 16);
        order[round][step] = (factor[round] * step as u32 + first[round]) % 16;
        at += 1;
    }
    order
};

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
