//! The suites every backend has to pass, for authors of backends: feature `conformance`.
//!
//! Each case is a function that panics where a backend breaks its contract; a macro makes one test
//! of each.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a case fails by panicking")]

pub mod database;
mod given_up;
pub mod images;
pub mod metadefs;
pub mod store;

pub use given_up::{ABORTS, GivenUp, aborts};

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// Set where every backend has to be running: a test that misses one fails.
pub const BACKENDS_REQUIRED: &str = "GLANCE_TEST_BACKENDS_REQUIRED";

/// What the environment variable `variable` says of a backend that tests may use.
///
/// `None` if it is not set: the test then has nothing to run against, which is said once on
/// standard error.
///
/// # Panics
///
/// If the variable is missing where [`BACKENDS_REQUIRED`] is set.
#[must_use]
pub fn backend(variable: &'static str) -> Option<String> {
    static SAID: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    if let Ok(settings) = std::env::var(variable) {
        return Some(settings);
    }
    assert!(std::env::var_os(BACKENDS_REQUIRED).is_none(), "{variable} is not set: the backend is not running");
    if SAID.lock().unwrap_or_else(PoisonError::into_inner).insert(variable) {
        // Not `eprintln`, which test runners keep to themselves when a test passes.
        let _ = writeln!(std::io::stderr(), "not run: tests of a real backend, as {variable} is not set");
    }
    None
}

/// Runs one case to its end on a runtime of its own.
pub fn run(case: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(case);
}
