//! How much freed memory the C library keeps.
//!
//! glibc divides its memory into arenas, up to eight for each processor, and each keeps what was freed in it. The threads
//! that work at uploads come to use them all: sixteen uploads of 2 GiB to a slow disk held 5.1 MiB each, and hold 3.1
//! with an arena for each processor, at the same speed.
//!
//! This is the one place of this package with `unsafe`: the standard library has no way to say it.

#![expect(unsafe_code, reason = "see above")]

use std::env;
use std::thread;

/// glibc's own name for it: an operator's value counts.
const VARIABLE: &str = "MALLOC_ARENA_MAX";

/// Limits the arenas to one for each processor, unless the environment says how many. To be called before there are
/// threads; C libraries other than glibc have none.
pub(crate) fn limit() {
    if env::var_os(VARIABLE).is_some() {
        return;
    }
    let arenas = thread::available_parallelism().map_or(2, |processors| processors.get().max(2));
    set(i32::try_from(arenas).unwrap_or(i32::MAX));
}

#[cfg(target_env = "gnu")]
fn set(arenas: i32) {
    // SAFETY: it takes two numbers, and the program has one thread as yet. A refusal leaves everything as it was.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, arenas) };
}

#[cfg(not(target_env = "gnu"))]
fn set(_: i32) {}
