//! One connection that writes and several that read, used off the async threads.
//!
//! SQLite has one writer at a time. A queue in front of it is fairer than its own busy handler, and
//! waiting in an async queue holds no thread.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use glance_core::database::RepoError;
use glance_core::store::BoxError;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task;

use super::counter::Counter;
use crate::database::Usage;

/// How often a transaction is tried when another program holds the file. Each try waits the busy
/// timeout inside SQLite already.
const ATTEMPTS: u32 = 5;

/// The connections to one database. Without readers, the writer reads as well.
#[derive(Clone)]
pub(super) struct Pool {
    writer: Arc<tokio::sync::Mutex<Connection>>,
    readers: Option<Arc<Readers>>,
    counter: Arc<Counter>,
}

struct Readers {
    idle: Mutex<Vec<Connection>>,
    free: Arc<Semaphore>,
}

impl Pool {
    pub(super) fn new(writer: Connection, readers: Vec<Connection>) -> Self {
        let free = Arc::new(Semaphore::new(readers.len()));
        let readers = (!readers.is_empty()).then(|| Arc::new(Readers { idle: Mutex::new(readers), free }));
        Self { writer: Arc::new(tokio::sync::Mutex::new(writer)), readers, counter: Arc::default() }
    }

    pub(super) fn usage(&self) -> Usage {
        self.counter.usage()
    }

    /// Runs `work` in a transaction of its own that is rolled back unless it succeeds. `work` may run
    /// several times.
    ///
    /// # Errors
    ///
    /// Those of `work`; [`RepoError::Unavailable`] if another program holds the file for too long, or the disk is full.
    pub(super) async fn write<T, F>(&self, doing: &'static str, work: F) -> Result<T, RepoError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, RepoError> + Send + 'static,
    {
        let begun = Instant::now();
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        let write = move || in_transaction(&mut writer, TransactionBehavior::Immediate, doing, work);
        let done = blocking(doing, write).await;
        self.counter.write(begun, &done);
        done
    }

    /// Runs `work`, which sees the database as it was at one moment.
    ///
    /// # Errors
    ///
    /// As [`Pool::write`].
    pub(super) async fn read<T, F>(&self, doing: &'static str, work: F) -> Result<T, RepoError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, RepoError> + Send + 'static,
    {
        let Some(readers) = &self.readers else {
            return self.write(doing, work).await;
        };
        let begun = Instant::now();
        let mut reader = Readers::take(readers, doing).await?;
        let read = move || match &mut reader.connection {
            Some(connection) => in_transaction(connection, TransactionBehavior::Deferred, doing, work),
            None => Err(RepoError::failed(doing)("no connection is free")),
        };
        let done = blocking(doing, read).await;
        self.counter.read(begun, &done);
        done
    }
}

impl Readers {
    async fn take(readers: &Arc<Self>, doing: &'static str) -> Result<Reader, RepoError> {
        let permit = Arc::clone(&readers.free).acquire_owned().await.map_err(RepoError::failed(doing))?;
        let connection = readers.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Ok(Reader { connection, home: Arc::clone(readers), _permit: permit })
    }
}

/// A connection lent out; it goes home when dropped, also by a panic.
struct Reader {
    connection: Option<Connection>,
    home: Arc<Readers>,
    // Dropped after the connection is back, so that whoever gets it next finds one.
    _permit: OwnedSemaphorePermit,
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut idle = self.home.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.connection.take());
    }
}

