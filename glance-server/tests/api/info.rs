use serde_json::json;

use crate::support::{ADMIN, ALICE, Lab, NOBODY};

#[tokio::test]
async fn stores_are_listed_for_everybody_and_in_detail_for_administrators() {
    let lab = Lab::new();
    let stores = lab.ask(ALICE, "GET /v2/info/stores").await.value();
    assert_eq!(
        stores,
        json!({"stores": [
            {"id": "fast", "description": "quick", "default": "true"},
            {"id": "cheap"},
            {"id": "web", "read-only": "true"},
        ]})
    );
    assert_eq!(lab.ask(ALICE, "GET /v2/info/stores/detail").await.status, 403);
    let detail = lab.ask(ADMIN, "GET /v2/info/stores/detail").await.value();
    let first = &detail["stores"][0];
    assert_eq!((&first["id"], &first["weight"]), (&json!("fast"), &json!(0)));
    assert!(first["properties"].is_object() && first["type"].is_string());
}

#[tokio::test]
async fn a_single_store_is_not_listed() {
    let lab = Lab::single();
    for line in ["GET /v2/info/stores", "GET /v2/info/stores/detail"] {
        assert_eq!(lab.ask(ALICE, line).await.status, 404, "{line}");
    }
}

#[tokio::test]
async fn import_methods_and_usage_are_told_to_whoever_is_known() {
    let lab = Lab::new();
    let import = lab.ask(ALICE, "GET /v2/info/import").await.value();
    assert_eq!(import["import-methods"]["value"], json!(["glance-direct", "web-download"]));
    assert_eq!(import["import-methods"]["type"], "array");
    assert_eq!(lab.ask(ALICE, "GET /v2/info/usage").await.value(), json!({"usage": {}}));
    assert_eq!(lab.ask(NOBODY, "GET /v2/info/import").await.status, 401);
}
