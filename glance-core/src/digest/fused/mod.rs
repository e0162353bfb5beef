//! MD5 and SHA-512 of the same data in one loop, for x86-64 with AVX-512.
//!
//! Each step of MD5 waits for the one before, which leaves most of a core idle; SHA-512 has work for it.
//! Done in turns, MD5 on the vector registers and SHA-512 on the ordinary ones, the two take little longer than
//! MD5 alone. The vector units have time left, in which they expand the next blocks of SHA-512, four at once.
//!
//! The one module of this package with `unsafe` code: the call of functions for a processor that was found to
//! have what they need, vectors taken for arrays of the same size, and the rounds of SHA-512 in assembly.
#![expect(unsafe_code, reason = "see above: the portable digests need none, and cost nearly twice as much")]

mod md5;
mod schedule;
mod sha512;

use std::mem::swap;

use self::md5::{Md5, Words};
use self::schedule::{LANES, Rows, Schedule};
use self::sha512::Sha512;

/// Proof that this processor has the instructions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kernel(());

impl Kernel {
    /// `None` if the processor, or the system on it, cannot run the kernel.
    pub(super) fn detect() -> Option<Self> {
        let able = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("avx512f")
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
        $md5.hold();
    )*};
}

/// One loop in one function, so that the states of both digests stay in registers.
///
/// One block of SHA-512 is two of MD5.
#[target_feature(enable = "avx512f,avx512vl,bmi1,bmi2")]
fn compress(md5_state: &mut [u32; 4], sha512_state: &mut [u64; 8], blocks: &[[u8; 128]]) {
    let mut groups = blocks.chunks(LANES);
    let Some(mut group) = groups.next() else { return };
    let (mut md5, mut sha512) = (Md5::new(md5_state), Sha512::new(sha512_state));
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
