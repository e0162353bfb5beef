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
async fn a_single_store_has_no_copies() {
    let lab = Lab::single();
    let id = lab.active(ALICE, "data").await;
    assert_eq!(lab.ask(ADMIN, &format!("DELETE /v2/stores/one/{id}")).await.status, 404);
}
