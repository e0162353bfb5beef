//! The Python server and this one on one SQLite database, in both directions.
//!
//! Runs where `GLANCE_PYTHON_VENV` names a Python environment with Glance in it;
//! `tests/compat/python-database.sh` makes one.

#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test fails by panicking, and says why it is skipped")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use glance_core::database::{Direction, ImageQuery, ImageRepo, MemberRepo, SortKey, Viewer, VisibilityFilter};
use glance_core::image::{Assigned, Image, ImageChange, ImageId, Status, Visibility};
use glance_core::limits::ProjectLimits;
use glance_core::location::{ImageLocation, Location};
use glance_core::member::MemberStatus;
use glance_stores::database::Sqlite;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with a configuration of Glance that names a database file in it.
struct Glance {
    venv: PathBuf,
    folder: TempDir,
}

impl Glance {
    /// `None`, and a word about it, where there is no Glance to compare with.
    fn installed() -> Option<Self> {
        let Some(venv) = env::var_os("GLANCE_PYTHON_VENV") else {
            eprintln!("skipped: GLANCE_PYTHON_VENV names no Python environment with Glance");
            return None;
        };
        let glance = Self { venv: venv.into(), folder: tempfile::tempdir().unwrap() };
        let connection = format!("[database]\nconnection = sqlite:///{}\n", glance.file().display());
        fs::write(glance.configuration(), connection).unwrap();
        Some(glance)
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("glance.sqlite")
    }

    fn configuration(&self) -> PathBuf {
        self.folder.path().join("glance-api.conf")
    }

    fn manage(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(self.venv.join("bin/glance-manage"));
        command.arg("--config-file").arg(self.configuration()).args(arguments);
        output(&mut command)
    }

    fn schema(&self) -> Value {
        self.ask("schema", &[&self.file()])
    }

    fn ask_of(&self, action: &str, id: ImageId) -> Value {
        self.ask(action, &[&self.configuration(), Path::new(id.as_str())])
    }

    fn ask(&self, action: &str, arguments: &[&Path]) -> Value {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/compat/database.py");
        let mut command = Command::new(self.venv.join("bin/python"));
        command.arg(script).arg(action).args(arguments);
        serde_json::from_str(&output(&mut command)).unwrap()
    }
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{out}\n{errors}");
    out.into_owned()
}

#[test]
fn a_database_made_here_is_up_to_date_for_glance() {
    let Some(glance) = Glance::installed() else { return };
    drop(Sqlite::open(glance.file()).unwrap());
    assert!(glance.manage(&["db", "check"]).contains("up to date"));
    let made = glance.schema();
    glance.manage(&["db", "sync"]);
    assert_eq!(glance.schema(), made);
    drop(Sqlite::open(glance.file()).unwrap());
}

#[test]
fn both_make_the_same_tables() {
    let (Some(ours), Some(theirs)) = (Glance::installed(), Glance::installed()) else { return };
    drop(Sqlite::open(ours.file()).unwrap());
    theirs.manage(&["db", "sync"]);
    let (made, reference) = (ours.schema(), theirs.schema());
    assert!(reference.as_object().unwrap().len() > 40);
    for (name, definition) in reference.as_object().unwrap() {
        assert_eq!(made.get(name), Some(definition), "{name}");
    }
    assert_eq!(made, reference);
}

#[test]
fn a_database_made_by_glance_opens_here() {
    let Some(glance) = Glance::installed() else { return };
    glance.manage(&["db", "sync"]);
    let before = glance.schema();
    drop(Sqlite::open(glance.file()).unwrap());
    assert_eq!(glance.schema(), before);
    assert!(glance.manage(&["db", "check"]).contains("up to date"));
}

