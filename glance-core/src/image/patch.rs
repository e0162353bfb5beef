//! The two patch documents of Image API v2, read and checked before any image is looked at.

use serde_json::{Map, Value};

use super::fields::Schema;
use super::{fields, new};
use crate::error::Error;

/// Which of the two patch documents a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchForm {
    /// `application/openstack-images-v2.0-json-patch`: `{"add": "/x", "value": …}`.
    V20,
    /// `application/openstack-images-v2.1-json-patch`: `{"op": "add", "path": "/x", "value": …}`.
    V21,
}

impl PatchForm {
    /// Every form, as `Accept-Patch` lists them.
    pub const ALL: [Self; 2] = [Self::V20, Self::V21];

    /// The form's media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::V20 => "application/openstack-images-v2.0-json-patch",
            Self::V21 => "application/openstack-images-v2.1-json-patch",
        }
    }
}

/// One step of a patch.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// What to do.
    pub verb: Verb,
    /// The field or property.
    pub name: String,
    /// The element of a list field; only `locations` has any.
    pub element: Option<String>,
    /// The value; `Null` for [`Verb::Remove`].
    pub value: Value,
}

/// What a step of a patch does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Sets or overwrites.
    Add,
    /// Sets what is not there yet: `add` in the old form.
    AddNew,
    /// Overwrites what is there.
    Replace,
    /// Takes away what is there.
    Remove,
}

/// Reads a patch document.
///
/// # Errors
///
/// [`Error::Invalid`] naming the step's fault; [`Error::Forbidden`] for fields that clients do not
/// write; [`Error::OverLimit`] for more than `longest` steps.
pub fn read(form: PatchForm, body: &Value, schema: Schema<'_>, longest: usize) -> Result<Vec<Operation>, Error> {
    let steps = body.as_array().ok_or_else(|| Error::Invalid("a patch is a JSON array of operations".to_owned()))?;
    if steps.len() > longest {
        return Err(Error::OverLimit(format!("a patch has at most {longest} operations, this one {}", steps.len())));
    }
    steps
        .iter()
        .map(|step| {
            let step = step.as_object().ok_or_else(|| Error::Invalid("each operation is a JSON object".to_owned()))?;
            let operation = read_step(form, step)?;
            check(&operation, schema)?;
            Ok(operation)
        })
        .collect()
}

fn read_step(form: PatchForm, step: &Map<String, Value>) -> Result<Operation, Error> {
    let (verb, pointer) = match form {
        PatchForm::V21 => verb_and_path(step)?,
        PatchForm::V20 => verb_member(step)?,
    };
    let pointer = pointer.as_str().ok_or_else(|| Error::Invalid("the path of an operation is a text".to_owned()))?;
    let (name, element) = name_and_element(verb, pointer)?;
    let value = match (verb, step.get("value")) {
        (Verb::Remove, _) => Value::Null,
        (_, Some(value)) => value.clone(),
        (_, None) => return Err(Error::Invalid("add and replace need a member \"value\"".to_owned())),
    };
    Ok(Operation { verb, name, element, value })
}

fn verb_and_path(step: &Map<String, Value>) -> Result<(Verb, &Value), Error> {
    let verb = match step.get("op").and_then(Value::as_str) {
        Some("add") => Verb::Add,
        Some("replace") => Verb::Replace,
        Some("remove") => Verb::Remove,
        _ => return Err(Error::Invalid("\"op\" is one of add, replace, remove".to_owned())),
    };
    let path = step.get("path").ok_or_else(|| Error::Invalid("an operation needs a member \"path\"".to_owned()))?;
    Ok((verb, path))
}

fn verb_member(step: &Map<String, Value>) -> Result<(Verb, &Value), Error> {
    let mut found = [("add", Verb::AddNew), ("replace", Verb::Replace), ("remove", Verb::Remove)]
        .into_iter()
        .filter_map(|(name, verb)| step.get(name).map(|path| (verb, path)));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(Error::Invalid("an operation has exactly one member named add, replace or remove".to_owned())),
    }
}

/// The parts of a JSON pointer (RFC 6901), of which Glance takes one, and a second for `locations`.
fn name_and_element(verb: Verb, pointer: &str) -> Result<(String, Option<String>), Error> {
    let mut parts = pointer_parts(pointer)?.into_iter();
    let name = parts.next().unwrap_or_default();
    let element = parts.next();
    let wants_element = name == "locations" && verb != Verb::Replace;
    if element.is_some() != wants_element || parts.next().is_some() {
        return Err(Error::Invalid(format!("the pointer {pointer:?} leads to nothing an image has")));
    }
    Ok((name, element))
}

