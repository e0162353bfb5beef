//! `/v2/schemas/metadefs/…`: what metadata definitions look like.

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use serde_json::{Value, json};

use super::document;
use super::others::described;
use crate::api::Api;
use crate::api::v2::{bodiless, only};

/// The documents, each at its path. They are written once: they follow from nothing.
pub(in crate::api::v2) fn routes() -> Router<Api> {
    let property = with_definitions(property(true), property_definitions());
    let namespace = with_definitions(namespace(), definitions());
    let object = with_definitions(object(), definitions());
    let documents = [
        ("namespaces", list("namespaces", &namespace)),
        ("namespace", namespace),
        ("objects", list("objects", &object)),
        ("object", object),
        ("properties", properties()),
        ("property", property),
        ("tags", list("tags", &tag())),
        ("tag", tag()),
        ("resource_types", list("resource_type_associations", &association())),
        ("resource_type", association()),
    ];
    documents.into_iter().fold(Router::new(), |routes, (name, value)| {
        let text = Bytes::from(value.to_string());
        let show = move || async move { answer(&text) };
        routes.route(&format!("/v2/schemas/metadefs/{name}"), only("GET", bodiless(get(show))))
    })
}

fn answer(text: &Bytes) -> Response {
    document(text)
}

fn namespace() -> Value {
    let text =
        |description: &str, longest: usize| described(description, json!({ "type": "string", "maxLength": longest }));
    json!({
        "name": "namespace",
        "required": ["namespace"],
        "additionalProperties": false,
        "properties": {
            "namespace": text("The name of the namespace, which no other has", 80),
            "display_name": text("What people call the namespace", 80),
            "description": text("What the namespace is about", 500),
            "visibility": described("Who sees the namespace", json!({ "type": "string", "enum": ["public", "private"] })),
            "protected": described("Whether it may not be deleted", json!({ "type": "boolean" })),
            "owner": text("The project the namespace belongs to", 255),
            "created_at": moment("When the namespace was made"),
            "updated_at": moment("When the namespace last changed"),
            "schema": link(),
            "self": link(),
            "resource_type_associations": each(&json!({
                "name": plain(), "prefix": plain(), "properties_target": plain(),
            })),
            "properties": { "$ref": "#/definitions/property" },
            "objects": each(&json!({
                "name": plain(),
                "description": plain(),
                "required": { "$ref": "#/definitions/stringArray" },
                "properties": { "$ref": "#/definitions/property" },
            })),
            "tags": each(&json!({ "name": plain() })),
        },
    })
}

fn object() -> Value {
    json!({
        "name": "object",
        "required": ["name"],
        "additionalProperties": false,
        "properties": {
            "name": { "type": "string", "maxLength": 80 },
            "description": plain(),
            "required": { "$ref": "#/definitions/stringArray" },
            "properties": { "$ref": "#/definitions/property" },
            "schema": link(),
            "self": link(),
            "created_at": moment("When the object was made"),
            "updated_at": moment("When the object last changed"),
        },
    })
}

/// A property, on its own with its name or below it.
fn property(named: bool) -> Value {
    let required = if named { json!(["type", "title", "name"]) } else { json!(["type", "title"]) };
    json!({
        "name": "property",
        "required": required,
        "additionalProperties": false,
        "properties": fragment(),
    })
}

fn properties() -> Value {
    let property = property(false);
    let mut document = json!({
        "name": "properties",
        "properties": {
            "properties": { "type": "object", "additionalProperties": property },
            "first": plain(), "next": plain(), "schema": plain(),
        },
        "links": links(),
    });
    document["definitions"] = property_definitions();
    document
}

fn tag() -> Value {
    json!({
        "name": "tag",
        "required": ["name"],
        "additionalProperties": false,
        "properties": {
            "name": { "type": "string", "maxLength": 80 },
            "created_at": moment("When the tag was made"),
            "updated_at": moment("When the tag last changed"),
        },
    })
}

fn association() -> Value {
    let text = |description: &str| described(description, json!({ "type": "string", "maxLength": 80 }));
    json!({
        "name": "resource_type_association",
        "required": ["name"],
        "additionalProperties": false,
        "properties": {
            "name": text("The name of the resource type, where possible that of Heat"),
            "prefix": text("What stands in front of property names on such a resource, with its separator"),
            "properties_target": text("Which set of properties is meant, where such a resource has several"),
            "created_at": moment("When the resource type was associated"),
            "updated_at": moment("When the association last changed"),
        },
    })
}

/// A list of `item`, whose definitions move to the top.
fn list(name: &str, item: &Value) -> Value {
    let mut item = item.clone();
    let definitions = item.as_object_mut().and_then(|item| item.remove("definitions"));
    let mut document = json!({
        "name": name,
        "properties": {
            name: { "type": "array", "items": item },
            "first": plain(), "next": plain(), "schema": plain(),
        },
        "links": links(),
    });
    if let Some(definitions) = definitions {
        document["definitions"] = definitions;
    }
    document
}

fn links() -> Value {
    json!([
        { "rel": "first", "href": "{first}" },
        { "rel": "next", "href": "{next}" },
        { "rel": "describedby", "href": "{schema}" },
    ])
}

fn with_definitions(mut schema: Value, definitions: Value) -> Value {
    schema["definitions"] = definitions;
    schema
}

fn definitions() -> Value {
    let mut definitions = numbers();
    definitions["stringArray"] = json!({ "type": "array", "items": plain(), "uniqueItems": true });
    definitions["property"] = json!({
        "type": "object",
        "additionalProperties": { "type": "object", "required": ["title", "type"], "properties": fragment() },
    });
    definitions
}

fn property_definitions() -> Value {
    let mut definitions = numbers();
    definitions["stringArray"] = json!({ "type": "array", "items": plain(), "minItems": 1, "uniqueItems": true });
    definitions
}

fn numbers() -> Value {
    json!({
        "positiveInteger": { "type": "integer", "minimum": 0 },
        "positiveIntegerDefault0": { "allOf": [{ "$ref": "#/definitions/positiveInteger" }, { "default": 0 }] },
    })
}

fn fragment() -> Value {
    let kind = json!({
        "type": "string",
        "enum": ["array", "boolean", "integer", "number", "object", "string", null],
    });
    let (least, most) =
        (json!({"$ref": "#/definitions/positiveIntegerDefault0"}), json!({"$ref": "#/definitions/positiveInteger"}));
    json!({
        "name": { "type": "string", "maxLength": 80 },
        "title": plain(),
        "description": plain(),
        "operators": { "type": "array", "items": plain() },
        "type": kind,
        "required": { "$ref": "#/definitions/stringArray" },
        "minimum": { "type": "number" },
        "maximum": { "type": "number" },
        "maxLength": most,
        "minLength": least,
        "pattern": { "type": "string", "format": "regex" },
        "enum": { "type": "array" },
        "readonly": { "type": "boolean" },
        "default": {},
        "items": { "type": "object", "properties": { "type": kind, "enum": { "type": "array" } } },
        "maxItems": most,
        "minItems": least,
        "uniqueItems": { "type": "boolean", "default": false },
        "additionalItems": { "type": "boolean" },
    })
}

fn each(properties: &Value) -> Value {
    json!({ "type": "array", "items": { "type": "object", "properties": properties } })
}

fn plain() -> Value {
    json!({ "type": "string" })
}

fn link() -> Value {
    json!({ "type": "string", "readOnly": true })
}

fn moment(description: &str) -> Value {
    described(description, json!({ "type": "string", "readOnly": true, "format": "date-time" }))
}
