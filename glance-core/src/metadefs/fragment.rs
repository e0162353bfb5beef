//! The part of a JSON schema that describes the values of one property.

use serde_json::{Map, Number, Value};

use super::MAX_NAME;

/// The types a value may have.
pub(super) const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];

/// Reads the value of a key into the form in which it is kept; the error says what it has to be.
type Read = fn(&Value) -> Result<Value, &'static str>;

/// The keys of a fragment.
const KEYS: [(&str, Read); 19] = [
    ("name", name),
    ("type", kind),
    ("title", text),
    ("description", text),
    ("operators", texts),
    ("default", default),
    ("readonly", boolean),
    ("minimum", whole),
    ("maximum", whole),
    ("enum", texts),
    ("pattern", text),
    ("minLength", count),
    ("maxLength", count),
    ("confidential", boolean),
    ("items", items),
    ("uniqueItems", boolean),
    ("minItems", count),
    ("maxItems", count),
    ("additionalItems", boolean),
];

/// The fragment that a client sent, in the form in which it is kept: numbers without their fraction, and defaults
/// as text, as the Python server keeps them.
///
/// # Errors
///
/// Which key, and what is wrong with it.
pub(super) fn read(fragment: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    for mandatory in ["title", "type"] {
        if !fragment.contains_key(mandatory) {
            return Err(format!("'{mandatory}' is a required property"));
        }
    }
    let mut kept = Map::new();
    for (key, value) in fragment {
        let Some((_, read)) = KEYS.iter().find(|(known, _)| known == key) else {
            return Err(format!("'{key}' is no key of a property's schema"));
        };
        let value = read(value).map_err(|expected| format!("'{key}' must be {expected}"))?;
        if !value.is_null() {
            kept.insert(key.clone(), value);
        }
    }
    Ok(kept)
}

/// A recorded fragment as it is shown. Files may hold more than clients can send: what the API has no form for is
/// left out, and other types of values become those it has.
#[must_use]
pub fn shown(fragment: &Map<String, Value>) -> Map<String, Value> {
    let values = KEYS.iter().filter_map(|(key, read)| Some((*key, read(fragment.get(*key)?).ok()?)));
    values.filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.to_owned(), value)).collect()
}

fn text(value: &Value) -> Result<Value, &'static str> {
    if value.is_string() { Ok(value.clone()) } else { Err("a text") }
}

fn name(value: &Value) -> Result<Value, &'static str> {
    match value.as_str() {
        Some(name) if name.chars().count() <= MAX_NAME => Ok(value.clone()),
        _ => Err("a text of at most 80 characters"),
    }
}

fn kind(value: &Value) -> Result<Value, &'static str> {
    match value.as_str() {
        Some(kind) if TYPES.contains(&kind) => Ok(value.clone()),
        _ => Err("one of array, boolean, integer, number, object, string"),
    }
}

fn texts(value: &Value) -> Result<Value, &'static str> {
    match value.as_array() {
        Some(values) if values.iter().all(Value::is_string) => Ok(value.clone()),
        _ => Err("a list of texts"),
    }
}

fn boolean(value: &Value) -> Result<Value, &'static str> {
    if value.is_boolean() { Ok(value.clone()) } else { Err("true or false") }
}

/// A bound. The Python server cuts fractions off.
fn whole(value: &Value) -> Result<Value, &'static str> {
    let number = value.as_number().ok_or("a number")?;
    integer(number).map(Value::Number).ok_or("a number of at most 63 bits")
}

#[expect(clippy::cast_possible_truncation, reason = "the fraction goes, and what is out of range was refused")]
fn integer(number: &Number) -> Option<Number> {
    if number.is_i64() || number.is_u64() {
        return Some(number.clone());
    }
    let float = number.as_f64()?.trunc();
    // All whole numbers between these two are numbers of 64 bits.
    (float.abs() < 9.2e18).then(|| Number::from(float as i64))
}

fn count(value: &Value) -> Result<Value, &'static str> {
    const EXPECTED: &str = "a whole number that is not negative";
    let number = value.as_number().ok_or(EXPECTED)?;
    let is_whole = number.as_f64().is_some_and(|float| float >= 0.0 && float.fract() == 0.0);
    if is_whole { whole(value) } else { Err(EXPECTED) }
}

fn items(value: &Value) -> Result<Value, &'static str> {
    const EXPECTED: &str = "an object with a 'type' and perhaps an 'enum' of texts";
    let items = value.as_object().ok_or(EXPECTED)?;
    for (key, value) in items {
        match key.as_str() {
            "type" => kind(value),
            "enum" => texts(value),
            _ => Err(EXPECTED),
        }
        .map_err(|_| EXPECTED)?;
    }
    if items.contains_key("type") { Ok(value.clone()) } else { Err(EXPECTED) }
}

/// A default is kept as text, whatever it is. The signature is that of the readers that may refuse.
#[expect(clippy::unnecessary_wraps, reason = "one signature for all readers")]
fn default(value: &Value) -> Result<Value, &'static str> {
    Ok(match value {
        Value::Null | Value::String(_) => value.clone(),
        other => Value::String(as_python_prints(other)),
    })
}

