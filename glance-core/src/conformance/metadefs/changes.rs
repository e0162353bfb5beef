//! Recording, changing and removing.

use futures::future::join_all;

use super::{add, association, at, change, filled, names, namespace, object, property, remove, set, tag};
use crate::database::{Database, Direction, ItemChange, MetadefChange, RepoError, TagQuery, TagSortKey};
use crate::metadefs::{Association, Namespace, Object, Property, Recorded};

/// Every field comes back, and those without a value without one.
pub async fn a_namespace_is_read_back(db: &dyn Database) {
    let bare = Namespace {
        display_name: None,
        description: None,
        visibility: None,
        protected: None,
        ..namespace("OS::Bare/é")
    };
    for (item, updated_at) in [(namespace("full"), Some(at(1))), (bare, None)] {
        let added = Recorded { item, created_at: at(0), updated_at };
        change(db, &[MetadefChange::Namespace(ItemChange::Add(added.clone()))]).await;
        assert_eq!(db.namespace(&added.name).await.unwrap(), added);
        let whole = db.whole_namespace(&added.name).await.unwrap();
        assert_eq!(whole.namespace, added);
        assert_eq!(whole.contents, crate::metadefs::Contents::default());
    }
}

/// Each thing, on its own and among the others of its kind, in their order.
pub async fn what_is_in_a_namespace_is_read_back(db: &dyn Database) {
    let contents = filled(db, "n").await.contents;
    let recorded_at = |second| (at(second), Some(at(second)));
    let stamps = |known: &Recorded<Property>| (known.created_at, known.updated_at);
    assert_eq!(contents.properties.iter().map(stamps).collect::<Vec<_>>(), [recorded_at(3), recorded_at(2)]);
    assert_eq!(contents.properties[0].item, property("p1"));
    assert_eq!(contents.objects[1].item, object("o2"));
    assert_eq!(contents.tags[0].item, tag("t2"));
    assert_eq!(contents.associations[0].item, association("R2"));
    assert_eq!(names(&contents.properties), ["p1", "p2"]);
    assert_eq!(names(&contents.objects), ["o1", "o2"]);
    assert_eq!(names(&contents.associations), ["R2", "R1"]);
    assert_eq!(db.properties("n").await.unwrap().found, contents.properties);
    assert_eq!(db.objects("n").await.unwrap().found, contents.objects);
    assert_eq!(db.associations("n").await.unwrap().found, contents.associations);
    assert_eq!(db.property("n", "p1").await.unwrap().found.as_ref(), Some(&contents.properties[0]));
    assert_eq!(db.object("n", "o2").await.unwrap().found.as_ref(), Some(&contents.objects[1]));
    assert_eq!(db.metadef_tag("n", "t1").await.unwrap().found.as_ref(), Some(&contents.tags[1]));
    let bare = Object { description: None, required: Vec::new(), properties: serde_json::Map::new(), ..object("bare") };
    change(db, &[MetadefChange::Object("n".into(), add(bare.clone(), 4))]).await;
    assert_eq!(db.object("n", "bare").await.unwrap().found.unwrap().item, bare);
}

