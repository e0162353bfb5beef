//! What clients send, read into the things it stands for.
//!
//! Everything is refused that the Python server refuses, and what it fails on besides: unknown keys at any depth,
//! nested things without a name, names that no column holds.

use serde_json::{Map, Value};

use super::record::{Association, Definition, Namespace, NamespaceVisibility, Object, Property, Tag};
use super::{MAX_AT_ONCE, MAX_DESCRIPTION, MAX_NAME, MAX_OWNER, fragment};
use crate::error::Error;
use crate::image::fits_three_bytes;

const STAMPS: [&str; 2] = ["created_at", "updated_at"];
const CONFIDENTIAL: &str = "confidential";
const GENERATED: [&str; 4] = ["self", "schema", "created_at", "updated_at"];

/// A namespace as a client describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewNamespace {
    /// The owner the client names; `None` for its own project.
    pub owner: Option<String>,
    /// The rest. The owner in it is empty.
    pub definition: Definition,
}

impl NewNamespace {
    /// Reads the body of a request that creates or replaces a namespace.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] for a key that clients do not write; [`Error::Invalid`] naming the field;
    /// [`Error::OverLimit`] for more than [`MAX_AT_ONCE`] things of a kind.
    pub fn from_json(body: &Map<String, Value>) -> Result<Self, Error> {
        refuse_read_only(body, &GENERATED)?;
        let body = Body { schema: "namespace", object: body };
        body.refuse_unknown(&[
            "namespace",
            "display_name",
            "description",
            "visibility",
            "protected",
            "owner",
            "resource_type_associations",
            "properties",
            "objects",
            "tags",
        ])?;
        let visibility = match body.text("visibility", usize::MAX)?.as_deref().map(str::parse) {
            None => NamespaceVisibility::Private,
            Some(Ok(visibility)) => visibility,
            Some(Err(error)) => return Err(body.invalid(&format!("'visibility': {error}"))),
        };
        let namespace = Namespace {
            name: body.required_text("namespace", MAX_NAME)?,
            display_name: body.text("display_name", MAX_NAME)?,
            description: body.text("description", MAX_DESCRIPTION)?,
            visibility: Some(visibility),
            protected: Some(body.boolean("protected")?.unwrap_or(false)),
            owner: String::new(),
        };
        let definition = Definition {
            namespace,
            associations: body.each("resource_type_associations", association)?,
            properties: body.fragments("properties")?.into_iter().map(property_of).collect(),
            objects: body.each("objects", object)?,
            tags: body.each("tags", tag)?,
        };
        Ok(Self { owner: body.text("owner", MAX_OWNER)?.filter(|owner| !owner.is_empty()), definition })
    }
}

/// Reads the body of a request that creates an object.
///
/// # Errors
///
/// As [`NewNamespace::from_json`].
pub fn new_object_from_json(body: &Map<String, Value>) -> Result<Object, Error> {
    let object = object_from_json(body)?;
    // Whole namespaces may say it of the properties of their objects, and replaced objects; a new object may not.
    if object.properties.values().any(|fragment| fragment.get(CONFIDENTIAL).is_some()) {
        return Err(Body { schema: "property", object: body }.invalid("'confidential' was unexpected"));
    }
    Ok(object)
}

/// Reads the body of a request that replaces an object.
///
/// # Errors
///
/// As [`NewNamespace::from_json`].
pub fn object_from_json(body: &Map<String, Value>) -> Result<Object, Error> {
    refuse_read_only(body, &GENERATED)?;
    object(&Body { schema: "object", object: body })
}

/// Reads the body of a request that creates or replaces a property.
///
/// # Errors
///
/// As [`NewNamespace::from_json`].
pub fn property_from_json(body: &Map<String, Value>) -> Result<Property, Error> {
    refuse_read_only(body, &STAMPS)?;
    let reader = Body { schema: "property", object: body };
    let name = reader.required_text("name", MAX_NAME)?;
    // Files may say it, and whole namespaces; a property on its own may not.
    if body.contains_key(CONFIDENTIAL) {
        return Err(reader.invalid("'confidential' is no key of a property's schema"));
    }
    let schema = fragment::read(body).map_err(|why| reader.invalid(&why))?;
    Ok(Property { name, schema })
}

/// Reads the body of a request that renames a tag.
///
/// # Errors
///
/// As [`NewNamespace::from_json`].
pub fn tag_from_json(body: &Map<String, Value>) -> Result<Tag, Error> {
    refuse_read_only(body, &STAMPS)?;
    tag(&Body { schema: "tag", object: body })
}

/// Reads the body of a request that associates a resource type with a namespace.
///
/// # Errors
///
/// As [`NewNamespace::from_json`].
pub fn association_from_json(body: &Map<String, Value>) -> Result<Association, Error> {
    refuse_read_only(body, &STAMPS)?;
    association(&Body { schema: "resource_type_association", object: body })
}

/// Several tags at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTags(pub Vec<Tag>);

impl NewTags {
    /// Reads the body of a request that creates several tags.
    ///
    /// # Errors
    ///
    /// As [`NewNamespace::from_json`].
    pub fn from_json(body: &Map<String, Value>) -> Result<Self, Error> {
        refuse_read_only(body, &STAMPS)?;
        let body = Body { schema: "tags", object: body };
        body.refuse_unknown(&["tags"])?;
        if !body.object.contains_key("tags") {
            return Err(body.invalid("'tags' is a required property"));
        }
        // Lists of tags show no times, so nobody has any to send back.
        let tag = |tag: &Body<'_>| tag.refuse_unknown(&["name"]).and_then(|()| self::tag(tag));
        body.each("tags", tag).map(Self)
    }
}

