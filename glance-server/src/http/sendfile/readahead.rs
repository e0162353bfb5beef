//! Getting file data into memory before the kernel is asked to send it.
//!
//! Sending from a cold file would block a worker thread on the disk, and every other connection of
//! that thread with it. So what is cold is read on the blocking pool first.

use std::fs::File;
use std::io::IoSliceMut;
use std::num::NonZeroU64;
use std::ops::Range;
use std::sync::Arc;

use rustix::fs::{Advice, fadvise};
use rustix::io::{Errno, ReadWriteFlags, pread, preadv2};
use tokio::task::{JoinHandle, spawn_blocking};

/// What became of asking for a window.
pub(super) struct Ahead {
    /// What to wait for before the window is sent; `None` if it is in memory.
    pub(super) reading: Option<JoinHandle<()>>,
    /// The window after it is in memory, too.
    pub(super) next_in_memory: bool,
}

/// Asks for `window` of `file` and for as much again, limited by `end`. `known`: the window was in memory a moment ago.
pub(super) fn prepare(file: &Arc<File>, window: &Range<u64>, end: u64, known: bool) -> Ahead {
    let ahead = window.end..(window.end + (window.end - window.start)).min(end);
    let cold = !known && !in_memory(file, window);
    let next_in_memory = !cold && in_memory(file, &ahead);
    if next_in_memory {
        return Ahead { reading: None, next_in_memory };
    }
    let (file, window) = (Arc::clone(file), window.clone());
    let reading = spawn_blocking(move || {
        // Advice only: without it the kernel reads just as well, in smaller steps.
        let _ = fadvise(&file, window.start, NonZeroU64::new(ahead.end - window.start), Advice::WillNeed);
        if cold && window.end > window.start {
            // Pages arrive in order, near enough: the last byte means that all are here.
            let _ = pread(&file, &mut [0; 1], window.end - 1);
        }
    });
    Ahead { reading: cold.then_some(reading), next_in_memory }
}

/// Whether `range` seems to be in the page cache, judged by its first, middle and last byte.
fn in_memory(file: &File, range: &Range<u64>) -> bool {
    let Some(last) = range.end.checked_sub(1).filter(|last| *last >= range.start) else {
        return true;
    };
    let middle = range.start + (last - range.start) / 2;
    [last, range.start, middle].into_iter().all(|at| {
        let mut byte = [0; 1];
        let mut into = [IoSliceMut::new(&mut byte)];
        // A file system that cannot tell (tmpfs) counts as memory.
        preadv2(file, &mut into, at, ReadWriteFlags::NOWAIT) != Err(Errno::AGAIN)
    })
}
