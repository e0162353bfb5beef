//! How much freed memory the C library keeps.
//!
//! glibc divides its memory into arenas, eight for each processor, and each keeps what was freed in it. The threads that
//! work at uploads come to use them all: sixteen uploads of 2 GiB to a slow disk held 5.1 MiB each, and hold 3.1 with an
//! arena for each processor, at the same speed.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;

/// glibc reads it before `main` begins; an operator's own value counts.
const VARIABLE: &str = "MALLOC_ARENA_MAX";

/// Starts this program once more in its own place, with as many arenas as processors, where nobody said how many.
/// The process, its arguments and its environment stay what they are; if it cannot be started, more memory is kept.
pub(crate) fn limit() {
    let mut arguments = env::args_os();
    let (Some(name), Ok(program)) = (arguments.next(), env::current_exe()) else { return };
    if !cfg!(target_env = "gnu") || env::var_os(VARIABLE).is_some() {
        return;
    }
    let arenas = thread::available_parallelism().map_or(2, |processors| processors.get().max(2));
    // It comes back only if it fails.
    let _ = Command::new(program).arg0(name).args(arguments).env(VARIABLE, arenas.to_string()).exec();
}
