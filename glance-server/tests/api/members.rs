use serde_json::{Value, json};

use crate::support::{ADMIN, ALICE, BOB, Lab, RITA};

#[tokio::test]
async fn a_share_is_offered_answered_and_ended() {
    let lab = Lab::new();
    let id = lab.queued(ALICE, &json!({})).await;
    let members = format!("/v2/images/{id}/members");
    let added = lab.json(ALICE, &format!("POST {members}"), &json!({"member": "b"})).await;
    assert_eq!(added.status, 200);
    let member = added.value();
    assert_eq!((&member["member_id"], &member["image_id"]), (&json!("b"), &json!(id)));
    assert_eq!((&member["status"], &member["schema"]), (&json!("pending"), &json!("/v2/schemas/member")));
    assert_eq!(lab.ask(BOB, &format!("GET {members}/b")).await.value(), member);
    assert_eq!(lab.ids(BOB, "").await, Vec::<String>::new());
    let accepted = lab.json(BOB, &format!("PUT {members}/b"), &json!({"status": "accepted"})).await;
    assert_eq!(accepted.value()["status"], "accepted");
    assert_eq!(lab.ids(BOB, "").await, std::slice::from_ref(&id));
    let list = lab.ask(ALICE, &format!("GET {members}")).await.value();
    assert_eq!((list["members"].as_array().unwrap().len(), &list["schema"]), (1, &json!("/v2/schemas/members")));
    assert_eq!(lab.ask(ALICE, &format!("DELETE {members}/b")).await.status, 204);
    assert_eq!(lab.ask(BOB, &format!("GET /v2/images/{id}")).await.status, 404);
}

#[tokio::test]
async fn a_member_that_is_a_number_is_shown_once_as_one() {
    let lab = Lab::new();
    let id = lab.queued(ALICE, &json!({})).await;
    let members = format!("/v2/images/{id}/members");
    let added = lab.json(ALICE, &format!("POST {members}"), &json!({"member": 42})).await;
    assert_eq!(added.value()["member_id"], 42);
    assert_eq!(lab.ask(ALICE, &format!("GET {members}/42")).await.value()["member_id"], "42");
}

/// `members-tags-locations.md` section 1.
#[tokio::test]
async fn calls_on_members_that_may_not_be_are_refused() {
    let lab = Lab::with(|rules| rules.image_member_quota = Some(1), |_| {});
    let id = lab.queued(ALICE, &json!({})).await;
    let members = format!("/v2/images/{id}/members");
    lab.json(ALICE, &format!("POST {members}"), &json!({"member": "b"})).await;
    let (add, answer) = (format!("POST {members}"), format!("PUT {members}/b"));
    let (nobody, unknown) = (format!("PUT {members}/nobody"), "POST /v2/images/bogus/members".to_owned());
    for (who, line, body, status) in [
        (ALICE, &add, json!({"member": "b"}), 409),
        (ALICE, &add, json!({"member": "c"}), 413),
        (ALICE, &add, json!({"member": ""}), 400),
        (ALICE, &add, json!({"member": null}), 400),
        (ALICE, &add, json!({"member": {"x": 1}}), 400),
        (ALICE, &add, json!({"members": "c"}), 400),
        (ALICE, &add, json!(["member"]), 400),
        (ALICE, &add, Value::Null, 400),
        (RITA, &add, json!({"member": "c"}), 403),
        (BOB, &add, json!({"member": "c"}), 403),
        (ALICE, &unknown, json!({"member": "c"}), 404),
        (ALICE, &answer, json!({"status": "accepted"}), 403),
        (BOB, &answer, json!({"status": "bogus"}), 400),
        (BOB, &answer, json!({"status": 5}), 400),
        (BOB, &answer, json!({}), 400),
        (BOB, &answer, json!([]), 400),
        (BOB, &nobody, json!({"status": "bogus"}), 404),
    ] {
        assert_eq!(lab.json(who, line, &body).await.status, status, "{line} {body}");
    }
    for (who, line, status) in [
        (BOB, format!("DELETE {members}/b"), 403),
        (ALICE, format!("DELETE {members}/nobody"), 404),
        (ALICE, format!("GET {members}/nobody"), 404),
        (ALICE, add.clone(), 400),
    ] {
        assert_eq!(lab.ask(who, &line).await.status, status, "{line}");
    }
}

#[tokio::test]
async fn only_shared_images_have_members() {
    let lab = Lab::new();
    let id = lab.queued(ADMIN, &json!({"visibility": "public"})).await;
    let members = format!("/v2/images/{id}/members");
    assert_eq!(lab.ask(ADMIN, &format!("GET {members}")).await.status, 403);
    assert_eq!(lab.ask(ADMIN, &format!("GET {members}/b")).await.status, 404);
    assert_eq!(lab.json(ADMIN, &format!("POST {members}"), &json!({"member": "b"})).await.status, 403);
    assert_eq!(lab.json(ADMIN, &format!("PUT {members}/b"), &json!({"status": "accepted"})).await.status, 403);
    assert_eq!(lab.ask(ADMIN, &format!("DELETE {members}/b")).await.status, 403);
    // Even to those whom policy lets see nothing.
    let no_role = &[("x-identity-status", "Confirmed"), ("x-project-id", "a")];
    assert_eq!(lab.ask(no_role, &format!("GET {members}")).await.status, 403);
    assert_eq!(lab.ask(no_role, &format!("GET /v2/images/{id}")).await.status, 404);
}
