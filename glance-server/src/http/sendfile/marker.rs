//! Addresses that stand for bytes of files.

use std::fmt;
use std::fs::File;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// The most bytes one marker stands for.
pub(super) const FRAME: usize = 4 << 20;

/// How many markers a connection can have under way.
///
/// hyper asks for another frame when less than its write buffer (400 KB) is left of the last, so
/// two are in use at most; the rest is slack for layers that look one frame ahead.
const SLOTS: usize = 4;

/// Nobody reads or writes this memory, so the kernel never backs it with pages.
static ARENA: LazyLock<&'static [u8]> = LazyLock::new(|| Vec::leak(vec![0; FRAME * SLOTS]));

/// Told how many bytes more were sent. It is called while a connection is being written to, so it does no more than count.
pub type Sent = Arc<dyn Fn(u64) + Send + Sync>;

/// Permission to answer on one connection with files: found among the extensions of a request that
/// came over plain HTTP/1.1.
#[derive(Clone, Debug, Default)]
pub struct FileSender {
    markers: Arc<Mutex<Markers>>,
}

#[derive(Debug, Default)]
struct Markers {
    slots: [Option<Slot>; SLOTS],
    /// A marker went away before its bytes were sent, so somebody else may be about to send them.
    strayed: bool,
    /// More of the file comes at once when what is marked was sent.
    more: bool,
}

struct Slot {
    file: Arc<File>,
    offset: u64,
    len: usize,
    sent: usize,
    /// Told of every byte that is sent.
    told: Option<Sent>,
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, offset, len, sent, .. } = self;
        f.debug_struct("Slot")
            .field("file", file)
            .field("offset", offset)
            .field("len", len)
            .field("sent", sent)
            .finish_non_exhaustive()
    }
}

/// File bytes a slice stands for.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) file: Arc<File>,
    pub(super) offset: u64,
    pub(super) len: usize,
    slot: usize,
}

impl FileSender {
    /// A marker for `range` of `file`, at most [`FRAME`] bytes; `None` if too many are under way.
    pub(super) fn mark(&self, file: &Arc<File>, range: &Range<u64>, told: Option<&Sent>) -> Option<Bytes> {
        let len = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
        if len > FRAME {
            return None;
        }
        let mut markers = self.lock();
        let slot = markers.slots.iter().position(Option::is_none)?;
        markers.slots[slot] =
            Some(Slot { file: Arc::clone(file), offset: range.start, len, sent: 0, told: told.cloned() });
        drop(markers);
        Some(Bytes::from_owner(Marker { sender: self.clone(), slot, len }))
    }

    /// Says whether more of the file comes at once when what is marked was sent.
    pub(super) fn expect_more(&self, more: bool) {
        self.lock().more = more;
    }

    /// What was said last: `false` before anything was.
    pub(in crate::http) fn expects_more(&self) -> bool {
        self.lock().more
    }

    /// What `slice` stands for; `None` if it is ordinary memory.
    ///
    /// # Errors
    ///
    /// A slice of the arena that stands for nothing, or any slice after a marker has strayed:
    /// the connection must not write another byte.
    pub(super) fn locate(&self, slice: &[u8]) -> io::Result<Option<Piece>> {
        let markers = self.lock();
        if markers.strayed {
            return Err(io::Error::other("file data was taken off its path"));
        }
        let Some(within) = place(slice) else { return Ok(None) };
        let (slot, start) = (within / FRAME, within % FRAME);
        markers.slots[slot]
            .as_ref()
            .filter(|marked| start + slice.len() <= marked.len)
            .map(|marked| Piece {
                file: Arc::clone(&marked.file),
                offset: marked.offset + start as u64,
                len: slice.len(),
                slot,
            })
            .map(Some)
            .ok_or_else(|| io::Error::other("a file marker stands for nothing"))
    }

