//! Rows look as the Python server writes them.

use glance_core::database::{ImageRepo, MemberRepo, Removal};
use glance_core::image::{ImageChange, Status};
use glance_core::limits::ProjectLimits;
use glance_core::location::{ImageLocation, Location};
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{at, image, in_a_file};

/// Every row of `query`, its columns joined by `|`, NULL as `-`.
fn rows(db: &Connection, query: &str) -> Vec<String> {
    let mut query = db.prepare(query).unwrap();
    let columns = query.column_count();
    let text = |value: rusqlite::types::Value| match value {
        rusqlite::types::Value::Null => "-".to_owned(),
        rusqlite::types::Value::Integer(number) => number.to_string(),
        rusqlite::types::Value::Text(text) => text,
        other => format!("{other:?}"),
    };
    query
        .query_map([], |row| (0..columns).map(|n| row.get(n).map(text)).collect::<Result<Vec<_>, _>>())
        .unwrap()
        .map(|row| row.unwrap().join("|"))
        .collect()
}

const T0: &str = "2025-10-09 08:53:20.123456";
const T1: &str = "2025-10-09 08:53:21.123456";
const T2: &str = "2025-10-09 08:53:22.123456";

#[tokio::test]
async fn a_new_image_supplies_what_the_schema_does_not() {
    let (_folder, db, raw) = in_a_file();
    let mut image = image(0);
    image.properties = [("p".into(), Some("v".into()))].into();
    image.tags = vec!["t".into()];
    let metadata = json!({"store": "fast", "a": ["é", {"b": "c"}]});
    let Value::Object(metadata) = metadata else { panic!() };
    image.locations = vec![ImageLocation::new(Location::new("file:///x"), metadata)];
    db.create_image(&image, &ProjectLimits::NONE).await.unwrap();
    db.add_member(image.id, "m", None, at(0)).await.unwrap();
    let stamps = "created_at, updated_at, deleted_at, deleted";
    assert_eq!(
        rows(
            &raw,
            &format!("SELECT {stamps}, typeof(deleted), typeof(protected), min_disk, min_ram, size FROM images")
        ),
        [format!("{T0}|{T0}|-|0|integer|integer|0|0|-")]
    );
    assert_eq!(
        rows(&raw, &format!("SELECT name, value, {stamps} FROM image_properties")),
        [format!("p|v|{T0}|{T0}|-|0")]
    );
    assert_eq!(rows(&raw, &format!("SELECT value, {stamps} FROM image_tags")), [format!("t|{T0}|{T0}|-|0")]);
    assert_eq!(
        rows(&raw, &format!("SELECT value, meta_data, status, {stamps} FROM image_locations")),
        [format!(r#"file:///x|{{"a": ["\u00e9", {{"b": "c"}}], "store": "fast"}}|active|{T0}|{T0}|-|0"#)]
    );
    assert_eq!(
        rows(&raw, &format!("SELECT member, can_share, status, {stamps} FROM image_members")),
        [format!("m|0|pending|{T0}|{T0}|-|0")]
    );
}

#[tokio::test]
async fn a_removed_property_keeps_its_row_and_comes_back_without_a_trace() {
    let (_folder, db, raw) = in_a_file();
    let mut image = image(0);
    image.properties = [("p".into(), Some("v".into()))].into();
    db.create_image(&image, &ProjectLimits::NONE).await.unwrap();
    let query = "SELECT id, value, created_at, updated_at, deleted_at, deleted FROM image_properties";
    let removed = ImageChange { properties_removed: vec!["p".into()], ..ImageChange::touch(at(1)) };
    db.update_image(image.id, Status::Active, &removed, &ProjectLimits::NONE).await.unwrap();
    assert_eq!(rows(&raw, query), [format!("1|v|{T0}|{T1}|{T1}|1")]);
    db.update_image(image.id, Status::Active, &ImageChange { at: at(2), ..removed }, &ProjectLimits::NONE)
        .await
        .unwrap();
    assert_eq!(rows(&raw, query), [format!("1|v|{T0}|{T1}|{T1}|1")], "what is gone is not removed again");
    let set = ImageChange { properties_set: [("p".into(), Some("w".into()))].into(), ..ImageChange::touch(at(2)) };
    db.update_image(image.id, Status::Active, &set, &ProjectLimits::NONE).await.unwrap();
    assert_eq!(rows(&raw, query), [format!("1|w|{T0}|{T2}|-|0")]);
}

#[tokio::test]
async fn a_removed_member_keeps_its_row_and_comes_back_without_a_trace() {
    let (_folder, db, raw) = in_a_file();
    let image = image(0);
    db.create_image(&image, &ProjectLimits::NONE).await.unwrap();
    db.add_member(image.id, "m", None, at(0)).await.unwrap();
    db.remove_member(image.id, "m", at(1)).await.unwrap();
    let query = "SELECT id, status, created_at, updated_at, deleted_at, deleted FROM image_members";
    assert_eq!(rows(&raw, query), [format!("1|pending|{T0}|{T1}|{T1}|1")]);
    db.add_member(image.id, "m", None, at(2)).await.unwrap();
    assert_eq!(rows(&raw, query), [format!("1|pending|{T0}|{T2}|-|0")]);
}

#[tokio::test]
async fn a_tag_that_comes_back_is_a_new_row() {
    let (_folder, db, raw) = in_a_file();
    let mut image = image(0);
    image.tags = vec!["t".into()];
    db.create_image(&image, &ProjectLimits::NONE).await.unwrap();
    let change =
        ImageChange { tags_removed: vec!["t".into()], tags_added: vec!["t".into()], ..ImageChange::touch(at(1)) };
    db.update_image(image.id, Status::Active, &change, &ProjectLimits::NONE).await.unwrap();
    let query = "SELECT value, created_at, deleted_at, deleted FROM image_tags ORDER BY id";
    assert_eq!(rows(&raw, query), [format!("t|{T0}|{T1}|1"), format!("t|{T1}|-|0")]);
}

#[tokio::test]
async fn destruction_marks_every_row_and_deletes_none() {
    for (status, location) in [(Status::Deleted, "deleted"), (Status::PendingDelete, "pending_delete")] {
        let (_folder, db, raw) = in_a_file();
        let mut image = image(0);
        image.properties = [("p".into(), Some("v".into()))].into();
        image.tags = vec!["t".into()];
        image.locations = vec![ImageLocation::new(Location::new("file:///x"), serde_json::Map::new())];
        db.create_image(&image, &ProjectLimits::NONE).await.unwrap();
        db.add_member(image.id, "m", None, at(0)).await.unwrap();
        let removal =
            Removal { status, locations: Vec::new(), process: "process".into(), lease_until: at(60), at: at(1) };
        db.destroy_image(image.id, Status::Active, &removal).await.unwrap();
        assert_eq!(
            rows(&raw, "SELECT status, updated_at, deleted_at, deleted FROM images"),
            [format!("{status}|{T1}|{T1}|1")]
        );
        assert_eq!(
            rows(&raw, "SELECT status, updated_at, deleted_at, deleted FROM image_locations"),
            [format!("{location}|{T1}|{T1}|1")]
        );
        for table in ["image_properties", "image_tags", "image_members"] {
            assert_eq!(rows(&raw, &format!("SELECT deleted_at, deleted FROM {table}")), [format!("{T1}|1")], "{table}");
        }
    }
}

/// Another program holds the lock of an import on the image.
#[tokio::test]
async fn the_lock_of_an_import_is_not_touched() {
    let (_folder, db, raw) = in_a_file();
    let image = image(0);
    db.create_image(&image, &ProjectLimits::NONE).await.unwrap();
    raw.execute(
        "INSERT INTO image_properties (image_id, name, value, created_at, deleted) \
         VALUES (?1, 'os_glance_import_task', 'task', '2025-10-09 08:53:20.000000', 0)",
        [image.id.as_str()],
    )
    .unwrap();
    let query = "SELECT value, updated_at, deleted_at, deleted FROM image_properties";
    let lock = "os_glance_import_task".to_owned();
    let set = ImageChange { properties_set: [(lock.clone(), Some("x".into()))].into(), ..ImageChange::touch(at(1)) };
    let removed = ImageChange { properties_removed: vec![lock.clone()], ..ImageChange::touch(at(1)) };
    for change in [set, removed] {
        let after = db.update_image(image.id, Status::Active, &change, &ProjectLimits::NONE).await.unwrap();
        assert_eq!(after.properties[&lock].as_deref(), Some("task"), "the lock can be seen");
        assert_eq!(rows(&raw, query), ["task|-|-|0"]);
    }
}

/// Another program rewrote a location that this change does not name.
#[tokio::test]
async fn a_location_rewritten_by_another_program_stays_rewritten() {
    let (_folder, db, raw) = in_a_file();
    let mut image = image(0);
    image.locations = vec![ImageLocation::new(Location::new("s3://key:secret@host/x"), serde_json::Map::new())];
    db.create_image(&image, &ProjectLimits::NONE).await.unwrap();
    raw.execute("UPDATE image_locations SET value = 's3://host/x'", []).unwrap();
    let change = ImageChange {
        locations_added: vec![ImageLocation::new(Location::new("file:///y"), serde_json::Map::new())],
        ..ImageChange::touch(at(1))
    };
    let after = db.update_image(image.id, Status::Active, &change, &ProjectLimits::NONE).await.unwrap();
    assert_eq!(after.locations[0].url.expose(), "s3://host/x");
}
