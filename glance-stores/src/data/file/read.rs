//! Reading a file as a stream: one chunk is read while the one before it is on its way out.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::stream;
use glance_core::store::{BoxError, ByteStream};
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use tokio::task::{JoinHandle, spawn_blocking};

/// Buffers one stream has: one being filled, one full, one with the reader.
const BUFFERS: usize = 3;

/// The bytes `range` of a file, `chunk` at a time. Nothing is read before the first is asked for.
pub(super) fn stream(file: Arc<File>, range: Range<u64>, chunk: usize) -> ByteStream {
    let reader = Reader { file, rest: range, chunk, ahead: None, spare: Arc::default() };
    Box::pin(stream::try_unfold(reader, Reader::next))
}

struct Reader {
    file: Arc<File>,
    /// What has not been asked of the file yet.
    rest: Range<u64>,
    chunk: usize,
    /// The chunk that is being read.
    ahead: Option<JoinHandle<io::Result<Bytes>>>,
    spare: Spare,
}

/// Buffers that were read and can be filled again: fresh memory costs as much as the reading.
type Spare = Arc<Mutex<Vec<Vec<u8>>>>;

/// A filled buffer on its way out; it comes back when its last reader is done with it.
struct Lent {
    bytes: Vec<u8>,
    spare: Spare,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        // A reader who collects everything is not to have it kept here as well.
        if spare.len() < BUFFERS {
            spare.push(std::mem::take(&mut self.bytes));
        }
    }
}

impl Reader {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, BoxError> {
        let Some(reading) = self.ahead.take().or_else(|| self.begin()) else { return Ok(None) };
        let bytes = reading.await??;
        self.ahead = self.begin();
        Ok(Some((bytes, self)))
    }

    /// Begins to read the next chunk, if there is one.
    fn begin(&mut self) -> Option<JoinHandle<io::Result<Bytes>>> {
        let start = self.rest.start;
        let len = usize::try_from(self.rest.end.saturating_sub(start)).unwrap_or(usize::MAX).min(self.chunk);
        self.rest.start += len as u64;
        let (file, spare) = (Arc::clone(&self.file), Arc::clone(&self.spare));
        (len > 0).then(|| spawn_blocking(move || read(&file, start, len, spare)))
    }
}

/// Exactly `len` bytes from `offset` on.
fn read(file: &File, offset: u64, len: usize, spare: Spare) -> io::Result<Bytes> {
    let used = spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let mut bytes = used.unwrap_or_default();
    bytes.clear();
    bytes.reserve_exact(len);
    while bytes.len() < len {
        let at = offset + bytes.len() as u64;
        match rustix::io::pread(file, spare_capacity(&mut bytes), at) {
            // Somebody else cut the file: a short answer would pass for a whole image.
            Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the data file is shorter than it was")),
            Ok(_) | Err(Errno::INTR) => {}
            Err(cause) => return Err(cause.into()),
        }
    }
    // A buffer may have room for more than was asked for.
    bytes.truncate(len);
    Ok(Bytes::from_owner(Lent { bytes, spare }))
}
