use serde_json::json;

use crate::support::{ALICE, BOB, Lab, RITA};

#[tokio::test]
async fn tags_come_and_go() {
    let lab = Lab::new();
    let id = lab.queued(ALICE, &json!({})).await;
    let path = format!("/v2/images/{id}/tags");
    for _ in 0..2 {
        assert_eq!(lab.ask(ALICE, &format!("PUT {path}/h%C3%A9%20%2B")).await.status, 204);
    }
    assert_eq!(lab.image(ALICE, &id).await["tags"], json!(["hé +"]));
    assert_eq!(lab.ids(ALICE, "tag=h%C3%A9+%2B").await, std::slice::from_ref(&id));
    assert_eq!(lab.ask(ALICE, &format!("DELETE {path}/h%C3%A9%20%2B")).await.status, 204);
    assert_eq!(lab.ask(ALICE, &format!("DELETE {path}/h%C3%A9%20%2B")).await.status, 404);
}

#[tokio::test]
async fn tags_that_may_not_be_are_refused() {
    let lab = Lab::with(|rules| rules.image_tag_quota = Some(1), |_| {});
    let id = lab.queued(ALICE, &json!({"visibility": "community", "tags": ["one"]})).await;
    let path = format!("/v2/images/{id}/tags");
    let long = "t".repeat(256);
    for (who, line, status) in [
        (ALICE, format!("PUT {path}/{long}"), 400),
        (ALICE, format!("PUT {path}/%ff"), 400),
        (ALICE, format!("PUT {path}/a%0Ab"), 404),
        (ALICE, format!("PUT {path}/a%2Fb"), 404),
        (ALICE, format!("PUT {path}/two"), 413),
        (BOB, format!("PUT {path}/x"), 403),
        (BOB, format!("DELETE {path}/one"), 403),
        (RITA, format!("DELETE {path}/one"), 403),
        (ALICE, "PUT /v2/images/bogus/tags/x".to_owned(), 404),
    ] {
        assert_eq!(lab.ask(who, &line).await.status, status, "{line}");
    }
    assert_eq!(lab.image(ALICE, &id).await["tags"], json!(["one"]));
}
