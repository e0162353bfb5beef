//! A database whose steps are counted: at least one for every row it reads, and the same on every computer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;

use super::schema;

/// SQLite reports its steps in such bunches, at the next loop or jump.
const STRIDE: u64 = 50;

pub(super) struct Counted {
    pub(super) db: Connection,
    steps: Arc<AtomicU64>,
}

impl Counted {
    /// A database in memory that `fill` was run in, statement by statement, with `count` in the place of `?1`.
    pub(super) fn filled(fill: &str, count: u32) -> Self {
        let mut db = Connection::open_in_memory().unwrap();
        schema::complete(&mut db).unwrap();
        let transaction = db.transaction().unwrap();
        for statement in fill.replace("?1", &count.to_string()).split(';') {
            transaction.execute_batch(statement).unwrap();
        }
        transaction.commit().unwrap();
        let steps = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&steps);
        let count = move || {
            counted.fetch_add(STRIDE, Ordering::Relaxed);
            false
        };
        db.progress_handler(i32::try_from(STRIDE).unwrap(), Some(count)).unwrap();
        Self { db, steps }
    }

    /// What `read` finds, and how many steps that takes.
    pub(super) fn cost<T>(&self, read: impl FnOnce(&Connection) -> T) -> (u64, T) {
        self.steps.store(0, Ordering::Relaxed);
        let found = read(&self.db);
        (self.steps.load(Ordering::Relaxed), found)
    }
}
