//! librados and librbd: the C libraries behind safe types.
//!
//! What holds here, and what each `SAFETY` line leans on:
//!
//! - The libraries stay loaded, and a connection that came about stays open, until the process ends. So
//!   function pointers and the handle of a cluster are always good.
//! - A handle (`Pool`, `Image`) is owned by one value and given back when that is dropped. An operation under
//!   way keeps its image, and every buffer it reads from or writes to, until its callback has run, whether or
//!   not anybody still waits for it (see [`completion`]).
//! - An image is not closed within a moment of being opened (see [`closing`]), and one snapshot at a time is
//!   unprotected (see [`Pool::turn_to_unprotect`]): in both librbd trips over itself.
//! - Both libraries are made to be called from several threads at once.
//!
//! Functions that ask the cluster block; the rest of the store calls them on threads of their own.

#![expect(unsafe_code, reason = "librados and librbd are C libraries")]

mod closing;
mod cluster;
mod completion;
mod directory;
pub(super) mod errno;
mod image;
mod library;
mod pool;
mod progress;

pub(super) use cluster::{Cluster, Login};
pub(super) use image::{Closed, Image, Mode};
pub(super) use library::Libraries;
pub(super) use pool::Pool;
pub(super) use progress::{Onlooker, Progress};

use std::ffi::CString;
use std::io;

/// Why the libraries did not do what they were asked.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum CephError {
    /// A function said no.
    #[error("{call}: {}", io::Error::from_raw_os_error(*code))]
    Call {
        /// The function.
        call: &'static str,
        /// What it said, as a number of the operating system.
        code: i32,
    },
    /// There is no connection, whatever it is that was not found or not allowed.
    #[error("connecting to the cluster: {call}: {}", io::Error::from_raw_os_error(*code))]
    Connect {
        /// The function.
        call: &'static str,
        /// What it said.
        code: i32,
    },
    /// The cluster has no such pool.
    #[error("the cluster has no pool {0}")]
    NoPool(String),
    /// The libraries cannot be used.
    #[error("{0}; Debian has the libraries of Ceph in the packages librados2 and librbd1")]
    NoLibrary(String),
}

impl CephError {
    /// The same of a function that was to connect.
    fn on_connecting(self) -> Self {
        match self {
            Self::Call { call, code } => Self::Connect { call, code },
            other => other,
        }
    }

    /// Whether a function that had a connection said this, one of [`errno`].
    pub(super) fn is(&self, errno: i32) -> bool {
        matches!(self, Self::Call { code, .. } if *code == errno)
    }
}

/// What `call` returned, unless that is an error.
fn checked(call: &'static str, returned: impl Into<i64>) -> Result<u64, CephError> {
    let returned = returned.into();
    u64::try_from(returned).map_err(|_| {
        let code = i32::try_from(returned.unsigned_abs()).unwrap_or(i32::MAX);
        CephError::Call { call, code }
    })
}

/// `text` as C has it; a name with a zero byte inside is none.
fn c_text(text: &str) -> Result<CString, CephError> {
    CString::new(text).map_err(|_| CephError::Call { call: "reading a name", code: errno::INVALID })
}
