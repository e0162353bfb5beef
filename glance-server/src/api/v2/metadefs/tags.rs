//! `/v2/metadefs/namespaces/{namespace}/tags` and below.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use glance_core::metadefs::{NewTags, tag_from_json};
use http::{HeaderMap, StatusCode};

use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::extract::{Caller, Segments};
use crate::api::json::{self, JsonObject};
use crate::api::v2::query::tag_query;
use crate::api::views::metadefs::{TagView, TagsView};

/// `GET …/tags`.
pub(super) async fn list(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments(namespace): Segments<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let query = tag_query(query.as_deref().unwrap_or_default())?;
    let tags = api.glance.metadefs(&context).tags(&namespace, &query).await?;
    Ok(json::answer(StatusCode::OK, &TagsView::new(tags.iter().map(|tag| &tag.item))))
}

/// `POST …/tags`: in the place of all that are there, unless the client says that they be appended.
pub(super) async fn create_all(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments(namespace): Segments<String>,
    headers: HeaderMap,
    JsonObject(body): JsonObject,
) -> Result<Response, ApiError> {
    let tags = NewTags::from_json(&body)?;
    api.glance.metadefs(&context).add_tags(&namespace, &tags, appends(&headers)).await?;
    Ok(json::answer(StatusCode::CREATED, &TagsView::new(tags.0.iter())))
}

/// `POST …/tags/{name}`.
pub(super) async fn create(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments((namespace, name)): Segments<(String, String)>,
) -> Result<Response, ApiError> {
    let tag = api.glance.metadefs(&context).add_tag(&namespace, &name).await?;
    Ok(json::answer(StatusCode::CREATED, &TagView::new(&tag)))
}

/// `GET …/tags/{name}`.
pub(super) async fn show(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments((namespace, name)): Segments<(String, String)>,
) -> Result<Response, ApiError> {
    let tag = api.glance.metadefs(&context).tag(&namespace, &name).await?;
    Ok(json::answer(StatusCode::OK, &TagView::new(&tag)))
}

/// `PUT …/tags/{name}`.
pub(super) async fn update(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments((namespace, name)): Segments<(String, String)>,
    JsonObject(body): JsonObject,
) -> Result<Response, ApiError> {
    let tag = api.glance.metadefs(&context).update_tag(&namespace, &name, tag_from_json(&body)?).await?;
    Ok(json::answer(StatusCode::OK, &TagView::new(&tag)))
}

/// `DELETE …/tags/{name}`.
pub(super) async fn delete(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments((namespace, name)): Segments<(String, String)>,
) -> Result<StatusCode, ApiError> {
    api.glance.metadefs(&context).delete_tag(&namespace, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether new tags come behind those that are there, in the spellings that Python's `strutils` takes for true.
fn appends(headers: &HeaderMap) -> bool {
    const TRUE: [&str; 6] = ["1", "t", "true", "on", "y", "yes"];
    let said = headers.get("x-openstack-append").and_then(|value| value.to_str().ok());
    said.is_some_and(|said| TRUE.contains(&said.trim().to_ascii_lowercase().as_str()))
}
