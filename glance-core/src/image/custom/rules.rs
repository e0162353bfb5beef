//! What a definition says of one value.

use regex::Regex;
use serde_json::{Map, Number, Value};

use crate::image::fields;
use crate::pattern;

/// What one value must be.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    kinds: Option<Vec<Kind>>,
    allowed: Option<Vec<Value>>,
    pattern: Option<Regex>,
    lengths: (Option<u64>, Option<u64>),
    bounds: Vec<(Bound, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Null,
    Text,
    Integer,
    Number,
    Truth,
    /// An array or object, of which there can be no value: properties are kept as texts.
    Other,
}

#[derive(Debug, Clone, Copy)]
enum Bound {
    AtLeast,
    AtMost,
    Above,
    Below,
}

/// Keywords that describe and do not judge, or judge arrays and objects alone, which are never kept.
const SILENT: [&str; 27] = [
    "title",
    "description",
    "default",
    "examples",
    "readOnly",
    "writeOnly",
    "deprecated",
    "is_base",
    "operators",
    "format",
    "$id",
    "$schema",
    "$comment",
    "contentEncoding",
    "contentMediaType",
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "properties",
    "required",
    "additionalProperties",
    "patternProperties",
    "minProperties",
    "maxProperties",
];

impl Rules {
    /// What `definition` says, or the keyword of it that is not understood.
    pub(super) fn of(definition: &Map<String, Value>) -> Result<Self, String> {
        let mut rules = Self::default();
        for (keyword, value) in definition {
            let wrong = || format!("the value of {keyword}");
            match keyword.as_str() {
                "type" => rules.kinds = Some(kinds(value).ok_or_else(wrong)?),
                "enum" => rules.allowed = Some(value.as_array().cloned().ok_or_else(wrong)?),
                "const" => rules.allowed = Some(vec![value.clone()]),
                "pattern" => {
                    let text = value.as_str().ok_or_else(wrong)?;
                    rules.pattern = Some(pattern::compile(text).map_err(|why| format!("pattern: {why}"))?);
                }
                "minLength" => rules.lengths.0 = Some(value.as_u64().ok_or_else(wrong)?),
                "maxLength" => rules.lengths.1 = Some(value.as_u64().ok_or_else(wrong)?),
                "minimum" => rules.bounds.push((Bound::AtLeast, value.as_f64().ok_or_else(wrong)?)),
                "maximum" => rules.bounds.push((Bound::AtMost, value.as_f64().ok_or_else(wrong)?)),
                "exclusiveMinimum" => rules.bounds.push((Bound::Above, value.as_f64().ok_or_else(wrong)?)),
                "exclusiveMaximum" => rules.bounds.push((Bound::Below, value.as_f64().ok_or_else(wrong)?)),
                silent if SILENT.contains(&silent) => {}
                _ => return Err(keyword.clone()),
            }
        }
        Ok(rules)
    }

    /// What is wrong with `value`.
    pub(super) fn fault(&self, value: &Value) -> Option<&'static str> {
        if value.is_array() || value.is_object() {
            return Some("must be a text, a number or a truth value: nothing else is kept");
        }
        if self.kinds.as_ref().is_some_and(|kinds| !kinds.iter().any(|kind| kind.is_of(value))) {
            return Some("is not of the type that schema-image.json gives it");
        }
        if self.allowed.as_ref().is_some_and(|allowed| !allowed.iter().any(|one| same(one, value))) {
            return Some("is none of the values that schema-image.json allows");
        }
        match value {
            Value::String(text) => self.fault_of_text(text),
            Value::Number(number) => self.fault_of_number(number),
            _ => None,
        }
    }

    fn fault_of_text(&self, text: &str) -> Option<&'static str> {
        let length = text.chars().count() as u64;
        let (least, most) = self.lengths;
        if least.is_some_and(|least| length < least) || most.is_some_and(|most| length > most) {
            return Some("is shorter or longer than schema-image.json allows");
        }
        let matches = self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(text));
        (!matches).then_some("does not match the pattern in schema-image.json")
    }

    fn fault_of_number(&self, number: &Number) -> Option<&'static str> {
        let number = number.as_f64()?;
        let is_within = |(bound, limit): &(Bound, f64)| match bound {
            Bound::AtLeast => number >= *limit,
            Bound::AtMost => number <= *limit,
            Bound::Above => number > *limit,
            Bound::Below => number < *limit,
        };
        let within = self.bounds.iter().all(is_within);
        (!within).then_some("is below or above what schema-image.json allows")
    }
}

fn kinds(value: &Value) -> Option<Vec<Kind>> {
    match value {
        Value::Array(names) => names.iter().map(|name| Kind::named(name.as_str()?)).collect(),
        name => Some(vec![Kind::named(name.as_str()?)?]),
    }
}

impl Kind {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "null" => Self::Null,
            "string" => Self::Text,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "boolean" => Self::Truth,
            "array" | "object" => Self::Other,
            _ => return None,
        })
    }

    fn is_of(self, value: &Value) -> bool {
        match self {
            Self::Null => value.is_null(),
            Self::Text => value.is_string(),
            Self::Integer => fields::is_integer(value),
            Self::Number => value.is_number(),
            Self::Truth => value.is_boolean(),
            Self::Other => value.is_array() || value.is_object(),
        }
    }
}

/// JSON Schema knows one kind of number.
fn same(one: &Value, other: &Value) -> bool {
    one == other || (one.is_number() && other.is_number() && one.as_f64() == other.as_f64())
}
