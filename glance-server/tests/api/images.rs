use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{ADMIN, ALICE, BOB, Lab, RITA};

const ID: &str = "71c675ab-d94f-49cd-a114-e12490b328d9";

#[tokio::test]
async fn a_created_image_is_shown_with_its_place_and_what_can_be_done_with_it() {
    let lab = Lab::new();
    let body = json!({"id": ID, "name": "n", "tags": ["t"], "arch": "x86"});
    let answer = lab.json(ALICE, "POST /v2/images", &body).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.header("location"), Some(format!("http://api.test/v2/images/{ID}").as_str()));
    assert_eq!(answer.header("openstack-image-import-methods"), Some("glance-direct,web-download"));
    assert_eq!(answer.header("openstack-image-store-ids"), Some("fast,cheap,web"));
    let image = answer.value();
    assert_eq!((&image["status"], &image["owner"], &image["arch"]), (&json!("queued"), &json!("a"), &json!("x86")));
    assert_eq!(image["locations"], json!([]));
    assert_eq!(lab.image(ALICE, ID).await, image);
}

#[tokio::test]
async fn the_answer_to_a_call_repeats_what_was_written() {
    let lab = Lab::new();
    let body = json!({"id": ID, "min_disk": 1.0, "min_ram": 2, "owner": ""});
    let created = lab.json(ADMIN, "POST /v2/images", &body).await.value();
    assert_eq!([&created["min_disk"], &created["min_ram"], &created["owner"]], [&json!(1.0), &json!(2), &json!("")]);
    let kept = lab.image(ADMIN, ID).await;
    assert_eq!([&kept["min_disk"], &kept["min_ram"], &kept["owner"]], [&json!(1), &json!(2), &json!(null)]);

    let set = |name: &str, value: Value| json!({"op": "replace", "path": format!("/{name}"), "value": value});
    let steps = json!([set("min_disk", json!(5.0)), set("min_disk", json!(6)), set("min_ram", json!(3.0))]);
    let patched = lab.patch(ADMIN, ID, &steps).await.value();
    assert_eq!([&patched["min_disk"], &patched["min_ram"], &patched["owner"]], [&json!(6), &json!(3.0), &json!(null)]);
    let answer = lab.text(ADMIN, "POST /v2/images", "application/json", r#"{"min_disk": -0, "min_ram": 0.0}"#).await;
    assert!(answer.text().contains(r#""min_ram":0.0,"min_disk":0,"#), "{}", answer.text());
    let patched = lab.patch(ADMIN, ID, &json!([set("owner", json!("a")), set("owner", json!(""))])).await.value();
    assert_eq!([&patched["min_ram"], &patched["owner"]], [&json!(3), &json!("")]);
    assert_eq!(lab.image(ADMIN, ID).await["owner"], json!(null));
}

#[tokio::test]
async fn headers_that_would_be_empty_are_left_out() {
    let answer = Lab::single().json(ALICE, "POST /v2/images", &json!({})).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.header("openstack-image-import-methods"), None);
    assert_eq!(answer.header("openstack-image-store-ids"), None);
}

/// `errors.md` section 3.1.
#[tokio::test]
async fn bad_images_are_refused() {
    let lab = Lab::with(|rules| (rules.image_property_quota, rules.image_tag_quota) = (Some(2), Some(2)), |_| {});
    lab.queued(ALICE, &json!({"id": ID})).await;
    for (body, status) in [
        (json!({"name": 5}), 400),
        (json!({"disk_format": "exe"}), 400),
        (json!({"min_disk": -1}), 400),
        (json!({"x".repeat(256): "v"}), 400),
        (json!({"id": "no uuid"}), 400),
        (json!({"self": "x"}), 403),
        (json!({"status": "active"}), 403),
        (json!({"locations": []}), 403),
        (json!({"os_glance_x": "x"}), 403),
        (json!({"visibility": "public"}), 403),
        (json!({"owner": "b"}), 403),
        (json!({"id": ID}), 409),
        (json!({"a": "1", "b": "2", "c": "3"}), 413),
        (json!({"tags": ["a", "b", "c"]}), 413),
        // More tags than may be are seen before values that no column holds.
        (json!({"tags": ["a", "b", "c"], "min_disk": 2_147_483_648_u64}), 413),
    ] {
        assert_eq!(lab.json(ALICE, "POST /v2/images", &body).await.status, status, "{body}");
    }
    assert_eq!(lab.json(RITA, "POST /v2/images", &json!({})).await.status, 403);
    assert_eq!(lab.ids(ADMIN, "").await, [ID]);
}

#[tokio::test]
async fn what_the_caller_may_not_see_is_not_there() {
    let lab = Lab::new();
    let id = lab.queued(ALICE, &json!({"visibility": "private"})).await;
    let path = format!("/v2/images/{id}");
    for (who, line, status) in [
        (ALICE, format!("GET {path}"), 200),
        (RITA, format!("GET {path}"), 200),
        (ADMIN, format!("GET {path}"), 200),
        (BOB, format!("GET {path}"), 404),
        (BOB, format!("DELETE {path}"), 404),
        (RITA, format!("DELETE {path}"), 403),
        (ALICE, "GET /v2/images/bogus".to_owned(), 404),
        (ALICE, format!("GET /v2/images/{}", "x".repeat(300)), 404),
    ] {
        assert_eq!(lab.ask(who, &line).await.status, status, "{line}");
    }
}

#[tokio::test]
async fn a_deleted_image_is_gone_and_its_id_stays_taken() {
    let lab = Lab::new();
    lab.queued(ALICE, &json!({"id": ID})).await;
    let answer = lab.ask(ALICE, &format!("DELETE /v2/images/{ID}")).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::NO_CONTENT, 0));
    for who in [ALICE, ADMIN] {
        assert_eq!(lab.ask(who, &format!("GET /v2/images/{ID}")).await.status, 404);
        assert_eq!(lab.ask(who, &format!("DELETE /v2/images/{ID}")).await.status, 404);
    }
    assert_eq!(lab.json(ALICE, "POST /v2/images", &json!({"id": ID})).await.status, 409);
}

#[tokio::test]
async fn a_protected_image_stays() {
    let lab = Lab::new();
    let id = lab.queued(ALICE, &json!({"protected": true})).await;
    assert_eq!(lab.ask(ALICE, &format!("DELETE /v2/images/{id}")).await.status, 403);
    assert_eq!(lab.image(ALICE, &id).await["status"], "queued");
}