fn object(body: &Body<'_>) -> Result<Object, Error> {
    body.refuse_unknown_beside(&GENERATED, &["name", "description", "required", "properties"])?;
    Ok(Object {
        name: body.required_text("name", MAX_NAME)?,
        description: body.text("description", usize::MAX)?,
        required: body.distinct_texts("required")?,
        properties: body.fragments("properties")?,
    })
}

fn association(body: &Body<'_>) -> Result<Association, Error> {
    body.refuse_unknown_beside(&STAMPS, &["name", "prefix", "properties_target"])?;
    Ok(Association {
        resource_type: body.required_text("name", MAX_NAME)?,
        prefix: body.text("prefix", MAX_NAME)?,
        properties_target: body.text("properties_target", MAX_NAME)?,
    })
}

fn tag(body: &Body<'_>) -> Result<Tag, Error> {
    body.refuse_unknown_beside(&STAMPS, &["name"])?;
    Ok(Tag { name: body.required_text("name", MAX_NAME)? })
}

fn property_of((name, schema): (String, Value)) -> Property {
    let schema = if let Value::Object(schema) = schema { schema } else { Map::new() };
    Property { name, schema }
}

fn refuse_read_only(body: &Map<String, Value>, read_only: &[&str]) -> Result<(), Error> {
    match read_only.iter().find(|key| body.contains_key(**key)) {
        Some(key) => Err(Error::Forbidden(format!("Attribute '{key}' is read-only."))),
        None => Ok(()),
    }
}

fn refuse_many(key: &str, count: usize) -> Result<(), Error> {
    if count <= MAX_AT_ONCE {
        return Ok(());
    }
    Err(Error::OverLimit(format!("'{key}' has {count} entries; a request takes at most {MAX_AT_ONCE}")))
}

/// An object of a body, and the name of the schema it has to match.
struct Body<'a> {
    schema: &'static str,
    object: &'a Map<String, Value>,
}

impl Body<'_> {
    fn invalid(&self, why: &str) -> Error {
        Error::Invalid(format!("Provided object does not match schema '{}': {why}", self.schema))
    }

    fn refuse_unknown(&self, known: &[&str]) -> Result<(), Error> {
        match self.object.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(self.invalid(&format!("'{key}' was unexpected"))),
            None => Ok(()),
        }
    }

    /// Nested things may have what the service gave them: clients send back whole what they have read.
    fn refuse_unknown_beside(&self, given: &[&str], known: &[&str]) -> Result<(), Error> {
        self.refuse_unknown(&[given, known].concat())
    }

    fn text(&self, key: &str, longest: usize) -> Result<Option<String>, Error> {
        match self.object.get(key) {
            None => Ok(None),
            Some(Value::String(text)) if text.chars().count() > longest => {
                Err(self.invalid(&format!("'{key}' is longer than {longest} characters")))
            }
            Some(Value::String(text)) if !fits_three_bytes(text) => {
                Err(self.invalid(&format!("'{key}' holds characters no database here keeps")))
            }
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.invalid(&format!("'{key}' must be a text"))),
        }
    }

    fn required_text(&self, key: &str, longest: usize) -> Result<String, Error> {
        self.text(key, longest)?.ok_or_else(|| self.invalid(&format!("'{key}' is a required property")))
    }

    fn boolean(&self, key: &str) -> Result<Option<bool>, Error> {
        match self.object.get(key) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(self.invalid(&format!("'{key}' must be true or false"))),
        }
    }

    fn distinct_texts(&self, key: &str) -> Result<Vec<String>, Error> {
        let refused = || self.invalid(&format!("'{key}' must be a list of different names"));
        let Some(value) = self.object.get(key) else { return Ok(Vec::new()) };
        let mut seen = std::collections::HashSet::new();
        let name = |value: &Value| value.as_str().filter(|name| fits_three_bytes(name)).map(str::to_owned);
        let values = value.as_array().ok_or_else(refused)?;
        refuse_many(key, values.len())?;
        let names: Option<Vec<String>> = values.iter().map(name).collect();
        names.filter(|names| names.iter().all(|name| seen.insert(name.clone()))).ok_or_else(refused)
    }

    /// What `read` makes of each object in the list under `key`.
    fn each<T>(&self, key: &str, read: impl Fn(&Body<'_>) -> Result<T, Error>) -> Result<Vec<T>, Error> {
        let refused = || self.invalid(&format!("'{key}' must be a list of objects"));
        let Some(value) = self.object.get(key) else { return Ok(Vec::new()) };
        let values = value.as_array().ok_or_else(refused)?;
        refuse_many(key, values.len())?;
        let nested = |value: &Value| {
            let object = value.as_object().ok_or_else(refused)?;
            read(&Body { schema: self.schema, object })
        };
        values.iter().map(nested).collect()
    }

    /// The fragments under `key`, each under the name of its property.
    fn fragments(&self, key: &str) -> Result<Map<String, Value>, Error> {
        let Some(value) = self.object.get(key) else { return Ok(Map::new()) };
        let fragments = value.as_object().ok_or_else(|| self.invalid(&format!("'{key}' must be an object")))?;
        refuse_many(key, fragments.len())?;
        let read = |(name, value): (&String, &Value)| {
            if name.chars().count() > MAX_NAME || !fits_three_bytes(name) {
                return Err(self.invalid(&format!("{name:?} is no name of a property")));
            }
            let fragment = value.as_object().ok_or_else(|| self.invalid(&format!("'{name}' must be an object")))?;
            let fragment = fragment::read(fragment).map_err(|why| self.invalid(&format!("'{name}': {why}")))?;
            Ok((name.clone(), Value::Object(fragment)))
        };
        fragments.iter().map(read).collect()
    }
}