#[tokio::test]
async fn records_of_either_are_read_by_the_other() {
    let Some(glance) = Glance::installed() else { return };
    let db = Sqlite::open(glance.file()).unwrap();
    let image = written_here(&db).await;
    assert_eq!(
        glance.ask_of("read", image.id),
        json!({
            "name": "here", "status": "active", "visibility": "shared", "size": 5,
            "created_at": "2025-10-09T08:53:20.123456", "updated_at": "2025-10-09T08:53:24.123456",
            "properties": {"ours": "again", "null": null}, "tags": ["b", "a"],
            "locations": [["file:///here", {"store": "fast", "note": "é"}, "active"]],
            "members": {"m": "pending"}, "listed": [image.id.as_str()],
        })
    );
    let second: ImageId = glance.ask_of("write", image.id)["second"].as_str().unwrap().parse().unwrap();
    let seen = db.image(image.id, Some("python")).await.unwrap();
    assert_eq!(seen.membership, Some(MemberStatus::Accepted));
    let read = seen.image;
    assert_eq!((read.name.as_deref(), read.tags.join(" ")), (Some("from python"), "b a python".to_owned()));
    let properties = [("ours", "kept"), ("theirs", "é"), ("os_glance_import_task", "lock")];
    assert_eq!(read.properties, properties.map(|(name, value)| (name.to_owned(), Some(value.to_owned()))).into());
    assert_eq!(read.locations[0], image.locations[0]);
    assert_eq!((read.locations[1].url.expose(), read.locations[1].store()), ("file:///python", Some("cheap")));
    assert_eq!(read.locations[1].metadata["note"], "é");
    assert!(read.updated_at > at(4));
    let other = db.image(second, None).await.unwrap().image;
    assert_eq!((other.visibility, other.owner.as_deref()), (Visibility::Public, Some("python")));
    assert_eq!(listed(&db).await, [second, image.id]);
}

/// The purge of the Python server looks at `deleted_at` alone; what came back to life must not carry
/// one.
#[tokio::test]
async fn a_purge_by_glance_spares_what_came_back() {
    let Some(glance) = Glance::installed() else { return };
    let db = Sqlite::open(glance.file()).unwrap();
    let image = written_here(&db).await;
    let before = db.image(image.id, Some("m")).await.unwrap();
    glance.manage(&["db", "purge", "--age_in_days", "1", "--max_rows", "-1"]);
    assert_eq!(db.image(image.id, Some("m")).await.unwrap(), before);
}

/// An image with a property, a tag and a member that were removed and came back.
async fn written_here(db: &Sqlite) -> Image {
    let metadata = json!({"store": "fast", "note": "é"}).as_object().unwrap().clone();
    let image = Image {
        name: Some("draft".into()),
        status: Status::Active,
        owner: Some("p".into()),
        size: Some(5),
        properties: [("ours".into(), Some("first".into())), ("null".into(), None)].into(),
        tags: vec!["a".into(), "b".into()],
        locations: vec![ImageLocation::new(Location::new("file:///here"), metadata)],
        ..Image::queued(ImageId::random(), at(0))
    };
    let image = db.create_image(&image, &ProjectLimits::NONE).await.unwrap();
    let removed = ImageChange { properties_removed: vec!["ours".into()], tags_removed: vec!["a".into()], ..touch(1) };
    db.update_image(image.id, Status::Active, &removed, &ProjectLimits::NONE).await.unwrap();
    db.add_member(image.id, "m", None, at(1)).await.unwrap();
    db.remove_member(image.id, "m", at(2)).await.unwrap();
    db.add_member(image.id, "m", None, at(3)).await.unwrap();
    let again = ImageChange {
        fields: vec![Assigned::Name(Some("here".into()))],
        properties_set: [("ours".into(), Some("again".into()))].into(),
        tags_added: vec!["a".into()],
        ..touch(4)
    };
    db.update_image(image.id, Status::Active, &again, &ProjectLimits::NONE).await.unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::constant(1_760_000_000, 123_456_000) + SignedDuration::from_secs(second)
}

fn touch(second: i64) -> ImageChange {
    ImageChange::touch(at(second))
}

/// Every image there is, newest first.
async fn listed(db: &Sqlite) -> Vec<ImageId> {
    let query = ImageQuery {
        viewer: Viewer { admin: true, project: None },
        visibility: VisibilityFilter::All,
        member_status: None,
        hidden: false,
        filters: Vec::new(),
        tags: Vec::new(),
        sort: vec![(SortKey::CreatedAt, Direction::Descending), (SortKey::Id, Direction::Descending)],
        marker: None,
        limit: 100,
    };
    db.images(&query).await.unwrap().into_iter().map(|seen| seen.image.id).collect()
}
