//! The schemas of images and of their list.

use glance_core::image::{CustomProperties, Formats, Schema, Status};
use serde_json::{Map, Value, json};

use super::BadSchemaFile;
use super::others::{described, uuid};

/// The schema of one image: its own fields, and those of `schema-image.json`.
pub(super) fn image(schema: Schema<'_>) -> Result<Value, BadSchemaFile> {
    let mut properties = base(schema.formats);
    for (name, definition) in schema.custom.iter().flat_map(|custom| custom.definitions()) {
        match properties.get(name) {
            Some(own) if own == definition => continue,
            Some(_) => return Err(BadSchemaFile(format!("{name:?} is a field of every image"))),
            None => {}
        }
        let mut definition = definition.as_object().cloned().unwrap_or_default();
        definition.insert("is_base".to_owned(), false.into());
        properties.insert(name.clone(), definition.into());
    }
    let mut document = json!({
        "name": "image",
        "properties": properties,
        "additionalProperties": { "type": "string" },
        "links": [
            { "rel": "self", "href": "{self}" },
            { "rel": "enclosure", "href": "{file}" },
            { "rel": "describedby", "href": "{schema}" },
        ],
    });
    let required = schema.custom.map(CustomProperties::required).filter(|required| !required.is_empty());
    if let (Some(required), Value::Object(document)) = (required, &mut document) {
        document.insert("required".to_owned(), required.into());
    }
    Ok(document)
}

/// The schema of a list of images.
pub(super) fn images(image: &Value) -> Value {
    json!({
        "name": "images",
        "properties": {
            "images": { "type": "array", "items": image },
            "first": { "type": "string" },
            "next": { "type": "string" },
            "schema": { "type": "string" },
        },
        "links": [
            { "rel": "first", "href": "{first}" },
            { "rel": "next", "href": "{next}" },
            { "rel": "describedby", "href": "{schema}" },
        ],
    })
}

fn base(formats: &Formats) -> Map<String, Value> {
    let optional = |kind: &str| json!(["null", kind]);
    let or_null = |names: &[String]| -> Vec<Value> {
        std::iter::once(Value::Null).chain(names.iter().cloned().map(Value::from)).collect()
    };
    let own = [
        ("id", described("The id of the image", uuid())),
        ("name", described("A name for people", json!({ "type": optional("string"), "maxLength": 255 }))),
        (
            "status",
            described(
                "Where the image stands in its life",
                json!({ "type": "string", "readOnly": true, "enum": statuses() }),
            ),
        ),
        (
            "visibility",
            described(
                "Who can see the image",
                json!({ "type": "string", "enum": ["community", "public", "private", "shared"] }),
            ),
        ),
        ("protected", described("Whether the image is kept from being deleted", json!({ "type": "boolean" }))),
        ("os_hidden", described("Whether lists leave the image out", json!({ "type": "boolean" }))),
        (
            "checksum",
            described("MD5 of the data", json!({ "type": optional("string"), "readOnly": true, "maxLength": 32 })),
        ),
        (
            "os_hash_algo",
            described(
                "The algorithm behind os_hash_value",
                json!({ "type": optional("string"), "readOnly": true, "maxLength": 64 }),
            ),
        ),
        (
            "os_hash_value",
            described(
                "Digest of the data in hexadecimal",
                json!({ "type": optional("string"), "readOnly": true, "maxLength": 128 }),
            ),
        ),
        (
            "owner",
            described("The project that owns the image", json!({ "type": optional("string"), "maxLength": 255 })),
        ),
        ("size", described("Bytes of data", json!({ "type": optional("integer"), "readOnly": true }))),
        (
            "virtual_size",
            described(
                "Bytes of the disk that the data describes",
                json!({ "type": optional("integer"), "readOnly": true }),
            ),
        ),
        (
            "container_format",
            described(
                "The format of the envelope",
                json!({ "type": optional("string"), "enum": or_null(&formats.container) }),
            ),
        ),
        (
            "disk_format",
            described("The format of the disk", json!({ "type": optional("string"), "enum": or_null(&formats.disk) })),
        ),
        ("created_at", read_only_text("When the image was registered")),
        ("updated_at", read_only_text("When the image last changed")),
        (
            "tags",
            described(
                "Labels of the image",
                json!({ "type": "array", "items": { "type": "string", "maxLength": 255 } }),
            ),
        ),
        ("direct_url", read_only_text("Where the store keeps the data")),
        ("min_ram", described("MiB of memory that an instance needs", json!({ "type": "integer" }))),
        ("min_disk", described("GiB of disk that an instance needs", json!({ "type": "integer" }))),
        ("self", read_only_text("The path of the image")),
        ("file", read_only_text("The path of the data")),
        ("stores", read_only_text("The stores that keep a copy of the data, separated by commas")),
        ("schema", read_only_text("The path of this schema")),
        ("locations", locations()),
    ];
    own.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

fn statuses() -> Vec<&'static str> {
    use Status::{Active, Deactivated, Deleted, Importing, Killed, PendingDelete, Queued, Saving, Uploading};
    [Queued, Saving, Active, Killed, Deleted, Uploading, Importing, PendingDelete, Deactivated]
        .map(Status::as_str)
        .to_vec()
}

fn read_only_text(description: &str) -> Value {
    described(description, json!({ "type": "string", "readOnly": true }))
}

fn locations() -> Value {
    let validation_data = json!({
        "description": "Digests the data is known to have",
        "type": "object",
        "writeOnly": true,
        "additionalProperties": false,
        "properties": {
            "checksum": { "type": "string", "minLength": 32, "maxLength": 32 },
            "os_hash_algo": { "type": "string", "maxLength": 64 },
            "os_hash_value": { "type": "string", "maxLength": 128 },
        },
        "required": ["os_hash_algo", "os_hash_value"],
    });
    let place = json!({
        "type": "object",
        "properties": {
            "url": { "type": "string", "maxLength": 255 },
            "metadata": { "type": "object" },
            "validation_data": validation_data,
        },
        "required": ["url", "metadata"],
    });
    described("Every place the data can be read from", json!({ "type": "array", "items": place }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(custom: &Value) -> Result<Value, BadSchemaFile> {
        let custom = CustomProperties::parse(custom.as_object().unwrap()).unwrap();
        image(Schema { formats: &Formats::default(), custom: Some(&custom) })
    }

    #[test]
    fn custom_properties_are_marked_as_such() {
        for file in [json!({"arch": {"type": "string"}}), json!({"properties": {"arch": {"type": "string"}}})] {
            let schema = with(&file).unwrap();
            assert_eq!(schema["properties"]["arch"], json!({"type": "string", "is_base": false}));
            assert!(schema.get("required").is_none());
        }
    }

    #[test]
    fn required_properties_are_published() {
        let file = json!({"properties": {"arch": {"type": "string"}}, "required": ["arch"]});
        assert_eq!(with(&file).unwrap()["required"], json!(["arch"]));
        assert!(with(&json!({"properties": {}, "required": []})).unwrap().get("required").is_none());
    }

    #[test]
    fn fields_of_every_image_are_not_redefined() {
        assert!(with(&json!({"name": {"type": "integer"}})).is_err());
        let own = image((&Formats::default()).into()).unwrap()["properties"]["name"].clone();
        assert!(with(&json!({ "name": own })).is_ok());
    }
}
