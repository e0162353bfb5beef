use serde_json::json;

use crate::support::{ADMIN, ALICE, BOB, Lab, RITA, VISITOR};

#[tokio::test]
async fn deactivation_hides_the_data_and_reactivation_shows_it_again() {
    let lab = Lab::new();
    let id = lab.active(ALICE, "data").await;
    let (deactivate, reactivate) =
        (format!("POST /v2/images/{id}/actions/deactivate"), format!("POST /v2/images/{id}/actions/reactivate"));
    for _ in 0..2 {
        assert_eq!(lab.ask(ALICE, &deactivate).await.status, 204);
    }
    // As with the Python server, that comes before what policy says of a look at the image.
    assert_eq!(lab.download(VISITOR, &id, &[]).await.status, 403);
    assert_eq!(lab.download(BOB, &id, &[]).await.status, 404);
    let image = lab.image(ALICE, &id).await;
    assert_eq!((&image["status"], &image["locations"], image.get("stores")), (&json!("deactivated"), &json!([]), None));
    assert_eq!(lab.image(ADMIN, &id).await["stores"], "fast");
    for _ in 0..2 {
        assert_eq!(lab.ask(ALICE, &reactivate).await.status, 204);
    }
    assert_eq!(lab.image(ALICE, &id).await["status"], "active");
}

#[tokio::test]
async fn actions_that_may_not_be_are_refused() {
    let lab = Lab::new();
    let queued = lab.queued(ALICE, &json!({})).await;
    let active = lab.active(ALICE, "data").await;
    for (who, id, status) in
        [(ALICE, &*queued, 403), (RITA, &*active, 403), (BOB, &*active, 404), (ALICE, "bogus", 404)]
    {
        for action in ["deactivate", "reactivate"] {
            let answer = lab.ask(who, &format!("POST /v2/images/{id}/actions/{action}")).await;
            assert_eq!(answer.status, status, "{action} {id}");
        }
    }
    assert_eq!(lab.ask(ALICE, &format!("POST /v2/images/{active}/actions/burn")).await.status, 404);
}
