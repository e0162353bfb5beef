//! A pool, and the images in it by name.

use std::ffi::{CStr, CString, c_int};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::library::{Handle, Libraries};
use super::progress::progressed;
use super::{CephError, Closed, Image, Mode, Progress, c_text, checked, errno};

/// The object that says which images are in the trash.
pub(super) const TRASH: &str = "rbd_trash";
/// `LIBRADOS_CREATE_IDEMPOTENT`.
const IF_MISSING: c_int = 0;
/// `LIBRADOS_OPERATION_FULL_FORCE`.
const EVEN_IF_FULL: c_int = 128;

/// An open pool.
pub(in super::super) struct Pool {
    libraries: &'static Libraries,
    handle: Handle,
    /// Of the cluster.
    unprotecting: &'static Mutex<()>,
}

/// The right to unprotect a snapshot, see [`Pool::turn_to_unprotect`].
pub(in super::super) struct Unprotecting {
    _turn: MutexGuard<'static, ()>,
}

// SAFETY: an io context may be used from any thread, and from several at once while nobody changes its
// settings, which happens only before it gets here.
unsafe impl Send for Pool {}
// SAFETY: as above.
unsafe impl Sync for Pool {}

impl Pool {
    /// Opens a pool of the cluster that `cluster` is an open connection to.
    pub(super) fn open_in(
        libraries: &'static Libraries,
        cluster: Handle,
        name: &str,
        unprotecting: &'static Mutex<()>,
    ) -> Result<Arc<Self>, CephError> {
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
                Ok(Arc::new(Self { libraries, handle, unprotecting }))
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

    /// Waits until no other snapshot of the cluster is being unprotected. While that goes on, librbd blocks one of the few threads
    /// (`librados_thread_count`) that all its answers come through, waiting for an answer: as many at once as there
    /// are threads would wait for each other for ever, and whatever else uses the connection with them.
    pub(in super::super) fn turn_to_unprotect(&self) -> Unprotecting {
        Unprotecting { _turn: self.unprotecting.lock().unwrap_or_else(PoisonError::into_inner) }
    }

    /// Removes an image without snapshots and its data. Blocks, for long if there is much of it.
    pub(in super::super) fn remove(&self, name: &str, progress: &Progress) -> Result<(), CephError> {
        let (c_name, remove) = (c_text(name)?, self.libraries().rbd.rbd_remove_with_progress);
        self.through_the_trash(name, progress, || {
            // SAFETY: the pool is open; `c_name` and `progress` outlive the call.
            let removed = unsafe { remove(self.handle, c_name.as_ptr(), progressed, progress.as_argument()) };
            checked("rbd_remove", removed).map(drop)
        })
    }

    /// Gives an image another name, unless there is an image of that. Blocks.
    pub(in super::super) fn rename(&self, name: &str, to: &str) -> Result<(), CephError> {
        let (name, to, rename) = (c_text(name)?, c_text(to)?, self.libraries().rbd.rbd_rename);
        // SAFETY: the pool is open, and the names outlive the call.
        checked("rbd_rename", unsafe { rename(self.handle, name.as_ptr(), to.as_ptr()) }).map(drop)
    }

    /// Moves an image into the trash, from where it may be removed at once. Blocks.
    pub(in super::super) fn move_to_trash(&self, name: &str, progress: &Progress) -> Result<(), CephError> {
        let (c_name, trash) = (c_text(name)?, self.libraries().rbd.rbd_trash_move);
        self.through_the_trash(name, progress, || {
            // SAFETY: the pool is open, and `c_name` outlives the call.
            checked("rbd_trash_move", unsafe { trash(self.handle, c_name.as_ptr(), 0) }).map(drop)
        })
    }

    /// Runs a call that takes an image through the trash, which a pool has from the first such call on. A pool that
    /// is full by then has no room for it, and the library says that something was not found: then it is made by
    /// force, since making it is how there will be room.
    fn through_the_trash(
        &self,
        name: &str,
        progress: &Progress,
        call: impl Fn() -> Result<(), CephError>,
    ) -> Result<(), CephError> {
        let done = call();
        if done.as_ref().is_err_and(|error| error.is(errno::NOT_FOUND))
            && !self.has_trash()
            && matches!(self.id_of(name), Ok(Some(_)))
        {
            progress.next_step()?;
            self.make_by_force(TRASH)?;
            // Nobody may wait any more by now, and the name be that of other data.
            progress.next_step()?;
            return call();
        }
        done
    }

    /// Makes an empty object, unless it exists, even in a full pool. Blocks.
    fn make_by_force(&self, object: &str) -> Result<(), CephError> {
        let (object, rados) = (c_text(object)?, &self.libraries().rados);
        // SAFETY: the operation is used here alone and released once; the pool is open, and `object` outlives the
        // call. No category and no time are what null pointers mean.
        let made = unsafe {
            let operation = (rados.rados_create_write_op)();
            (rados.rados_write_op_create)(operation, IF_MISSING, ptr::null());
            let object = object.as_ptr();
            let made = (rados.rados_write_op_operate)(operation, self.handle, object, ptr::null_mut(), EVEN_IF_FULL);
            (rados.rados_release_write_op)(operation);
            made
        };
        checked("rados_write_op_operate", made).map(drop)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // SAFETY: it is ours, and images and operations that use it keep this value.
        unsafe { (self.libraries().rados.rados_ioctx_destroy)(self.handle) };
    }
}
