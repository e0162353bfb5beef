//! The database that the settings name.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use glance_core::database::Database;
use glance_stores::database::Sqlite;
use glance_stores::database::encryption::{EncryptedLocations, LocationKey};
use glance_stores::database::sqlite::{SqliteOptions, Synchronous};

use super::StartError;
use crate::config::{Connection, DatabaseSettings, Secret};
use crate::metrics::DatabaseUsage;

/// A database that is open.
pub(super) struct Opened {
    pub(super) database: Arc<dyn Database>,
    /// Says how much it was asked.
    pub(super) usage: DatabaseUsage,
}

/// Opens the database, and makes its file and folder where there are none. With a `key` it keeps
/// location URLs encrypted.
pub(super) fn open(settings: &DatabaseSettings, key: Option<&Secret>) -> Result<Opened, StartError> {
    let key = key.map(|key| LocationKey::new(key.expose())).transpose();
    let key = key.map_err(StartError::option("metadata_encryption_key"))?;
    let synchronous = if settings.sqlite_synchronous { Synchronous::Full } else { Synchronous::Off };
    let (place, opened) = match &settings.connection {
        Connection::SqliteFile(place) => {
            make_folder(place)?;
            (place.as_path(), SqliteOptions::default().synchronous(synchronous).open(place))
        }
        Connection::SqliteMemory => (Path::new(":memory:"), Sqlite::in_memory()),
    };
    let database = opened.map_err(|cause| StartError::Database { place: place.to_owned(), cause })?;
    let counted = database.clone();
    let usage = DatabaseUsage::new(move || counted.usage());
    let database: Arc<dyn Database> = Arc::new(database);
    let database = match key {
        Some(key) => Arc::new(EncryptedLocations::new(database, key)),
        None => database,
    };
    Ok(Opened { database, usage })
}

/// Records say where data lies, so their folder is for its owner and the owner's group.
fn make_folder(place: &Path) -> Result<(), StartError> {
    match place.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => DirBuilder::new().recursive(true).mode(0o750).create(folder).map_err(StartError::file(folder)),
        None => Ok(()),
    }
}
