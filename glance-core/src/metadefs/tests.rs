//! What bodies, files and properties are taken for.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::*;
use crate::error::Error;

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap()
}

fn recorded<T>(item: T) -> Recorded<T> {
    Recorded { item, created_at: Timestamp::UNIX_EPOCH, updated_at: None }
}

fn all<T>(items: Vec<T>) -> Vec<Recorded<T>> {
    items.into_iter().map(recorded).collect()
}

fn whole(file: &Value) -> WholeNamespace {
    let Definition { namespace, associations, properties, objects, tags } = Definition::from_file(file).unwrap();
    let contents = Contents {
        associations: all(associations),
        properties: all(properties),
        objects: all(objects),
        tags: all(tags),
    };
    WholeNamespace { namespace: recorded(namespace), contents }
}

fn processor() -> Value {
    json!({
        "namespace": "Processor",
        "resource_type_associations": [
            {"name": "Image", "prefix": "hw_"}, {"name": "Flavor", "prefix": "hw:"}, {"name": "Server"},
            {"name": "Volume", "prefix": "hw_", "properties_target": "image"},
        ],
        "properties": {
            "cores": {"title": "c", "type": "integer", "minimum": 1, "maximum": 64},
            "mode": {"title": "m", "type": "string", "enum": ["host", "custom"], "operators": ["<or>", "<in>"]},
            "id": {"title": "i", "type": "string", "pattern": "^[a-z]+$", "minLength": 2, "maxLength": 4},
            "flag": {"title": "f", "type": "boolean"},
            "features": {"title": "f", "type": "array", "items": {"type": "string", "enum": ["a", "b"]},
                "uniqueItems": true, "maxItems": 2},
            "needs": {"title": "n", "type": "string", "enum": ["fpu", "vme", "a b"], "operators": ["<all-in>", "<in>"]},
            "odd": {"title": "o", "type": "string", "pattern": "(?<=x"},
        },
        "objects": [{"name": "cache", "required": ["size"], "properties": {
            "size": {"title": "s", "type": "number"}, "ways": {"title": "w", "type": "integer"}}}],
        "tags": [{"name": "t"}],
    })
}

#[test]
fn a_prefix_stands_in_front_of_property_names_alone() {
    let prefixed = whole(&processor()).prefixed("Flavor").contents;
    assert!(prefixed.properties.iter().all(|known| known.name.starts_with("hw:")));
    assert_eq!(prefixed.objects[0].properties.keys().collect::<Vec<_>>(), ["hw:size", "hw:ways"]);
    assert_eq!(
        (prefixed.objects[0].name.as_str(), &prefixed.objects[0].required[..]),
        ("cache", &["hw:size".into()][..])
    );
    assert_eq!(prefixed.tags[0].name, "t");
    for unchanged in ["Server", "none"] {
        assert_eq!(whole(&processor()).prefixed(unchanged), whole(&processor()));
    }
}

#[test]
fn whoever_owns_a_namespace_sees_it() {
    let mut namespace = whole(&json!({"namespace": "n", "owner": "p"})).namespace.item;
    for visibility in [None, Some(NamespaceVisibility::Private)] {
        namespace.visibility = visibility;
        assert!(can_see(&namespace, true, None) && can_see(&namespace, false, Some("p")));
        assert!(!can_see(&namespace, false, Some("q")) && !can_see(&namespace, false, None));
    }
    namespace.visibility = Some(NamespaceVisibility::Public);
    assert!(can_see(&namespace, false, Some("q")) && can_see(&namespace, false, None));
}

#[test]
fn a_file_says_all_that_is_recorded() {
    let mut definition = whole(&processor()).into_definition();
    definition.namespace.visibility = Some(NamespaceVisibility::Public);
    definition.namespace.protected = Some(true);
    assert_eq!(Definition::from_file(&definition.to_file()), Ok(definition));
    let bare = Definition::from_file(&json!({"namespace": "n", "bogus": 1})).unwrap();
    assert_eq!(
        (bare.namespace.owner.as_str(), bare.namespace.visibility, bare.namespace.protected),
        ("admin", None, None)
    );
    assert_eq!(Definition::from_file(&bare.to_file()), Ok(bare));
}

