//! The rounds of SHA-512 (FIPS 180-4 §6.4.2) on the ordinary registers, in assembly.
//!
//! The compiler adds in an order of its own, which makes every round wait longer for the one before.

use std::arch::asm;

use super::schedule::Column;

pub(super) struct Sha512 {
    state: [u64; 8],
    /// Where `b` and `c` of the next round differ, which its round before has found out for `a` and `b`.
    differ: u64,
}

impl Sha512 {
    pub(super) fn new(&state: &[u64; 8]) -> Self {
        Self { state, differ: state[1] ^ state[2] }
    }

    /// The end of a block that began with the state `before`, which becomes the one after it.
    #[inline]
    pub(super) fn end(&mut self, before: &mut [u64; 8]) {
        for (word, before) in self.state.iter().zip(&mut *before) {
            *before = before.wrapping_add(*word);
        }
        *self = Self::new(before);
    }

    /// The standard's T1 of round `I`, counted from 0 within `column`: it makes the next `e`, and `h` holds it.
    ///
    /// Ch is `((f ^ g) & e) ^ g`, which unlike the standard's form needs no instruction that only two units have.
    #[expect(clippy::many_single_char_names, reason = "the names are the standard's")]
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    pub(super) fn first_sum<const I: usize>(&mut self, column: Column<'_>) {
        let [d, e, f, g, h] = [3, 4, 5, 6, 7].map(|word| place_of(word, I));
        // SAFETY: it reads one word, which `Column` vouches for, and changes nothing but what it names.
        unsafe {
            asm!(
                "add {h}, [{words} + {at}]",
                "mov {spare}, {f}",
                "xor {spare}, {g}",
                "rorx {sigma}, {e}, 41",
                "and {spare}, {e}",
                "xor {spare}, {g}",
                "add {h}, {spare}",
                "rorx {spare}, {e}, 18",
                "xor {sigma}, {spare}",
                "rorx {spare}, {e}, 14",
                "xor {sigma}, {spare}",
                "add {h}, {sigma}",
                "add {d}, {h}",
                e = in(reg) self.state[e],
                f = in(reg) self.state[f],
                g = in(reg) self.state[g],
                d = inout(reg) self.state[d],
                h = inout(reg) self.state[h],
                spare = out(reg) _,
                sigma = out(reg) _,
                words = in(reg) column.first(),
                at = const Column::offset(I),
                options(nostack, readonly),
            );
        }
    }

    /// The standard's T2 of round `I`, added to T1: the next `a`.
    ///
    /// It may come after the first sum of the next round, but not later. Maj is `((a ^ b) & (b ^ c)) ^ b`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    pub(super) fn second_sum<const I: usize>(&mut self) {
        let [a, b, h] = [0, 1, 7].map(|word| place_of(word, I));
        // SAFETY: it changes nothing but what it names.
        unsafe {
            asm!(
                "mov {next}, {a}",
                "xor {next}, {b}",
                "and {differ}, {next}",
                "xor {differ}, {b}",
                "rorx {sigma}, {a}, 39",
                "add {h}, {differ}",
                "rorx {differ}, {a}, 34",
                "xor {sigma}, {differ}",
                "rorx {differ}, {a}, 28",
                "xor {sigma}, {differ}",
                "add {h}, {sigma}",
                a = in(reg) self.state[a],
                b = in(reg) self.state[b],
                h = inout(reg) self.state[h],
                differ = inout(reg) self.differ => _,
                next = out(reg) self.differ,
                sigma = out(reg) _,
                options(nostack, nomem),
            );
        }
    }
}

/// Where the eight words are kept in a round: instead of every word moving on, their places do.
const fn place_of(word: usize, round: usize) -> usize {
    (word + 80 - round) % 8
}
