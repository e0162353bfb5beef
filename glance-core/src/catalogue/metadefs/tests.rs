//! Who may do what: section 9 of `metadefs.md`.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::*;
use crate::database::{Database, Direction, ItemChange, TagQuery, TagSortKey};
use crate::memory::{MemoryDatabase, MemoryStore};
use crate::metadefs::{
    Definition, LoadMode, NewNamespace, NewTags, Object, Tag, association_from_json, load, object_from_json,
    property_from_json,
};
use crate::policy::Policy;
use crate::stores::Stores;

/// The rules of each call, in the order in which they are asked.
const CALLS: [(&str, &[&str]); 28] = [
    ("list", &["get_metadef_namespaces", "list_metadef_resource_types"]),
    ("list behind", &["get_metadef_namespaces", "list_metadef_resource_types", "get_metadef_namespace"]),
    ("show", &SHOW),
    ("create", &["add_metadef_namespace"]),
    (
        "create all",
        &[
            "add_metadef_namespace",
            "add_metadef_resource_type_association",
            "add_metadef_object",
            "add_metadef_property",
            "add_metadef_tag",
        ],
    ),
    ("update", &["modify_metadef_namespace"]),
    ("delete", &["delete_metadef_namespace"]),
    ("delete objects", &["delete_metadef_namespace"]),
    ("delete properties", &["delete_metadef_namespace"]),
    ("delete tags", &["delete_metadef_namespace", "delete_metadef_tags"]),
    ("list objects", &["get_metadef_objects"]),
    ("show object", &["get_metadef_object"]),
    ("add object", &["add_metadef_object"]),
    ("update object", &["modify_metadef_object"]),
    ("delete object", &["delete_metadef_object"]),
    ("list properties", &["get_metadef_properties"]),
    ("show property", &["get_metadef_property"]),
    ("show property for", &["get_metadef_property", "get_metadef_resource_type"]),
    ("add property", &["add_metadef_property"]),
    ("update property", &["modify_metadef_property"]),
    ("delete property", &["remove_metadef_property"]),
    ("list types", &["list_metadef_resource_types"]),
    ("list associations", &["list_metadef_resource_types"]),
    ("add association", &["add_metadef_resource_type_association"]),
    ("remove association", &["remove_metadef_resource_type_association"]),
    ("list tags", &["get_metadef_tags"]),
    ("add tags", &["add_metadef_tags"]),
    ("tag", &["add_metadef_tag", "get_metadef_tag", "modify_metadef_tag", "delete_metadef_tag"]),
];

fn full(name: &str) -> Value {
    json!({
        "namespace": name, "visibility": "public", "owner": "p",
        "resource_type_associations": [{"name": "R", "prefix": "x_"}],
        "properties": {"p": {"title": "t", "type": "integer", "minimum": 1}},
        "objects": [{"name": "o"}],
        "tags": [{"name": "t"}],
    })
}

async fn filled(files: &[Value]) -> Arc<MemoryDatabase> {
    let database = Arc::new(MemoryDatabase::new());
    for file in files {
        load(&*database, &Definition::from_file(file).unwrap(), LoadMode::Skip, Timestamp::UNIX_EPOCH).await.unwrap();
    }
    database
}

fn glance(database: Arc<dyn Database>, rules: &[(&str, &str)]) -> Glance {
    let policy = Policy::builder().rules(rules.iter().copied()).build();
    assert!(rules.iter().all(|(rule, _)| Policy::defaults().defines(rule)), "{rules:?}");
    Glance::builder(database, Stores::single(Arc::new(MemoryStore::new("one")))).policy(policy).build()
}

fn admin() -> RequestContext {
    RequestContext::new("root", "admins", ["admin", "member", "reader"])
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap()
}

fn new_namespace(value: &Value) -> NewNamespace {
    NewNamespace::from_json(object(value)).unwrap()
}

