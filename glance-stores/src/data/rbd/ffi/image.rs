//! An open image.

use std::ffi::{CStr, c_char, c_int};
use std::ptr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::closing::Closing;
use super::cluster::text_in;
use super::completion::Operation;
use super::library::{Handle, IoSlice, Rbd, Watcher};
use super::pool::{Pool, Unprotecting};
use super::progress::progressed;
use super::{CephError, Progress, c_text, checked};

/// What an image is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Mode {
    /// To read it. Others may remove it meanwhile.
    Read,
    /// To change it. As long as it is open it has a watcher and cannot be removed.
    Change,
}

/// An open image. Dropped, it is closed, as soon as no operation uses it.
pub(in super::super) struct Image {
    pool: Arc<Pool>,
    handle: Handle,
    opened: Instant,
    closed: Option<oneshot::Sender<()>>,
}

// SAFETY: an image of librbd may be used from any thread, and from several at once.
unsafe impl Send for Image {}
// SAFETY: as above.
unsafe impl Sync for Image {}

/// Tells when an image is closed for good.
pub(in super::super) struct Closed(oneshot::Receiver<()>);

impl Closed {
    /// Waits until the image is closed. Somebody has to drop it.
    pub(in super::super) async fn wait(self) {
        // The other end says nothing; it goes when the image is closed.
        let _ = self.0.await;
    }

    /// The same on a thread that may block.
    pub(in super::super) fn wait_here(self) {
        let _ = self.0.blocking_recv();
    }
}

impl Image {
    pub(super) fn open(
        pool: Arc<Pool>,
        name: &CStr,
        snapshot: Option<&CStr>,
        mode: Mode,
    ) -> Result<(Self, Closed), CephError> {
        let rbd = &pool.libraries().rbd;
        let (call, open) = match mode {
            Mode::Read => ("rbd_open_read_only", rbd.rbd_open_read_only),
            Mode::Change => ("rbd_open", rbd.rbd_open),
        };
        let snapshot = snapshot.map_or(ptr::null(), CStr::as_ptr);
        let mut handle = ptr::null_mut();
        // SAFETY: the pool is open; the names, of which the second may be null, outlive the call.
        checked(call, unsafe { open(pool.handle(), name.as_ptr(), &raw mut handle, snapshot) })?;
        let (closed, wait) = oneshot::channel();
        Ok((Self { pool, handle, opened: Instant::now(), closed: Some(closed) }, Closed(wait)))
    }

