//! Definitions loaded, exported and loaded again.

use serde_json::json;

use super::{at, change, filled, names, namespace};
use crate::database::{Database, ItemChange, MetadefChange};
use crate::metadefs::{Definition, LoadMode, Loaded, Recorded, WholeNamespace, export, load, unload};

fn first() -> Definition {
    Definition::from_file(&json!({
        "namespace": "n", "visibility": "public", "owner": "o", "description": "first",
        "resource_type_associations": [{"name": "R1", "prefix": "a_"}, {"name": "R2"}],
        "properties": {"p1": {"title": "first", "type": "integer", "default": 5}, "p2": {"title": "first"}},
        "objects": [{"name": "o1", "properties": {"x": {"title": "first"}}}, {"name": "o2"}],
        "tags": [{"name": "t1"}, {"name": "t2"}],
    }))
    .unwrap()
}

fn second() -> Definition {
    Definition::from_file(&json!({
        "namespace": "n", "protected": true, "description": "second",
        "resource_type_associations": [{"name": "R1", "prefix": "b_"}, {"name": "R3"}],
        "properties": {"p1": {"title": "second"}, "p3": {"title": "second"}},
        "objects": [{"name": "o1", "description": "second"}, {"name": "o3"}],
        "tags": [{"name": "t1"}, {"name": "t3"}],
    }))
    .unwrap()
}

async fn loaded(db: &dyn Database, mode: LoadMode) -> (Loaded, WholeNamespace) {
    load(db, &first(), mode, at(1)).await.unwrap();
    let done = load(db, &second(), mode, at(2)).await.unwrap();
    (done, db.whole_namespace("n").await.unwrap())
}

fn title(whole: &WholeNamespace, at: usize) -> &str {
    whole.contents.properties[at].schema["title"].as_str().unwrap()
}

/// What is there stays as it is.
pub async fn a_definition_is_loaded_once(db: &dyn Database) {
    assert_eq!(load(db, &first(), LoadMode::Skip, at(1)).await.unwrap(), Loaded::Created);
    let before = db.whole_namespace("n").await.unwrap();
    assert_eq!(before.clone().into_definition(), first());
    assert!(before.contents.tags.iter().all(|known| known.created_at == at(1) && known.updated_at.is_none()));
    assert_eq!(load(db, &second(), LoadMode::Skip, at(2)).await.unwrap(), Loaded::Skipped);
    assert_eq!(db.whole_namespace("n").await.unwrap(), before);
    let types = db.resource_types().await.unwrap();
    assert_eq!(names(&types), ["R1", "R2"]);
    assert!(types.iter().all(|known| known.protected && known.updated_at.is_none()));
}

/// What is there stays, what is not comes.
pub async fn a_definition_is_merged(db: &dyn Database) {
    let (done, whole) = loaded(db, LoadMode::Merge).await;
    assert_eq!(done, Loaded::Changed);
    assert_eq!(whole.namespace.item, first().namespace);
    assert_eq!(names(&whole.contents.properties), ["p1", "p2", "p3"]);
    assert_eq!((title(&whole, 0), title(&whole, 2)), ("first", "second"));
    assert_eq!(names(&whole.contents.objects), ["o1", "o2", "o3"]);
    assert_eq!(names(&whole.contents.tags), ["t1", "t2", "t3"]);
    assert_eq!(names(&whole.contents.associations), ["R1", "R2", "R3"]);
    assert_eq!(whole.contents.associations[0].prefix.as_deref(), Some("a_"));
    assert!(whole.contents.objects.iter().all(|known| known.updated_at.is_none()));
}

/// What both have becomes what the newer says, and only that.
pub async fn a_newer_definition_is_preferred(db: &dyn Database) {
    let (done, whole) = loaded(db, LoadMode::PreferNew).await;
    assert_eq!(done, Loaded::Changed);
    let expected = Recorded { item: second().namespace, created_at: at(1), updated_at: Some(at(2)) };
    assert_eq!(whole.namespace, expected);
    assert_eq!(names(&whole.contents.properties), ["p1", "p2", "p3"]);
    assert_eq!((title(&whole, 0), title(&whole, 1)), ("second", "first"));
    assert_eq!(whole.contents.associations[0].prefix.as_deref(), Some("b_"));
    assert_eq!(whole.contents.objects[0].description.as_deref(), Some("second"));
    let changed: Vec<_> = whole.contents.tags.iter().map(|known| known.updated_at).collect();
    assert_eq!(changed, [Some(at(2)), None, None]);
    let types: Vec<_> = db.resource_types().await.unwrap().iter().map(|known| known.updated_at).collect();
    assert_eq!(types, [Some(at(2)), None, None]);
}

/// Nothing of the older stays, but for its resource types.
pub async fn a_definition_is_overwritten(db: &dyn Database) {
    let (done, whole) = loaded(db, LoadMode::Overwrite).await;
    assert_eq!(done, Loaded::Changed);
    assert_eq!((whole.namespace.created_at, whole.namespace.updated_at), (at(2), None));
    assert_eq!(whole.into_definition(), second());
    assert_eq!(names(&db.resource_types().await.unwrap()), ["R1", "R2", "R3"]);
}

/// Through the text of a file, more of them than are read at once.
pub async fn what_is_exported_is_loaded_again(db: &dyn Database) {
    filled(db, "full").await;
    load(db, &first(), LoadMode::Skip, at(1)).await.unwrap();
    let many = (0..120).map(|n| {
        let item = namespace(&format!("n{n:03}"));
        MetadefChange::Namespace(ItemChange::Add(Recorded { item, created_at: at(5), updated_at: None }))
    });
    change(db, &many.collect::<Vec<_>>()).await;
    let exported = export(db).await.unwrap();
    assert_eq!(exported.len(), 122);
    unload(db).await.unwrap();
    assert!(export(db).await.unwrap().is_empty());
    for definition in &exported {
        let read: serde_json::Value = serde_json::from_str(&definition.to_file().to_string()).unwrap();
        let definition = Definition::from_file(&read).unwrap();
        assert_eq!(load(db, &definition, LoadMode::Skip, at(9)).await.unwrap(), Loaded::Created);
    }
    for (again, before) in export(db).await.unwrap().iter().zip(&exported) {
        assert_eq!(again, before);
    }
    assert_eq!(export(db).await.unwrap().len(), exported.len());
}