/// The text that Python's `str` makes of a JSON value.
fn as_python_prints(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) if number.is_f64() => number.as_f64().map(float).unwrap_or_default(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.contains('\'') && !text.contains('"') => format!("\"{}\"", quoted(text)),
        Value::String(text) => format!("'{}'", quoted(text).replace('\'', "\\'")),
        Value::Array(values) => {
            format!("[{}]", values.iter().map(as_python_prints).collect::<Vec<_>>().join(", "))
        }
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| {
                format!("{}: {}", as_python_prints(&name.as_str().into()), as_python_prints(value))
            });
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
    }
}

/// A number as Python prints it: as Rust does for debugging, but for the exponent, which has a sign and two digits.
fn float(number: f64) -> String {
    let text = format!("{number:?}");
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

fn quoted(text: &str) -> String {
    let escaped = |c: char| match c {
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        c if c.is_control() => format!("\\x{:02x}", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read_json(fragment: &Value) -> Result<Value, String> {
        read(fragment.as_object().unwrap()).map(Value::Object)
    }

    #[test]
    fn values_are_kept_as_the_python_server_keeps_them() {
        for (key, sent, kept) in [
            ("default", json!(5), json!("5")),
            ("default", json!(true), json!("True")),
            ("default", json!(1.5), json!("1.5")),
            ("default", json!("x"), json!("x")),
            ("default", json!(["a", 1, null, {"b": "it's"}]), json!("['a', 1, None, {'b': \"it's\"}]")),
            ("default", json!(1e15), json!("1000000000000000.0")),
            ("default", json!(1e16), json!("1e+16")),
            ("default", json!(-1.25e-120), json!("-1.25e-120")),
            ("default", json!(0.0001), json!("0.0001")),
            ("default", json!(0.00001), json!("1e-05")),
            ("default", json!(-0.0), json!("-0.0")),
            ("default", json!(["\u{1b}[2J\u{85}\n\\"]), json!("['\\x1b[2J\\x85\\n\\\\']")),
            ("minimum", json!(1.5), json!(1)),
            ("maximum", json!(-1.5), json!(-1)),
            ("maximum", json!(9_223_372_036_854_775_807_i64), json!(9_223_372_036_854_775_807_i64)),
            ("minLength", json!(3.0), json!(3)),
            ("items", json!({"type": "string", "enum": ["a"]}), json!({"type": "string", "enum": ["a"]})),
        ] {
            let read = read_json(&json!({"title": "t", "type": "string", key: sent})).unwrap();
            assert_eq!(read[key], kept, "{key} {sent}");
        }
        assert_eq!(read_json(&json!({"title": "t", "type": "string", "default": null})).unwrap().get("default"), None);
    }

    /// Section 4 of `metadefs.md`; where the Python server fails, these are refused.
    #[test]
    fn what_makes_no_schema_is_refused() {
        for (key, sent) in [
            ("type", json!("null")),
            ("type", Value::Null),
            ("title", json!(5)),
            ("enum", json!([1])),
            ("required", json!(["x"])),
            ("items", json!({})),
            ("items", json!({"type": "string", "zz": 1})),
            ("items", json!({"type": "string", "enum": [1]})),
            ("minLength", json!(-1)),
            ("minLength", json!(1.5)),
            ("maxItems", json!(true)),
            ("minimum", json!("1")),
            ("minimum", json!(1e300)),
            ("readonly", json!("x")),
            ("operators", json!("x")),
            ("name", json!("n".repeat(81))),
            ("bogus", json!(1)),
        ] {
            let refused = read_json(&json!({"title": "t", "type": "string", key: sent}));
            assert!(refused.as_ref().is_err_and(|why| why.contains(key)), "{key} {sent}: {refused:?}");
        }
        assert!(read_json(&json!({"title": "t"})).is_err());
        assert!(read_json(&json!({"type": "string"})).is_err());
    }

    #[test]
    fn what_files_hold_is_shown_as_far_as_there_is_a_form_for_it() {
        let recorded =
            json!({"title": "t", "default": 5, "enum": [1], "bogus": 1, "confidential": true, "minimum": "x"});
        let shown = shown(recorded.as_object().unwrap());
        assert_eq!(Value::Object(shown), json!({"title": "t", "default": "5", "confidential": true}));
    }

    proptest! {
        /// What was accepted is shown as it was kept.
        #[test]
        fn showing_changes_nothing_that_was_read(
            minimum in any::<f64>(), length in any::<u64>(), default in ".*", values in prop::collection::vec(".*", 0..3),
        ) {
            let fragment = json!({"title": "t", "type": "string", "minimum": minimum, "minLength": length,
                "default": [default], "enum": values});
            if let Ok(kept) = read(fragment.as_object().unwrap()) {
                prop_assert_eq!(shown(&kept), kept);
            }
        }
    }
}