#[test]
fn what_is_no_definition_is_refused() {
    for file in [
        json!([]),
        json!({}),
        json!({"namespace": 5}),
        json!({"namespace": "n", "visibility": "shared"}),
        json!({"namespace": "n", "protected": "x"}),
        json!({"namespace": "n", "tags": ["x"]}),
        json!({"namespace": "n", "tags": [{}]}),
        json!({"namespace": "n", "tags": {}}),
        json!({"namespace": "n", "properties": {"p": 1}}),
        json!({"namespace": "n", "properties": []}),
        json!({"namespace": "n", "objects": [{"name": "o", "properties": 1}]}),
        json!({"namespace": "n", "objects": [{"name": "o", "required": 1}]}),
        json!({"namespace": "n", "resource_type_associations": [{"prefix": "x"}]}),
    ] {
        assert!(Definition::from_file(&file).is_err(), "{file}");
    }
}

#[test]
fn a_file_is_named_after_what_people_call_the_namespace() {
    let name = |file: Value| Definition::from_file(&file).unwrap().file_name();
    assert_eq!(name(json!({"namespace": "n", "display_name": "CPU_Pinning: É/../x"})), "CPUPinningÉx");
    assert_eq!(name(json!({"namespace": "OS::X", "display_name": "--"})), "OSX");
    assert_eq!(name(json!({"namespace": "::"})), "namespace");
}

/// Section 3 of `metadefs.md`, and what the Python server fails on.
#[test]
fn bodies_that_make_no_namespace_are_refused() {
    let nested = |key: &str, value: Value| json!({"namespace": "n", key: value});
    for body in [
        json!({}),
        json!({"namespace": 5}),
        json!({"namespace": null}),
        json!({"namespace": "n".repeat(81)}),
        json!({"namespace": "e\u{1F600}"}),
        nested("bogus", json!(1)),
        nested("visibility", json!("shared")),
        nested("protected", json!("x")),
        nested("display_name", json!("d".repeat(81))),
        nested("description", json!("d".repeat(501))),
        nested("owner", json!("o".repeat(256))),
        nested("properties", json!({"p": {"type": "string"}})),
        nested("properties", json!({"p": 1})),
        nested("properties", json!({"p".repeat(81): {"type": "string", "title": "t"}})),
        nested("properties", json!([])),
        nested("objects", json!([{}])),
        nested("objects", json!([{"name": "o", "zz": 1}])),
        nested("objects", json!([{"name": "o", "required": ["a", "a"]}])),
        nested("tags", json!([{}])),
        nested("tags", json!(["x"])),
        nested("tags", json!([{"name": "t".repeat(81)}])),
        nested("resource_type_associations", json!([{"name": "r", "prefix": null}])),
        nested("resource_type_associations", json!([{"prefix": "p"}])),
    ] {
        let refused = NewNamespace::from_json(object(&body));
        assert!(matches!(&refused, Err(Error::Invalid(why)) if why.contains("'namespace'")), "{body}: {refused:?}");
    }
    for key in ["self", "schema", "created_at", "updated_at"] {
        let refused = NewNamespace::from_json(object(&json!({key: "x", "bogus": 1})));
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{key}");
    }
}

#[test]
fn a_namespace_is_private_and_not_protected_unless_it_says_so() {
    let read = |body: Value| NewNamespace::from_json(object(&body)).unwrap();
    let bare = read(json!({"namespace": "n", "owner": ""}));
    assert_eq!(bare.owner, None);
    assert_eq!(bare.definition.namespace.visibility, Some(NamespaceVisibility::Private));
    assert_eq!(bare.definition.namespace.protected, Some(false));
    let fragment = json!({"title": "t", "type": "string", "confidential": true});
    let full = read(json!({"namespace": "n", "owner": "p", "properties": {"p": fragment}, "tags": [{"name": "t"}]}));
    assert_eq!(full.owner.as_deref(), Some("p"));
    assert_eq!(full.definition.properties[0].schema["confidential"], true);
}

