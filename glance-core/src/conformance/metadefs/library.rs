//! Definitions loaded, exported and loaded again.

use serde_json::json;

use super::{at, change, filled, names, namespace};
use crate::database::{Database, ItemChange, MetadefChange, Viewer};
use crate::metadefs::{
    Definition, LoadMode, Loaded, Namespace, Recorded, WholeNamespace, definitions_for, export, load, unload,
};

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

/// A newer definition says nothing of who made a resource type, and may say nothing of what an object needs.
pub async fn a_newer_definition_changes_what_it_says_alone(db: &dyn Database) {
    let before = filled(db, "n").await.contents;
    load(db, &second(), LoadMode::PreferNew, at(9)).await.unwrap();
    let types = db.resource_types().await.unwrap();
    assert_eq!(names(&types), ["R2", "R1", "R3"]);
    assert_eq!(types.iter().map(|known| known.protected).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!((types[1].created_at, types[1].updated_at), (at(3), Some(at(9))));
    let after = db.whole_namespace("n").await.unwrap().contents;
    assert_eq!(
        (&after.objects[0].description, &after.objects[0].required),
        (&Some("second".into()), &before.objects[0].required)
    );
    let said = json!({"namespace": "n", "objects": [{"name": "o1", "required": ["y"]}]});
    load(db, &Definition::from_file(&said).unwrap(), LoadMode::PreferNew, at(10)).await.unwrap();
    let after = db.whole_namespace("n").await.unwrap().contents;
    assert_eq!(after.objects[0].required, ["y"]);
}

/// The first counts, or the last where newer things are preferred.
pub async fn of_what_stands_twice_in_a_definition_one_counts(db: &dyn Database) {
    let twice = |namespace: &str| {
        let file = json!({
            "namespace": namespace,
            "resource_type_associations": [{"name": "R", "prefix": "a_"}, {"name": "R", "prefix": "b_"}],
            "objects": [{"name": "o", "description": "first"}, {"name": "o", "description": "last"}],
            "tags": [{"name": "t"}, {"name": "u"}, {"name": "t"}],
        });
        Definition::from_file(&file).unwrap()
    };
    for (mode, prefix, description) in
        [(LoadMode::Skip, "a_", "first"), (LoadMode::Merge, "a_", "first"), (LoadMode::PreferNew, "b_", "last")]
    {
        let name = format!("{mode:?}");
        assert_eq!(load(db, &twice(&name), mode, at(1)).await.unwrap(), Loaded::Created);
        let contents = db.whole_namespace(&name).await.unwrap().contents;
        assert_eq!(contents.associations[0].prefix.as_deref(), Some(prefix));
        assert_eq!(contents.objects[0].description.as_deref(), Some(description));
        assert_eq!(names(&contents.tags), ["t", "u"]);
        assert_eq!((contents.associations.len(), contents.objects.len()), (1, 1));
    }
    assert_eq!(names(&db.resource_types().await.unwrap()), ["R"]);
}

/// As many as there are, and those alone that the caller may see.
pub async fn definitions_are_found_for_a_type_page_by_page(db: &dyn Database) {
    for n in 0..230 {
        let item = Namespace { visibility: None, owner: "p".into(), ..namespace(&format!("n{n:03}")) };
        let made = MetadefChange::Namespace(ItemChange::Add(Recorded { item, created_at: at(5), updated_at: None }));
        let name = format!("n{n:03}");
        change(db, &[made, MetadefChange::Association(name, super::add(super::association("R"), 5))]).await;
    }
    let found = async |viewer: &Viewer, kind: &str| {
        let even = |namespace: &Namespace| namespace.name.ends_with(['0', '2', '4', '6', '8']);
        definitions_for(db, viewer, kind, even).await.unwrap()
    };
    let owner = Viewer { admin: false, project: Some("p".into()) };
    let definitions = found(&owner, "R").await;
    assert_eq!(definitions.len(), 115);
    assert!(definitions.is_sorted_by_key(|whole| whole.namespace.name.clone()));
    assert_eq!(definitions[114].namespace.name, "n228");
    assert!(found(&owner, "S").await.is_empty());
    assert!(found(&Viewer { admin: false, project: None }, "R").await.is_empty());
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
    // Files do not say who made a resource type: after them, all are protected.
    let types = db.resource_types().await.unwrap();
    assert_eq!((names(&types).len(), types.iter().all(|known| known.protected)), (2, true));
}
