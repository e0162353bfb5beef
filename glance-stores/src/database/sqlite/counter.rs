//! Counting what is asked of the database.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use glance_core::database::RepoError;

use crate::database::Usage;

/// Where it is counted.
#[derive(Debug, Default)]
pub(super) struct Counter {
    reads: AtomicU64,
    writes: AtomicU64,
    failures: AtomicU64,
    nanoseconds: AtomicU64,
}

impl Counter {
    pub(super) fn read<T>(&self, begun: Instant, done: &Result<T, RepoError>) {
        self.reads.fetch_add(1, Relaxed);
        self.note(begun, done);
    }

    pub(super) fn write<T>(&self, begun: Instant, done: &Result<T, RepoError>) {
        self.writes.fetch_add(1, Relaxed);
        self.note(begun, done);
    }

    fn note<T>(&self, begun: Instant, done: &Result<T, RepoError>) {
        if done.as_ref().is_err_and(RepoError::leaves_in_doubt) {
            self.failures.fetch_add(1, Relaxed);
        }
        self.nanoseconds.fetch_add(u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(super) fn usage(&self) -> Usage {
        Usage {
            reads: self.reads.load(Relaxed),
            writes: self.writes.load(Relaxed),
            failures: self.failures.load(Relaxed),
            time: Duration::from_nanos(self.nanoseconds.load(Relaxed)),
        }
    }
}
