//! The message schedule of SHA-512 (FIPS 180-4 §6.4.2), for four blocks at once.
//!
//! It depends on the data alone, so that of the next blocks is made while the rounds of these wait for each other.

use std::arch::asm;
use std::arch::x86_64::{
    __m256i, _mm_set_epi8, _mm256_add_epi64, _mm256_broadcastsi128_si256, _mm256_i64gather_epi64, _mm256_ror_epi64,
    _mm256_set1_epi64x, _mm256_shuffle_epi8, _mm256_srli_epi64, _mm256_ternarylogic_epi64,
};
use std::marker::PhantomData;
use std::mem::transmute;
use std::ptr::from_ref;

use super::super::constants::SHA512_ROUNDS;

/// Blocks in a group.
pub(super) const LANES: usize = 4;

/// The same word of each block of a group.
#[derive(Clone, Copy)]
#[repr(align(32))]
struct Row([u64; LANES]);

impl Row {
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    fn vector(self) -> __m256i {
        // SAFETY: a vector is as large as the array, and takes any bits.
        unsafe { transmute::<[u64; LANES], __m256i>(self.0) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    fn of(vector: __m256i) -> Self {
        // SAFETY: the array is as large as a vector, and takes any bits.
        Self(unsafe { transmute::<__m256i, [u64; LANES]>(vector) })
    }
}

/// What the rounds of a group's blocks add, constants included.
pub(super) struct Schedule([Row; 80]);

impl Schedule {
    pub(super) fn new() -> Self {
        Self([Row([0; LANES]); 80])
    }

    /// What one half of the rounds of a block add.
    #[inline]
    pub(super) fn column(&self, lane: usize, half: usize) -> Column<'_> {
        let rows: &[Row; 40] = &self.0.as_chunks().0[half];
        Column { first: from_ref(rows).cast::<u64>().wrapping_add(lane % LANES), rows: PhantomData }
    }
}

/// Words of one block in forty rows.
#[derive(Clone, Copy)]
pub(super) struct Column<'a> {
    first: *const u64,
    rows: PhantomData<&'a [Row; 40]>,
}

impl Column<'_> {
    /// The word in the first row; those in the others lie at an [`offset`](Self::offset) from it.
    #[inline]
    pub(super) fn first(self) -> *const u64 {
        self.first
    }

    /// Bytes from the first row to `row`, which is one of forty.
    pub(super) const fn offset(row: usize) -> usize {
        assert!(row < 40, "a column ends with its rows");
        row * size_of::<Row>()
    }
}

/// The words of the group whose schedule is being made.
pub(super) struct Rows([Row; 80]);

impl Rows {
    pub(super) fn new() -> Self {
        Self([Row([0; LANES]); 80])
    }

    /// Begins a schedule with what the blocks hold; where there are too few, the last stands in for the others.
    #[expect(clippy::cast_ptr_alignment, reason = "what gathers words asks for no alignment")]
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    pub(super) fn load(&mut self, group: &[[u8; 128]], schedule: &mut Schedule) {
        assert!(!group.is_empty(), "a group has a block");
        let (first, last) = (group.as_ptr().cast::<i64>(), group.len() - 1);
        let blocks = Row([0, 1, 2, 3].map(|lane: usize| lane.min(last) as u64 * 16)).vector();
        let foremost = _mm256_broadcastsi128_si256(_mm_set_epi8(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
        for row in 0..16 {
            // SAFETY: no block is beyond the last, and each has sixteen words.
            let words = unsafe { _mm256_i64gather_epi64::<8>(first.add(row), blocks) };
            let words = _mm256_shuffle_epi8(words, foremost);
            self.0[row] = Row::of(words);
            schedule.0[row] = keyed(words, SHA512_ROUNDS[row / 2][row % 2]);
        }
    }

    /// Makes all other rows at once.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    pub(super) fn expand(&mut self, schedule: &mut Schedule) {
        for eighth in 0..8 {
            let mut rows = self.eight(eighth, schedule);
            for row in 0..8 {
                rows.make(row, rows.far(row), rows.near(row));
            }
        }
    }

    /// The part of both that is to be made in turn `eighth`, counted from 0, once those before it are.
    #[inline]
    pub(super) fn eight<'a>(&'a mut self, eighth: usize, schedule: &'a mut Schedule) -> Eight<'a> {
        Eight {
            rows: &mut self.0[8 * eighth..][..24],
            keyed: &mut schedule.0.as_chunks_mut().0[2 + eighth],
            constants: &SHA512_ROUNDS.as_flattened().as_chunks().0[2 + eighth],
        }
    }
}

/// Eight rows of a schedule that are being made; they are counted from 0.
pub(super) struct Eight<'a> {
    /// The sixteen before them, and they.
    rows: &'a mut [Row],
    keyed: &'a mut [Row; 8],
    constants: &'static [u64; 8],
}

impl Eight<'_> {
    /// What `row` takes from those 15 and 7 before it.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    pub(super) fn far(&self, row: usize) -> __m256i {
        let sigma = small_sigma::<1, 8, 7>(self.rows[row + 16 - 15].vector());
        held(_mm256_add_epi64(sigma, self.rows[row + 16 - 7].vector()))
    }

    /// What `row` takes from those 2 and 16 before it.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    pub(super) fn near(&self, row: usize) -> __m256i {
        let sigma = small_sigma::<19, 61, 6>(self.rows[row + 16 - 2].vector());
        held(_mm256_add_epi64(sigma, self.rows[row].vector()))
    }

    /// Makes `row`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
    pub(super) fn make(&mut self, row: usize, far: __m256i, near: __m256i) {
        let words = _mm256_add_epi64(far, near);
        self.rows[row + 16] = Row::of(words);
        self.keyed[row] = keyed(words, self.constants[row]);
    }
}

/// What the rounds of a row add.
#[inline]
#[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
fn keyed(words: __m256i, constant: u64) -> Row {
    Row::of(_mm256_add_epi64(words, _mm256_set1_epi64x(constant.cast_signed())))
}

/// The words rotated right by two amounts and shifted right by a third, added without carry: σ0 and σ1 of the standard.
#[inline]
#[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
fn small_sigma<const R: i32, const S: i32, const SHIFT: i32>(words: __m256i) -> __m256i {
    _mm256_ternarylogic_epi64::<0x96>(
        _mm256_ror_epi64::<R>(words),
        _mm256_ror_epi64::<S>(words),
        _mm256_srli_epi64::<SHIFT>(words),
    )
}

/// Has the compiler compute `vector` where this stands, and not where it is used.
#[inline]
#[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
fn held(mut vector: __m256i) -> __m256i {
    // SAFETY: it is a comment, so it changes neither registers nor memory.
    unsafe { asm!("/* {} */", inout(ymm_reg) vector, options(nostack, nomem, preserves_flags)) }
    vector
}