fn pointer_parts(pointer: &str) -> Result<Vec<String>, Error> {
    let refused = |why: &str| Error::Invalid(format!("the pointer {pointer:?} {why}"));
    let rest = pointer.strip_prefix('/').ok_or_else(|| refused("does not begin with /"))?;
    if rest.is_empty() {
        return Ok(vec![String::new()]);
    }
    if rest.ends_with('/') {
        return Err(refused("ends with /"));
    }
    // Two slashes at the beginning count as one, as they do for the Python server.
    let parts: Vec<&str> = rest.strip_prefix('/').unwrap_or(rest).split('/').collect();
    if parts.len() > 1 && parts[..parts.len() - 1].iter().any(|part| part.trim().is_empty()) {
        return Err(refused("has an empty part"));
    }
    parts.into_iter().map(|part| unescape(part).ok_or_else(|| refused("has a ~ that escapes nothing"))).collect()
}

fn unescape(part: &str) -> Option<String> {
    let mut plain = String::with_capacity(part.len());
    let mut chars = part.chars();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '~' => match chars.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            c => c,
        });
    }
    Some(plain.trim().to_owned())
}

/// Checks what an operation says, whoever made it.
///
/// # Errors
///
/// [`Error::Forbidden`] for fields that clients do not write and reserved names;
/// [`Error::Invalid`] for a value that the field's schema does not allow.
pub(crate) fn check(operation: &Operation, schema: Schema<'_>) -> Result<(), Error> {
    let name = operation.name.as_str();
    if fields::READ_ONLY.contains(&name) {
        return Err(new::read_only(name));
    }
    if fields::is_reserved(name) {
        return Err(new::reserved(name));
    }
    if operation.verb == Verb::Remove {
        return Ok(());
    }
    if !fields::is_attribute(name) {
        fields::check_property_name(name)?;
    }
    if operation.element.is_some() {
        return fields::check(name, &Value::Array(vec![operation.value.clone()]), schema);
    }
    // Whether a database keeps the value is asked when there is an image to put it into, so that
    // nobody learns it of an image that is not there.
    fields::check_schema(name, &operation.value, schema)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::image::Formats;

    fn v21(body: &Value) -> Result<Vec<Operation>, Error> {
        read(PatchForm::V21, body, (&Formats::default()).into(), 100)
    }

    fn step(path: &str) -> Value {
        json!([{"op": "replace", "path": path, "value": "v"}])
    }

    #[test]
    fn both_forms_are_read() {
        let operation = Operation { verb: Verb::Replace, name: "name".into(), element: None, value: json!("v") };
        assert_eq!(v21(&step("/name")).unwrap(), std::slice::from_ref(&operation));
        let old = json!([{"replace": "/name", "value": "v"}]);
        assert_eq!(read(PatchForm::V20, &old, (&Formats::default()).into(), 9).unwrap(), [operation]);
    }

    #[test]
    fn pointers_follow_the_table() {
        for (pointer, name) in [
            ("/a", "a"),
            ("/ a ", "a"),
            ("/a~1b~0", "a/b~"),
            ("/", ""),
            ("/~01", "~1"),
            ("/hw disk", "hw disk"),
            ("//a", "a"),
        ] {
            assert_eq!(v21(&step(pointer)).unwrap()[0].name, name, "{pointer:?}");
        }
        for pointer in ["", "a", "/a/", "///a", "/a//b", "/a/b", "/ /a", "/a~", "/a~2", "/tags/-", "/locations/0", "//"]
        {
            assert!(matches!(v21(&step(pointer)), Err(Error::Invalid(_))), "{pointer:?}");
        }
    }

    #[test]
    fn what_clients_do_not_write_is_forbidden() {
        for name in ["id", "status", "size", "direct_url", "schema", "location", "deleted_at", "os_glance_x"] {
            assert!(matches!(v21(&step(&format!("/{name}"))), Err(Error::Forbidden(_))), "{name}");
        }
    }

    #[test]
    fn bad_documents_are_refused() {
        for body in [
            json!({}),
            json!("x"),
            json!([[]]),
            json!([{"op": "move", "path": "/a"}]),
            json!([{"path": "/a"}]),
            json!([{"op": "add", "path": "/a"}]),
            json!([{"op": "add", "value": "v"}]),
            json!([{"op": "add", "path": 5, "value": "v"}]),
            json!([{"op": "add", "path": "/a", "value": 5}]),
            json!([{"op": "add", "path": "/min_disk", "value": true}]),
            json!([{"op": 7, "path": "/a", "value": "v"}]),
            json!([{"op": "add", "path": "/locations/-", "value": {"url": "x"}}]),
            json!([{"op": "add", "path": "/locations", "value": []}]),
        ] {
            assert!(matches!(v21(&body), Err(Error::Invalid(_))), "{body}");
        }
        let both = json!([{"add": "/a", "remove": "/b", "value": "v"}]);
        assert!(matches!(read(PatchForm::V20, &both, (&Formats::default()).into(), 9), Err(Error::Invalid(_))));
        assert!(matches!(
            read(PatchForm::V21, &json!([{}, {}]), (&Formats::default()).into(), 1),
            Err(Error::OverLimit(_))
        ));
    }

    proptest! {
        #[test]
        fn no_pointer_makes_it_panic(pointer in ".*") {
            let _ = v21(&step(&pointer));
        }
    }
}
