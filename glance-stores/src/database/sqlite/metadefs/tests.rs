//! The suite of all databases, and what is SQLite's own.

use glance_core::database::{ItemChange, MetadefChange, MetadefRepo};
use glance_core::metadefs::{Definition, LoadMode, Recorded, load};
use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::json;

use crate::database::sqlite::{Sqlite, SqliteOptions, Synchronous};

mod in_memory {
    use std::sync::Arc;

    glance_core::metadef_conformance!(|| ((), Arc::new(super::Sqlite::in_memory().unwrap())));
}

mod in_a_file {
    use std::sync::Arc;

    glance_core::metadef_conformance!(|| {
        let (folder, database, _) = super::in_a_file();
        (folder, Arc::new(database))
    });
}

fn in_a_file() -> (tempfile::TempDir, Sqlite, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("glance.sqlite");
    let database = SqliteOptions::default().synchronous(Synchronous::Off).open(&place).unwrap();
    let connection = Connection::open(&place).unwrap();
    (folder, database, connection)
}

fn row(db: &Connection, query: &str) -> String {
    db.query_row(query, [], |row| row.get(0)).unwrap()
}

const NOON: Timestamp = Timestamp::constant(1_782_907_200, 0);

#[tokio::test]
async fn rows_look_as_the_python_server_writes_them() {
    let (_folder, db, raw) = in_a_file();
    let file = json!({
        "namespace": "n", "owner": "o",
        "resource_type_associations": [{"name": "R"}],
        "properties": {"p": {"title": "é", "type": "string", "default": 5}},
        "objects": [{"name": "o", "required": ["a", "b"]}],
    });
    load(&db, &Definition::from_file(&file).unwrap(), LoadMode::Skip, NOON).await.unwrap();
    assert_eq!(
        row(&raw, "SELECT json_array(visibility, protected, created_at, updated_at) FROM metadef_namespaces"),
        r#"[null,null,"2026-07-01 12:00:00.000000",null]"#
    );
    assert_eq!(
        row(&raw, "SELECT json_schema FROM metadef_properties"),
        r#"{"default": 5, "title": "\u00e9", "type": "string"}"#
    );
    assert_eq!(row(&raw, "SELECT required || ' ' || json_schema FROM metadef_objects"), "a,b {}");
    assert_eq!(row(&raw, "SELECT json_array(name, protected) FROM metadef_resource_types"), r#"["R",1]"#);
    assert_eq!(
        row(&raw, "SELECT json_array(prefix, properties_target) FROM metadef_namespace_resource_types"),
        "[null,null]"
    );
}

#[tokio::test]
async fn rows_of_the_python_loader_are_read() {
    let (_folder, db, raw) = in_a_file();
    raw.execute_batch(
        "INSERT INTO metadef_namespaces (namespace, owner, created_at) VALUES ('n', 'admin', '2026-07-01 12:00:00');
         INSERT INTO metadef_objects (namespace_id, name, json_schema, created_at)
             VALUES (1, 'bare', 'null', '2026-07-01 12:00:00.000000'), (1, 'odd', '[1]', '2026-07-01T12:00:00');",
    )
    .unwrap();
    let objects = db.objects("n").await.unwrap().found;
    assert!(objects.iter().all(|object| object.properties.is_empty() && object.created_at == NOON));
    assert_eq!(objects.len(), 2);
}

/// A foreign key would stop what leaves rows behind.
#[tokio::test]
async fn a_resource_type_goes_with_its_associations() {
    let (_folder, db, raw) = in_a_file();
    let file = json!({"namespace": "n", "resource_type_associations": [{"name": "R"}, {"name": "S"}]});
    load(&db, &Definition::from_file(&file).unwrap(), LoadMode::Skip, NOON).await.unwrap();
    db.change_metadefs(&[MetadefChange::ResourceType(ItemChange::Remove("R".into()))]).await.unwrap();
    let left = db.associations("n").await.unwrap().found;
    assert_eq!(left.iter().map(|known: &Recorded<_>| known.resource_type.as_str()).collect::<Vec<_>>(), ["S"]);
    assert_eq!(row(&raw, "SELECT '' || count(*) FROM metadef_resource_types"), "1");
}
