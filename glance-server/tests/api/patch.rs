use http::StatusCode;
use serde_json::json;

use crate::support::{ADMIN, ALICE, BOB, Lab, RITA, V20, V21};

#[tokio::test]
async fn both_patch_documents_change_an_image() {
    let lab = Lab::new();
    let id = lab.queued(ALICE, &json!({"arch": "x86"})).await;
    let steps = json!([
        {"op": "replace", "path": "/name", "value": "new"},
        {"op": "add", "path": "/a~1b", "value": "v"},
        {"op": "remove", "path": "/arch"},
    ]);
    let answer = lab.patch(ALICE, &id, &steps).await;
    assert_eq!(answer.status, StatusCode::OK);
    let image = answer.value();
    assert_eq!((&image["name"], &image["a/b"], image.get("arch")), (&json!("new"), &json!("v"), None));
    let old = json!([{"replace": "/name", "value": "newer"}]).to_string();
    let answer = lab.text(ALICE, &format!("PATCH /v2/images/{id}"), &format!("{V20}; charset=UTF-8"), &old).await;
    assert_eq!(answer.value()["name"], "newer");
}

#[tokio::test]
async fn the_old_document_adds_no_field_again_whatever_its_value() {
    let lab = Lab::with(|rules| rules.image_tag_quota = Some(2), |_| {});
    let id = lab.queued(ALICE, &json!({})).await;
    for tags in [json!([]), json!(["a", "b", "c"])] {
        let old = json!([{"add": "/tags", "value": tags}]).to_string();
        assert_eq!(lab.text(ALICE, &format!("PATCH /v2/images/{id}"), V20, &old).await.status, 409, "{old}");
        let new = json!([{"op": "add", "path": "/tags", "value": tags}]);
        assert_eq!(lab.patch(ALICE, &id, &new).await.status, if tags == json!([]) { 200 } else { 413 });
    }
}

#[tokio::test]
async fn other_media_types_are_answered_with_those_there_are() {
    let lab = Lab::new();
    let id = lab.queued(ALICE, &json!({})).await;
    let line = format!("PATCH /v2/images/{id}");
    for answer in [
        lab.text(ALICE, &line, "application/json", "[]").await,
        lab.text(ALICE, &line, "application/openstack-images-v2.3-json-patch", "[]").await,
        lab.ask_with(ALICE, &line, &[("content-length", "2")], "[]").await,
    ] {
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(answer.header("accept-patch"), Some(format!("{V20}, {V21}").as_str()));
    }
}

/// `images.md` section 5.
#[tokio::test]
async fn patches_that_may_not_be_are_refused_whole() {
    let lab = Lab::with(|rules| rules.image_property_quota = Some(2), |_| {});
    let id = lab.queued(ALICE, &json!({"arch": "x86", "visibility": "community"})).await;
    let before = lab.image(ALICE, &id).await;
    let step = |op: &str, path: &str| json!({"op": op, "path": path, "value": "x"});
    for (who, step, status) in [
        (ALICE, step("replace", "/id"), 403),
        (ALICE, step("remove", "/name"), 403),
        (ALICE, step("add", "/os_glance_x"), 403),
        (ALICE, step("add", "/owner"), 403),
        (ALICE, step("replace", "/missing"), 409),
        (ALICE, step("move", "/name"), 400),
        (ALICE, step("add", "/a/b"), 400),
        (ALICE, step("add", "/min_disk"), 400),
        (ALICE, json!({"op": "add", "path": 5, "value": "x"}), 400),
        (ALICE, json!("x"), 400),
        (ALICE, json!({"op": "replace", "path": "/visibility", "value": "public"}), 403),
        (BOB, step("replace", "/name"), 403),
        (RITA, step("replace", "/name"), 403),
    ] {
        let steps = json!([{"op": "add", "path": "/first", "value": "v"}, step]);
        assert_eq!(lab.patch(who, &id, &steps).await.status, status, "{steps}");
    }
    let many: Vec<_> = (0..3).map(|at| step("add", &format!("/p{at}"))).collect();
    assert_eq!(lab.patch(ALICE, &id, &json!(many)).await.status, 413);
    assert_eq!(lab.image(ALICE, &id).await, before);
}

#[tokio::test]
async fn what_is_wrong_with_a_patch_comes_before_what_is_wrong_with_the_image() {
    let lab = Lab::new();
    for (steps, status) in [
        (json!([{"op": "replace", "path": "/status", "value": "x"}]), 403),
        (json!([{"op": "replace", "path": "/protected", "value": "x"}]), 400),
        (json!([{"op": "replace", "path": "/name", "value": "x"}]), 404),
        (json!([]), 404),
    ] {
        assert_eq!(lab.patch(ALICE, "no-image", &steps).await.status, status, "{steps}");
    }
}

#[tokio::test]
async fn a_patch_has_a_longest_length() {
    let lab = Lab::new();
    let id = lab.queued(ALICE, &json!({})).await;
    let steps = vec![json!({"op": "add", "path": "/a", "value": "v"}); 1001];
    assert_eq!(lab.patch(ALICE, &id, &json!(steps)).await.status, 413);
}

#[tokio::test]
async fn an_administrator_gives_an_image_away() {
    let lab = Lab::new();
    let id = lab.queued(ALICE, &json!({})).await;
    let steps = json!([{"op": "replace", "path": "/owner", "value": "b"}]);
    assert_eq!(lab.patch(ADMIN, &id, &steps).await.value()["owner"], "b");
    assert_eq!(lab.ask(ALICE, &format!("GET /v2/images/{id}")).await.status, 404);
}
