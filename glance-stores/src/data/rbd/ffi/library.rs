//! Finding the libraries and their functions.
//!
//! They are looked for by the names that programs built against Ceph link with, when a store is first used:
//! whoever keeps no images in Ceph needs none of it. All functions are old enough for Ceph 16.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::sync::OnceLock;

use libloading::Library;

use super::CephError;

/// Handles as the libraries give them out; what they point to is not our business.
pub(super) type Handle = *mut c_void;
/// A completed operation calls it with its completion and the argument it was made with.
pub(super) type Callback = unsafe extern "C" fn(Handle, Handle);
/// A long call calls it with the work done, all the work, and the argument it was given.
pub(super) type ProgressCallback = unsafe extern "C" fn(u64, u64, Handle) -> c_int;

/// `struct iovec` of POSIX.
#[repr(C)]
pub(super) struct IoSlice {
    pub(super) base: *const c_void,
    pub(super) len: usize,
}

/// `rbd_image_watcher_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Watcher {
    pub(super) address: *mut c_char,
    pub(super) id: i64,
    pub(super) cookie: u64,
}

/// `rbd_trash_image_info_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct TrashEntry {
    pub(super) id: *mut c_char,
    pub(super) name: *mut c_char,
    pub(super) source: c_int,
    pub(super) deleted: i64,
    pub(super) deferred_until: i64,
}

impl TrashEntry {
    pub(super) const EMPTY: Self =
        Self { id: ptr::null_mut(), name: ptr::null_mut(), source: 0, deleted: 0, deferred_until: 0 };
}

