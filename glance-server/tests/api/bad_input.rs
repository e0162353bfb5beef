//! Bad input gets the status it deserves: never a 500, never a panic, nothing lost.

use http::StatusCode;
use proptest::prelude::*;
use serde_json::json;

use crate::support::{ADMIN, ALICE, Lab, V21, VISITOR};

#[tokio::test]
async fn bodies_that_are_no_json_are_refused_everywhere() {
    let lab = Lab::new();
    let id = lab.queued(ALICE, &json!({})).await;
    let image = lab.image(ALICE, &id).await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let bodies = [
        "",
        "{bad",
        "\"text\"",
        "12",
        "null",
        "\u{feff}{}",
        "{\"name\": \"x\", \"name\": \"y\"}",
        "{\"a\": NaN}",
        "{\"a\": 1e999}",
        "{\"a\": \"\\ud800\"}",
        "{\"a\": \"\\u0000\"}",
        &deep,
    ];
    for body in bodies {
        for (line, media_type) in [
            ("POST /v2/images".to_owned(), "application/json"),
            (format!("PATCH /v2/images/{id}"), V21),
            (format!("POST /v2/images/{id}/members"), "text/plain"),
            (format!("PUT /v2/images/{id}/members/b"), "application/json"),
        ] {
            let answer = lab.text(ALICE, &line, media_type, body).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{line} {body:.60}");
        }
    }
    assert_eq!(lab.image(ALICE, &id).await, image);
}

#[tokio::test]
async fn the_wrong_type_at_the_top_is_refused() {
    let lab = Lab::new();
    let id = lab.queued(ALICE, &json!({})).await;
    assert_eq!(lab.text(ALICE, "POST /v2/images", "application/json", "[]").await.status, 400);
    assert_eq!(lab.text(ALICE, &format!("PATCH /v2/images/{id}"), V21, "{}").await.status, 400);
    assert_eq!(lab.text(ALICE, &format!("POST /v2/images/{id}/members"), "x/y", "[]").await.status, 400);
}

#[tokio::test]
async fn long_bodies_are_refused() {
    let lab = Lab::with(|_| {}, |options| options.max_json_body = 1000);
    let body = json!({"a": "x".repeat(1000)}).to_string();
    assert_eq!(lab.text(ALICE, "POST /v2/images", "application/json", &body).await.status, 413);
    let chunked = [("transfer-encoding", "chunked")];
    assert_eq!(lab.ask_with(ALICE, "POST /v2/images", &chunked, body).await.status, 413);
    assert_eq!(lab.ask_with(ALICE, "POST /v2/images", &chunked, "{}").await.status, 201);
}

#[tokio::test]
async fn paths_that_are_no_text_are_refused() {
    let lab = Lab::new();
    for (line, status) in [
        ("GET /v2/images/%ff", 400),
        ("GET /v2/images/%c3%28/file", 400),
        ("GET /v2/images/%00", 404),
        ("GET /v2/images/%0d%0aX:%20y", 404),
        ("GET /v2/images/%e2%80%a8", 404),
        ("GET /v2/images/..%2f..%2fetc", 404),
        ("GET /v2/images?name=%ff", 400),
        ("GET /v2/images?name=%00", 200),
    ] {
        assert_eq!(lab.ask(ALICE, line).await.status, status, "{line}");
    }
}

#[tokio::test]
async fn accepted_spellings_of_a_body_are_not_refused() {
    let lab = Lab::new();
    for media_type in ["application/json", "text/plain", "x"] {
        assert_eq!(lab.text(ALICE, "POST /v2/images", media_type, "{}").await.status, 201, "{media_type}");
    }
}

