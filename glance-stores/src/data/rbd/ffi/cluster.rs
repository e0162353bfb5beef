//! A connection to a cluster.

use std::ffi::c_char;
use std::path::PathBuf;
use std::ptr;
use std::sync::{Arc, Mutex};

use super::library::{Handle, Libraries};
use super::{CephError, Pool, c_text, checked};

/// How to connect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in super::super) struct Login {
    /// The cephx user, without `client.`; `None`: librados chooses.
    pub(in super::super) user: Option<String>,
    /// The configuration file; `None`: where librados looks for one.
    pub(in super::super) conf: Option<PathBuf>,
    /// Settings to make whatever the file says.
    pub(in super::super) settings: Vec<(&'static str, String)>,
    /// Settings to make where they are this without us.
    pub(in super::super) limits: Vec<(&'static str, u32, String)>,
}

/// An open connection. It stays open until the process ends.
pub(in super::super) struct Cluster {
    libraries: &'static Libraries,
    handle: Handle,
    fsid: String,
    /// Held by whoever unprotects a snapshot, see [`Pool::turn_to_unprotect`].
    unprotecting: Mutex<()>,
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
        Ok(Box::leak(Box::new(Self { libraries, handle, fsid, unprotecting: Mutex::default() })))
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
        Pool::open_in(self.libraries, self.handle, name, &self.unprotecting)
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
