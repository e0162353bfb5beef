//! What values the fields of an image take: the base schema of Image API v2, as code.
//!
//! Clients send fields as JSON when they create or change an image; both ways lead through here, so
//! both accept the same.

use std::collections::HashSet;

use serde_json::Value;

use super::{CustomProperties, Formats, Image, MAX_MINIMUM, MAX_NAME, fits_three_bytes};
use crate::error::Error;

/// Fields that only the registry writes.
pub const READ_ONLY: [&str; 13] = [
    "id",
    "status",
    "size",
    "virtual_size",
    "checksum",
    "os_hash_algo",
    "os_hash_value",
    "created_at",
    "updated_at",
    "direct_url",
    "self",
    "file",
    "schema",
];

/// Fields that exist in views only: a body that carries one is refused before anything else.
pub(super) const LINKS: [&str; 5] = ["direct_url", "self", "file", "schema", "stores"];

/// Names no custom property may have.
pub(super) const RESERVED: [&str; 3] = ["location", "deleted", "deleted_at"];

/// Names that begin so belong to the registry's own book-keeping.
pub const RESERVED_PREFIX: &str = "os_glance";

/// Properties of the registry's book-keeping that no client sees.
pub const HIDDEN_PROPERTIES: [&str; 2] = ["os_glance_stage_host", "os_glance_hash_op_host"];

/// Every field that is no custom property.
const BASE: [&str; 26] = [
    "id",
    "name",
    "status",
    "visibility",
    "protected",
    "os_hidden",
    "checksum",
    "os_hash_algo",
    "os_hash_value",
    "owner",
    "size",
    "virtual_size",
    "container_format",
    "disk_format",
    "created_at",
    "updated_at",
    "tags",
    "direct_url",
    "min_ram",
    "min_disk",
    "self",
    "file",
    "stores",
    "schema",
    "locations",
    "members",
];

/// Whether `name` is a field of the record rather than a custom property.
#[must_use]
pub fn is_base(name: &str) -> bool {
    name != "members" && BASE.contains(&name)
}

/// Whether an image always shows the field `name`, so that it can be set but not removed.
pub(crate) fn is_attribute(name: &str) -> bool {
    is_base(name) && !LINKS.contains(&name)
}

pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name) || name.starts_with(RESERVED_PREFIX)
}

/// What an operator lets the fields of an image be.
#[derive(Debug, Clone, Copy)]
pub struct Schema<'a> {
    /// The formats images may declare.
    pub formats: &'a Formats,
    /// What custom properties may be; `None`: texts, all of them.
    pub custom: Option<&'a CustomProperties>,
}

impl<'a> From<&'a Formats> for Schema<'a> {
    /// Nothing is said of custom properties.
    fn from(formats: &'a Formats) -> Self {
        Self { formats, custom: None }
    }
}

impl Schema<'_> {
    /// What is wrong with `value` for the custom property `name`.
    fn fault(&self, name: &str, value: &Value) -> Option<&'static str> {
        match self.custom {
            Some(custom) => custom.fault(name, value),
            None => (!value.is_string()).then_some("must be a text"),
        }
    }

    /// Checks the value of a custom property as it is kept.
    pub(super) fn check_property(&self, name: &str, kept: Option<&str>) -> Result<(), Error> {
        let fault = match self.custom {
            Some(custom) => custom.fault_kept(name, kept),
            None => kept.is_none().then_some("must be a text"),
        };
        fault.map_or(Ok(()), |why| Err(invalid(name, why)))
    }

    /// Refuses a new image that does not say all it must.
    pub(super) fn check_required(&self, says: impl Fn(&str) -> bool) -> Result<(), Error> {
        let required = self.custom.map(CustomProperties::required).unwrap_or_default();
        match required.iter().find(|name| !says(name)) {
            Some(missing) => Err(invalid(missing, "is required")),
            None => Ok(()),
        }
    }
}

fn invalid(name: &str, why: &str) -> Error {
    Error::Invalid(format!("field {name:?} {why}"))
}

/// Checks `value` against the schema of the field `name`, and that a database keeps it.
///
/// # Errors
///
/// [`Error::Invalid`] naming the field.
pub fn check(name: &str, value: &Value, schema: Schema<'_>) -> Result<(), Error> {
    check_schema(name, value, schema)?;
    check_kept(name, value)
}

/// Checks `value` against the schema of the field `name` alone.
pub(super) fn check_schema(name: &str, value: &Value, schema: Schema<'_>) -> Result<(), Error> {
    let ok = match name {
        "id" => value.as_str().is_some_and(|text| text.parse::<super::ImageId>().is_ok()),
        "name" | "owner" => null_or_text(value, MAX_NAME),
        "checksum" => null_or_text(value, 32),
        "os_hash_algo" => null_or_text(value, 64),
        "os_hash_value" => null_or_text(value, 128),
        "status" => value.as_str().is_some_and(|text| text.parse::<super::Status>().is_ok()),
        "visibility" => value.as_str().is_some_and(|text| text.parse::<super::Visibility>().is_ok()),
        "protected" | "os_hidden" => value.is_boolean(),
        "size" | "virtual_size" => value.is_null() || is_integer(value),
        "min_disk" | "min_ram" => is_integer(value),
        "disk_format" => null_or_one_of(value, &schema.formats.disk),
        "container_format" => null_or_one_of(value, &schema.formats.container),
        "tags" => value.as_array().is_some_and(|tags| tags.iter().all(|tag| text_up_to(tag, MAX_NAME))),
        "locations" => value.as_array().is_some_and(|places| places.iter().all(is_place)),
        _ => {
            // What exists in views alone is a custom property to a patch, and nobody defines it.
            return schema.fault(name, value).map_or(Ok(()), |why| Err(invalid(name, why)));
        }
    };
    if !ok {
        return Err(invalid(name, expected(name)));
    }
    Ok(())
}

