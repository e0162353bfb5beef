//! Parameters that say which images are wanted.

use glance_core::database::{Comparison, Filter, NumberField, TextField, TimeField};

use super::values;
use super::{Pairs, bad, dates};
use crate::api::error::ApiError;

/// Parameters that are no filters.
const OTHERS: [&str; 9] =
    ["limit", "marker", "member_status", "os_hidden", "sort", "sort_key", "sort_dir", "tag", "visibility"];

/// Finds fault with what is wrong whoever asks for it.
///
/// # Errors
///
/// 400 naming the parameter.
pub(super) fn check_early(pairs: &Pairs) -> Result<(), ApiError> {
    if pairs.has("changes-since") {
        return Err(ApiError::invalid("The filter changes-since is not available in version 2 of the API."));
    }
    pairs.last("protected").map_or(Ok(()), |value| protected(value).map(drop))
}

/// The filters of a query. Of a parameter that is repeated, the last one counts.
///
/// # Errors
///
/// 400 naming the parameter.
pub(super) fn read(pairs: &Pairs) -> Result<Vec<Filter>, ApiError> {
    let named = pairs.distinct().filter(|(name, _)| !OTHERS.contains(name));
    let mut filters: Vec<Filter> =
        named.filter_map(|(name, value)| filter(name, value).transpose()).collect::<Result<_, _>>()?;
    // No image has an empty visibility, and none an empty tag.
    if pairs.last("visibility") == Some("") || pairs.all("tag").any(|tag| tag.trim().is_empty()) {
        filters.push(Filter::Nothing);
    }
    Ok(filters)
}

/// What one parameter asks for; `None` for nothing.
fn filter(name: &str, value: &str) -> Result<Option<Filter>, ApiError> {
    if name.contains('\0') || value.contains('\0') {
        // No database keeps such a text, so no image has it.
        return Ok(Some(Filter::Nothing));
    }
    Ok(Some(match name {
        // Deleted images are not shown, whatever a client says.
        "deleted" => return Ok(None),
        "deleted_at" => Filter::Nothing,
        "protected" => protected(value)?,
        "created_at" => time(TimeField::CreatedAt, name, value)?,
        "updated_at" => time(TimeField::UpdatedAt, name, value)?,
        "name" => text(TextField::Name, name, value)?,
        "id" => text(TextField::Id, name, value)?,
        "status" => text(TextField::Status, name, value)?,
        "disk_format" => text(TextField::DiskFormat, name, value)?,
        "container_format" => text(TextField::ContainerFormat, name, value)?,
        "owner" => exactly(TextField::Owner, value),
        "checksum" => exactly(TextField::Checksum, value),
        "os_hash_algo" => exactly(TextField::OsHashAlgo, value),
        "os_hash_value" => exactly(TextField::OsHashValue, value),
        name => match (number(name), bound(name)) {
            // A value of the wrong type is a value that no image has.
            (Some(field), _) => {
                value.trim().parse().map_or(Filter::Nothing, |number| Filter::Number(field, Comparison::Equal, number))
            }
            (None, Some((column, comparison))) => range(column, comparison, name, value)?,
            (None, None) => Filter::Property(name.to_owned(), value.to_owned()),
        },
    }))
}

fn number(name: &str) -> Option<NumberField> {
    match name {
        "size" => Some(NumberField::Size),
        "virtual_size" => Some(NumberField::VirtualSize),
        "min_disk" => Some(NumberField::MinDisk),
        "min_ram" => Some(NumberField::MinRam),
        _ => None,
    }
}

/// A field and its end, of a parameter such as `size_min`.
fn bound(name: &str) -> Option<(&str, Comparison)> {
    let least = name.strip_suffix("_min").map(|field| (field, Comparison::AtLeast));
    least.or_else(|| name.strip_suffix("_max").map(|field| (field, Comparison::AtMost)))
}

fn range(column: &str, comparison: Comparison, name: &str, value: &str) -> Result<Filter, ApiError> {
    let Ok(limit) = value.trim().parse() else { return Err(bad(name, value, "it must be an integer")) };
    match number(column) {
        Some(field) => Ok(Filter::Number(field, comparison, limit)),
        None => {
            Err(ApiError::invalid(format!("The parameter {name} bounds {column:?}, which is no number of an image.")))
        }
    }
}

fn exactly(field: TextField, value: &str) -> Filter {
    Filter::Text(field, vec![value.to_owned()])
}

fn text(field: TextField, name: &str, value: &str) -> Result<Filter, ApiError> {
    match values::operator(value) {
        ("eq", wanted) => Ok(exactly(field, wanted)),
        ("in", list) => {
            let wanted =
                values::list(list).ok_or_else(|| bad(name, value, "its quotes do not enclose whole values"))?;
            Ok(Filter::Text(field, wanted.into_iter().map(str::to_owned).collect()))
        }
        _ => Err(bad(name, value, "its operator must be eq or in")),
    }
}

fn protected(value: &str) -> Result<Filter, ApiError> {
    match value {
        "true" => Ok(Filter::Protected(true)),
        "false" => Ok(Filter::Protected(false)),
        _ => Err(bad("protected", value, "it must be true or false")),
    }
}

fn time(field: TimeField, name: &str, value: &str) -> Result<Filter, ApiError> {
    let (operator, date) = values::operator(value);
    let moment = dates::parse(date).ok_or_else(|| bad(name, value, "it needs a date in ISO 8601"))?;
    let comparison = match operator {
        "eq" => Comparison::Equal,
        "neq" => Comparison::NotEqual,
        "gt" => Comparison::Greater,
        "gte" => Comparison::AtLeast,
        "lt" => Comparison::Less,
        "lte" => Comparison::AtMost,
        _ => return Err(bad(name, value, "its operator must be one of eq, neq, gt, gte, lt, lte")),
    };
    Ok(Filter::Time(field, comparison, moment))
}
