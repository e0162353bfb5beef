//! Copying a data file inside the kernel.
//!
//! File systems that share blocks between files (XFS, Btrfs) copy nothing until one of them changes,
//! which for image data is never; others move the bytes without showing them to the program.

use std::fs::File;
use std::io;

use glance_core::store::StoreError;
use rustix::fs::SeekFrom;
use rustix::io::Errno;

use super::write::Writer;
use super::{KIND, blocking, error};

/// Bytes copied by one call off the async threads: how long a copy that nobody waits for any more
/// goes on.
const STEP: u64 = 64 << 20;
const COPYING: &str = "copying a data file";

/// Makes `target`, which is empty, hold the `size` bytes of `source`. Holes stay holes.
pub(super) async fn copy(source: File, target: File, size: u64) -> Result<Writer, StoreError> {
    let mut files = (source, target);
    let mut at = 0;
    while at < size {
        (files, at) = blocking(COPYING, move || {
            let next = step(&files.0, &files.1, at, size).map_err(failed)?;
            Ok((files, next))
        })
        .await?;
    }
    Ok(Writer::filled(files.1, size))
}

/// Copies what lies at `at`, and says where the next step begins.
fn step(source: &File, target: &File, at: u64, size: u64) -> io::Result<u64> {
    if at == 0 && rustix::fs::ioctl_ficlone(target, source).is_ok() {
        return Ok(size);
    }
    let begin = match rustix::fs::seek(source, SeekFrom::Data(at)) {
        Ok(begin) => begin.min(size),
        // Nothing but a hole is left.
        Err(Errno::NXIO) => size,
        // A file system that knows no holes.
        Err(_) => at,
    };
    let end = rustix::fs::seek(source, SeekFrom::Hole(begin)).unwrap_or(size).min(size).min(begin + STEP);
    let (mut from, mut to) = (begin, begin);
    while from < end {
        let missing = usize::try_from(end - from).unwrap_or(usize::MAX);
        match rustix::fs::copy_file_range(source, Some(&mut from), target, Some(&mut to), missing) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(Errno::INTR) => {}
            // What file systems of different kinds do not do for each other, or do not do at all.
            Err(Errno::XDEV | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                return Err(io::ErrorKind::Unsupported.into());
            }
            Err(cause) => return Err(cause.into()),
        }
    }
    Ok(end.max(begin))
}

fn failed(cause: io::Error) -> StoreError {
    match cause.kind() {
        io::ErrorKind::Unsupported => StoreError::Unsupported { store: KIND, operation: "copying" },
        _ => error::writing(cause, COPYING),
    }
}

/// The error for a source whose length is not `expected` bytes.
pub(super) fn other_length(expected: u64, received: u64) -> StoreError {
    StoreError::SizeMismatch { store: KIND, expected, received }
}
