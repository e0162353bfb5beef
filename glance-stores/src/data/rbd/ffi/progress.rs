//! How far a call has got, and whether anybody still waits for it.

use std::ffi::{c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::{CephError, errno};

/// How often a long call has got a step further.
#[derive(Debug, Default)]
pub(in super::super) struct Progress {
    steps: AtomicU64,
    given_up: AtomicBool,
}

impl Progress {
    /// A number that changes with each step.
    pub(in super::super) fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    /// Notes a step.
    pub(in super::super) fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes a step before the next one is begun.
    ///
    /// # Errors
    ///
    /// [`errno::TIMED_OUT`] if nobody waits any more: what a caller was told to have failed is not carried on.
    pub(in super::super) fn next_step(&self) -> Result<(), CephError> {
        self.step();
        if self.given_up.load(Ordering::Acquire) {
            return Err(CephError::Call { call: "a call that was given up", code: errno::TIMED_OUT });
        }
        Ok(())
    }

    /// What the libraries hand back to [`progressed`].
    pub(super) fn as_argument(&self) -> *mut c_void {
        std::ptr::from_ref(self).cast_mut().cast()
    }
}

/// Somebody who waits for a call. Dropped, nobody does.
pub(in super::super) struct Onlooker(pub(in super::super) Arc<Progress>);

impl Drop for Onlooker {
    fn drop(&mut self) {
        self.0.given_up.store(true, Ordering::Release);
    }
}

/// Called by the libraries during a long call, with a [`Progress`] that outlives the call.
pub(super) unsafe extern "C" fn progressed(_done: u64, _total: u64, progress: *mut c_void) -> c_int {
    // SAFETY: `progress` comes from `Progress::as_argument` of a value borrowed for the whole call.
    let progress = unsafe { &*progress.cast::<Progress>() };
    progress.step();
    0
}
