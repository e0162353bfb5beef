use std::sync::Arc;

use glance_core::image::CustomProperties;
use serde_json::{Value, json};

use crate::support::{ALICE, Lab, NOBODY, formats};

#[tokio::test]
async fn the_image_schema_publishes_the_configured_formats() {
    let lab = Lab::new();
    let schema = lab.ask(ALICE, "GET /v2/schemas/image").await.value();
    let expected: Vec<Value> =
        std::iter::once(Value::Null).chain(formats().disk.into_iter().map(Value::from)).collect();
    assert_eq!(schema["properties"]["disk_format"]["enum"], json!(expected));
    assert_eq!(schema["properties"]["disk_format"]["type"], json!(["null", "string"]));
    assert_eq!(schema["additionalProperties"], json!({"type": "string"}));
    assert_eq!(schema["properties"].as_object().unwrap().len(), 25);
    let images = lab.ask(ALICE, "GET /v2/schemas/images").await.value();
    assert_eq!(images["properties"]["images"]["items"], schema);
}

/// `schemas.md` section 2.
#[tokio::test]
async fn properties_of_the_operator_are_published_and_held_to() {
    let file = json!({"properties": {
        "kernel_id": {"type": ["null", "string"], "pattern": "^[0-9a-f]{8}$"},
        "policy": {"type": "string", "enum": ["keep", "delete"]},
        "cores": {"type": "integer"},
    }, "required": ["policy"]});
    let custom = CustomProperties::parse(file.as_object().unwrap()).unwrap();
    let lab = Lab::with(|settings| settings.custom_properties = Some(Arc::new(custom)), |_| {});
    let schema = lab.ask(ALICE, "GET /v2/schemas/image").await.value();
    assert_eq!(schema["properties"]["cores"], json!({"type": "integer", "is_base": false}));
    assert_eq!(schema["required"], json!(["policy"]));
    for (body, status) in [
        (json!({}), 400),
        (json!({"policy": "other"}), 400),
        (json!({"policy": "keep", "kernel_id": "x"}), 400),
        (json!({"policy": "keep", "cores": "4"}), 400),
        (json!({"policy": "keep", "free": null}), 400),
        (json!({"policy": "keep", "free": "text"}), 201),
    ] {
        assert_eq!(lab.json(ALICE, "POST /v2/images", &body).await.status, status, "{body}");
    }
    let id = lab.queued(ALICE, &json!({"policy": "keep", "kernel_id": null, "cores": 4})).await;
    let image = lab.image(ALICE, &id).await;
    assert_eq!((&image["kernel_id"], &image["cores"]), (&json!(null), &json!("4")));
    for (name, value, status) in [
        ("kernel_id", json!("0123abcd"), 200),
        ("kernel_id", json!("0123"), 400),
        ("policy", json!("delete"), 200),
        ("policy", json!(null), 400),
        ("cores", json!([4]), 400),
        // What must be said of a new image need not be said again.
        ("name", json!("other"), 200),
    ] {
        let steps = json!([{"op": "add", "path": format!("/{name}"), "value": value}]);
        assert_eq!(lab.patch(ALICE, &id, &steps).await.status, status, "{name} {value}");
    }
}

#[tokio::test]
async fn every_schema_names_itself_and_no_one_else_knows_them() {
    let lab = Lab::new();
    for name in ["image", "images", "member", "members", "task", "tasks"] {
        let line = format!("GET /v2/schemas/{name}");
        assert_eq!(lab.ask(ALICE, &line).await.value()["name"], name);
        assert_eq!(lab.ask(NOBODY, &line).await.status, 401);
    }
    assert_eq!(lab.ask(ALICE, "GET /v2/schemas/nothing").await.status, 404);
}

#[tokio::test]
async fn bodies_are_refused_where_they_are_not_ignored() {
    let lab = Lab::new();
    for (name, body, status) in
        [("image", "{}", 400), ("members", "{}", 400), ("task", "{}", 200), ("task", "{bad", 400), ("tasks", "[]", 200)]
    {
        let answer = lab.text(ALICE, &format!("GET /v2/schemas/{name}"), "application/json", body).await;
        assert_eq!(answer.status, status, "{name} {body}");
    }
}