#[test]
fn the_other_bodies_are_read_as_strictly() {
    let fragment = json!({"name": "p", "title": "t", "type": "string"});
    assert_eq!(property_from_json(object(&fragment)).unwrap().schema, *object(&fragment));
    for body in [json!({"title": "t", "type": "string"}), json!({"name": "p", "type": "string"})] {
        assert!(matches!(property_from_json(object(&body)), Err(Error::Invalid(_))), "{body}");
    }
    let confidential = json!({"name": "p", "title": "t", "type": "string", "confidential": true});
    assert!(matches!(property_from_json(object(&confidential)), Err(Error::Invalid(_))));
    assert!(matches!(tag_from_json(object(&json!({"name": "t", "x": 1}))), Err(Error::Invalid(_))));
    assert!(matches!(tag_from_json(object(&json!({"name": "t", "created_at": 1}))), Err(Error::Forbidden(_))));
    assert!(matches!(object_from_json(object(&json!({"name": "o", "self": 1}))), Err(Error::Forbidden(_))));
    let secret = json!({"name": "o", "properties": {"p": {"title": "t", "type": "string", "confidential": true}}});
    assert!(matches!(new_object_from_json(object(&secret)), Err(Error::Invalid(_))));
    assert_eq!(object_from_json(object(&secret)).unwrap().properties["p"]["confidential"], true);
    assert!(matches!(association_from_json(object(&json!({"name": "r", "prefix": 1}))), Err(Error::Invalid(_))));
    for body in [
        json!({}),
        json!({"tags": ["x"]}),
        json!({"tags": [], "x": 1}),
        json!({"tags": [{"name": 1}]}),
        json!({"tags": [{"name": "t", "created_at": "x"}]}),
    ] {
        assert!(matches!(NewTags::from_json(object(&body)), Err(Error::Invalid(_))), "{body}");
    }
    assert_eq!(NewTags::from_json(object(&json!({"tags": []}))).unwrap().0, []);
}

/// Section "JSON" of `hardening.md`.
#[test]
fn a_request_holds_so_many_things_of_a_kind() {
    let tags = |count: usize| (0..count).map(|n| json!({"name": n.to_string()})).collect::<Vec<_>>();
    let schemas = |count: usize| -> Map<String, Value> {
        (0..count).map(|n| (n.to_string(), json!({"title": "t", "type": "string"}))).collect()
    };
    let names = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
    let over = |refused: Result<(), Error>| matches!(refused, Err(Error::OverLimit(_)));
    for (count, is_over) in [(MAX_AT_ONCE, false), (MAX_AT_ONCE + 1, true)] {
        let body = json!({ "tags": tags(count) });
        assert_eq!(over(NewTags::from_json(object(&body)).map(drop)), is_over);
        for (key, value) in [
            ("tags", json!(tags(count))),
            ("objects", json!(tags(count))),
            ("resource_type_associations", json!(tags(count))),
            ("properties", json!(schemas(count))),
        ] {
            let body = json!({"namespace": "n", key: value});
            assert_eq!(over(NewNamespace::from_json(object(&body)).map(drop)), is_over, "{key}");
        }
        for (key, value) in [("properties", json!(schemas(count))), ("required", json!(names(count)))] {
            let body = json!({"name": "o", key: value});
            assert_eq!(over(object_from_json(object(&body)).map(drop)), is_over, "{key}");
        }
    }
}

#[test]
fn what_says_nothing_against_a_value_is_no_fault() {
    let problems = |properties: Value| check("Image", None, object(&properties), &[whole(&processor())]);
    assert!(problems(json!({"hw_odd": "y", "x": 1})).iter().all(|finding| !finding.problem.is_fault()));
    assert!(problems(json!({"hw_cores": 0})).iter().all(|finding| finding.problem.is_fault()));
}

