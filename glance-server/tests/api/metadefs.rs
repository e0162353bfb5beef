//! Metadata definitions: `metadefs.md`, section by section.

use serde_json::{Value, json};

use crate::support::{ADMIN, ALICE, Answer, BOB, Lab, NOBODY, Who};

const NAMESPACES: &str = "/v2/metadefs/namespaces";

fn string() -> Value {
    json!({"title": "T", "type": "string"})
}

async fn post(lab: &Lab, who: Who, path: &str, body: &Value) -> Answer {
    lab.json(who, &format!("POST {NAMESPACES}{path}"), body).await
}

async fn put(lab: &Lab, path: &str, body: &Value) -> Answer {
    lab.json(ADMIN, &format!("PUT {NAMESPACES}{path}"), body).await
}

async fn get(lab: &Lab, who: Who, path: &str) -> Answer {
    lab.ask(who, &format!("GET {NAMESPACES}{path}")).await
}

async fn delete(lab: &Lab, who: Who, path: &str) -> u16 {
    lab.ask(who, &format!("DELETE {NAMESPACES}{path}")).await.status.as_u16()
}

async fn made(lab: &Lab, body: &Value) {
    let answer = post(lab, ADMIN, "", body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

fn without_times(mut value: Value) -> Value {
    match &mut value {
        Value::Object(members) => {
            members.retain(|name, _| name != "created_at" && name != "updated_at");
            members.values_mut().for_each(|member| *member = without_times(member.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = without_times(item.take())),
        _ => {}
    }
    value
}

fn full() -> Value {
    json!({
        "namespace": "full", "display_name": "Full", "description": "d", "visibility": "public", "protected": false,
        "resource_type_associations": [{"name": "R", "prefix": "pre_", "properties_target": "image"}],
        "properties": {"p1": {"title": "P", "type": "integer", "minimum": 1.5, "default": 5}},
        "objects": [{"name": "o1", "description": "od", "required": ["q"], "properties": {"q": string()}}],
        "tags": [{"name": "t1"}, {"name": "t2"}],
    })
}

/// The glance client updates a namespace like this: reads it, drops what only the service writes, and sends the rest.
#[tokio::test]
async fn a_namespace_that_was_read_can_be_sent_back() {
    let lab = Lab::new();
    made(&lab, &full()).await;
    let mut read = get(&lab, ADMIN, "/full").await.value();
    for generated in ["self", "schema", "created_at", "updated_at"] {
        read.as_object_mut().unwrap().remove(generated);
    }
    assert!(read["resource_type_associations"][0]["created_at"].is_string(), "{read}");
    assert!(read["objects"][0]["self"].is_string(), "{read}");
    assert_eq!(put(&lab, "/full", &read).await.status, 200);
    read["namespace"] = json!("again");
    assert_eq!(post(&lab, ADMIN, "", &read).await.status, 201);
}

#[tokio::test]
async fn a_namespace_is_made_with_all_that_is_in_it_and_read_back() {
    let lab = Lab::new();
    let created = post(&lab, ADMIN, "", &full()).await;
    assert_eq!(created.status, 201);
    assert_eq!(created.header("location"), Some("http://api.test/v2/metadefs/namespaces/full"));
    let mut expected = full();
    expected["properties"]["p1"] = json!({"title": "P", "type": "integer", "minimum": 1, "default": "5"});
    expected["owner"] = "admins".into();
    expected["self"] = "/v2/metadefs/namespaces/full".into();
    expected["schema"] = "/v2/schemas/metadefs/namespace".into();
    let created = created.value();
    assert_eq!(created["tags"], full()["tags"]);
    assert!(created["created_at"].is_string() && created["updated_at"].is_string());
    assert_eq!(created["objects"][0].get("created_at"), None);
    assert_eq!(without_times(created), expected);
    let shown = get(&lab, ALICE, "/full").await.value();
    assert!(shown["objects"][0]["created_at"].is_string());
    assert!(shown["resource_type_associations"][0]["created_at"].is_string());
    expected["tags"] = json!([{"name": "t2"}, {"name": "t1"}]);
    expected["objects"][0]["self"] = "/v2/metadefs/namespaces/full/objects/o1".into();
    expected["objects"][0]["schema"] = "/v2/schemas/metadefs/object".into();
    assert_eq!(without_times(shown), expected);
    let listed = get(&lab, ALICE, "").await.value();
    assert_eq!(listed["schema"], "/v2/schemas/metadefs/namespaces");
    assert_eq!(listed["first"], NAMESPACES);
    assert_eq!(listed["namespaces"][0]["resource_type_associations"][0]["name"], "R");
    assert!(listed["namespaces"][0].get("properties").is_none());
}

/// Section 6.
#[tokio::test]
async fn a_resource_type_gives_its_prefix() {
    let lab = Lab::new();
    made(&lab, &full()).await;
    let shown = get(&lab, ALICE, "/full?resource_type=R").await.value();
    assert_eq!(shown["properties"].as_object().unwrap().keys().collect::<Vec<_>>(), ["pre_p1"]);
    assert_eq!(shown["objects"][0]["properties"].as_object().unwrap().keys().collect::<Vec<_>>(), ["pre_q"]);
    assert_eq!(shown["objects"][0]["required"], json!(["pre_q"]));
    let plain = get(&lab, ALICE, "/full").await.value();
    for unchanged in ["/full?resource_type=none", "/full?bogus=1"] {
        assert_eq!(get(&lab, ALICE, unchanged).await.value(), plain, "{unchanged}");
    }
    let property = get(&lab, ALICE, "/full/properties/pre_p1?resource_type=R").await;
    assert_eq!((property.status.as_u16(), &property.value()["name"]), (200, &json!("p1")));
    for missing in ["p1?resource_type=R", "pre_p1?resource_type=none", "pre_x?resource_type=R", "pre_p1"] {
        assert_eq!(get(&lab, ALICE, &format!("/full/properties/{missing}")).await.status, 404, "{missing}");
    }
    assert_eq!(get(&lab, ALICE, "/full/properties/p1?bogus=1").await.status, 200);
}

/// Sections 3.1 and 9: what cannot be seen is not there, for whatever is done to it.
#[tokio::test]
async fn namespaces_are_hidden_from_strangers_and_written_by_administrators() {
    let lab = Lab::new();
    made(&lab, &json!({"namespace": "own", "owner": "a"})).await;
    made(&lab, &json!({"namespace": "public", "visibility": "public"})).await;
    assert_eq!(get(&lab, ALICE, "/own").await.status, 200);
    for path in ["/own", "/own/objects", "/own/properties", "/own/tags", "/own/resource_types", "/own/objects/x"] {
        assert_eq!(get(&lab, BOB, path).await.status, 404, "{path}");
        assert_eq!(delete(&lab, BOB, path).await, if path == "/own/resource_types" { 405 } else { 404 }, "{path}");
    }
    assert_eq!(post(&lab, BOB, "/own/objects", &json!({"name": "x"})).await.status, 404);
    for (path, body) in [
        ("", json!({"namespace": "x"})),
        ("/own/objects", json!({"name": "x"})),
        ("/public/objects", json!({"name": "x"})),
        ("/public/properties", json!({"name": "x", "title": "t", "type": "string"})),
        ("/public/tags", json!({"tags": []})),
        ("/public/resource_types", json!({"name": "x"})),
    ] {
        assert_eq!(post(&lab, ALICE, path, &body).await.status, 403, "{path}");
        assert_eq!(post(&lab, NOBODY, path, &body).await.status, 401, "{path}");
    }
    let no_role = &[("x-identity-status", "Confirmed"), ("x-project-id", "a")];
    assert_eq!(get(&lab, no_role, "").await.status, 404);
    assert_eq!(get(&lab, no_role, "/public").await.status, 404);
    let names = |page: Value| -> Vec<Value> {
        page["namespaces"].as_array().unwrap().iter().map(|known| known["namespace"].clone()).collect()
    };
    assert_eq!(names(get(&lab, ALICE, "?sort_key=namespace&sort_dir=asc").await.value()), ["own", "public"]);
    assert_eq!(names(get(&lab, BOB, "").await.value()), ["public"]);
    assert_eq!(get(&lab, BOB, "?marker=own").await.status, 404);
}

/// Section 5.1.
#[tokio::test]
async fn a_namespace_is_replaced_and_renamed() {
    let lab = Lab::new();
    made(&lab, &full()).await;
    made(&lab, &json!({"namespace": "other"})).await;
    let body = json!({"namespace": "renamed", "owner": "b", "tags": [{"name": "ignored"}]});
    let updated = put(&lab, "/full", &body).await;
    assert_eq!(updated.status, 200);
    let expected = json!({"namespace": "renamed", "visibility": "private", "protected": false, "owner": "b",
        "self": "/v2/metadefs/namespaces/renamed", "schema": "/v2/schemas/metadefs/namespace"});
    assert_eq!(without_times(updated.value()), expected);
    assert_eq!(get(&lab, ADMIN, "/full").await.status, 404);
    assert_eq!(get(&lab, BOB, "/renamed").await.value()["tags"][1], full()["tags"][0]);
    assert_eq!(put(&lab, "/renamed", &json!({"namespace": "other"})).await.status, 409);
    assert_eq!(put(&lab, "/none", &json!({"namespace": "x"})).await.status, 404);
    assert_eq!(put(&lab, "/renamed", &json!({"namespace": "renamed"})).await.value()["owner"], "admins");
    assert_eq!(post(&lab, ADMIN, "", &json!({"namespace": "other"})).await.status, 409);
}

/// Section 7, and the cascade of 5.1.
#[tokio::test]
async fn protection_keeps_from_deleting_alone() {
    let lab = Lab::new();
    let mut body = full();
    body["protected"] = true.into();
    made(&lab, &body).await;
    for path in
        ["", "/objects", "/objects/o1", "/properties", "/properties/p1", "/tags", "/tags/t1", "/resource_types/R"]
    {
        assert_eq!(delete(&lab, ADMIN, &format!("/full{path}")).await, 403, "{path}");
    }
    assert_eq!(delete(&lab, ADMIN, "/full/objects/none").await, 404);
    assert_eq!(post(&lab, ADMIN, "/full/objects", &json!({"name": "more"})).await.status, 201);
    assert_eq!(put(&lab, "/full", &json!({"namespace": "full"})).await.status, 200);
    for path in ["/objects/o1", "/properties", "/tags", "/resource_types/R", "/objects", "/objects", ""] {
        assert_eq!(delete(&lab, ADMIN, &format!("/full{path}")).await, 204, "{path}");
    }
    assert_eq!(delete(&lab, ADMIN, "/full").await, 404);
    let types = lab.ask(ALICE, "GET /v2/metadefs/resource_types").await.value();
    assert_eq!(types["resource_types"][0]["name"], "R");
    assert!(types["resource_types"][0].get("protected").is_none());
}

#[tokio::test]
async fn lists_are_sorted_filtered_and_paged() {
    let lab = Lab::new();
    for n in 0..8 {
        let visibility = if n % 2 == 1 { "public" } else { "private" };
        let kind = format!("R{}", n % 2);
        made(
            &lab,
            &json!({"namespace": format!("n::{n}"), "visibility": visibility, "display_name": format!("D{}", 9 - n),
                "resource_type_associations": [{"name": kind}]}),
        )
        .await;
    }
    let names = |page: &Value| -> String {
        let names = page["namespaces"].as_array().unwrap().iter().map(|known| known["namespace"].as_str().unwrap());
        names.map(|name| &name[3..]).collect()
    };
    for (query, expected) in [
        ("?limit=3", "765"),
        ("?limit=3&marker=n::5", "432"),
        ("?limit=0", ""),
        ("?sort_key=namespace&sort_dir=asc&limit=4", "0123"),
        ("?sort_key=display_name&sort_dir=asc", "76543210"),
        ("?sort_key=id", "76543210"),
        ("?visibility=public", "7531"),
        ("?resource_types=R0", "6420"),
        ("?resource_types=R0,R1&limit=2", "76"),
        ("?resource_types=none", ""),
        ("?bogus=x&limit=1", "7"),
    ] {
        assert_eq!(names(&get(&lab, ADMIN, query).await.value()), expected, "{query}");
    }
    for (query, status) in [
        ("?limit=-1", 400),
        ("?limit=x", 400),
        ("?marker=none", 404),
        ("?marker=", 404),
        ("?sort_key=bogus", 400),
        ("?sort_dir=bogus", 400),
        ("?visibility=shared", 400),
    ] {
        assert_eq!(get(&lab, ADMIN, query).await.status, status, "{query}");
    }
    let mut next = format!("{NAMESPACES}?sort_key=namespace&limit=3&sort_dir=asc");
    let mut all = String::new();
    for _ in 0..3 {
        let page = lab.ask(ADMIN, &format!("GET {next}")).await.value();
        assert_eq!(page["first"], format!("{NAMESPACES}?sort_key=namespace&limit=3&sort_dir=asc"));
        all += &names(&page);
        next = page["next"].as_str().unwrap_or_default().to_owned();
    }
    assert_eq!((all.as_str(), next.as_str()), ("01234567", ""));
    let page = get(&lab, ADMIN, "?limit=2").await.value();
    assert_eq!(page["next"], format!("{NAMESPACES}?limit=2&marker=n%3A%3A6"));
}

/// Section 5.2.
#[tokio::test]
async fn objects_are_made_replaced_and_deleted() {
    let lab = Lab::new();
    made(&lab, &json!({"namespace": "n", "visibility": "public"})).await;
    let bare = post(&lab, ADMIN, "/n/objects", &json!({"name": "o1"})).await;
    assert_eq!(bare.status, 201);
    let shown =
        json!({"name": "o1", "self": "/v2/metadefs/namespaces/n/objects/o1", "schema": "/v2/schemas/metadefs/object"});
    assert_eq!(without_times(bare.value()), shown);
    let read = get(&lab, ALICE, "/n/objects/o1").await.value();
    assert_eq!((&read["required"], &read["properties"]), (&json!([]), &json!({})));
    assert_eq!(post(&lab, ADMIN, "/n/objects", &json!({"name": "o1"})).await.status, 409);
    let full = json!({"name": "o2", "description": "d", "required": ["q"], "properties": {"q": string()}});
    assert_eq!(post(&lab, ADMIN, "/n/objects", &full).await.status, 201);
    let listed = get(&lab, ALICE, "/n/objects?limit=1&sort_key=bogus&marker=x").await.value();
    assert_eq!(
        (listed["objects"].as_array().unwrap().len(), &listed["schema"]),
        (2, &json!("v2/schemas/metadefs/objects"))
    );
    for query in ["limit=0", "limit=x", "sort_dir=bogus", "visibility=bogus"] {
        assert_eq!(get(&lab, ALICE, &format!("/n/objects?{query}")).await.status, 400, "{query}");
    }
    assert_eq!(get(&lab, ALICE, "/n/objects?visibility=shared").await.status, 200);
    assert_eq!(put(&lab, "/n/objects/o1", &json!({"name": "o2"})).await.status, 409);
    assert_eq!(put(&lab, "/n/objects/none", &json!({"name": "none"})).await.status, 404);
    assert_eq!(put(&lab, "/n/objects/o2", &json!({"name": "o3"})).await.status, 200);
    let cleared = get(&lab, ALICE, "/n/objects/o3").await.value();
    assert_eq!((cleared.get("description"), &cleared["properties"]), (None, &json!({})));
    assert_eq!(get(&lab, ALICE, "/n/objects/o2").await.status, 404);
    assert_eq!(delete(&lab, ADMIN, "/n/objects/o3").await, 204);
    let bad = json!({"name": "z", "properties": {"q": {"title": "x", "type": "string", "confidential": true}}});
    assert_eq!(post(&lab, ADMIN, "/n/objects", &bad).await.status, 400);
}

/// Section 5.3.
#[tokio::test]
async fn properties_are_made_replaced_and_deleted() {
    let lab = Lab::new();
    made(&lab, &json!({"namespace": "n", "visibility": "public"})).await;
    let sent = json!({"name": "p", "title": "T", "type": "array", "items": {"type": "string", "enum": ["a"]},
        "uniqueItems": true, "minItems": 1, "default": true});
    let created = post(&lab, ADMIN, "/n/properties", &sent).await;
    let mut expected = sent.clone();
    expected["default"] = "True".into();
    assert_eq!((created.status.as_u16(), created.value()), (201, expected.clone()));
    assert_eq!(get(&lab, ALICE, "/n/properties/p").await.value(), expected);
    assert_eq!(get(&lab, ALICE, "/n/properties").await.value(), json!({"properties": {"p": expected}}));
    assert_eq!(post(&lab, ADMIN, "/n/properties", &sent).await.status, 409);
    let other = json!({"name": "q", "title": "T", "type": "string"});
    assert_eq!(put(&lab, "/n/properties/p", &other).await.value(), other);
    assert_eq!(post(&lab, ADMIN, "/n/properties", &sent).await.status, 201);
    assert_eq!(put(&lab, "/n/properties/p", &other).await.status, 409);
    assert_eq!(put(&lab, "/n/properties/p", &string()).await.status, 400);
    assert_eq!(put(&lab, "/n/properties/none", &other).await.status, 404);
    assert_eq!(delete(&lab, ADMIN, "/n/properties/p").await, 204);
    assert_eq!(get(&lab, ALICE, "/n/properties/p").await.status, 404);
}

/// Section 5.4.
#[tokio::test]
async fn resource_types_are_associated() {
    let lab = Lab::new();
    made(&lab, &json!({"namespace": "n", "visibility": "public"})).await;
    let sent = json!({"name": "R1", "prefix": "hw_", "properties_target": "image"});
    let created = post(&lab, ADMIN, "/n/resource_types", &sent).await;
    assert_eq!((created.status.as_u16(), without_times(created.value())), (201, sent.clone()));
    assert_eq!(post(&lab, ADMIN, "/n/resource_types", &sent).await.status, 409);
    let listed = get(&lab, ALICE, "/n/resource_types").await.value();
    assert_eq!(without_times(listed.clone()), json!({"resource_type_associations": [sent]}));
    assert!(listed["resource_type_associations"][0]["updated_at"].is_string());
    assert_eq!(delete(&lab, ADMIN, "/n/resource_types/none").await, 404);
    assert_eq!(delete(&lab, ADMIN, "/n/resource_types/R1").await, 204);
    assert_eq!(get(&lab, ALICE, "/n/resource_types").await.value(), json!({"resource_type_associations": []}));
}

/// Section 5.5.
#[tokio::test]
async fn tags_are_made_alone_and_together() {
    let lab = Lab::new();
    made(&lab, &json!({"namespace": "n", "visibility": "public"})).await;
    let all = async || {
        let listed = get(&lab, ALICE, "/n/tags?sort_key=name&sort_dir=asc").await.value();
        let names = listed["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap().to_owned());
        names.collect::<String>()
    };
    let one = lab.ask(ADMIN, &format!("POST {NAMESPACES}/n/tags/x")).await;
    assert_eq!((one.status.as_u16(), without_times(one.value())), (201, json!({"name": "x"})));
    assert_eq!(lab.ask(ADMIN, &format!("POST {NAMESPACES}/n/tags/x")).await.status, 409);
    assert_eq!(lab.ask(ADMIN, &format!("POST {NAMESPACES}/n/tags/{}", "x".repeat(81))).await.status, 400);
    assert_eq!(lab.ask(ADMIN, &format!("POST {NAMESPACES}/none/tags/x")).await.status, 404);
    let tags = json!({"tags": [{"name": "b"}, {"name": "a"}]});
    let replaced = post(&lab, ADMIN, "/n/tags", &tags).await;
    assert_eq!((replaced.status.as_u16(), replaced.value()), (201, tags));
    assert_eq!(all().await, "ab");
    let append = async |said: &'static str, body: Value| {
        let body = body.to_string();
        let length = body.len().to_string();
        let headers = [("x-openstack-append", said), ("content-length", length.as_str())];
        lab.ask_with(ADMIN, &format!("POST {NAMESPACES}/n/tags"), &headers, body).await.status.as_u16()
    };
    assert_eq!(append("Yes", json!({"tags": [{"name": "c"}]})).await, 201);
    assert_eq!(append("true", json!({"tags": [{"name": "d"}, {"name": "c"}]})).await, 409);
    assert_eq!(append("no", json!({"tags": []})).await, 201);
    assert_eq!(all().await, "abc");
    for (body, status) in [
        (json!({}), 400),
        (json!([]), 400),
        (json!({"tags": ["x"]}), 400),
        (json!({"tags": [{"name": "e"}, {"name": "e"}]}), 409),
        (json!({"tags": [{"name": "n", "bogus": 1}]}), 400),
        (json!({"tags": [{"name": "n", "created_at": "2026-01-01T00:00:00Z"}]}), 400),
        (json!({"tags": vec![json!({"name": "n"}); 1_001]}), 413),
    ] {
        assert_eq!(post(&lab, ADMIN, "/n/tags", &body).await.status, status, "{body}");
    }
    assert_eq!(put(&lab, "/n/tags/a", &json!({"name": "z"})).await.value()["name"], "z");
    assert_eq!(put(&lab, "/n/tags/z", &json!({"name": "b"})).await.status, 409);
    assert_eq!(put(&lab, "/n/tags/none", &json!({"name": "y"})).await.status, 404);
    assert_eq!(
        get(&lab, ALICE, "/n/tags?sort_key=name&limit=1&marker=z").await.value(),
        json!({"tags": [{"name": "c"}]})
    );
    assert_eq!(get(&lab, ALICE, "/n/tags?limit=0").await.value(), json!({"tags": []}));
    for (query, status) in [("limit=x", 400), ("limit=-1", 400), ("marker=none", 404), ("sort_key=bogus", 400)] {
        assert_eq!(get(&lab, ALICE, &format!("/n/tags?{query}")).await.status, status, "{query}");
    }
    assert_eq!(delete(&lab, ADMIN, "/n/tags/z").await, 204);
    assert_eq!(get(&lab, ALICE, "/n/tags/z").await.status, 404);
}

/// Section 3: whatever a client does wrong, it is told so.
#[tokio::test]
async fn hostile_bodies_are_refused() {
    let lab = Lab::new();
    made(&lab, &json!({"namespace": "n", "visibility": "public"})).await;
    for path in ["", "/n/objects", "/n/properties", "/n/resource_types", "/n/tags"] {
        let line = format!("POST {NAMESPACES}{path}");
        for body in ["[]", "\"x\"", "5", "null", "{bad", "{}", "[[[[", "{\"name\": 5, \"namespace\": 5, \"tags\": 5}"] {
            assert_eq!(lab.text(ADMIN, &line, "application/json", body).await.status, 400, "{line} {body}");
        }
        assert_eq!(lab.ask(ADMIN, &line).await.status, 400, "{line}");
        let stamped = lab.text(ADMIN, &line, "application/json", "{\"created_at\": \"x\"}").await;
        assert_eq!(stamped.status, 403, "{line}");
    }
    let plain = lab.text(ADMIN, &format!("POST {NAMESPACES}"), "text/plain", "{\"namespace\": \"t\"}").await;
    assert_eq!(plain.status, 201);
    let odd = lab.text(ADMIN, &format!("POST {NAMESPACES}"), "", "{\"namespace\": \"é\\r\\nx: y/ %?#\"}").await;
    assert_eq!(odd.status, 201);
    let location = odd.header("location").unwrap();
    assert_eq!(location, "http://api.test/v2/metadefs/namespaces/%C3%A9%0D%0Ax:%20y/%20%25%3F%23");
}

/// Section 2.
#[tokio::test]
async fn other_methods_are_told_which_there_are() {
    let lab = Lab::new();
    for (path, allow) in [
        ("/namespaces", "GET, POST"),
        ("/namespaces/n", "GET, PUT, DELETE"),
        ("/namespaces/n/objects", "GET, POST, DELETE"),
        ("/namespaces/n/objects/o", "GET, PUT, DELETE"),
        ("/namespaces/n/properties", "GET, POST, DELETE"),
        ("/namespaces/n/properties/p", "GET, PUT, DELETE"),
        ("/namespaces/n/resource_types", "GET, POST"),
        ("/namespaces/n/resource_types/r", "DELETE"),
        ("/namespaces/n/tags", "GET, POST, DELETE"),
        ("/namespaces/n/tags/t", "GET, POST, PUT, DELETE"),
        ("/resource_types", "GET"),
    ] {
        for method in ["HEAD", "PATCH"] {
            let answer = lab.ask(ADMIN, &format!("{method} /v2/metadefs{path}")).await;
            assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, Some(allow)), "{method} {path}");
        }
    }
    assert_eq!(lab.ask(ADMIN, "GET /v2/metadefs").await.status, 404);
}

/// Section 8.
#[tokio::test]
async fn every_kind_of_definition_has_its_schema() {
    let lab = Lab::new();
    for (path, name) in [
        ("namespace", "namespace"),
        ("namespaces", "namespaces"),
        ("object", "object"),
        ("objects", "objects"),
        ("property", "property"),
        ("properties", "properties"),
        ("tag", "tag"),
        ("tags", "tags"),
        ("resource_type", "resource_type_association"),
        ("resource_types", "resource_type_associations"),
    ] {
        let schema = lab.ask(ALICE, &format!("GET /v2/schemas/metadefs/{path}")).await.value();
        assert_eq!(schema["name"], name);
        assert_eq!(schema["links"].is_array(), path.ends_with('s'), "{path}");
    }
    let namespaces = lab.ask(ALICE, "GET /v2/schemas/metadefs/namespaces").await.value();
    assert!(namespaces["definitions"]["property"].is_object());
    assert!(namespaces["properties"]["namespaces"]["items"].get("definitions").is_none());
}
