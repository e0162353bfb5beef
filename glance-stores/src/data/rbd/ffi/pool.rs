//! A pool, and the images in it by name.

use std::ffi::{CStr, CString, c_int};
use std::ptr;
use std::sync::Arc;

use super::library::{Handle, Libraries};
use super::progress::progressed;
use super::{CephError, Closed, Image, Mode, Progress, c_text, checked, errno};

/// An open pool.
pub(in super::super) struct Pool {
    libraries: &'static Libraries,
    handle: Handle,
}

// SAFETY: an io context may be used from any thread, and from several at once while nobody changes its
// settings, which happens only before it gets here.
unsafe impl Send for Pool {}
// SAFETY: as above.
unsafe impl Sync for Pool {}

impl Pool {
    /// Opens a pool of the cluster that `cluster` is an open connection to.
    pub(super) fn open_in(libraries: &'static Libraries, cluster: Handle, name: &str) -> Result<Arc<Self>, CephError> {
        let (rados, c_name) = (&libraries.rados, c_text(name)?);
        let mut handle = ptr::null_mut();
        // SAFETY: the connection is open; `c_name` and `handle` live as long as the call.
        let made = unsafe { (rados.rados_ioctx_create)(cluster, c_name.as_ptr(), &raw mut handle) };
        match checked("rados_ioctx_create", made) {
            Err(error) if error.is(errno::NOT_FOUND) => Err(CephError::NoPool(name.to_owned())),
            Err(error) => Err(error),
            Ok(_) => {
                // A full pool answers so. Without this, writing to it waits until there is room.
                // SAFETY: `handle` was made a moment ago.
                unsafe { (rados.rados_set_pool_full_try)(handle) };
                Ok(Arc::new(Self { libraries, handle }))
            }
        }
    }

    pub(super) fn libraries(&self) -> &'static Libraries {
        self.libraries
    }

    pub(super) fn handle(&self) -> Handle {
        self.handle
    }

    /// Makes an image of `size` bytes in objects of `1 << order` bytes. Blocks.
    pub(in super::super) fn create(&self, name: &str, size: u64, features: u64, order: u8) -> Result<(), CephError> {
        let (name, mut order) = (c_text(name)?, c_int::from(order));
        let create = self.libraries().rbd.rbd_create3;
        // SAFETY: the pool is open; `name` and `order` outlive the call.
        let made = unsafe { create(self.handle, name.as_ptr(), size, features, &raw mut order, 0, 0) };
        checked("rbd_create3", made).map(drop)
    }

    /// Opens an image, or what a snapshot of it holds. Blocks.
    pub(in super::super) fn open(
        self: &Arc<Self>,
        name: &str,
        snapshot: Option<&str>,
        mode: Mode,
    ) -> Result<(Image, Closed), CephError> {
        let name = c_text(name)?;
        let snapshot: Option<CString> = snapshot.map(c_text).transpose()?;
        let snapshot: Option<&CStr> = snapshot.as_deref();
        Image::open(Arc::clone(self), &name, snapshot, mode)
    }

    /// Removes an image without snapshots and its data. Blocks, for long if there is much of it.
    pub(in super::super) fn remove(&self, name: &str, progress: &Progress) -> Result<(), CephError> {
        let (name, remove) = (c_text(name)?, self.libraries().rbd.rbd_remove_with_progress);
        // SAFETY: the pool is open; `name` and `progress` outlive the call.
        let removed = unsafe { remove(self.handle, name.as_ptr(), progressed, progress.as_argument()) };
        checked("rbd_remove", removed).map(drop)
    }

    /// Gives an image another name, unless there is an image of that. Blocks.
    pub(in super::super) fn rename(&self, name: &str, to: &str) -> Result<(), CephError> {
        let (name, to, rename) = (c_text(name)?, c_text(to)?, self.libraries().rbd.rbd_rename);
        // SAFETY: the pool is open, and the names outlive the call.
        checked("rbd_rename", unsafe { rename(self.handle, name.as_ptr(), to.as_ptr()) }).map(drop)
    }

    /// Moves an image into the trash, from where it may be removed at once. Blocks.
    pub(in super::super) fn move_to_trash(&self, name: &str) -> Result<(), CephError> {
        let (name, trash) = (c_text(name)?, self.libraries().rbd.rbd_trash_move);
        // SAFETY: the pool is open, and `name` outlives the call.
        checked("rbd_trash_move", unsafe { trash(self.handle, name.as_ptr(), 0) }).map(drop)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // SAFETY: it is ours, and images and operations that use it keep this value.
        unsafe { (self.libraries().rados.rados_ioctx_destroy)(self.handle) };
    }
}
