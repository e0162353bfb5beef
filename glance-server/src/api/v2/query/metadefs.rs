//! The queries of `/v2/metadefs`.

use glance_core::catalogue::NamespaceRequest;
use glance_core::database::{Direction, NamespaceSortKey, TagQuery, TagSortKey};

use super::{Links, MOST_PAIRS, Pairs, bad, limit};
use crate::api::error::ApiError;

/// What a client asks of the list of namespaces.
#[derive(Debug)]
pub(in crate::api::v2) struct NamespaceListQuery {
    /// What to list.
    pub(in crate::api::v2) request: NamespaceRequest,
    /// Where the first and the next page are.
    pub(in crate::api::v2) links: Links,
}

impl NamespaceListQuery {
    /// Reads the query of `GET /v2/metadefs/namespaces`.
    ///
    /// # Errors
    ///
    /// 400 naming the parameter.
    pub(in crate::api::v2) fn read(query: &str) -> Result<Self, ApiError> {
        let pairs = pairs(query)?;
        let key = pairs.last("sort_key").map_or(Ok(NamespaceSortKey::CreatedAt), namespace_key)?;
        let visibility = |value: &str| value.parse().map_err(|error| bad("visibility", value, &format!("{error}")));
        let request = NamespaceRequest {
            marker: pairs.last("marker").map(str::to_owned),
            limit: pairs.last("limit").map(limit).transpose()?,
            sort: (key, direction(&pairs)?),
            visibility: pairs.last("visibility").map(visibility).transpose()?,
            resource_types: pairs.last("resource_types").map(|types| types.split(',').map(str::to_owned).collect()),
        };
        Ok(Self { request, links: Links::new("/v2/metadefs/namespaces", pairs) })
    }
}

/// The resource type that a client wants a namespace or a property shown for.
///
/// # Errors
///
/// 400 for too many parameters.
pub(in crate::api::v2) fn resource_type(query: &str) -> Result<Option<String>, ApiError> {
    let pairs = pairs(query)?;
    Ok(some(&pairs, "resource_type"))
}

/// Looks at the query of a list of objects, which has no effect.
///
/// # Errors
///
/// 400 naming the parameter.
pub(in crate::api::v2) fn check_object_query(query: &str) -> Result<(), ApiError> {
    let pairs = pairs(query)?;
    direction(&pairs)?;
    wide_visibility(&pairs)?;
    match pairs.last("limit") {
        Some(value) if limit(value)? == 0 => Err(bad("limit", value, "it must be positive")),
        _ => Ok(()),
    }
}

/// The query of a list of tags.
///
/// # Errors
///
/// 400 naming the parameter.
pub(in crate::api::v2) fn tag_query(query: &str) -> Result<TagQuery, ApiError> {
    let pairs = pairs(query)?;
    wide_visibility(&pairs)?;
    Ok(TagQuery {
        sort: (pairs.last("sort_key").map_or(Ok(TagSortKey::CreatedAt), tag_key)?, direction(&pairs)?),
        marker: some(&pairs, "marker"),
        limit: some(&pairs, "limit").as_deref().map(limit).transpose()?,
    })
}

fn pairs(query: &str) -> Result<Pairs, ApiError> {
    let pairs = Pairs::decode(query);
    if pairs.0.len() > MOST_PAIRS {
        return Err(ApiError::invalid(format!("A query takes at most {MOST_PAIRS} parameters.")));
    }
    Ok(pairs)
}

/// A parameter that says nothing where it is empty.
fn some(pairs: &Pairs, name: &str) -> Option<String> {
    pairs.last(name).filter(|value| !value.is_empty()).map(str::to_owned)
}

fn direction(pairs: &Pairs) -> Result<Direction, ApiError> {
    match pairs.last("sort_dir") {
        None | Some("desc") => Ok(Direction::Descending),
        Some("asc") => Ok(Direction::Ascending),
        Some(other) => Err(bad("sort_dir", other, "it must be asc or desc")),
    }
}

fn wide_visibility(pairs: &Pairs) -> Result<(), ApiError> {
    match pairs.last("visibility") {
        None | Some("" | "public" | "private" | "shared") => Ok(()),
        Some(other) => Err(bad("visibility", other, "it must be public, private or shared")),
    }
}

/// The Python server sorts by any column; behind the one that is asked for come `created_at` and `id`, in this order
/// also where it is `id`.
fn namespace_key(value: &str) -> Result<NamespaceSortKey, ApiError> {
    Ok(match value {
        "namespace" => NamespaceSortKey::Name,
        "display_name" => NamespaceSortKey::DisplayName,
        "description" => NamespaceSortKey::Description,
        "visibility" => NamespaceSortKey::Visibility,
        "protected" => NamespaceSortKey::Protected,
        "owner" => NamespaceSortKey::Owner,
        "created_at" | "id" => NamespaceSortKey::CreatedAt,
        "updated_at" => NamespaceSortKey::UpdatedAt,
        _ => return Err(bad("sort_key", value, "namespaces have no such field to sort by")),
    })
}

fn tag_key(value: &str) -> Result<TagSortKey, ApiError> {
    Ok(match value {
        "name" => TagSortKey::Name,
        // All tags of a list have the same namespace.
        "created_at" | "id" | "namespace_id" => TagSortKey::CreatedAt,
        "updated_at" => TagSortKey::UpdatedAt,
        _ => return Err(bad("sort_key", value, "tags have no such field to sort by")),
    })
}