fn findings(resource_type: &str, target: Option<&str>, properties: &Value) -> Vec<String> {
    let found = check(resource_type, target, object(properties), &[whole(&processor())]);
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn values_that_fit_their_definitions_are_found_good() {
    for properties in [
        json!({}),
        json!({"hw_cores": "4", "hw_mode": "host", "hw_id": "abc", "hw_flag": "True"}),
        json!({"hw_cores": 64, "hw_flag": false, "hw_features": ["a", "b"], "hw_size": 1.5}),
        json!({"hw_features": "a, b", "hw_mode": "<or> host <or> custom"}),
        json!({"hw_needs": "<all-in> fpu vme"}),
        json!({"hw_needs": " <all-in> fpu <all-in> vme"}),
        json!({"hw_needs": "<in> a b"}),
        json!({"hw_size": "3", "hw_ways": "2"}),
    ] {
        assert_eq!(findings("Image", None, &properties), Vec::<String>::new(), "{properties}");
    }
}

#[test]
fn values_that_do_not_fit_are_named() {
    for (properties, problem) in [
        (json!({"hw_cores": "x"}), "hw_cores: is not of the type integer (Processor)"),
        (json!({"hw_cores": "1.5"}), "hw_cores: is not of the type integer (Processor)"),
        (json!({"hw_cores": "0"}), "hw_cores: is out of range (Processor)"),
        (json!({"hw_cores": 65}), "hw_cores: is out of range (Processor)"),
        (json!({"hw_mode": "guest"}), "hw_mode: is none of host, custom (Processor)"),
        (json!({"hw_mode": "<or> host <or> x"}), "hw_mode: is none of host, custom (Processor)"),
        (json!({"hw_needs": "<all-in> fpu vmx"}), "hw_needs: is none of fpu, vme, a b (Processor)"),
        (json!({"hw_needs": "<in> fpu vme"}), "hw_needs: is none of fpu, vme, a b (Processor)"),
        (json!({"hw_odd": "y"}), "hw_odd: cannot be held against (?<=x, which is not understood (Processor)"),
        (json!({"hw_odd": {}}), "hw_odd: is not of the type string (Processor)"),
        (json!({"hw_id": "a"}), "hw_id: is too short or too long (Processor)"),
        (json!({"hw_id": "abcde"}), "hw_id: is too short or too long (Processor)"),
        (json!({"hw_id": "AB"}), "hw_id: does not match ^[a-z]+$ (Processor)"),
        (json!({"hw_flag": "maybe"}), "hw_flag: is not of the type boolean (Processor)"),
        (json!({"hw_features": "a,c"}), "hw_features: is none of a, b (Processor)"),
        (json!({"hw_features": ["a", "a"]}), "hw_features: has too few items, too many, or one twice (Processor)"),
        (json!({"hw_ways": 1}), "hw_size: cache needs it (Processor)"),
        (json!({"cores": 1}), "cores: no definition knows it"),
    ] {
        assert_eq!(findings("Image", None, &properties), [problem], "{properties}");
    }
}

#[test]
fn definitions_count_for_their_types_and_targets() {
    assert_eq!(findings("Flavor", None, &json!({"hw:cores": 0})), ["hw:cores: is out of range (Processor)"]);
    assert_eq!(findings("Server", None, &json!({"cores": 0})), ["cores: is out of range (Processor)"]);
    assert_eq!(findings("Volume", Some("image"), &json!({"hw_cores": 0})), ["hw_cores: is out of range (Processor)"]);
    assert_eq!(findings("Volume", Some("metadata"), &json!({"hw_cores": 0})), ["hw_cores: no definition knows it"]);
    assert_eq!(findings("none", None, &json!({"hw_cores": 0})), ["hw_cores: no definition knows it"]);
}