/// Whatever is asked of it.
pub async fn what_is_unknown_is_not_found(db: &dyn Database) {
    filled(db, "n").await;
    let all = TagQuery { sort: (TagSortKey::Name, Direction::Ascending), marker: None, limit: None };
    assert!(matches!(db.namespace("x").await, Err(RepoError::NotFound)));
    assert!(matches!(db.whole_namespace("x").await, Err(RepoError::NotFound)));
    assert!(matches!(db.objects("x").await, Err(RepoError::NotFound)));
    assert!(matches!(db.properties("x").await, Err(RepoError::NotFound)));
    assert!(matches!(db.associations("x").await, Err(RepoError::NotFound)));
    assert!(matches!(db.metadef_tags("x", &all).await, Err(RepoError::NotFound)));
    assert!(matches!(db.property("x", "p1").await, Err(RepoError::NotFound)));
    assert!(matches!(db.object("x", "o1").await, Err(RepoError::NotFound)));
    assert!(matches!(db.metadef_tag("x", "t1").await, Err(RepoError::NotFound)));
    assert_eq!(db.property("n", "x").await.unwrap().found, None);
    assert_eq!(db.property("n", "o1").await.unwrap().found, None);
    assert_eq!(db.object("n", "p1").await.unwrap().found, None);
    assert_eq!(db.metadef_tag("n", "p1").await.unwrap().found, None);
    for unknown in [
        MetadefChange::Namespace(set("x", namespace("y"), 5)),
        MetadefChange::Namespace(remove("x")),
        MetadefChange::Object("n".into(), set("x", object("y"), 5)),
        MetadefChange::Property("n".into(), remove("x")),
        MetadefChange::Property("x".into(), add(property("y"), 5)),
        MetadefChange::Tag("x".into(), ItemChange::RemoveAll),
        MetadefChange::Tag("n".into(), set("x", tag("y"), 5)),
        MetadefChange::Association("n".into(), remove("x")),
        MetadefChange::Association("x".into(), add(association("R1"), 5)),
    ] {
        let refused = db.change_metadefs(std::slice::from_ref(&unknown)).await;
        assert!(matches!(refused, Err(RepoError::NotFound)), "{unknown:?}: {refused:?}");
    }
}

/// What the caller allowed itself because of the namespace has to be allowed still when it is done.
pub async fn changes_are_made_to_the_namespace_that_was_seen(db: &dyn Database) {
    let seen = filled(db, "n").await.namespace;
    let tag = |name: &str| MetadefChange::Tag("n".into(), add(tag(name), 5));
    let described = Namespace { description: None, ..seen.item.clone() };
    change(db, &[MetadefChange::Namespace(set("n", described, 6))]).await;
    change(db, &[MetadefChange::Expect(seen.clone()), tag("allowed")]).await;
    for changed in [
        Namespace { owner: "other".into(), ..seen.item.clone() },
        Namespace { visibility: None, ..seen.item.clone() },
        Namespace { protected: Some(true), ..seen.item.clone() },
    ] {
        change(db, &[MetadefChange::Namespace(set("n", changed, 7))]).await;
        let refused = db.change_metadefs(&[MetadefChange::Expect(seen.clone()), tag("refused")]).await;
        assert!(matches!(refused, Err(RepoError::Changed)), "{refused:?}");
    }
    change(db, &[MetadefChange::Namespace(remove("n"))]).await;
    let gone = db.change_metadefs(&[MetadefChange::Expect(seen.clone())]).await;
    assert!(matches!(gone, Err(RepoError::NotFound)), "{gone:?}");
    let again = Recorded { created_at: at(8), ..seen.clone() };
    change(db, &[MetadefChange::Namespace(ItemChange::Add(again))]).await;
    let refused = db.change_metadefs(&[MetadefChange::Expect(seen), tag("refused")]).await;
    assert!(matches!(refused, Err(RepoError::Changed)), "{refused:?}");
    assert!(db.whole_namespace("n").await.unwrap().contents.tags.is_empty());
}

/// As it was when they were found.
pub async fn what_is_found_names_its_namespace(db: &dyn Database) {
    let seen = filled(db, "n").await.namespace;
    filled(db, "m").await;
    let all = TagQuery { sort: (TagSortKey::Name, Direction::Ascending), marker: None, limit: None };
    for found in [
        db.objects("n").await.unwrap().namespace,
        db.object("n", "o1").await.unwrap().namespace,
        db.object("n", "x").await.unwrap().namespace,
        db.properties("n").await.unwrap().namespace,
        db.property("n", "p1").await.unwrap().namespace,
        db.metadef_tags("n", &all).await.unwrap().namespace,
        db.metadef_tag("n", "t1").await.unwrap().namespace,
        db.associations("n").await.unwrap().namespace,
    ] {
        assert_eq!(found, seen);
    }
}

