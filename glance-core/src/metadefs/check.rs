//! Holds the properties of a resource against the definitions that are for its type.

use std::fmt;

use regex::RegexBuilder;
use serde_json::{Map, Value};

use super::record::{Association, WholeNamespace};

/// The longest program that a pattern may become, in bytes: patterns come from whoever may define properties.
const LARGEST_PATTERN: usize = 1 << 20;

/// Something that is wrong with one property of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The namespace whose definition says so; `None` where no definition knows the property.
    pub namespace: Option<String>,
    /// The name of the property, with its prefix.
    pub property: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What may be wrong with a property.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// No definition for this type of resource knows it. It may be meant for somebody else, or misspelt.
    Undefined,
    /// An object of which the resource has other properties needs it.
    Missing {
        /// The object.
        object: String,
    },
    /// Its value is not of the type.
    WrongType {
        /// The type it should have.
        expected: String,
    },
    /// Its value is not among those that are allowed.
    NotAllowed {
        /// The values that are.
        allowed: Vec<String>,
    },
    /// Its value is below the minimum, or above the maximum.
    OutOfRange,
    /// Its value has too few characters, or too many.
    WrongLength,
    /// It has too few items, too many, or the same twice.
    WrongItems,
    /// Its value does not match the pattern.
    NoMatch {
        /// The pattern.
        pattern: String,
    },
    /// Its pattern cannot be understood, or is too large: whether the value matches is not known.
    PatternUnknown {
        /// The pattern.
        pattern: String,
    },
}

impl Problem {
    /// Whether a definition speaks against the value; otherwise nothing is known of it.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        !matches!(self, Self::Undefined | Self::PatternUnknown { .. })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.property, self.problem)?;
        match &self.namespace {
            Some(namespace) => write!(f, " ({namespace})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undefined => f.write_str("no definition knows it"),
            Self::Missing { object } => write!(f, "{object} needs it"),
            Self::WrongType { expected } => write!(f, "is not of the type {expected}"),
            Self::NotAllowed { allowed } => write!(f, "is none of {}", allowed.join(", ")),
            Self::OutOfRange => f.write_str("is out of range"),
            Self::WrongLength => f.write_str("is too short or too long"),
            Self::WrongItems => f.write_str("has too few items, too many, or one twice"),
            Self::NoMatch { pattern } => write!(f, "does not match {pattern}"),
            Self::PatternUnknown { pattern } => write!(f, "cannot be held against {pattern}, which is not understood"),
        }
    }
}

/// What is wrong with `properties` of a resource of the type `resource_type`, in the order of the definitions, and
/// behind it what no definition knows.
///
/// `target` is the set of properties that is meant, where such a resource has several; `None` takes definitions for
/// any of them. Values may be JSON values or, as images and flavours keep them, texts that spell one.
#[must_use]
pub fn check(
    resource_type: &str,
    target: Option<&str>,
    properties: &Map<String, Value>,
    definitions: &[WholeNamespace],
) -> Vec<Finding> {
    let mut checker = Checker { properties, known: Vec::new(), findings: Vec::new() };
    for whole in definitions {
        let applies = |association: &Association| {
            association.resource_type == resource_type
                && target.is_none_or(|target| association.properties_target.as_deref() == Some(target))
        };
        for association in whole.contents.associations.iter().filter(|association| applies(association)) {
            checker.hold_against(whole, association.prefix.as_deref().unwrap_or_default());
        }
    }
    checker.finish()
}

struct Checker<'a> {
    properties: &'a Map<String, Value>,
    known: Vec<String>,
    findings: Vec<Finding>,
}

impl Checker<'_> {
    fn hold_against(&mut self, whole: &WholeNamespace, prefix: &str) {
        let namespace = whole.namespace.name.as_str();
        for property in &whole.contents.properties {
            self.look_at(namespace, format!("{prefix}{}", property.name), &property.schema);
        }
        for object in &whole.contents.objects {
            let mut is_used = false;
            for (name, schema) in &object.properties {
                let schema = schema.as_object().cloned().unwrap_or_default();
                is_used |= self.look_at(namespace, format!("{prefix}{name}"), &schema);
            }
            for name in object.required.iter().filter(|_| is_used) {
                let property = format!("{prefix}{name}");
                if !self.properties.contains_key(&property) {
                    let problem = Problem::Missing { object: object.name.clone() };
                    self.findings.push(Finding { namespace: Some(namespace.to_owned()), property, problem });
                }
            }
        }
    }

    /// Whether the resource has the property; what is wrong with it is noted.
    fn look_at(&mut self, namespace: &str, property: String, schema: &Map<String, Value>) -> bool {
        let Some(value) = self.properties.get(&property) else { return false };
        self.known.push(property.clone());
        if let Some(problem) = judge(value, schema) {
            let finding = Finding { namespace: Some(namespace.to_owned()), property, problem };
            if !self.findings.contains(&finding) {
                self.findings.push(finding);
            }
        }
        true
    }

    fn finish(mut self) -> Vec<Finding> {
        let unknown = self.properties.keys().filter(|name| !self.known.contains(name));
        self.findings.extend(unknown.map(|name| Finding {
            namespace: None,
            property: name.clone(),
            problem: Problem::Undefined,
        }));
        self.findings
    }
}

/// What is wrong with a value; `None` if nothing is.
fn judge(value: &Value, schema: &Map<String, Value>) -> Option<Problem> {
    let operands = operands(value, schema);
    gravest(operands.iter().filter_map(|value| judge_plain(value, schema)))
}

