//! The file a database is kept in.

use std::fs;
use std::sync::Arc;
use std::thread;

use futures::future::join_all;
use glance_core::database::{ImageRepo, Journal, RepoError, Upload};
use glance_core::image::{Image, Status};
use glance_core::limits::ProjectLimits;
use rusqlite::Connection;
use uuid::Uuid;

use super::{Sqlite, at, image, in_a_file};
use crate::database::OpenError;

#[tokio::test]
async fn what_was_written_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("glance.sqlite");
    let image = image(0);
    Sqlite::open(&place).unwrap().create_image(&image, &ProjectLimits::NONE).await.unwrap();
    let again = Sqlite::open(&place).unwrap();
    assert_eq!(again.image(image.id, None).await.unwrap().image, image);
}

#[test]
fn writes_are_synced_and_foreign_keys_checked_unless_said_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("glance.sqlite");
    drop(Sqlite::open(&place).unwrap());
    let connection = super::SqliteOptions::default().connect(&place).unwrap();
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!((pragma("synchronous"), pragma("foreign_keys"), pragma("busy_timeout")), (2, 1, 5000));
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

#[cfg(unix)]
#[test]
fn the_file_is_not_readable_for_everybody() {
    use std::os::unix::fs::PermissionsExt;

    let (folder, _database, _) = in_a_file();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o007, 0, "{:?}", entry.path());
    }
}

#[test]
fn a_file_that_is_no_database_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("notes.txt");
    let notes = "not a database, and long enough to have a header of its own".repeat(50);
    fs::write(&place, &notes).unwrap();
    assert!(matches!(Sqlite::open(&place), Err(OpenError::Failed { .. })));
    assert_eq!(fs::read_to_string(&place).unwrap(), notes);
    assert!(matches!(Sqlite::open(folder.path().join("missing/x")), Err(OpenError::Failed { .. })));
}

#[test]
fn a_database_of_something_else_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("other.sqlite");
    Connection::open(&place).unwrap().execute_batch("CREATE TABLE accounts (id INTEGER)").unwrap();
    let before = fs::read(&place).unwrap();
    assert!(matches!(Sqlite::open(&place), Err(OpenError::NotGlance)));
    assert_eq!(fs::read(&place).unwrap(), before);
}

#[test]
fn several_may_open_a_new_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let place = Arc::new(folder.path().join("glance.sqlite"));
    let opening = |_| {
        let place = Arc::clone(&place);
        thread::spawn(move || Sqlite::open(&*place).map(drop))
    };
    let opening: Vec<_> = (0..4).map(opening).collect();
    for opened in opening {
        opened.join().unwrap().unwrap();
    }
}

/// Two handles are two processes as far as the file can tell.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_holds_between_processes() {
    let (folder, first, _) = in_a_file();
    let second = Sqlite::open(folder.path().join("glance.sqlite")).unwrap();
    let mut uploads = Vec::new();
    for n in 0..16 {
        let image = Image { status: Status::Queued, ..image(n) };
        first.create_image(&image, &ProjectLimits::NONE).await.unwrap();
        uploads.push(Upload {
            destination: None,
            entry: Uuid::new_v4(),
            image: image.id,
            store: None,
            project: Some("p".into()),
            reserved: 3,
            process: "process".into(),
            lease_until: at(60),
        });
    }
    let begin = |(n, upload)| {
        let db = if n % 2 == 0 { &first } else { &second };
        async move { db.begin_upload(upload, Status::Queued, &ProjectLimits::bytes(Some(20)), at(1)).await }
    };
    let done = join_all(uploads.iter().enumerate().map(begin)).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 6);
    assert!(done.iter().all(|done| matches!(done, Ok(_) | Err(RepoError::OverProjectLimit(_)))));
    assert_eq!(second.bytes_held("p").await.unwrap(), 18);
}

/// A reader sees the file as it was while another program writes, and a writer waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_of_another_program_is_waited_for() {
    let (_folder, db, other) = in_a_file();
    let image = image(0);
    db.create_image(&image, &ProjectLimits::NONE).await.unwrap();
    other.execute_batch("BEGIN IMMEDIATE; UPDATE images SET name = 'other'").unwrap();
    assert_eq!(db.image(image.id, None).await.unwrap().image.name, None);
    let held = thread::spawn(move || {
        thread::sleep(std::time::Duration::from_millis(200));
        other.execute_batch("COMMIT").unwrap();
    });
    let change = glance_core::image::ImageChange::touch(at(5));
    let after = db.update_image(image.id, Status::Active, &change, &ProjectLimits::NONE).await.unwrap();
    assert_eq!(after.name.as_deref(), Some("other"));
    held.join().unwrap();
}
