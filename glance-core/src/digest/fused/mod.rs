//! MD5 and SHA-512 of the same data in one loop, for x86-64 with AVX-512.
//!
//! Each step of MD5 waits for the one before, which leaves most of a core idle; SHA-512 has work for it.
//! Done in turns, the two take little longer than MD5 alone. The vector units have time left, in which they expand
//! the next blocks of SHA-512, four at once. Whether MD5 had better be on vector registers or beside SHA-512 on the
//! ordinary ones depends on the processor, by up to 60 %: it is measured.
//!
//! The one module of this package with `unsafe` code: the call of functions for a processor that was found to
//! have what they need, vectors taken for arrays of the same size, and the rounds of SHA-512 in assembly.
#![expect(unsafe_code, reason = "see above: the portable digests need none, and cost nearly twice as much")]

mod ordinary;
mod schedule;
mod sha512;
mod vector;
mod words;

use std::hint::black_box;
use std::mem::swap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use self::schedule::{LANES, Rows, Schedule};
use self::sha512::Sha512;
use self::words::Words;

/// A way to compute both digests, and proof that this processor has the instructions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kernel(unsafe fn(&mut [u32; 4], &mut [u64; 8], &[[u8; 128]]));

impl Kernel {
    /// The fastest one; `None` if the processor, or the system on it, can run none.
    ///
    /// The first call measures, which takes about a millisecond.
    pub(super) fn detect() -> Option<Self> {
        static FASTEST: OnceLock<Option<Kernel>> = OnceLock::new();
        *FASTEST.get_or_init(|| {
            let kernels = Self::all();
            // In turns, so that what else the processor does meets all of them. The first turn warms it up.
            let turns = (0..8).flat_map(|_| kernels.iter().map(|kernel| (kernel.cost(), *kernel)));
            turns.skip(kernels.len()).min_by_key(|(cost, _)| *cost).map(|(_, kernel)| kernel)
        })
    }

    /// Those that this processor can run.
    pub(super) fn all() -> Vec<Self> {
        let able = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2");
        if able { vec![Self(on_vector_registers), Self(on_ordinary_registers)] } else { Vec::new() }
    }

    /// How long some blocks take.
    fn cost(self) -> Duration {
        let blocks = vec![[0; 128]; 256];
        let begun = Instant::now();
        self.compress(&mut [0; 4], &mut [0; 8], black_box(&blocks));
        begun.elapsed()
    }

    /// Takes `blocks` into the states of both digests.
    pub(super) fn compress(self, md5: &mut [u32; 4], sha512: &mut [u64; 8], blocks: &[[u8; 128]]) {
        // SAFETY: `all` alone makes kernels, after it has found every feature that they enable.
        unsafe { (self.0)(md5, sha512, blocks) }
    }
}

/// Five rounds of SHA-512, eight steps of MD5 and one row of the next schedule, in turns; eight times that is
/// half a block.
///
/// The order was found by measuring: whatever comes in a bunch keeps the others from the units it needs.
macro_rules! in_turns {
    ($md5:ident, $sha512:ident, $column:ident, $words:ident, $rows:ident: $($eighth:literal)*) => {$(
        $sha512.first_sum::<{ 5 * $eighth }>($column);
        $md5.step::<{ 8 * $eighth }>($words);
        $sha512.second_sum::<{ 5 * $eighth }>();
        let far = $rows.far($eighth);
        $sha512.first_sum::<{ 5 * $eighth + 1 }>($column);
        $md5.step::<{ 8 * $eighth + 1 }>($words);
        $sha512.second_sum::<{ 5 * $eighth + 1 }>();
        $md5.step::<{ 8 * $eighth + 2 }>($words);
        $sha512.first_sum::<{ 5 * $eighth + 2 }>($column);
        $md5.step::<{ 8 * $eighth + 3 }>($words);
        $sha512.second_sum::<{ 5 * $eighth + 2 }>();
        let near = $rows.near($eighth);
        $sha512.first_sum::<{ 5 * $eighth + 3 }>($column);
        $md5.step::<{ 8 * $eighth + 4 }>($words);
        $md5.step::<{ 8 * $eighth + 5 }>($words);
        $sha512.second_sum::<{ 5 * $eighth + 3 }>();
        $rows.make($eighth, far, near);
        $sha512.first_sum::<{ 5 * $eighth + 4 }>($column);
        $md5.step::<{ 8 * $eighth + 6 }>($words);
        $sha512.second_sum::<{ 5 * $eighth + 4 }>();
        $md5.step::<{ 8 * $eighth + 7 }>($words);
    )*};
}

/// A kernel, with this way to compute MD5: one loop in one function, so that the states of both digests stay in
/// registers.
///
/// One block of SHA-512 is two of MD5.
macro_rules! kernel {
    ($name:ident, $md5:ty) => {
        #[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
        fn $name(md5_state: &mut [u32; 4], sha512_state: &mut [u64; 8], blocks: &[[u8; 128]]) {
            let mut groups = blocks.chunks(LANES);
            let Some(mut group) = groups.next() else { return };
            let (mut md5, mut sha512) = (<$md5>::new(md5_state), Sha512::new(sha512_state));
            let (words, rows, mut now, mut next) =
                (&mut Words::new(), &mut Rows::new(), &mut Schedule::new(), &mut Schedule::new());
            rows.load(group, now);
            rows.expand(now);
            loop {
                let following = groups.next();
                if let Some(following) = following {
                    rows.load(following, next);
                }
                for (lane, block) in (0..LANES).zip(group) {
                    for (half, data) in (0..2).zip(block.as_chunks().0) {
                        let (column, mut rows) = (now.column(lane, half), rows.eight(2 * lane + half, next));
                        md5.begin(data, words);
                        in_turns! { md5, sha512, column, words, rows: 0 1 2 3 4 5 6 7 }
                        md5.end();
                    }
                    sha512.end(sha512_state);
                }
                let Some(following) = following else { break };
                group = following;
                swap(&mut now, &mut next);
            }
            *md5_state = md5.state();
        }
    };
}

kernel!(on_vector_registers, vector::Md5);
kernel!(on_ordinary_registers, ordinary::Md5);