/// By adding and by renaming.
pub async fn a_taken_name_is_refused(db: &dyn Database) {
    let before = filled(db, "n").await;
    filled(db, "m").await;
    for taken in [
        MetadefChange::Namespace(add(namespace("n"), 5)),
        MetadefChange::Namespace(set("n", namespace("m"), 5)),
        MetadefChange::Object("n".into(), add(object("o1"), 5)),
        MetadefChange::Object("n".into(), set("o1", object("o2"), 5)),
        MetadefChange::Property("n".into(), add(property("p1"), 5)),
        MetadefChange::Property("n".into(), set("p1", property("p2"), 5)),
        MetadefChange::Tag("n".into(), add(tag("t1"), 5)),
        MetadefChange::Tag("n".into(), set("t1", tag("t2"), 5)),
        MetadefChange::Association("n".into(), add(association("R1"), 5)),
    ] {
        let refused = db.change_metadefs(std::slice::from_ref(&taken)).await;
        assert!(matches!(refused, Err(RepoError::Exists)), "{taken:?}: {refused:?}");
    }
    assert_eq!(db.whole_namespace("n").await.unwrap(), before);
}

/// A failure undoes what was done before it.
pub async fn of_several_changes_all_are_made_or_none(db: &dyn Database) {
    let before = filled(db, "n").await;
    let refused = db
        .change_metadefs(&[
            MetadefChange::Tag("n".into(), ItemChange::RemoveAll),
            MetadefChange::Namespace(add(namespace("m"), 5)),
            MetadefChange::Association("m".into(), add(association("R9"), 5)),
            MetadefChange::Property("n".into(), add(property("p1"), 5)),
        ])
        .await;
    assert!(matches!(refused, Err(RepoError::Exists)));
    assert_eq!(db.whole_namespace("n").await.unwrap(), before);
    assert!(matches!(db.namespace("m").await, Err(RepoError::NotFound)));
    assert_eq!(names(&db.resource_types().await.unwrap()), ["R2", "R1"]);
}

/// Also under another name, and under the same.
pub async fn a_change_keeps_the_time_of_making(db: &dyn Database) {
    filled(db, "n").await;
    let other = Property { name: "p1".into(), schema: super::schema("other") };
    let prefixed = Association { prefix: None, ..association("R1") };
    change(
        db,
        &[
            MetadefChange::Property("n".into(), set("p1", other.clone(), 9)),
            MetadefChange::Object("n".into(), set("o1", object("renamed"), 9)),
            MetadefChange::Tag("n".into(), set("t1", tag("renamed"), 9)),
            MetadefChange::Association("n".into(), set("R1", prefixed.clone(), 9)),
        ],
    )
    .await;
    let changed = (at(3), Some(at(9)));
    let contents = db.whole_namespace("n").await.unwrap().contents;
    let property = &contents.properties[0];
    assert_eq!((&property.item, (property.created_at, property.updated_at)), (&other, changed));
    let renamed = &contents.objects[1];
    assert_eq!((&renamed.item, (renamed.created_at, renamed.updated_at)), (&object("renamed"), changed));
    let renamed = &contents.tags[1];
    assert_eq!((renamed.name.as_str(), (renamed.created_at, renamed.updated_at)), ("renamed", changed));
    let association = &contents.associations[1];
    assert_eq!((&association.item, (association.created_at, association.updated_at)), (&prefixed, changed));
    assert_eq!(db.object("n", "o1").await.unwrap().found, None);
}

/// Under its new name it holds what it held.
pub async fn a_namespace_takes_its_contents_along(db: &dyn Database) {
    let before = filled(db, "n").await;
    let to = Namespace { visibility: None, protected: Some(true), owner: "other".into(), ..namespace("m") };
    change(db, &[MetadefChange::Namespace(set("n", to.clone(), 9))]).await;
    let after = db.whole_namespace("m").await.unwrap();
    assert_eq!(after.namespace, Recorded { item: to, created_at: at(1), updated_at: Some(at(9)) });
    assert_eq!(after.contents, before.contents);
    assert!(matches!(db.namespace("n").await, Err(RepoError::NotFound)));
}