/// Makes a call on the namespace `n`, or makes the namespace `m`.
async fn call(metadefs: &Metadefs<'_>, what: &str) -> Result<(), Error> {
    let bare = || object_from_json(object(&json!({"name": "b"}))).unwrap();
    let property = || property_from_json(object(&json!({"name": "b", "title": "t", "type": "string"}))).unwrap();
    let tags = TagQuery { sort: (TagSortKey::Name, Direction::Ascending), marker: None, limit: None };
    let behind = NamespaceRequest { marker: Some("n".into()), ..NamespaceRequest::default() };
    let many = NewTags(vec![Tag { name: "b".into() }]);
    let association = || association_from_json(object(&json!({"name": "S"}))).unwrap();
    match what {
        "list" => metadefs.list(&NamespaceRequest::default()).await.map(drop),
        "list behind" => metadefs.list(&behind).await.map(drop),
        "show" => metadefs.namespace("n", None).await.map(drop),
        "create" => metadefs.create_namespace(new_namespace(&json!({"namespace": "m"}))).await.map(drop),
        "create all" => metadefs.create_namespace(new_namespace(&full("m"))).await.map(drop),
        "update" => metadefs.update_namespace("n", new_namespace(&json!({"namespace": "n"}))).await.map(drop),
        "delete" => metadefs.delete_namespace("n").await,
        "delete objects" => metadefs.delete_objects("n").await,
        "delete properties" => metadefs.delete_properties("n").await,
        "delete tags" => metadefs.delete_tags("n").await,
        "list objects" => metadefs.objects("n").await.map(drop),
        "show object" => metadefs.object("n", "o").await.map(drop),
        "add object" => metadefs.add_object("n", bare()).await.map(drop),
        "update object" => metadefs.update_object("n", "o", bare()).await.map(drop),
        "delete object" => metadefs.delete_object("n", "o").await,
        "list properties" => metadefs.properties("n").await.map(drop),
        "show property" => metadefs.property("n", "p", None).await.map(drop),
        "show property for" => metadefs.property("n", "x_p", Some("R")).await.map(drop),
        "add property" => metadefs.add_property("n", property()).await.map(drop),
        "update property" => metadefs.update_property("n", "p", property()).await.map(drop),
        "delete property" => metadefs.delete_property("n", "p").await,
        "list types" => metadefs.resource_types().await.map(drop),
        "list associations" => metadefs.associations("n").await.map(drop),
        "add association" => metadefs.associate("n", association()).await.map(drop),
        "remove association" => metadefs.dissociate("n", "R").await,
        "list tags" => metadefs.tags("n", &tags).await.map(drop),
        "add tags" => metadefs.add_tags("n", &many, true).await,
        "tag" => {
            metadefs.add_tag("n", "b").await?;
            metadefs.tag("n", "b").await?;
            metadefs.update_tag("n", "b", Tag { name: "c".into() }).await?;
            metadefs.delete_tag("n", "c").await
        }
        other => panic!("no call {other}"),
    }
}

#[tokio::test]
async fn each_call_needs_its_rules_and_no_others() {
    let context = admin();
    for (what, rules) in CALLS {
        let allowed: Vec<_> = rules.iter().map(|rule| (*rule, "")).collect();
        let glance_of = async |denied: Option<&str>| {
            let mut rules = allowed.clone();
            rules.extend(denied.map(|rule| (rule, "!")));
            glance(filled(&[full("n")]).await, &rules)
        };
        call(&glance_of(None).await.metadefs(&context), what).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        for rule in rules {
            let refused = call(&glance_of(Some(rule)).await.metadefs(&context), what).await;
            let is_hidden = *rule == "get_metadef_namespace";
            let is_refused = match &refused {
                Err(Error::NotFound(_)) => is_hidden,
                Err(Error::Forbidden(_)) => !is_hidden,
                _ => false,
            };
            assert!(is_refused, "{what} without {rule}: {refused:?}");
        }
        let other = "!".to_owned();
        let denied: Vec<_> = crate::policy::DEFAULT_RULES
            .iter()
            .map(|rule| rule.name)
            .filter(|name| name.contains("metadef") && !rules.contains(name))
            .map(|name| (name, other.as_str()))
            .chain(allowed.iter().copied())
            .collect();
        let alone = call(&glance(filled(&[full("n")]).await, &denied).metadefs(&context), what).await;
        assert!(alone.is_ok(), "{what} with its rules alone: {alone:?}");
    }
}