    fn rbd(&self) -> &'static Rbd {
        &self.pool.libraries().rbd
    }

    /// Bytes it holds.
    pub(in super::super) fn size(&self) -> Result<u64, CephError> {
        let mut size = 0;
        // SAFETY: the image is open, and `size` outlives the call.
        checked("rbd_get_size", unsafe { (self.rbd().rbd_get_size)(self.handle, &raw mut size) })?;
        Ok(size)
    }

    /// Its id in the cluster, which is not its name. Images of the old format have none.
    pub(in super::super) fn id(&self) -> Result<String, CephError> {
        let mut id = [0; 256];
        // SAFETY: the image is open, and the length is that of the buffer less the zero byte at its end.
        checked("rbd_get_id", unsafe { (self.rbd().rbd_get_id)(self.handle, id.as_mut_ptr(), id.len() - 1) })?;
        Ok(text_in(&id))
    }

    /// The id of one of its snapshots. Blocks.
    pub(in super::super) fn snapshot_id(&self, name: &str) -> Result<u64, CephError> {
        let (name, mut id) = (c_text(name)?, 0);
        // SAFETY: the image is open; `name` and `id` outlive the call.
        let got = unsafe { (self.rbd().rbd_snap_get_id)(self.handle, name.as_ptr(), &raw mut id) };
        checked("rbd_snap_get_id", got)?;
        Ok(id)
    }

    /// How many have it open to change it, this one included if it does. Blocks.
    pub(in super::super) fn watchers(&self) -> Result<usize, CephError> {
        const MOST: usize = 64;
        let (mut watchers, mut count) = ([Watcher { address: ptr::null_mut(), id: 0, cookie: 0 }; MOST], MOST);
        // SAFETY: the image is open, and `count` is the length of the list.
        let listed = unsafe { (self.rbd().rbd_watchers_list)(self.handle, watchers.as_mut_ptr(), &raw mut count) };
        checked("rbd_watchers_list", listed)?;
        // SAFETY: the library filled in the first `count` entries, which it takes back here.
        unsafe { (self.rbd().rbd_watchers_list_cleanup)(watchers.as_mut_ptr(), count.min(MOST)) };
        Ok(count)
    }

    /// Gives it another size; what lies behind is lost. Blocks.
    pub(in super::super) fn resize(&self, size: u64, progress: &Progress) -> Result<(), CephError> {
        let resize = self.rbd().rbd_resize_with_progress;
        // SAFETY: the image is open, and `progress` outlives the call.
        let resized = unsafe { resize(self.handle, size, progressed, progress.as_argument()) };
        checked("rbd_resize", resized).map(drop)
    }

    /// Writes all that it holds, but for objects of zeros, to an image of at least its size. Blocks, for long if
    /// there is much of it, and goes on even if nobody waits.
    pub(in super::super) fn copy_to(&self, other: &Self, progress: &Progress) -> Result<(), CephError> {
        let copy = self.rbd().rbd_copy_with_progress2;
        // SAFETY: both images are open, and `progress` outlives the call.
        let copied = unsafe { copy(self.handle, other.handle, progressed, progress.as_argument()) };
        checked("rbd_copy", copied).map(drop)
    }

    /// Makes a snapshot of what it holds. Blocks.
    pub(in super::super) fn create_snapshot(&self, name: &str) -> Result<(), CephError> {
        self.on_snapshot("rbd_snap_create", self.rbd().rbd_snap_create, name)
    }

    /// Removes a snapshot. Blocks.
    pub(in super::super) fn remove_snapshot(&self, name: &str) -> Result<(), CephError> {
        self.on_snapshot("rbd_snap_remove", self.rbd().rbd_snap_remove, name)
    }

    /// Lets others clone a snapshot, and nobody remove it. Blocks.
    pub(in super::super) fn protect_snapshot(&self, name: &str) -> Result<(), CephError> {
        self.on_snapshot("rbd_snap_protect", self.rbd().rbd_snap_protect, name)
    }

    /// The reverse. Blocks.
    pub(in super::super) fn unprotect_snapshot(&self, name: &str, _turn: &Unprotecting) -> Result<(), CephError> {
        self.on_snapshot("rbd_snap_unprotect", self.rbd().rbd_snap_unprotect, name)
    }

    fn on_snapshot(
        &self,
        call: &'static str,
        function: unsafe extern "C" fn(Handle, *const c_char) -> c_int,
        name: &str,
    ) -> Result<(), CephError> {
        let name = c_text(name)?;
        // SAFETY: the image is open, and `name` outlives the call.
        checked(call, unsafe { function(self.handle, name.as_ptr()) }).map(drop)
    }

    /// Begins to write `data` at `offset`, which is done when the cluster has it.
    pub(in super::super) fn write(
        self: &Arc<Self>,
        offset: u64,
        data: Vec<Bytes>,
    ) -> impl Future<Output = Result<(), CephError>> + Send + use<> {
        let slice = |chunk: &Bytes| IoSlice { base: chunk.as_ptr().cast(), len: chunk.len() };
        let slices: Vec<IoSlice> = data.iter().map(slice).collect();
        let count = c_int::try_from(slices.len()).unwrap_or(c_int::MAX);
        let (handle, function) = (self.handle, self.rbd().rbd_aio_writev);
        // SAFETY: the bytes that the slices mean stay where they are until `data` is dropped, and the image
        // stays open: the operation keeps both. The list of slices is used during the call alone.
        let operation = unsafe {
            Operation::begin(self.rbd(), "rbd_aio_writev", (Arc::clone(self), data), |completion| {
                function(handle, slices.as_ptr(), count, offset, completion)
            })
        };
        async { operation?.await.map(drop) }
    }

    /// Begins to read the `len` bytes at `offset` into `buffer`, whose contents they replace.
    pub(in super::super) fn read(
        self: &Arc<Self>,
        offset: u64,
        len: usize,
        mut buffer: Vec<u8>,
    ) -> impl Future<Output = Result<Vec<u8>, CephError>> + Send + use<> {
        buffer.clear();
        buffer.reserve_exact(len);
        let (handle, function, start) = (self.handle, self.rbd().rbd_aio_read, buffer.as_mut_ptr());
        // SAFETY: `start` means room for `len` bytes in `buffer`, which nobody touches until the operation, which
        // keeps it and the image, has ended.
        let operation = unsafe {
            Operation::begin(self.rbd(), "rbd_aio_read", (Arc::clone(self), buffer), |completion| {
                function(handle, offset, len, start.cast(), completion)
            })
        };
        async move {
            let (read, (_, mut buffer)) = operation?.await?;
            let read = usize::try_from(read).unwrap_or_default().min(len);
            // SAFETY: so many bytes were written to it, zeros where the image has none.
            unsafe { buffer.set_len(read) };
            Ok(buffer)
        }
    }

    /// Begins to make durable all that was written before.
    pub(in super::super) fn flush(self: &Arc<Self>) -> impl Future<Output = Result<(), CephError>> + Send + use<> {
        let (handle, function) = (self.handle, self.rbd().rbd_aio_flush);
        // SAFETY: the operation keeps the image open.
        let operation = unsafe {
            Operation::begin(self.rbd(), "rbd_aio_flush", Arc::clone(self), |completion| function(handle, completion))
        };
        async { operation?.await.map(drop) }
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let (pool, closed) = (Arc::clone(&self.pool), self.closed.take());
        Closing { pool, handle: self.handle, opened: self.opened, closed }.close();
    }
}
