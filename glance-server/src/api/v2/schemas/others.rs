//! The schemas of members and tasks.

use serde_json::{Value, json};

/// `schema` with a description.
pub(super) fn described(description: &str, mut schema: Value) -> Value {
    if let Value::Object(members) = &mut schema {
        members.insert("description".to_owned(), description.into());
    }
    schema
}

pub(super) fn uuid() -> Value {
    json!({
        "type": "string",
        "pattern": "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$",
    })
}

fn text(description: &str) -> Value {
    described(description, json!({ "type": "string" }))
}

fn link() -> Value {
    json!({ "type": "string", "readOnly": true })
}

pub(super) fn member() -> Value {
    json!({ "name": "member", "properties": member_properties() })
}

pub(super) fn members() -> Value {
    list("members", &json!({ "name": "member", "properties": member_properties() }))
}

fn member_properties() -> Value {
    json!({
        "member_id": text("The project the image is shared with"),
        "image_id": described("The id of the image", uuid()),
        "created_at": text("When the image was shared with the project"),
        "updated_at": text("When the share last changed"),
        "status": described(
            "What the project answered",
            json!({ "type": "string", "enum": ["pending", "accepted", "rejected"] }),
        ),
        "schema": link(),
    })
}

pub(super) fn task() -> Value {
    let mut properties = task_properties();
    let optional = json!(["null", "object"]);
    properties["input"] = described("What the task was given", json!({ "type": optional }));
    properties["result"] = described("What came of the task", json!({ "type": optional }));
    properties["message"] = text("What there is to say of the task");
    json!({ "name": "task", "properties": properties })
}

pub(super) fn tasks() -> Value {
    list("tasks", &json!({ "name": "task", "properties": task_properties() }))
}

/// What a task shows in lists.
fn task_properties() -> Value {
    json!({
        "id": described("The id of the task", uuid()),
        "type": described(
            "What kind of task it is",
            json!({ "type": "string", "enum": ["import", "api_image_import", "location_import"] }),
        ),
        "status": described(
            "How far the task is",
            json!({ "type": "string", "enum": ["pending", "processing", "success", "failure"] }),
        ),
        "owner": text("The project that owns the task"),
        "image_id": text("The image the task works on"),
        "request_id": text("The request that began the task"),
        "user_id": text("The user who began the task"),
        "expires_at": described("When the task is forgotten", json!({ "type": ["null", "string"] })),
        "created_at": text("When the task was begun"),
        "updated_at": text("When the task last changed"),
        "self": link(),
        "schema": link(),
    })
}

fn list(name: &str, item: &Value) -> Value {
    json!({
        "name": name,
        "properties": {
            name: { "type": "array", "items": item },
            "schema": { "type": "string" },
        },
        "links": [{ "rel": "describedby", "href": "{schema}" }],
    })
}