async fn blocking<T, F>(doing: &'static str, work: F) -> Result<T, RepoError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, RepoError> + Send + 'static,
{
    let span = tracing::Span::current();
    task::spawn_blocking(move || span.in_scope(work)).await.map_err(RepoError::failed(doing))?
}

fn in_transaction<T>(
    connection: &mut Connection,
    behavior: TransactionBehavior,
    doing: &'static str,
    work: impl Fn(&Connection) -> Result<T, RepoError>,
) -> Result<T, RepoError> {
    retried(|| {
        let transaction = connection.transaction_with_behavior(behavior).map_err(RepoError::failed(doing))?;
        let done = work(&transaction)?;
        transaction.commit().map_err(RepoError::failed(doing))?;
        Ok(done)
    })
}

/// Tries again, after a pause of random length, what failed only because another connection was in
/// the way.
fn retried<T>(mut attempt: impl FnMut() -> Result<T, RepoError>) -> Result<T, RepoError> {
    for tried in 1..ATTEMPTS {
        match attempt() {
            Err(error) if in_the_way(&error) => thread::sleep(jitter(tried)),
            done => return done.map_err(perhaps_later),
        }
    }
    attempt().map_err(perhaps_later)
}

/// The failure, told apart if another try may have more luck.
fn perhaps_later(error: RepoError) -> RepoError {
    match error {
        RepoError::Failed { doing, source }
            if code(&source) == Some(ErrorCode::DiskFull) || is_in_the_way(code(&source)) =>
        {
            RepoError::Unavailable { doing, source }
        }
        other => other,
    }
}

fn in_the_way(error: &RepoError) -> bool {
    matches!(error, RepoError::Failed { source, .. } if is_in_the_way(code(source)))
}

fn is_in_the_way(code: Option<ErrorCode>) -> bool {
    matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn code(cause: &BoxError) -> Option<ErrorCode> {
    cause.downcast_ref::<rusqlite::Error>().and_then(rusqlite::Error::sqlite_error_code)
}

fn jitter(tried: u32) -> Duration {
    // Each `RandomState` has keys of its own: randomness enough to keep two programs out of step.
    let random = RandomState::new().hash_one(tried);
    Duration::from_millis(5 + random % (20 * u64::from(tried)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: i32) -> RepoError {
        RepoError::failed("testing")(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None))
    }

    fn busy() -> RepoError {
        failure(rusqlite::ffi::SQLITE_BUSY)
    }

    #[test]
    fn a_busy_database_is_tried_again_and_then_given_up() {
        let mut tries = 0;
        let done = retried(|| {
            tries += 1;
            if tries < 3 { Err(busy()) } else { Ok(tries) }
        });
        assert_eq!(done.unwrap(), 3);
        tries = 0;
        let failed: Result<(), _> = retried(|| {
            tries += 1;
            Err(busy())
        });
        assert!(matches!(failed, Err(RepoError::Unavailable { .. })));
        assert_eq!(tries, ATTEMPTS);
    }

    #[test]
    fn a_full_disk_may_have_room_later_and_a_broken_file_stays_broken() {
        let full: Result<(), _> = retried(|| Err(failure(rusqlite::ffi::SQLITE_FULL)));
        // What follows an unclear end must not take it for a refusal.
        assert!(full.is_err_and(|error| matches!(error, RepoError::Unavailable { .. }) && error.leaves_in_doubt()));
        let broken: Result<(), _> = retried(|| Err(failure(rusqlite::ffi::SQLITE_CORRUPT)));
        assert!(matches!(broken, Err(RepoError::Failed { .. })));
    }

    #[test]
    fn other_failures_are_not_tried_again() {
        let mut tries = 0;
        let failed: Result<(), _> = retried(|| {
            tries += 1;
            Err(RepoError::NotFound)
        });
        assert!(matches!(failed, Err(RepoError::NotFound)));
        assert_eq!(tries, 1);
    }

    #[tokio::test]
    async fn a_panic_in_a_reader_neither_loses_the_connection_nor_the_transaction() {
        let pool = Pool::new(Connection::open_in_memory().unwrap(), vec![Connection::open_in_memory().unwrap()]);
        let failed = pool.read::<(), _>("testing", |_| panic!("on purpose")).await;
        assert!(matches!(failed, Err(RepoError::Failed { .. })));
        assert_eq!((pool.usage().reads, pool.usage().failures), (1, 1));
        let read = pool.read("testing", |db| {
            db.query_row("SELECT 1", [], |row| row.get::<_, i64>(0)).map_err(RepoError::failed(""))
        });
        assert_eq!(read.await.unwrap(), 1);
    }

    #[tokio::test]
    async fn what_fails_is_rolled_back() {
        let pool = Pool::new(Connection::open_in_memory().unwrap(), Vec::new());
        let failed = pool.write::<(), _>("testing", |db| {
            db.execute_batch("CREATE TABLE t (x)").map_err(RepoError::failed(""))?;
            Err(RepoError::NotFound)
        });
        assert!(matches!(failed.await, Err(RepoError::NotFound)));
        assert_eq!((pool.usage().writes, pool.usage().failures), (1, 0), "that nothing is there is an answer");
        let tables = pool.read("testing", |db| {
            db.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0))
                .map_err(RepoError::failed(""))
        });
        assert_eq!(tables.await.unwrap(), 0);
    }
}