/// Checks that a database keeps `value`, which [`check_schema`] has accepted.
pub(crate) fn check_kept(name: &str, value: &Value) -> Result<(), Error> {
    if matches!(name, "min_disk" | "min_ram") && minimum(value) > MAX_MINIMUM {
        return Err(invalid(name, "must lie between 0 and 2147483647"));
    }
    if !value_fits(value) {
        return Err(invalid(
            name,
            "holds characters beyond the Basic Multilingual Plane, which no database here keeps",
        ));
    }
    Ok(())
}

fn expected(name: &str) -> &'static str {
    match name {
        "id" => "must be a UUID",
        "name" | "owner" => "must be null or a text of at most 255 characters",
        "status" => "must be an image status",
        "visibility" => "must be one of public, community, shared, private",
        "protected" | "os_hidden" => "must be true or false",
        "size" | "virtual_size" => "must be null or an integer",
        "min_disk" | "min_ram" => "must be an integer",
        "disk_format" | "container_format" => "must be null or one of the formats this server accepts",
        "tags" => "must be an array of texts of at most 255 characters",
        "locations" => {
            "must be an array of objects with a url of at most 255 characters and metadata, and validation_data with \
             os_hash_algo and os_hash_value if any"
        }
        _ => "must be a text",
    }
}

fn null_or_text(value: &Value, longest: usize) -> bool {
    value.is_null() || text_up_to(value, longest)
}

fn text_up_to(value: &Value, longest: usize) -> bool {
    value.as_str().is_some_and(|text| text.chars().count() <= longest)
}

fn null_or_one_of(value: &Value, names: &[String]) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| names.iter().any(|name| name == text))
}

/// JSON Schema counts `1.0` as an integer and `true` as none.
pub(super) fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn is_place(value: &Value) -> bool {
    value.as_object().is_some_and(|place| {
        place.get("url").is_some_and(|url| text_up_to(url, 255))
            && place.get("metadata").is_some_and(Value::is_object)
            && place.get("validation_data").is_none_or(is_validation_data)
    })
}

fn is_validation_data(value: &Value) -> bool {
    value.as_object().is_some_and(|data| {
        data.contains_key("os_hash_algo")
            && data.contains_key("os_hash_value")
            && data.iter().all(|(key, value)| match key.as_str() {
                "checksum" => value.as_str().is_some_and(|text| text.chars().count() == 32),
                "os_hash_algo" => text_up_to(value, 64),
                "os_hash_value" => text_up_to(value, 128),
                _ => false,
            })
    })
}

/// A value of `min_disk` or `min_ram`. What a signed 32-bit column does not hold becomes more than [`MAX_MINIMUM`], so that
/// [`check_kept`] refuses it.
fn minimum(value: &Value) -> u32 {
    let number = value.as_u64().or_else(|| whole(value.as_f64()?));
    number.and_then(|number| u32::try_from(number).ok()).unwrap_or(u32::MAX)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked against both ends")]
fn whole(number: f64) -> Option<u64> {
    (number.fract() == 0.0 && (0.0..=f64::from(MAX_MINIMUM)).contains(&number)).then_some(number as u64)
}

fn value_fits(value: &Value) -> bool {
    match value {
        Value::String(text) => fits_three_bytes(text),
        Value::Array(values) => values.iter().all(value_fits),
        _ => true,
    }
}

/// Gives the field or custom property `name` the value `value`, which [`check_schema`] has accepted. Whether a database
/// keeps it is for [`check_kept`] to say.
///
/// Fields that clients do not write are left as they are.
pub(crate) fn assign(image: &mut Image, name: &str, value: &Value) -> Result<(), Error> {
    let text = || value.as_str().map(str::to_owned);
    match name {
        "name" => image.name = text(),
        // An empty owner is no owner, as the database has it.
        "owner" => image.owner = text().filter(|owner| !owner.is_empty()),
        "visibility" => image.visibility = parsed(name, value)?,
        "protected" => image.protected = value.as_bool().unwrap_or_default(),
        "os_hidden" => image.hidden = value.as_bool().unwrap_or_default(),
        "disk_format" => image.disk_format = text(),
        "container_format" => image.container_format = text(),
        "min_disk" => image.min_disk = minimum(value),
        "min_ram" => image.min_ram = minimum(value),
        "tags" => image.tags = once(texts_of(value)),
        _ if is_attribute(name) => {}
        _ => {
            check_property_name(name)?;
            image.properties.insert(name.to_owned(), kept(value));
        }
    }
    Ok(())
}

/// The value of a custom property as it is kept: numbers and truth values as the texts that spell them.
fn kept(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Checks the name of a custom property.
pub(super) fn check_property_name(name: &str) -> Result<(), Error> {
    if name.chars().count() > MAX_NAME {
        return Err(Error::Invalid("the name of a custom property has at most 255 characters".to_owned()));
    }
    if !fits_three_bytes(name) {
        return Err(Error::Invalid(format!("the property name {name:?} holds characters no database here keeps")));
    }
    Ok(())
}

fn parsed<T: std::str::FromStr>(name: &str, value: &Value) -> Result<T, Error> {
    value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| invalid(name, expected(name)))
}

/// The texts of an array.
pub(super) fn texts_of(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Tags, each once, in the order they came.
pub(super) fn once(mut tags: Vec<String>) -> Vec<String> {
    // A client may send as many as a body holds, so none is compared with all others.
    let mut known = HashSet::new();
    tags.retain(|tag| known.insert(tag.clone()));
    tags
}