#[tokio::test]
async fn what_policy_hides_is_left_out_of_lists() {
    let context = admin();
    let hidden = |rule: &'static str| async move { glance(filled(&[full("n")]).await, &[(rule, "!")]) };
    let page = hidden("get_metadef_namespace").await.metadefs(&context).list(&NamespaceRequest::default()).await;
    assert!(page.unwrap().namespaces.is_empty());
    assert!(hidden("get_metadef_object").await.metadefs(&context).objects("n").await.unwrap().is_empty());
    let types = hidden("get_metadef_resource_type").await;
    assert!(types.metadefs(&context).associations("n").await.unwrap().is_empty());
    let whoever_reads_nothing = hidden("get_metadef_namespace").await;
    let refused = whoever_reads_nothing.metadefs(&context).add_object("n", bare("b")).await;
    assert!(refused.is_ok(), "{refused:?}");
}

fn bare(name: &str) -> Object {
    object_from_json(object(&json!({ "name": name }))).unwrap()
}

/// Policies name visibilities as texts, and files may leave it out.
#[tokio::test]
async fn a_namespace_without_visibility_is_private_to_policy() {
    let database = filled(&[json!({"namespace": "n", "owner": "p"})]).await;
    let glance = glance(database, &[("get_metadef_objects", "'private':%(visibility)s")]);
    let context = RequestContext::new("u", "p", ["reader"]);
    assert_eq!(glance.metadefs(&context).objects("n").await.unwrap(), []);
}

#[tokio::test]
async fn properties_are_checked_against_what_the_caller_sees() {
    let of = |name: &str, owner: &str, visibility: &str| {
        json!({
            "namespace": name, "owner": owner, "visibility": visibility,
            "resource_type_associations": [{"name": "R"}],
            "properties": {name: {"title": "t", "type": "integer"}},
        })
    };
    let files = [of("all", "q", "public"), of("own", "p", "private"), of("other", "q", "private")];
    let properties = json!({"all": "x", "own": "x", "other": "x"});
    let found = async |glance: &Glance, context: &RequestContext| {
        let found = glance.metadefs(context).check("R", None, object(&properties)).await?;
        let of = found.into_iter().filter_map(|finding| finding.namespace);
        Ok::<_, Error>(of.collect::<Vec<_>>())
    };
    let reader = |project: &str| RequestContext::new("u", project, ["reader"]);
    let usual = glance(filled(&files).await, &[]);
    assert_eq!(found(&usual, &reader("p")).await.unwrap(), ["all", "own"]);
    assert_eq!(found(&usual, &reader("x")).await.unwrap(), ["all"]);
    assert_eq!(found(&usual, &admin()).await.unwrap(), ["all", "other", "own"]);
    let strict = glance(filled(&files).await, &[("get_metadef_properties", "project_id:%(project_id)s")]);
    assert_eq!(found(&strict, &reader("p")).await.unwrap(), ["own"]);
    let closed = glance(filled(&files).await, &[("get_metadef_namespaces", "!")]);
    assert!(matches!(found(&closed, &reader("p")).await, Err(Error::Forbidden(_) | Error::NotFound(_))));
}

/// As the Python server answers.
#[tokio::test]
async fn an_update_answers_with_the_time_of_the_change_before() {
    let database = filled(&[full("n")]).await;
    let glance = glance(Arc::clone(&database) as Arc<dyn Database>, &[]);
    let updated = glance.metadefs(&admin()).update_namespace("n", new_namespace(&json!({"namespace": "n"}))).await;
    assert_eq!(updated.unwrap().updated_at, None);
    assert!(database.namespace("n").await.unwrap().updated_at.is_some());
}

/// Whoever allowed itself a change because a namespace was not protected finds that it is now.
#[tokio::test]
async fn a_namespace_that_was_changed_meanwhile_is_left_alone() {
    let database = filled(&[full("n")]).await;
    let glance = glance(Arc::clone(&database) as Arc<dyn Database>, &[]);
    let context = admin();
    let metadefs = glance.metadefs(&context);
    let seen = metadefs.changeable("delete_metadef_namespace", "n").await.unwrap();
    let protect = json!({"namespace": "n", "protected": true, "visibility": "public", "owner": "p"});
    metadefs.update_namespace("n", new_namespace(&protect)).await.unwrap();
    let removal = MetadefChange::Namespace(ItemChange::Remove("n".into()));
    let refused = metadefs.remove(&seen, removal, String::new).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    assert!(database.namespace("n").await.is_ok());
}
