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