/// Declares a library: a struct with a pointer to each of its functions, under their own names.
macro_rules! library {
    ($(#[$doc:meta])* $name:ident { $($function:ident($($argument:ty),*) $(-> $returned:ty)?;)* }) => {
        $(#[$doc])*
        #[expect(clippy::struct_field_names, reason = "functions are called as in the library's header")]
        pub(super) struct $name {
            $(pub(super) $function: unsafe extern "C" fn($($argument),*) $(-> $returned)?,)*
        }

        impl $name {
            fn of(library: &'static Library) -> Result<Self, libloading::Error> {
                Ok(Self {
                    $(
                        // SAFETY: the type is that of the library's header, and the library is never unloaded.
                        $function: *unsafe { library.get(stringify!($function)) }?,
                    )*
                })
            }
        }
    };
}

library! {
    /// Functions of librados.
    Rados {
        rados_create(*mut Handle, *const c_char) -> c_int;
        rados_conf_read_file(Handle, *const c_char) -> c_int;
        rados_conf_set(Handle, *const c_char, *const c_char) -> c_int;
        rados_conf_get(Handle, *const c_char, *mut c_char, usize) -> c_int;
        rados_connect(Handle) -> c_int;
        rados_shutdown(Handle);
        rados_cluster_fsid(Handle, *mut c_char, usize) -> c_int;
        rados_ioctx_create(Handle, *const c_char, *mut Handle) -> c_int;
        rados_ioctx_destroy(Handle);
        rados_set_pool_full_try(Handle);
        rados_create_write_op() -> Handle;
        rados_release_write_op(Handle);
        rados_write_op_create(Handle, c_int, *const c_char);
        rados_write_op_operate(Handle, Handle, *const c_char, *mut i64, c_int) -> c_int;
        rados_aio_create_completion(Handle, Option<Callback>, Option<Callback>, *mut Handle) -> c_int;
        rados_aio_get_return_value(Handle) -> c_int;
        rados_aio_release(Handle);
        rados_exec(
            Handle, *const c_char, *const c_char, *const c_char, *const c_char, usize, *mut c_char, usize
        ) -> c_int;
        rados_aio_exec(
            Handle, *const c_char, Handle, *const c_char, *const c_char, *const c_char, usize, *mut c_char, usize
        ) -> c_int;
    }
}

library! {
    /// Functions of librbd.
    Rbd {
        rbd_create3(Handle, *const c_char, u64, u64, *mut c_int, u64, u64) -> c_int;
        rbd_open(Handle, *const c_char, *mut Handle, *const c_char) -> c_int;
        rbd_open_read_only(Handle, *const c_char, *mut Handle, *const c_char) -> c_int;
        rbd_aio_close(Handle, Handle) -> c_int;
        rbd_remove_with_progress(Handle, *const c_char, ProgressCallback, Handle) -> c_int;
        rbd_rename(Handle, *const c_char, *const c_char) -> c_int;
        rbd_trash_move(Handle, *const c_char, u64) -> c_int;
        rbd_trash_list(Handle, *mut TrashEntry, *mut usize) -> c_int;
        rbd_trash_list_cleanup(*mut TrashEntry, usize);
        rbd_get_size(Handle, *mut u64) -> c_int;
        rbd_get_id(Handle, *mut c_char, usize) -> c_int;
        rbd_resize_with_progress(Handle, u64, ProgressCallback, Handle) -> c_int;
        rbd_copy_with_progress2(Handle, Handle, ProgressCallback, Handle) -> c_int;
        rbd_snap_create(Handle, *const c_char) -> c_int;
        rbd_snap_remove(Handle, *const c_char) -> c_int;
        rbd_snap_protect(Handle, *const c_char) -> c_int;
        rbd_snap_unprotect(Handle, *const c_char) -> c_int;
        rbd_snap_get_id(Handle, *const c_char, *mut u64) -> c_int;
        rbd_watchers_list(Handle, *mut Watcher, *mut usize) -> c_int;
        rbd_watchers_list_cleanup(*mut Watcher, usize);
        rbd_aio_create_completion(Handle, Option<Callback>, *mut Handle) -> c_int;
        rbd_aio_get_return_value(Handle) -> isize;
        rbd_aio_release(Handle);
        rbd_aio_writev(Handle, *const IoSlice, c_int, u64, Handle) -> c_int;
        rbd_aio_read(Handle, u64, usize, *mut c_char, Handle) -> c_int;
        rbd_aio_flush(Handle, Handle) -> c_int;
    }
}

/// Both libraries.
pub(in super::super) struct Libraries {
    pub(super) rados: Rados,
    pub(super) rbd: Rbd,
}

impl Libraries {
    /// The libraries of Ceph on this machine, loaded when this is first called with success. Blocks.
    pub(in super::super) fn get() -> Result<&'static Self, CephError> {
        static LOADED: OnceLock<Libraries> = OnceLock::new();
        if let Some(loaded) = LOADED.get() {
            return Ok(loaded);
        }
        let libraries = Self::load("librados.so.2", "librbd.so.1")?;
        Ok(LOADED.get_or_init(|| libraries))
    }

    pub(super) fn load(rados: &str, rbd: &str) -> Result<Self, CephError> {
        // In this order: librbd is made to use the librados that is there.
        let (rados, rbd) = (open(rados)?, open(rbd)?);
        let missing = |cause: libloading::Error| CephError::NoLibrary(said(&cause));
        Ok(Self { rados: Rados::of(rados).map_err(missing)?, rbd: Rbd::of(rbd).map_err(missing)? })
    }
}

/// Loads a library for as long as the process lives.
fn open(name: &str) -> Result<&'static Library, CephError> {
    // SAFETY: the libraries of Ceph may be loaded by any program at any time.
    let library = unsafe { Library::new(name) };
    let library = library.map_err(|cause| CephError::NoLibrary(said(&cause)))?;
    Ok(Box::leak(Box::new(library)))
}

/// What the loader said, which names the file or the function.
fn said(cause: &libloading::Error) -> String {
    std::error::Error::source(cause).map_or_else(|| cause.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_is_named_with_the_packages_that_hold_it() {
        let Err(error) = Libraries::load("librados-of-nobody.so.2", "librbd.so.1") else { panic!("it was found") };
        let said = error.to_string();
        assert!(said.contains("librados-of-nobody.so.2"), "{said}");
        assert!(said.contains("librados2") && said.contains("librbd1"), "{said}");
    }

    #[test]
    fn a_library_without_the_functions_is_refused() {
        let Err(error) = Libraries::load("libc.so.6", "libc.so.6") else { panic!("libc is none of Ceph's") };
        assert!(error.to_string().contains("rados_create"), "{error}");
    }
}
