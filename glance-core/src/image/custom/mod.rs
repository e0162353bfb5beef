//! Properties that an operator defines for all images (`schema-image.json`), and what values they take.
//!
//! Of JSON Schema, what can be said of one text, number or truth value is understood; a definition that says more is
//! refused, because it would not hold.

mod rules;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fields;
use rules::Rules;

/// What an operator says of custom properties.
#[derive(Debug, Clone, Default)]
pub struct CustomProperties {
    definitions: Map<String, Value>,
    rules: BTreeMap<String, Rules>,
    required: Vec<String>,
}

/// A file of custom properties cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadDefinition {
    /// A part of the file is no object, or no list of names.
    #[error("{0:?} is not what it should be: definitions are objects, required is a list of names")]
    Shape(String),
    /// A definition says something that would not be held to.
    #[error("{property:?}: {keyword} is not understood here")]
    Keyword {
        /// The property.
        property: String,
        /// The keyword of JSON Schema, or what is wrong with its value.
        keyword: String,
    },
}

impl CustomProperties {
    /// Reads what the file holds: properties with their definitions, or an object with such `properties` and a list of
    /// those that are `required` of a new image.
    ///
    /// # Errors
    ///
    /// [`BadDefinition`] for the first that cannot be used.
    pub fn parse(file: &Map<String, Value>) -> Result<Self, BadDefinition> {
        let shape = |name: &str| BadDefinition::Shape(name.to_owned());
        let (definitions, required) = match file.get("properties") {
            None => (file.clone(), None),
            Some(Value::Object(properties)) => (properties.clone(), file.get("required")),
            Some(_) => return Err(shape("properties")),
        };
        let mut rules = BTreeMap::new();
        for (name, definition) in &definitions {
            let definition = definition.as_object().ok_or_else(|| shape(name))?;
            let keyword = |keyword: String| BadDefinition::Keyword { property: name.clone(), keyword };
            // What fields are is not for this file to say.
            if !fields::is_base(name) {
                rules.insert(name.clone(), Rules::of(definition).map_err(keyword)?);
            }
        }
        let required = match required {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(names)) => {
                let names = names.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<_>>();
                names.ok_or_else(|| shape("required"))?
            }
            Some(_) => return Err(shape("required")),
        };
        Ok(Self { definitions, rules, required })
    }

    /// The definitions as they are written.
    #[must_use]
    pub fn definitions(&self) -> &Map<String, Value> {
        &self.definitions
    }

    /// What a new image must say.
    #[must_use]
    pub fn required(&self) -> &[String] {
        &self.required
    }

    /// Whether the file defines the property.
    #[must_use]
    pub fn defines(&self, name: &str) -> bool {
        self.rules.contains_key(name)
    }

    /// What is wrong with `value` for the property `name`; of a property that is not defined, that it is no text.
    pub(super) fn fault(&self, name: &str, value: &Value) -> Option<&'static str> {
        match self.rules.get(name) {
            Some(rules) => rules.fault(value),
            None => (!value.is_string()).then_some("must be a text"),
        }
    }

    /// As [`CustomProperties::fault`], of a value as it is kept: a number and a truth value as the text that spells it.
    pub(super) fn fault_kept(&self, name: &str, kept: Option<&str>) -> Option<&'static str> {
        let fault = self.fault(name, &kept.map_or(Value::Null, Value::from))?;
        let spelt = kept.and_then(|text| serde_json::from_str::<Value>(text).ok());
        match spelt.filter(|value| self.defines(name) && (value.is_number() || value.is_boolean())) {
            Some(value) => self.fault(name, &value),
            None => Some(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(file: &Value) -> Result<CustomProperties, BadDefinition> {
        CustomProperties::parse(file.as_object().unwrap())
    }

    #[test]
    fn values_are_held_against_their_definitions() {
        let hex = "^([0-9a-f]){8}$";
        for (definition, good, bad) in [
            (json!({"type": "string"}), vec![json!(""), json!("x")], vec![json!(null), json!(1), json!(["x"])]),
            (json!({}), vec![json!("x"), json!(null), json!(1), json!(true)], vec![json!({}), json!([])]),
            (
                json!({"type": ["null", "string"], "pattern": hex}),
                vec![json!(null), json!("0123abcd")],
                vec![json!("0123"), json!("0123ABCD")],
            ),
            (
                json!({"enum": ["a", "b", 3]}),
                vec![json!("a"), json!(3), json!(3.0)],
                vec![json!("c"), json!(null), json!(true)],
            ),
            (json!({"const": "a"}), vec![json!("a")], vec![json!("b")]),
            (
                json!({"type": "string", "minLength": 1, "maxLength": 2}),
                vec![json!("ä"), json!("ab")],
                vec![json!(""), json!("abc")],
            ),
            (
                json!({"type": "integer", "minimum": 1, "maximum": 8}),
                vec![json!(1), json!(8.0)],
                vec![json!(0), json!(9), json!(1.5), json!(true), json!("1")],
            ),
            (
                json!({"type": "number", "exclusiveMinimum": 1, "exclusiveMaximum": 2}),
                vec![json!(1.5)],
                vec![json!(1), json!(2), json!("1.5")],
            ),
            (json!({"type": "boolean"}), vec![json!(true)], vec![json!("true"), json!(1)]),
            (json!({"type": "array"}), vec![], vec![json!([]), json!("a")]),
        ] {
            let custom = parse(&json!({ "p": definition })).unwrap();
            for value in good {
                assert_eq!(custom.fault("p", &value), None, "{definition} {value}");
            }
            for value in bad {
                assert!(custom.fault("p", &value).is_some(), "{definition} {value}");
            }
        }
        assert!(CustomProperties::default().fault("p", &json!(null)).is_some());
    }

    #[test]
    fn what_is_kept_as_a_text_is_judged_as_what_it_spells() {
        let custom =
            parse(&json!({"n": {"type": "integer", "minimum": 2}, "s": {"type": "string", "enum": ["5"]}})).unwrap();
        for (name, kept, good) in [
            ("n", Some("5"), true),
            ("n", Some("1"), false),
            ("n", Some("x"), false),
            ("s", Some("5"), true),
            ("s", Some("6"), false),
            ("n", None, false),
            ("other", Some("5"), true),
            ("other", None, false),
        ] {
            assert_eq!(custom.fault_kept(name, kept).is_none(), good, "{name} {kept:?}");
        }
    }

    #[test]
    fn both_forms_of_the_file_are_read() {
        let flat = parse(&json!({"a": {"type": "string"}, "name": {"anyOf": []}})).unwrap();
        assert!(flat.defines("a") && !flat.defines("name") && flat.required().is_empty());
        let extended = parse(&json!({"properties": {"a": {}}, "required": ["a", "name"]})).unwrap();
        assert_eq!(extended.required(), ["a", "name"]);
        assert_eq!(extended.definitions().len(), 1);
    }

    #[test]
    fn what_would_not_hold_is_refused() {
        for (file, told) in [
            (json!({"a": "string"}), "\"a\""),
            (json!({"properties": []}), "\"properties\""),
            (json!({"properties": {}, "required": [1]}), "\"required\""),
            (json!({"a": {"anyOf": [{"type": "null"}]}}), "\"a\": anyOf is not understood"),
            (json!({"a": {"type": "text"}}), "\"a\": the value of type"),
            (json!({"a": {"pattern": "(?=x)"}}), "\"a\": pattern: "),
            (json!({"a": {"exclusiveMinimum": true}}), "\"a\": the value of exclusiveMinimum"),
        ] {
            let error = parse(&file).unwrap_err().to_string();
            assert!(error.starts_with(told), "{error}");
        }
    }
}
