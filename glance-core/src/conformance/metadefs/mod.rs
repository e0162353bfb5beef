//! What every database has to do with metadata definitions:
//! [`metadef_conformance!`](crate::metadef_conformance).
//!
//! Times are whole seconds and names differ in more than case, because some engines keep no more.

mod changes;
mod library;
mod lists;

pub use changes::*;
pub use library::*;
pub use lists::*;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::database::{Database, ItemChange, MetadefChange};
use crate::metadefs::{
    Association, Named, Namespace, NamespaceVisibility, Object, Property, Recorded, Tag, WholeNamespace,
};

/// Makes a test of each case of the suite. Takes what [`database_conformance!`](crate::database_conformance) takes.
#[macro_export]
macro_rules! metadef_conformance {
    ($make:expr) => {
        $crate::metadef_conformance! { @tests $make;
            a_namespace_is_read_back
            what_is_in_a_namespace_is_read_back
            what_is_unknown_is_not_found
            a_taken_name_is_refused
            changes_are_made_to_the_namespace_that_was_seen
            what_is_found_names_its_namespace
            of_several_changes_all_are_made_or_none
            a_change_keeps_the_time_of_making
            a_namespace_takes_its_contents_along
            a_removed_namespace_takes_its_contents_along
            things_are_removed_alone_and_all_at_once
            an_association_makes_its_type
            contents_of_other_namespaces_are_not_touched
            of_namespaces_made_at_once_one_stays
            every_viewer_lists_the_namespaces_it_may_see
            namespaces_are_listed_by_visibility_and_type
            every_order_of_namespaces_pages_through_all
            listed_namespaces_say_what_they_are_for
            tags_are_listed_in_every_order
            a_marker_that_is_not_there_is_not_found
            a_definition_is_loaded_once
            a_definition_is_merged
            a_newer_definition_is_preferred
            a_newer_definition_changes_what_it_says_alone
            of_what_stands_twice_in_a_definition_one_counts
            definitions_are_found_for_a_type_page_by_page
            a_definition_is_overwritten
            what_is_exported_is_loaded_again
        }
    };
    (@tests $make:expr; $($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                $crate::conformance::run(async {
                    let (_guard, database) = ($make)();
                    $crate::conformance::metadefs::$case(&*database).await;
                });
            }
        )*
    };
}

fn at(second: i64) -> Timestamp {
    Timestamp::constant(1_760_000_000, 0) + SignedDuration::from_secs(second)
}

fn namespace(name: &str) -> Namespace {
    Namespace {
        name: name.to_owned(),
        display_name: Some(format!("The {name}")),
        description: Some("é\n\"'\\%".to_owned()),
        visibility: Some(NamespaceVisibility::Public),
        protected: Some(false),
        owner: "owner".to_owned(),
    }
}

fn schema(title: &str) -> Map<String, Value> {
    let schema =
        json!({"title": title, "type": "array", "items": {"type": "string", "enum": ["é", "b"]}, "default": 5});
    schema.as_object().cloned().unwrap()
}

fn property(name: &str) -> Property {
    Property { name: name.to_owned(), schema: schema(name) }
}

fn object(name: &str) -> Object {
    let properties = ["x", "y"].into_iter().map(|name| (name.to_owned(), Value::Object(schema(name)))).collect();
    Object {
        name: name.to_owned(),
        description: Some("d".to_owned()),
        required: vec!["x".to_owned(), "y".to_owned()],
        properties,
    }
}

fn tag(name: &str) -> Tag {
    Tag { name: name.to_owned() }
}

fn association(name: &str) -> Association {
    Association {
        resource_type: name.to_owned(),
        prefix: Some("p_".to_owned()),
        properties_target: Some("image".to_owned()),
    }
}

fn add<T>(item: T, second: i64) -> ItemChange<T> {
    ItemChange::Add(Recorded { item, created_at: at(second), updated_at: Some(at(second)) })
}

fn set<T>(name: &str, to: T, second: i64) -> ItemChange<T> {
    ItemChange::Set { name: name.to_owned(), to, at: at(second) }
}

fn remove<T>(name: &str) -> ItemChange<T> {
    ItemChange::Remove(name.to_owned())
}

async fn change(db: &dyn Database, changes: &[MetadefChange]) {
    db.change_metadefs(changes).await.unwrap();
}

/// A namespace with two of each kind in it.
async fn filled(db: &dyn Database, name: &str) -> WholeNamespace {
    let of = || name.to_owned();
    change(
        db,
        &[
            MetadefChange::Namespace(add(namespace(name), 1)),
            MetadefChange::Association(of(), add(association("R2"), 2)),
            MetadefChange::Association(of(), add(association("R1"), 3)),
            MetadefChange::Property(of(), add(property("p2"), 2)),
            MetadefChange::Property(of(), add(property("p1"), 3)),
            MetadefChange::Object(of(), add(object("o2"), 2)),
            MetadefChange::Object(of(), add(object("o1"), 3)),
            MetadefChange::Tag(of(), add(tag("t2"), 2)),
            MetadefChange::Tag(of(), add(tag("t1"), 3)),
        ],
    )
    .await;
    db.whole_namespace(name).await.unwrap()
}

fn names<T: Named>(items: &[Recorded<T>]) -> Vec<&str> {
    items.iter().map(|known| known.item.name()).collect()
}