/// The resource types stay; one made anew is empty.
pub async fn a_removed_namespace_takes_its_contents_along(db: &dyn Database) {
    filled(db, "n").await;
    change(db, &[MetadefChange::Namespace(remove("n"))]).await;
    assert!(matches!(db.namespace("n").await, Err(RepoError::NotFound)));
    assert_eq!(names(&db.resource_types().await.unwrap()), ["R2", "R1"]);
    change(db, &[MetadefChange::Namespace(add(namespace("n"), 5))]).await;
    assert_eq!(db.whole_namespace("n").await.unwrap().contents, crate::metadefs::Contents::default());
    filled(db, "m").await;
    change(db, &[MetadefChange::Namespace(ItemChange::RemoveAll), MetadefChange::ResourceType(ItemChange::RemoveAll)])
        .await;
    assert!(matches!(db.namespace("m").await, Err(RepoError::NotFound)));
    assert!(db.resource_types().await.unwrap().is_empty());
}

/// Nothing else goes with them, and there may be none.
pub async fn things_are_removed_alone_and_all_at_once(db: &dyn Database) {
    filled(db, "n").await;
    change(
        db,
        &[
            MetadefChange::Property("n".into(), remove("p2")),
            MetadefChange::Object("n".into(), remove("o1")),
            MetadefChange::Tag("n".into(), remove("t2")),
            MetadefChange::Association("n".into(), remove("R2")),
        ],
    )
    .await;
    let contents = db.whole_namespace("n").await.unwrap().contents;
    assert_eq!((names(&contents.properties), names(&contents.objects)), (vec!["p1"], vec!["o2"]));
    assert_eq!((names(&contents.tags), names(&contents.associations)), (vec!["t1"], vec!["R1"]));
    for _ in 0..2 {
        change(db, &[MetadefChange::Property("n".into(), ItemChange::RemoveAll)]).await;
    }
    let contents = db.whole_namespace("n").await.unwrap().contents;
    assert!(contents.properties.is_empty());
    assert_eq!((names(&contents.objects), names(&contents.tags)), (vec!["o2"], vec!["t1"]));
}

/// Once, whichever namespace needs it first.
pub async fn an_association_makes_its_type(db: &dyn Database) {
    filled(db, "n").await;
    filled(db, "m").await;
    let types = db.resource_types().await.unwrap();
    assert_eq!(names(&types), ["R2", "R1"]);
    assert!(types.iter().all(|known| !known.protected && known.updated_at == Some(known.created_at)));
    assert_eq!(types[0].created_at, at(2));
}

/// Whatever happens to things of the same name.
pub async fn contents_of_other_namespaces_are_not_touched(db: &dyn Database) {
    filled(db, "n").await;
    let before = filled(db, "m").await;
    change(
        db,
        &[
            MetadefChange::Property("n".into(), set("p1", property("p9"), 5)),
            MetadefChange::Object("n".into(), remove("o1")),
            MetadefChange::Association("n".into(), set("R1", Association { prefix: None, ..association("R1") }, 5)),
            MetadefChange::Association("n".into(), remove("R2")),
            MetadefChange::Tag("n".into(), ItemChange::RemoveAll),
            MetadefChange::Namespace(remove("n")),
        ],
    )
    .await;
    assert_eq!(db.whole_namespace("m").await.unwrap(), before);
}

/// And it is whole.
pub async fn of_namespaces_made_at_once_one_stays(db: &dyn Database) {
    let attempt = |n: usize| async move {
        db.change_metadefs(&[
            MetadefChange::Namespace(add(namespace("n"), 1)),
            MetadefChange::Tag("n".into(), add(tag(&format!("t{n}")), 1)),
        ])
        .await
    };
    let made = join_all((0..8).map(attempt)).await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1);
    assert!(made.iter().all(|made| matches!(made, Ok(()) | Err(RepoError::Exists))));
    assert_eq!(db.whole_namespace("n").await.unwrap().contents.tags.len(), 1);
}