/// A request of words that mean something here, in an order that may not.
fn any_request() -> impl Strategy<Value = (String, String, String)> {
    let method = prop::sample::select(vec!["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "LINK"]);
    let segment = prop::sample::select(vec![
        "v2",
        "images",
        "ID",
        "file",
        "members",
        "tags",
        "b",
        "actions",
        "deactivate",
        "schemas",
        "image",
        "info",
        "stores",
        "detail",
        "fast",
        "%ff",
        "%00",
        "",
        "versions",
        "healthcheck",
    ]);
    let value = prop::sample::select(vec![
        "a",
        "in:a,b",
        "in:\"",
        "gt:2000",
        "-1",
        "asc",
        "name:asc",
        "%ff",
        "all",
        "public",
        "99999999999999999999",
    ]);
    let key = prop::sample::select(vec![
        "name",
        "limit",
        "marker",
        "sort",
        "sort_key",
        "sort_dir",
        "tag",
        "visibility",
        "size_min",
        "created_at",
        "prefer",
        "member_status",
        "os_hidden",
        "p",
    ]);
    let query = prop::collection::vec((key, value), 0..4);
    let body = prop::sample::select(vec![
        "",
        "{}",
        "[]",
        "[{}]",
        "{\"member\": 5}",
        "{\"status\": []}",
        "{\"name\": null, \"x\": {}}",
        "[[]]",
        "{",
        "[{\"op\": \"add\", \"path\": \"/locations/-\", \"value\": {\"url\": \"x\", \"metadata\": {}}}]",
        "[{\"op\": \"replace\", \"path\": \"/tags\", \"value\": [1]}]",
    ]);
    (method, prop::collection::vec(segment, 0..6), query, body).prop_map(|(method, path, query, body)| {
        let query: Vec<_> = query.iter().map(|(key, value)| format!("{key}={}", value.replace('"', "%22"))).collect();
        let path = format!("/{}?{}", path.join("/"), query.join("&"));
        (method.to_owned(), path, body.to_owned())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn no_request_makes_the_server_fail((method, path, body) in any_request()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answer = runtime.block_on(async {
            let lab = Lab::new();
            let id = lab.active(ALICE, "data").await;
            let line = format!("{method} {}", path.replace("ID", &id));
            lab.text(ADMIN, &line, V21, &body).await
        });
        prop_assert!(!answer.status.is_server_error() || answer.status == StatusCode::NOT_IMPLEMENTED, "{answer:?}");
    }
}

/// As with the Python server, faults that only a database would find are told to those who may do what they ask for.
#[tokio::test]
async fn who_may_not_is_told_that_first() {
    let lab = Lab::new();
    for bad in [json!({"min_disk": -1}), json!({"min_ram": 2_147_483_648_u64}), json!({"name": "\u{1F600}"})] {
        assert_eq!(lab.json(VISITOR, "POST /v2/images", &bad).await.status, 403, "{bad}");
        assert_eq!(lab.json(ALICE, "POST /v2/images", &bad).await.status, 400, "{bad}");
    }
    for query in ["size_max=x", "marker=x", "name=x:y", "created_at=x"] {
        assert_eq!(lab.ask(VISITOR, &format!("GET /v2/images?{query}")).await.status, 403, "{query}");
        assert_eq!(lab.ask(ALICE, &format!("GET /v2/images?{query}")).await.status, 400, "{query}");
    }
    for query in
        ["limit=x", "protected=x", "os_hidden=x", "visibility=x", "member_status=x", "sort=x", "changes-since=x"]
    {
        assert_eq!(lab.ask(VISITOR, &format!("GET /v2/images?{query}")).await.status, 400, "{query}");
    }
}

/// Of what a patch says of a field, the last counts; and a step that cannot be done comes before a value nobody keeps.
#[tokio::test]
async fn what_a_patch_leaves_behind_is_judged_at_its_end() {
    let lab = Lab::new();
    let id = lab.queued(ALICE, &json!({"colour": "red"})).await;
    let set = |name: &str, value: serde_json::Value| json!({"op": "add", "path": format!("/{name}"), "value": value});
    let missing = json!({"op": "remove", "path": "/missing"});
    let emoji = set("colour", "\u{1F600}".into());
    for (patch, status) in [
        (json!([emoji, missing]), 409),
        (json!([emoji]), 400),
        (json!([emoji, set("colour", "blue".into())]), 200),
        (json!([emoji, {"op": "remove", "path": "/colour"}]), 200),
        (json!([set("min_disk", 2_147_483_648_u64.into()), missing]), 409),
        (json!([set("min_disk", (-1).into()), missing]), 400),
        (json!([set("min_disk", 2_147_483_648_u64.into())]), 400),
        (json!([set("min_disk", 2_147_483_648_u64.into()), set("min_disk", 5.into())]), 200),
    ] {
        let answer = lab.text(ALICE, &format!("PATCH /v2/images/{id}"), V21, &patch.to_string()).await;
        assert_eq!(answer.status, status, "{patch}");
    }
    assert_eq!(lab.image(ALICE, &id).await["min_disk"], 5);
}

/// In a list of tags, each counts, also one that was there before.
#[tokio::test]
async fn repeated_tags_count() {
    let lab = Lab::new();
    let tags = |count: usize| vec!["a"; count];
    let id = lab.queued(ALICE, &json!({"tags": tags(128)})).await;
    assert_eq!(lab.image(ALICE, &id).await["tags"], json!(["a"]));
    assert_eq!(lab.json(ALICE, "POST /v2/images", &json!({"tags": tags(129)})).await.status, 413);
    let patch = |count| json!([{"op": "replace", "path": "/tags", "value": tags(count)}]).to_string();
    let line = format!("PATCH /v2/images/{id}");
    assert_eq!(lab.text(ALICE, &line, V21, &patch(129)).await.status, 413);
    assert_eq!(lab.text(ALICE, &line, V21, &patch(128)).await.status, 200);
}
