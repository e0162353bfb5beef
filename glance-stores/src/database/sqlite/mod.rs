//! Records in an SQLite file, on the tables of the Python server.
//!
//! One connection writes and a few read; the file is in WAL mode, so readers never wait. Several
//! processes, the Python server among them, may share the file.

mod children;
#[cfg(test)]
mod counted;
mod counter;
mod images;
mod journal;
mod list;
mod locations;
mod members;
mod metadefs;
mod pool;
mod row;
mod schema;
mod sql;
#[cfg(test)]
mod tests;
mod text;
mod usage;

use std::fmt;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use self::pool::Pool;
use super::{OpenError, Usage};

/// A database in one file. Clones share its connections.
#[derive(Clone)]
pub struct Sqlite {
    place: PathBuf,
    pool: Pool,
}

/// How a database file is used.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    synchronous: Synchronous,
    readers: usize,
    busy_timeout: Duration,
}

/// How long a write waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Synchronous {
    /// What was acknowledged survives a power cut.
    #[default]
    Full,
    /// A power cut may undo the last writes; the file stays whole.
    Normal,
    /// A power cut may destroy the file (`sqlite_synchronous = false`).
    Off,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { synchronous: Synchronous::Full, readers: 4, busy_timeout: Duration::from_secs(5) }
    }
}

impl SqliteOptions {
    /// How long writes wait for the disk; [`Synchronous::Full`] unless said otherwise.
    #[must_use]
    pub fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    /// How many reads run at the same time; 4 unless said otherwise. With 0 they queue with the
    /// writes.
    #[must_use]
    pub fn readers(mut self, readers: usize) -> Self {
        self.readers = readers;
        self
    }

    /// How long one attempt waits for a lock that another process holds; 5 seconds unless said
    /// otherwise, and never less.
    #[must_use]
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout.max(Self::default().busy_timeout);
        self
    }

    /// Opens the file at `path`, and makes it if there is none. The folder must exist.
    ///
    /// Blocks while the tables are looked at and, the first time, created.
    ///
    /// # Errors
    ///
    /// [`OpenError::NotGlance`] and [`OpenError::OtherRelease`] for a database of something else,
    /// which is left as it was; [`OpenError::Failed`].
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Sqlite, OpenError> {
        let place = path.as_ref().to_owned();
        create_private(&place)?;
        let mut writer = self.connect(&place)?;
        schema::check(&writer)?;
        switch_to_wal(&writer)?;
        schema::complete(&mut writer)?;
        let readers = (0..self.readers).map(|_| self.connect_reader(&place)).collect::<Result<_, _>>()?;
        Ok(Sqlite { place, pool: Pool::new(writer, readers) })
    }

    fn connect(&self, place: &Path) -> Result<Connection, OpenError> {
        // No `SQLITE_OPEN_URI`: a path that begins with `file:` is a path.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(place, flags).map_err(OpenError::failed("opening the database file"))?;
        self.prepare(connection)
    }

    fn connect_reader(&self, place: &Path) -> Result<Connection, OpenError> {
        let connection = self.connect(place)?;
        connection.pragma_update(None, "query_only", true).map_err(OpenError::failed("setting up a reader"))?;
        Ok(connection)
    }

    fn prepare(&self, connection: Connection) -> Result<Connection, OpenError> {
        let synchronous = match self.synchronous {
            Synchronous::Full => "FULL",
            Synchronous::Normal => "NORMAL",
            Synchronous::Off => "OFF",
        };
        let set = |connection: &Connection| {
            connection.busy_timeout(self.busy_timeout)?;
            connection.pragma_update(None, "foreign_keys", true)?;
            connection.pragma_update(None, "synchronous", synchronous)?;
            // Otherwise a statement is planned again whenever other values are bound to it, which takes
            // longer than running it. The queries name their indexes; values have no say in plans.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
            connection.set_prepared_statement_cache_capacity(64);
            Ok::<_, rusqlite::Error>(())
        };
        set(&connection).map_err(OpenError::failed("setting up a connection"))?;
        Ok(connection)
    }
}

impl Sqlite {
    /// Opens the file at `path` with the usual options.
    ///
    /// # Errors
    ///
    /// As [`SqliteOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        SqliteOptions::default().open(path)
    }

    /// A database that lives as long as its handles, for tests and trials.
    ///
    /// # Errors
    ///
    /// [`OpenError::Failed`].
    pub fn in_memory() -> Result<Self, OpenError> {
        let connection = Connection::open_in_memory().map_err(OpenError::failed("making a database in memory"))?;
        let mut connection = SqliteOptions::default().prepare(connection)?;
        schema::complete(&mut connection)?;
        Ok(Self { place: PathBuf::from(":memory:"), pool: Pool::new(connection, Vec::new()) })
    }

    /// What was asked of the database through this handle and its clones. Takes no lock.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.pool.usage()
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sqlite").field(&self.place).finish()
    }
}

/// Location URLs in it may carry credentials, so the file is made readable for its owner and group
/// alone; SQLite gives the files beside it the same mode.
fn create_private(place: &Path) -> Result<(), OpenError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    options.open(place).map(drop).map_err(OpenError::failed("opening the database file"))
}

/// The switch needs the file for itself, and SQLite's busy handler does not wait for it.
fn switch_to_wal(writer: &Connection) -> Result<(), OpenError> {
    const ATTEMPTS: u32 = 100;
    for attempt in 1.. {
        match writer.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0)) {
            Err(error)
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) && attempt < ATTEMPTS =>
            {
                thread::sleep(Duration::from_millis(50));
            }
            Ok(mode) if mode != "wal" => {
                tracing::warn!(mode, "the file system does not support SQLite's WAL mode: reads will wait for writes");
                break;
            }
            switched => {
                switched.map_err(OpenError::failed("switching the database to WAL mode"))?;
                break;
            }
        }
    }
    Ok(())
}
