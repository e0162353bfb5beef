//! The suite of all databases, and what is SQLite's own.

mod doubt;
mod file;
mod foreign;
mod rows;

use glance_core::database::{Direction, ImageQuery, SortKey, Viewer, VisibilityFilter};
use glance_core::image::{Image, ImageId, Status};
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{Sqlite, SqliteOptions, Synchronous};

mod in_memory {
    use std::sync::Arc;

    glance_core::database_conformance!(|| ((), Arc::new(super::Sqlite::in_memory().unwrap())));
}

mod in_a_file {
    use std::sync::Arc;

    glance_core::database_conformance!(|| {
        let (folder, database, _) = super::in_a_file();
        (folder, Arc::new(database))
    });
}

/// A database in a file, and another connection to it. The disk need not keep it.
fn in_a_file() -> (TempDir, Sqlite, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("glance.sqlite");
    let database = SqliteOptions::default().synchronous(Synchronous::Off).open(&place).unwrap();
    let connection = Connection::open(&place).unwrap();
    (folder, database, connection)
}

fn at(second: i64) -> Timestamp {
    Timestamp::constant(1_760_000_000, 123_456_000) + SignedDuration::from_secs(second)
}

fn image(second: i64) -> Image {
    Image { status: Status::Active, owner: Some("p".into()), ..Image::queued(ImageId::random(), at(second)) }
}

fn everything(key: SortKey, direction: Direction) -> ImageQuery {
    ImageQuery {
        viewer: Viewer { admin: true, project: Some("p".into()) },
        visibility: VisibilityFilter::All,
        member_status: None,
        hidden: false,
        filters: Vec::new(),
        tags: Vec::new(),
        sort: vec![(key, direction), (SortKey::Id, direction)],
        marker: None,
        limit: 1000,
    }
}
