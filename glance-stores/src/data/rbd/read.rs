//! Reading an image, some way ahead of whoever takes the bytes.
//!
//! An image that is open for reading can be removed all the same, and then reads as zeros. So before what was read is
//! handed out, the cluster is asked whether the snapshot is still there: it goes before any of the data does. Where that
//! cannot be asked, because there is no snapshot or the image has the old format, the image is opened for
//! changes, which keeps others from removing it.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use glance_core::store::ByteStream;

use super::ahead::{AHEAD, ahead};
use super::connection::Connection;
use super::ffi::{CephError, Image, Mode, Pool, errno};

/// Bytes read at once. Twice as many are slower, and half as many take more processor time.
const PIECE: u64 = 2 << 20;
/// Bytes of the longest list of snapshots that is looked at: 8,000 of them.
const LIST: usize = 64 * 1024;

/// An image opened for reading.
pub(super) struct Opened {
    image: Arc<Image>,
    pub(super) size: u64,
    kept: Kept,
}

/// Why what is read is the data, and not what is left of it.
#[derive(Clone)]
enum Kept {
    /// Nobody can remove it now.
    Held,
    /// The image's header still lists its snapshot.
    Listed { pool: Arc<Pool>, header: Arc<str>, snapshot: u64 },
}

impl Opened {
    /// Opens an image, or what a snapshot of it holds. Blocks.
    pub(super) fn open(pool: &Arc<Pool>, name: &str, snapshot: Option<&str>) -> Result<Self, CephError> {
        let (mut image, _) = pool.open(name, snapshot, Mode::Read)?;
        let listed = Kept::listed(pool, &image, snapshot)?;
        if listed.is_none() {
            image = pool.open(name, snapshot, Mode::Change)?.0;
        }
        let kept = listed.unwrap_or(Kept::Held);
        Ok(Self { size: image.size()?, image: Arc::new(image), kept })
    }

    /// Has the libraries copy all of it to `image`.
    ///
    /// # Errors
    ///
    /// [`errno::NOT_FOUND`] if it was removed meanwhile: then `image` may hold zeros in its place.
    pub(super) async fn copy_to(self, connection: &Connection, image: Arc<Image>) -> Result<(), CephError> {
        let (source, copy) = (Arc::clone(&self.image), Arc::clone(&image));
        connection.call(move |_, progress| source.copy_to(&copy, progress)).await?;
        connection.within("rbd_aio_flush", image.flush()).await?;
        connection.within("looking for the snapshot", self.kept.check()).await
    }

    /// The bytes of `range`, which has to lie within the image.
    pub(super) fn stream(self, connection: Arc<Connection>, range: Range<u64>) -> ByteStream {
        let Self { image, kept, .. } = self;
        let (buffers, asking) = (Arc::new(Buffers::default()), Arc::clone(&connection));
        let reads = pieces(range).map(move |piece| {
            let (connection, image, buffers) = (Arc::clone(&connection), Arc::clone(&image), Arc::clone(&buffers));
            async move { read(&connection, &image, piece, buffers).await }
        });
        let ask = move || {
            let (connection, kept) = (Arc::clone(&asking), kept.clone());
            async move { connection.within("looking for the snapshot", kept.check()).await }
        };
        ahead(reads, ask)
    }
}

impl Kept {
    fn listed(pool: &Arc<Pool>, image: &Image, snapshot: Option<&str>) -> Result<Option<Self>, CephError> {
        let Some(snapshot) = snapshot else { return Ok(None) };
        let Ok(id) = image.id() else { return Ok(None) };
        let header = format!("rbd_header.{id}").into();
        Ok(Some(Self::Listed { pool: Arc::clone(pool), header, snapshot: image.snapshot_id(snapshot)? }))
    }

    async fn check(&self) -> Result<(), CephError> {
        let Self::Listed { pool, header, snapshot } = self else { return Ok(()) };
        let list = pool.execute(header, c"rbd", c"get_snapcontext", LIST).await?;
        if snapshots(&list).any(|listed| listed == *snapshot) {
            return Ok(());
        }
        Err(CephError::Call { call: "looking for the snapshot", code: errno::NOT_FOUND })
    }
}

async fn read(
    connection: &Connection,
    image: &Arc<Image>,
    piece: Range<u64>,
    buffers: Arc<Buffers>,
) -> Result<Bytes, CephError> {
    let len = usize::try_from(piece.end - piece.start).unwrap_or(usize::MAX);
    let data = connection.within("rbd_aio_read", image.read(piece.start, len, buffers.take())).await?;
    let data = Filled { data, buffers };
    if data.data.len() < len {
        return Err(CephError::Call { call: "reading an image that got shorter", code: errno::NOT_FOUND });
    }
    Ok(Bytes::from_owner(data))
}

/// Buffers that were read and are free again. New memory costs as much time as filling it.
#[derive(Default)]
struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    fn take(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn give_back(&self, buffer: Vec<u8>) {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < AHEAD {
            free.push(buffer);
        }
    }
}

/// A buffer that somebody reads, and that goes back then.
struct Filled {
    data: Vec<u8>,
    buffers: Arc<Buffers>,
}

impl AsRef<[u8]> for Filled {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

impl Drop for Filled {
    fn drop(&mut self) {
        self.buffers.give_back(std::mem::take(&mut self.data));
    }
}

/// The ids in a list of snapshots as a header gives it: the newest one's (8 bytes), how many there are
/// (4 bytes), and the id of each (8 bytes), lowest byte first. What is cut short has fewer.
fn snapshots(list: &[u8]) -> impl Iterator<Item = u64> + '_ {
    let (ids, _) = list.get(12..).unwrap_or_default().as_chunks::<8>();
    ids.iter().map(|id| u64::from_le_bytes(*id))
}

/// `range`, cut where a piece begins in the image, so that no read is of two objects unless those are shorter.
fn pieces(range: Range<u64>) -> impl Iterator<Item = Range<u64>> + Send {
    let mut at = range.start;
    std::iter::from_fn(move || {
        let end = (at / PIECE + 1).saturating_mul(PIECE).min(range.end);
        let piece = at..end;
        at = end;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_end_where_objects_do_and_make_up_the_range() {
        let cut = |range| pieces(range).map(|piece| (piece.start, piece.end)).collect::<Vec<_>>();
        let (one, two) = (PIECE, 2 * PIECE);
        assert_eq!(cut(0..0), []);
        assert_eq!(cut(5..one), [(5, one)]);
        assert_eq!(cut(one - 1..two + 1), [(one - 1, one), (one, two), (two, two + 1)]);
        assert_eq!(cut(u64::MAX - 3..u64::MAX), [(u64::MAX - 3, u64::MAX)]);
    }

    #[test]
    fn a_list_of_snapshots_is_read_as_far_as_it_goes() {
        let list =
            [vec![9, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0], 9_u64.to_le_bytes().to_vec(), 4_u64.to_le_bytes().to_vec()];
        let list = list.concat();
        assert_eq!(snapshots(&list).collect::<Vec<_>>(), [9, 4]);
        assert_eq!(snapshots(&list[..27]).collect::<Vec<_>>(), [9]);
        for len in 0..13 {
            assert_eq!(snapshots(&list[..len]).count(), 0, "{len} bytes");
        }
    }
}
