//! Definitions in files: one namespace as a JSON object, in the format of the Python server.

use serde_json::{Map, Value, json};

use super::record::{Association, Definition, Namespace, NamespaceVisibility, Object, Property, Tag};

/// What a file holds is no definition of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadDefinition(String);

/// Who owns what files define and name no owner for.
const OWNER: &str = "admin";

impl Definition {
    /// Reads the content of a file. Keys that mean nothing are passed over, as the Python server does.
    ///
    /// # Errors
    ///
    /// [`BadDefinition`] naming what is missing or of the wrong type.
    pub fn from_file(content: &Value) -> Result<Self, BadDefinition> {
        let file = content.as_object().ok_or_else(|| bad("the file holds no JSON object"))?;
        let visibility = text(file, "visibility")?;
        let namespace = Namespace {
            name: required(file, "namespace")?,
            display_name: text(file, "display_name")?,
            description: text(file, "description")?,
            visibility: visibility.map(|text| text.parse()).transpose().map_err(|error| bad(&format!("{error}")))?,
            protected: match file.get("protected") {
                None | Some(Value::Null) => None,
                Some(value) => Some(value.as_bool().ok_or_else(|| bad("\"protected\" is neither true nor false"))?),
            },
            owner: text(file, "owner")?.unwrap_or_else(|| OWNER.to_owned()),
        };
        Ok(Self {
            namespace,
            associations: each(file, "resource_type_associations", association)?,
            properties: schemas(file)?
                .into_iter()
                .map(|(name, schema)| match schema {
                    Value::Object(schema) => Ok(Property { name, schema }),
                    _ => Err(bad(&format!("the property {name:?} has no schema"))),
                })
                .collect::<Result<_, _>>()?,
            objects: each(file, "objects", object)?,
            tags: each(file, "tags", |tag| Ok(Tag { name: required(tag, "name")? }))?,
        })
    }

    /// The content of a file that defines the same.
    #[must_use]
    pub fn to_file(&self) -> Value {
        let namespace = &self.namespace;
        let properties: Map<String, Value> =
            self.properties.iter().map(|known| (known.name.clone(), Value::Object(known.schema.clone()))).collect();
        let associations = self.associations.iter().map(|known| {
            json!({
                "name": known.resource_type,
                "prefix": known.prefix,
                "properties_target": known.properties_target,
            })
        });
        let objects = self.objects.iter().map(|known| {
            json!({
                "name": known.name,
                "description": known.description,
                "required": known.required,
                "properties": known.properties,
            })
        });
        json!({
            "namespace": namespace.name,
            "display_name": namespace.display_name,
            "description": namespace.description,
            "visibility": namespace.visibility.map(NamespaceVisibility::as_str),
            "protected": namespace.protected,
            "owner": namespace.owner,
            "resource_type_associations": associations.collect::<Vec<_>>(),
            "properties": properties,
            "objects": objects.collect::<Vec<_>>(),
            "tags": self.tags.iter().map(|tag| json!({ "name": tag.name })).collect::<Vec<_>>(),
        })
    }

    /// A name that the file of the definition may have, without `.json`: what people call the namespace, or else its
    /// name, without all that is neither letter nor digit.
    #[must_use]
    pub fn file_name(&self) -> String {
        let bare = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        let shown = self.namespace.display_name.as_deref().map(bare).unwrap_or_default();
        let name = if shown.is_empty() { bare(&self.namespace.name) } else { shown };
        if name.is_empty() { "namespace".to_owned() } else { name }
    }
}

fn bad(why: &str) -> BadDefinition {
    BadDefinition(why.to_owned())
}

fn text(object: &Map<String, Value>, key: &str) -> Result<Option<String>, BadDefinition> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(bad(&format!("{key:?} is no text"))),
    }
}

fn required(object: &Map<String, Value>, key: &str) -> Result<String, BadDefinition> {
    text(object, key)?.ok_or_else(|| bad(&format!("{key:?} is missing")))
}

fn each<T>(
    file: &Map<String, Value>,
    key: &str,
    read: impl Fn(&Map<String, Value>) -> Result<T, BadDefinition>,
) -> Result<Vec<T>, BadDefinition> {
    let items = match file.get(key) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(bad(&format!("{key:?} is no list"))),
    };
    let object = |item: &Value| read(item.as_object().ok_or_else(|| bad(&format!("{key:?} holds what is no object")))?);
    items.iter().map(object).collect()
}

fn schemas(object: &Map<String, Value>) -> Result<Map<String, Value>, BadDefinition> {
    match object.get("properties") {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(schemas)) => Ok(schemas.clone()),
        Some(_) => Err(bad("\"properties\" is no object")),
    }
}

fn association(association: &Map<String, Value>) -> Result<Association, BadDefinition> {
    Ok(Association {
        resource_type: required(association, "name")?,
        prefix: text(association, "prefix")?,
        properties_target: text(association, "properties_target")?,
    })
}

/// The Python server passes over `required`, which files here have so that they say all that is recorded.
fn object(object: &Map<String, Value>) -> Result<Object, BadDefinition> {
    let names = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| bad("\"required\" holds no name"));
    Ok(Object {
        name: required(object, "name")?,
        description: text(object, "description")?,
        required: match object.get("required") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(required)) => required.iter().map(names).collect::<Result<_, _>>()?,
            Some(_) => return Err(bad("\"required\" is no list")),
        },
        properties: schemas(object)?,
    })
}