/// The first fault, or else the first problem.
fn gravest(problems: impl Iterator<Item = Problem>) -> Option<Problem> {
    let problems: Vec<_> = problems.collect();
    problems.iter().find(|problem| problem.is_fault()).or(problems.first()).cloned()
}

/// Behind this operator, every word is an operand, as Nova reads it; behind others, all words are one.
const ALL_IN: &str = "<all-in>";

/// The values that a text with operators stands for: `<or> a <or> b` for `a` and `b`. Where the schema names no
/// operators, or the text uses none, the value itself.
fn operands(value: &Value, schema: &Map<String, Value>) -> Vec<Value> {
    let Some(text) = value.as_str() else { return vec![value.clone()] };
    let operators = schema.get("operators").and_then(Value::as_array);
    let operators = operators.into_iter().flatten().filter_map(Value::as_str);
    let used = operators.filter(|operator| !operator.is_empty() && text.trim_start().starts_with(operator));
    match used.max_by_key(|operator| operator.len()) {
        Some(ALL_IN) => text.replace(ALL_IN, " ").split_whitespace().map(Value::from).collect(),
        Some(operator) => text.trim_start().split(operator).skip(1).map(|part| part.trim().into()).collect(),
        None => vec![value.clone()],
    }
}

fn judge_plain(value: &Value, schema: &Map<String, Value>) -> Option<Problem> {
    let kind = schema.get("type").and_then(Value::as_str).unwrap_or("string");
    let Some(value) = typed(value, kind) else {
        return Some(Problem::WrongType { expected: kind.to_owned() });
    };
    allowed(&value, schema.get("enum"))
        .or_else(|| in_range(&value, schema))
        .or_else(|| of_length(&value, schema))
        .or_else(|| matches(&value, schema))
        .or_else(|| items(&value, schema))
}

/// The value as one of the type `kind`; `None` if it is none.
fn typed(value: &Value, kind: &str) -> Option<Value> {
    let spelt = || value.as_str().and_then(|text| serde_json::from_str::<Value>(text.trim()).ok());
    match kind {
        "string" if value.is_object() || value.is_array() => None,
        "string" => Some(value.as_str().map_or_else(|| value.to_string().into(), Value::from)),
        "boolean" => match value {
            Value::Bool(_) => Some(value.clone()),
            // The services that read properties take these spellings, in any case.
            _ => match value.as_str()?.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Some(true.into()),
                "false" | "no" | "off" | "0" => Some(false.into()),
                _ => None,
            },
        },
        "number" => [Some(value.clone()), spelt()].into_iter().flatten().find(Value::is_number),
        "integer" => [Some(value.clone()), spelt()].into_iter().flatten().find(is_whole),
        "array" => match value {
            Value::Array(_) => Some(value.clone()),
            // Flavours and images keep lists as texts with commas.
            _ => Some(spelt().filter(Value::is_array).unwrap_or_else(|| {
                value.as_str().unwrap_or_default().split(',').map(|item| Value::from(item.trim())).collect()
            }))
            .filter(|_| value.is_string()),
        },
        "object" => [Some(value.clone()), spelt()].into_iter().flatten().find(Value::is_object),
        _ => Some(value.clone()),
    }
}

fn is_whole(value: &Value) -> bool {
    value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn allowed(value: &Value, allowed: Option<&Value>) -> Option<Problem> {
    let allowed = allowed?.as_array().filter(|_| !value.is_array())?;
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let allowed: Vec<String> = allowed.iter().map(plain).collect();
    if allowed.contains(&plain(value)) { None } else { Some(Problem::NotAllowed { allowed }) }
}

fn in_range(value: &Value, schema: &Map<String, Value>) -> Option<Problem> {
    let number = value.as_f64()?;
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let is_out = bound("minimum").is_some_and(|minimum| number < minimum)
        || bound("maximum").is_some_and(|maximum| number > maximum);
    is_out.then_some(Problem::OutOfRange)
}

fn of_length(value: &Value, schema: &Map<String, Value>) -> Option<Problem> {
    let length = value.as_str()?.chars().count();
    is_out_of(length, schema, "minLength", "maxLength").then_some(Problem::WrongLength)
}

fn matches(value: &Value, schema: &Map<String, Value>) -> Option<Problem> {
    let pattern = schema.get("pattern")?.as_str()?;
    let text = value.as_str()?;
    let shown = || pattern.to_owned();
    match RegexBuilder::new(pattern).size_limit(LARGEST_PATTERN).build() {
        Ok(regex) => (!regex.is_match(text)).then(|| Problem::NoMatch { pattern: shown() }),
        Err(_) => Some(Problem::PatternUnknown { pattern: shown() }),
    }
}

fn items(value: &Value, schema: &Map<String, Value>) -> Option<Problem> {
    let values = value.as_array()?;
    let is_twice = |at: usize| values[..at].contains(&values[at]);
    let unique = schema.get("uniqueItems") == Some(&Value::Bool(true));
    if is_out_of(values.len(), schema, "minItems", "maxItems") || (unique && (0..values.len()).any(is_twice)) {
        return Some(Problem::WrongItems);
    }
    let items = schema.get("items")?.as_object()?;
    gravest(values.iter().filter_map(|value| judge_plain(value, items)))
}

fn is_out_of(count: usize, schema: &Map<String, Value>, least: &str, most: &str) -> bool {
    let bound = |key: &str| schema.get(key).and_then(Value::as_u64);
    bound(least).is_some_and(|least| (count as u64) < least) || bound(most).is_some_and(|most| count as u64 > most)
}
