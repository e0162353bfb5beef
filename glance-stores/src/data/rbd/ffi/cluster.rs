//! A connection to a cluster, and one of its pools.

use std::ffi::{CStr, CString, c_char, c_int};
use std::path::PathBuf;
use std::ptr;
use std::sync::Arc;

use super::completion::Operation;
use super::library::{Handle, Libraries};
use super::{CephError, Closed, Image, Mode, Progress, c_text, checked, errno, progressed};

/// How to connect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in super::super) struct Login {
    /// The cephx user, without `client.`; `None`: librados chooses.
    pub(in super::super) user: Option<String>,
    /// The configuration file; `None`: where librados looks for one.
    pub(in super::super) conf: Option<PathBuf>,
    /// Settings to make whatever the file says.
    pub(in super::super) settings: Vec<(&'static str, String)>,
    /// Settings to make where the file leaves them at this, their default.
    pub(in super::super) limits: Vec<(&'static str, u32, String)>,
}

/// An open connection. It stays open until the process ends.
pub(in super::super) struct Cluster {
    libraries: &'static Libraries,
    handle: Handle,
    fsid: String,
}

// SAFETY: a handle of librados may be used from any thread, and from several at once.
unsafe impl Send for Cluster {}
// SAFETY: as above.
unsafe impl Sync for Cluster {}

impl Cluster {
    /// Connects. Blocks.
    pub(in super::super) fn connect(libraries: &'static Libraries, login: &Login) -> Result<&'static Self, CephError> {
        Self::connected(libraries, login).map_err(CephError::on_connecting)
    }

    fn connected(libraries: &'static Libraries, login: &Login) -> Result<&'static Self, CephError> {
        let mut connecting = Connecting::new(libraries, login.user.as_deref())?;
        connecting.configure(login)?;
        let fsid = connecting.connect()?;
        let handle = std::mem::replace(&mut connecting.handle, ptr::null_mut());
        Ok(Box::leak(Box::new(Self { libraries, handle, fsid })))
    }

    /// The cluster's id.
    pub(in super::super) fn fsid(&self) -> &str {
        &self.fsid
    }

    /// A setting as it is in force here; `None` if there is none of that name.
    pub(in super::super) fn setting(&self, name: &str) -> Option<String> {
        conf_get(self.libraries, self.handle, name)
    }

    /// Opens a pool. Blocks, but asks the cluster only if it does not know the pool.
    pub(in super::super) fn pool(&'static self, name: &str) -> Result<Arc<Pool>, CephError> {
        let (rados, c_name) = (&self.libraries.rados, c_text(name)?);
        let mut handle = ptr::null_mut();
        // SAFETY: the connection is open; `c_name` and `handle` live as long as the call.
        let made = unsafe { (rados.rados_ioctx_create)(self.handle, c_name.as_ptr(), &raw mut handle) };
        match checked("rados_ioctx_create", made) {
            Err(error) if error.is(errno::NOT_FOUND) => Err(CephError::NoPool(name.to_owned())),
            Err(error) => Err(error),
            Ok(_) => {
                // A full pool answers so. Without this, writing to it waits until there is room.
                // SAFETY: `handle` was made a moment ago.
                unsafe { (rados.rados_set_pool_full_try)(handle) };
                Ok(Arc::new(Pool { cluster: self, handle }))
            }
        }
    }
}

/// A handle that is not connected. Dropped, it is given back.
struct Connecting {
    libraries: &'static Libraries,
    /// Null when it has become a connection.
    handle: Handle,
}

impl Connecting {
    fn new(libraries: &'static Libraries, user: Option<&str>) -> Result<Self, CephError> {
        let user = user.map(c_text).transpose()?;
        let user = user.as_ref().map_or(ptr::null(), |user| user.as_ptr());
        let mut handle = ptr::null_mut();
        // SAFETY: `user` is null or a text that outlives the call, and so does `handle`.
        let made = unsafe { (libraries.rados.rados_create)(&raw mut handle, user) };
        checked("rados_create", made)?;
        Ok(Self { libraries, handle })
    }

    fn configure(&self, login: &Login) -> Result<(), CephError> {
        let conf = login.conf.as_ref().map(|path| c_text(&path.to_string_lossy())).transpose()?;
        let conf = conf.as_ref().map_or(ptr::null(), |conf| conf.as_ptr());
        // SAFETY: the handle is ours; `conf` is null or a text that outlives the call.
        let read = unsafe { (self.libraries.rados.rados_conf_read_file)(self.handle, conf) };
        checked("reading the configuration of Ceph", read)?;
        for (name, value) in &login.settings {
            self.set(name, value)?;
        }
        for (name, default, value) in &login.limits {
            // librados writes whole numbers as `30` or `30.000000`.
            let whole = |set: String| set.split('.').next().and_then(|whole| whole.parse::<u32>().ok());
            if conf_get(self.libraries, self.handle, name).and_then(whole) == Some(*default) {
                self.set(name, value)?;
            }
        }
        Ok(())
    }

    fn set(&self, name: &str, value: &str) -> Result<(), CephError> {
        let (name, value) = (c_text(name)?, c_text(value)?);
        // SAFETY: the handle is ours, and both texts outlive the call.
        let set = unsafe { (self.libraries.rados.rados_conf_set)(self.handle, name.as_ptr(), value.as_ptr()) };
        checked("rados_conf_set", set).map(drop)
    }

    /// Connects and returns the cluster's id.
    fn connect(&self) -> Result<String, CephError> {
        let rados = &self.libraries.rados;
        // SAFETY: the handle is ours.
        checked("rados_connect", unsafe { (rados.rados_connect)(self.handle) })?;
        let mut fsid = [0; 64];
        // SAFETY: the length is that of the buffer, less the zero byte at its end.
        let len = unsafe { (rados.rados_cluster_fsid)(self.handle, fsid.as_mut_ptr(), fsid.len() - 1) };
        checked("rados_cluster_fsid", len)?;
        Ok(text_in(&fsid))
    }
}

impl Drop for Connecting {
    fn drop(&mut self) {
        if !self.handle.is_null() {
            // SAFETY: it is ours, and no image or pool was opened through it.
            unsafe { (self.libraries.rados.rados_shutdown)(self.handle) };
        }
    }
}

fn conf_get(libraries: &Libraries, handle: Handle, name: &str) -> Option<String> {
    let name = c_text(name).ok()?;
    let mut value = [0; 256];
    // SAFETY: the handle is good, `name` outlives the call, and the length is that of the buffer.
    let got = unsafe { (libraries.rados.rados_conf_get)(handle, name.as_ptr(), value.as_mut_ptr(), value.len()) };
    (got == 0).then(|| text_in(&value))
}

/// The text in a buffer that C has written, up to its zero byte.
pub(super) fn text_in(buffer: &[c_char]) -> String {
    let bytes: Vec<u8> = buffer.iter().take_while(|byte| **byte != 0).map(|byte| byte.to_ne_bytes()[0]).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An open pool.
pub(in super::super) struct Pool {
    cluster: &'static Cluster,
    handle: Handle,
}

// SAFETY: an io context may be used from any thread, and from several at once while nobody changes its
// settings, which happens only before it gets here.
unsafe impl Send for Pool {}
// SAFETY: as above.
unsafe impl Sync for Pool {}

impl Pool {
    pub(super) fn libraries(&self) -> &'static Libraries {
        self.cluster.libraries
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

impl Pool {
    /// Has a class of objects run a method on an object, and returns what it says: `most` bytes at most.
    pub(in super::super) fn execute(
        self: &Arc<Self>,
        object: &str,
        class: &CStr,
        method: &CStr,
        most: usize,
    ) -> impl Future<Output = Result<Vec<u8>, CephError>> + Send + use<> {
        let operation = c_text(object).and_then(|object| {
            let mut answer = vec![0_u8; most];
            let (start, rados, pool) = (answer.as_mut_ptr(), &self.libraries().rados, self.handle);
            let (object, class, method) = (object.as_ptr(), class.as_ptr(), method.as_ptr());
            // SAFETY: `start` means `most` bytes of `answer`, which nobody touches until the operation, which
            // keeps it and the pool, has ended. The names are used during the call alone.
            unsafe {
                Operation::begin(rados, "rados_aio_exec", (Arc::clone(self), answer), |completion| {
                    (rados.rados_aio_exec)(pool, object, completion, class, method, ptr::null(), 0, start.cast(), most)
                })
            }
        });
        async {
            let (len, (_, mut answer)) = operation?.await?;
            answer.truncate(usize::try_from(len).unwrap_or(usize::MAX));
            Ok(answer)
        }
    }
}
