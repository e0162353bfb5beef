//! The order of a list, in both ways clients ask for it.

use glance_core::catalogue::ListRequest;
use glance_core::database::{Direction, SortKey};

use super::{Pairs, bad};
use crate::api::error::ApiError;

/// Reads `sort=key:dir,…`, or `sort_key` and `sort_dir`.
///
/// # Errors
///
/// 400 for keys and directions there are none of, for both ways at once, and for as many directions
/// as there are neither keys nor one.
pub(super) fn read(pairs: &Pairs, request: &mut ListRequest) -> Result<(), ApiError> {
    let (keys, directions) = match pairs.last("sort") {
        Some(_) if pairs.has("sort_key") || pairs.has("sort_dir") => {
            return Err(ApiError::invalid("The parameter sort cannot be combined with sort_key and sort_dir."));
        }
        Some(sort) => compact(sort)?,
        None => classic(pairs)?,
    };
    let single = match directions[..] {
        [] => Some(Direction::Descending),
        [one] => Some(one),
        _ => None,
    };
    let keys = if keys.is_empty() { vec![SortKey::CreatedAt] } else { keys };
    request.tie_break = single.unwrap_or(Direction::Descending);
    request.sort = match single {
        Some(direction) => keys.into_iter().map(|key| (key, direction)).collect(),
        None => keys.into_iter().zip(directions).collect(),
    };
    Ok(())
}

type KeysAndDirections = (Vec<SortKey>, Vec<Direction>);

fn compact(sort: &str) -> Result<KeysAndDirections, ApiError> {
    let items = sort.trim().split(',').map(|item| {
        let (name, way) = item.split_once(':').unwrap_or((item, ""));
        let way = if way.is_empty() { Ok(Direction::Descending) } else { direction(way) };
        Ok((key(name)?, way?))
    });
    Ok(items.collect::<Result<Vec<_>, ApiError>>()?.into_iter().unzip())
}

fn classic(pairs: &Pairs) -> Result<KeysAndDirections, ApiError> {
    let keys: Vec<_> = pairs.all("sort_key").map(key).collect::<Result<_, _>>()?;
    let directions: Vec<_> = pairs.all("sort_dir").map(direction).collect::<Result<_, _>>()?;
    if directions.len() > 1 && directions.len() != keys.len() {
        return Err(ApiError::invalid("There must be one sort_dir, or as many as there are sort_keys."));
    }
    Ok((keys, directions))
}

fn key(name: &str) -> Result<SortKey, ApiError> {
    Ok(match name.trim() {
        "name" => SortKey::Name,
        "status" => SortKey::Status,
        "container_format" => SortKey::ContainerFormat,
        "disk_format" => SortKey::DiskFormat,
        "size" => SortKey::Size,
        "id" => SortKey::Id,
        "created_at" => SortKey::CreatedAt,
        "updated_at" => SortKey::UpdatedAt,
        name => return Err(bad("sort key", name, "lists are not sorted by that")),
    })
}

fn direction(name: &str) -> Result<Direction, ApiError> {
    match name.trim() {
        "asc" => Ok(Direction::Ascending),
        "desc" => Ok(Direction::Descending),
        name => Err(bad("sort direction", name, "it must be asc or desc")),
    }
}
