use serde_json::json;

use crate::support::{ADMIN, ALICE, BOB, Lab};

/// `image-data.md` section 4.
#[tokio::test]
async fn a_copy_is_removed_under_conditions() {
    let lab = Lab::new();
    let (active, queued) = (lab.active(ALICE, "data").await, lab.queued(ALICE, &json!({})).await);
    for (who, line, status) in [
        (ADMIN, format!("DELETE /v2/stores/nostore/{active}"), 409),
        (ADMIN, format!("DELETE /v2/stores/fast/{active}"), 403),
        (ADMIN, format!("DELETE /v2/stores/fast/{queued}"), 409),
        (ALICE, format!("DELETE /v2/stores/fast/{active}"), 403),
        (BOB, format!("DELETE /v2/stores/fast/{active}"), 404),
        (ADMIN, "DELETE /v2/stores/fast/bogus".to_owned(), 404),
        (ADMIN, "DELETE /v2/stores/fast".to_owned(), 404),
    ] {
        assert_eq!(lab.ask(who, &line).await.status, status, "{line}");
    }
}

#[tokio::test]
async fn a_copy_is_removed_and_the_other_is_read() {
    let lab = Lab::new();
    let image = lab.active(ALICE, "data").await;
    // Data of another image in the other store stands for a copy, as an import would make it.
    let other = lab.queued(ALICE, &json!({})).await;
    let uploaded = lab
        .ask_with(
            ALICE,
            &format!("PUT /v2/images/{other}/file"),
            &[("content-type", "application/octet-stream"), ("x-image-meta-store", "cheap")],
            "data",
        )
        .await;
    assert_eq!(uploaded.status, 204);
    let place = lab.image(ALICE, &other).await["locations"][0]["url"].clone();
    let added = json!([{"op": "add", "path": "/locations/-", "value": {"url": place, "metadata": {}}}]);
    assert_eq!(lab.patch(ADMIN, &image, &added).await.status, 200);
    assert_eq!(lab.image(ALICE, &image).await["stores"], "fast,cheap");
    assert_eq!(lab.ask(ALICE, &format!("DELETE /v2/stores/cheap/{image}")).await.status, 403);
    assert_eq!(lab.ask(ADMIN, &format!("DELETE /v2/stores/cheap/{image}")).await.status, 204);
    assert_eq!(lab.image(ALICE, &image).await["stores"], "fast");
    assert_eq!(lab.download(ALICE, &image, &[]).await.text(), "data");
    assert_eq!(lab.ask(ALICE, &format!("GET /v2/images/{other}/file")).await.status, 204, "its data is gone");
    assert_eq!(lab.ask(ADMIN, &format!("DELETE /v2/stores/cheap/{image}")).await.status, 403, "one is left");
}

#[tokio::test]
async fn a_single_store_has_no_copies() {
    let lab = Lab::single();
    let id = lab.active(ALICE, "data").await;
    assert_eq!(lab.ask(ADMIN, &format!("DELETE /v2/stores/one/{id}")).await.status, 404);
}
