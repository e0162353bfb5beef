//! Properties that some may not see or change.

use glance_core::protection::{PropertyProtections, RuleFormat};
use serde_json::{Value, json};

use crate::support::{ADMIN, ALICE, Lab};

fn lab() -> Lab {
    let text = "[^x_]\ncreate = admin\nread = admin\nupdate = admin\ndelete = admin\n\
                [.*]\ncreate = @\nread = @\nupdate = @\ndelete = @\n";
    let lab = Lab::new();
    lab.glance.set_protections(Some(PropertyProtections::parse(text, RuleFormat::Roles).unwrap()));
    lab
}

fn add(name: &str) -> Value {
    json!([{"op": "add", "path": format!("/{name}"), "value": "new"}])
}

/// `quotas-and-protections.md` section 3, Q14.
#[tokio::test]
async fn a_member_changes_an_image_and_keeps_what_only_administrators_see() {
    let lab = lab();
    let id = lab.queued(ALICE, &json!({"plain": "p"})).await;
    assert_eq!(lab.patch(ADMIN, &id, &add("x_cost")).await.status, 200);
    let patched = lab.patch(ALICE, &id, &add("mine")).await;
    assert_eq!(patched.status, 200);
    assert_eq!(lab.ask(ALICE, &format!("PUT /v2/images/{id}/tags/t")).await.status, 204);
    assert_eq!(lab.upload(ALICE, &id, "data").await.status, 204);
    for (who, expected) in [(ALICE, Value::Null), (ADMIN, json!("new"))] {
        let image = lab.image(who, &id).await;
        assert_eq!((&image["x_cost"], &image["mine"], &image["plain"]), (&expected, &json!("new"), &json!("p")));
    }
    assert!(patched.value().get("x_cost").is_none());
    assert!(lab.ids(ALICE, "x_cost=new").await.is_empty());
    assert_eq!(lab.ids(ADMIN, "x_cost=new").await, [id]);
}

#[tokio::test]
async fn protected_properties_are_refused_by_status() {
    let lab = lab();
    let created = lab.json(ALICE, "POST /v2/images", &json!({"x_cost": "v"})).await;
    assert_eq!(created.status, 403, "{created:?}");
    let id = lab.queued(ALICE, &json!({})).await;
    let steps = |op: &str| json!([{"op": op, "path": "/x_cost", "value": "v"}]);
    assert_eq!(lab.patch(ALICE, &id, &steps("add")).await.status, 403);
    assert_eq!(lab.patch(ADMIN, &id, &steps("add")).await.status, 200);
    for (op, status) in [("add", 403), ("replace", 409), ("remove", 409)] {
        assert_eq!(lab.patch(ALICE, &id, &steps(op)).await.status, status, "{op}");
    }
    assert_eq!(lab.patch(ADMIN, &id, &steps("remove")).await.status, 200);
}
