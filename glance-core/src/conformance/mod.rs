//! The suites every backend has to pass, for authors of backends: feature `conformance`.
//!
//! Each case is a function that panics where a backend breaks its contract; a macro makes one test
//! of each.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a case fails by panicking")]

pub mod database;
pub mod store;

/// Runs one case to its end on a runtime of its own.
pub fn run(case: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(case);
}
