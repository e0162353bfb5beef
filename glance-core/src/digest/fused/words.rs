//! The words of a block as the steps of MD5 (RFC 1321 §3.4) take them.

use std::arch::asm;
use std::arch::x86_64::{__m512i, _mm512_add_epi32, _mm512_permutexvar_epi32};
use std::mem::transmute;

use super::super::constants::MD5_STEPS;

/// What the steps of one block add, constants included, a row for each round of sixteen.
///
/// In memory, since that is where a step gets it cheapest.
#[repr(align(64))]
pub(super) struct Words([[u32; 16]; 4]);

impl Words {
    pub(super) fn new() -> Self {
        Self([[0; 16]; 4])
    }

    /// Spreads a block over the steps, each of whose rounds takes the words in another order.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    pub(super) fn spread(&mut self, block: &[u8; 64]) {
        // SAFETY: a vector is as large as the array, and takes any bits.
        let data = unsafe { transmute::<[u8; 64], __m512i>(*block) };
        for ((to, order), constants) in self.0.iter_mut().zip(ORDER).zip(MD5_STEPS) {
            // SAFETY: vectors are as large as the arrays, and both take any bits.
            unsafe {
                let (order, constants) =
                    (transmute::<[u32; 16], __m512i>(order), transmute::<[u32; 16], __m512i>(constants));
                *to =
                    transmute::<__m512i, [u32; 16]>(_mm512_add_epi32(_mm512_permutexvar_epi32(order, data), constants));
            }
        }
        // SAFETY: it is a comment. The compiler takes it for a reader, so it has to have the words in memory.
        unsafe { asm!("/* {} */", in(reg) &raw mut self.0, options(nostack, preserves_flags)) }
    }

    /// What `step` adds, counted from 0.
    #[inline]
    pub(super) fn of(&self, step: usize) -> u32 {
        self.0[step / 16][step % 16]
    }
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