    /// Notes that the kernel took `count` bytes of `piece`.
    pub(super) fn sent(&self, piece: &Piece, count: usize) {
        if let Some(slot) = &mut self.lock().slots[piece.slot] {
            slot.sent += count;
            if let Some(told) = &slot.told {
                told(count as u64);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Markers> {
        self.markers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refuses slices that stand for bytes of files, on a connection that cannot send them.
///
/// # Errors
///
/// There is one: the connection must not write another byte.
pub(in crate::http) fn without_markers(slices: &[IoSlice<'_>]) -> io::Result<()> {
    if slices.iter().any(|slice| place(slice).is_some()) {
        return Err(io::Error::other("a file marker stands for nothing here"));
    }
    Ok(())
}

/// Where in the arena `slice` begins; `None` if it is ordinary memory.
fn place(slice: &[u8]) -> Option<usize> {
    let within = slice.as_ptr().addr().wrapping_sub(ARENA.as_ptr().addr());
    (within < FRAME * SLOTS).then_some(within)
}

/// Keeps its slot taken for as long as a frame refers to it.
struct Marker {
    sender: FileSender,
    slot: usize,
    len: usize,
}

impl AsRef<[u8]> for Marker {
    fn as_ref(&self) -> &[u8] {
        let start = self.slot * FRAME;
        &ARENA[start..start + self.len]
    }
}

impl Drop for Marker {
    fn drop(&mut self) {
        let mut markers = self.sender.lock();
        let slot = markers.slots[self.slot].take();
        if slot.as_ref().map(|slot| slot.sent) != Some(self.len) {
            // Somebody may have copied the marker (a compressing layer, say): what stands in the
            // copy is zeros.
            markers.strayed = true;
        }
        drop(markers);
        // With it may go who was told, who has things to do of its own then.
        drop(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Arc<File> {
        Arc::new(tempfile::tempfile().unwrap())
    }

    #[test]
    fn a_part_of_a_marker_stands_for_the_same_part_of_the_file() {
        let sender = FileSender::default();
        let marker = sender.mark(&file(), &(1000..5000), None).unwrap();
        let piece = sender.locate(&marker[300..1300]).unwrap().unwrap();
        assert_eq!((piece.offset, piece.len), (1300, 1000));
    }

    #[test]
    fn ordinary_memory_stands_for_itself() {
        let sender = FileSender::default();
        let _marker = sender.mark(&file(), &(0..10), None).unwrap();
        assert!(sender.locate(b"HTTP/1.1 200 OK").unwrap().is_none());
        assert!(sender.locate(&[]).unwrap().is_none());
    }

    #[test]
    fn a_marker_of_another_connection_stands_for_nothing() {
        let marker = FileSender::default().mark(&file(), &(0..10), None).unwrap();
        assert!(FileSender::default().locate(&marker).is_err());
    }

    #[test]
    fn a_connection_without_files_takes_ordinary_memory_alone() {
        let marker = FileSender::default().mark(&file(), &(0..10), None).unwrap();
        let [head, body] = [IoSlice::new(b"HTTP/1.1 200 OK"), IoSlice::new(&marker[3..5])];
        assert!(without_markers(&[head]).is_ok());
        assert!(without_markers(&[head, body]).is_err());
    }

    #[test]
    fn a_marker_dropped_before_it_was_sent_breaks_the_connection() {
        let sender = FileSender::default();
        let copy = sender.mark(&file(), &(0..10), None).unwrap().to_vec();
        assert!(sender.locate(&copy).is_err());
    }

    #[test]
    fn slots_are_used_again_once_sent() {
        let (sender, file) = (FileSender::default(), file());
        for _ in 0..3 * SLOTS {
            let marker = sender.mark(&file, &(0..FRAME as u64), None).unwrap();
            let piece = sender.locate(&marker).unwrap().unwrap();
            sender.sent(&piece, piece.len);
        }
        assert!(sender.locate(b"next head").unwrap().is_none());
    }

    #[test]
    fn no_more_markers_than_slots() {
        let (sender, file) = (FileSender::default(), file());
        let held: Vec<_> = (0..SLOTS).map(|_| sender.mark(&file, &(0..1), None)).collect();
        assert!(held.iter().all(Option::is_some));
        assert!(sender.mark(&file, &(0..1), None).is_none());
    }

    #[test]
    fn a_frame_has_an_upper_size() {
        let sender = FileSender::default();
        assert!(sender.mark(&file(), &(0..FRAME as u64 + 1), None).is_none());
    }
}
