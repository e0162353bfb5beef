//! The schema of a metadata property, as events tell it.

use serde_json::{Map, Value};

/// What is told of a schema, in JSON Schema's words.
const KEYS: [&str; 16] = [
    "type",
    "title",
    "description",
    "default",
    "minimum",
    "maximum",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "confidential",
    "items",
    "uniqueItems",
    "minItems",
    "maxItems",
    "additionalItems",
];

/// Every key, with null for what `schema` does not say.
pub(super) fn told(schema: &Map<String, Value>) -> Map<String, Value> {
    KEYS.into_iter().map(|key| (key.to_owned(), schema.get(key).cloned().unwrap_or_default())).collect()
}

/// The property `name` of an object, which is told with its name. As in the Python server, what is empty, zero or
/// false is told as null.
pub(super) fn of_object(name: &str, schema: &Value) -> Value {
    let said = |value: &Value| match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(object) => !object.is_empty(),
    };
    let mut all = schema.as_object().map_or_else(|| told(&Map::new()), told);
    for value in all.values_mut().filter(|value| !said(value)) {
        *value = Value::Null;
    }
    all.insert("name".to_owned(), name.into());
    Value::Object(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_schema_is_told_with_all_its_keys() {
        let schema = json!({"type": "integer", "minimum": 0, "enum": [], "more": 1});
        let told = told(schema.as_object().unwrap());
        assert_eq!(told.len(), KEYS.len());
        assert_eq!((&told["type"], &told["minimum"], &told["enum"]), (&json!("integer"), &json!(0), &json!([])));
        assert_eq!(told["title"], Value::Null);
    }

    #[test]
    fn what_says_nothing_of_an_objects_property_is_null() {
        let told = of_object(
            "p",
            &json!({"type": "string", "minimum": 0, "enum": [], "title": "", "confidential": false, "default": 1.5, "items": {}}),
        );
        let null: Vec<_> = ["minimum", "enum", "title", "confidential", "items"].map(|key| told[key].is_null()).into();
        assert_eq!((null, &told["name"], &told["default"]), (vec![true; 5], &json!("p"), &json!(1.5)));
        assert_eq!(of_object("p", &Value::Null).as_object().unwrap().len(), KEYS.len() + 1);
    }
}
