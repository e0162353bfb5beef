//! A rule as a policy file holds it, before it is understood.

use serde::Deserialize;
use serde_json::Value;

/// The right-hand side of one line of a policy file.
///
/// Made of any parsed YAML or JSON value, so that a file with a nonsensical rule still loads: that
/// rule is then always false and [reported](super::Policy::warnings).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Value")]
pub enum RuleSource {
    /// The policy language: `role:admin or project_id:%(owner)s`. Empty text allows everything.
    Text(String),
    /// The old list form: one of the outer entries must hold, and in it every check. No outer entry
    /// allows everything.
    Lists(Vec<Vec<String>>),
    /// Neither text nor lists of text.
    Unusable,
}

impl From<&str> for RuleSource {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for RuleSource {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Value> for RuleSource {
    /// A key without a value is an empty rule, as in `oslo.policy`. There, `false`, `0` and `{}` are
    /// empty rules too and so allow everything; here they are unusable, because nobody who writes
    /// `false` means that.
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Text(String::new()),
            Value::String(text) => Self::Text(text),
            Value::Array(outer) => {
                outer.into_iter().map(alternative).collect::<Option<_>>().map_or(Self::Unusable, Self::Lists)
            }
            Value::Bool(_) | Value::Number(_) | Value::Object(_) => Self::Unusable,
        }
    }
}

/// One outer entry of the list form: a list of checks, or a bare check.
fn alternative(value: Value) -> Option<Vec<String>> {
    let text = |value| match value {
        Value::String(text) => Some(text),
        _ => None,
    };
    match value {
        Value::String(bare) if bare.is_empty() => Some(Vec::new()),
        Value::String(bare) => Some(vec![bare]),
        Value::Array(inner) => inner.into_iter().map(text).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn any_json_becomes_a_source() {
        let cases = [
            (json!("role:a"), RuleSource::from("role:a")),
            (json!(null), RuleSource::from("")),
            (json!([]), RuleSource::Lists(vec![])),
            (
                json!(["role:a", ["role:b", "role:c"], "", []]),
                RuleSource::Lists(vec![
                    vec!["role:a".to_owned()],
                    vec!["role:b".to_owned(), "role:c".to_owned()],
                    vec![],
                    vec![],
                ]),
            ),
            (json!(false), RuleSource::Unusable),
            (json!(0), RuleSource::Unusable),
            (json!({}), RuleSource::Unusable),
            (json!([["role:a", 5]]), RuleSource::Unusable),
            (json!([[["role:a"]]]), RuleSource::Unusable),
        ];
        for (json, expected) in cases {
            let source: RuleSource = serde_json::from_value(json.clone()).unwrap();
            assert_eq!(source, expected, "{json}");
        }
    }
}
