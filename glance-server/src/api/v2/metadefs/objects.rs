//! `/v2/metadefs/namespaces/{namespace}/objects` and below.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use glance_core::metadefs::{new_object_from_json, object_from_json};
use http::StatusCode;

use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::extract::{Caller, Segments};
use crate::api::json::{self, JsonObject};
use crate::api::v2::query::check_object_query;
use crate::api::views::metadefs::{ObjectView, ObjectsView};

/// `GET …/objects`. What the query says is looked at, and without effect, as in the Python server.
pub(super) async fn list(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments(namespace): Segments<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    check_object_query(query.as_deref().unwrap_or_default())?;
    let objects = api.glance.metadefs(&context).objects(&namespace).await?;
    Ok(json::answer(StatusCode::OK, &ObjectsView::new(&namespace, &objects)))
}

/// `POST …/objects`.
pub(super) async fn create(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments(namespace): Segments<String>,
    JsonObject(body): JsonObject,
) -> Result<Response, ApiError> {
    let object = api.glance.metadefs(&context).add_object(&namespace, new_object_from_json(&body)?).await?;
    Ok(json::answer(StatusCode::CREATED, &ObjectView::new(&namespace, &object).limited_to(&body)))
}

/// `GET …/objects/{name}`.
pub(super) async fn show(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments((namespace, name)): Segments<(String, String)>,
) -> Result<Response, ApiError> {
    let object = api.glance.metadefs(&context).object(&namespace, &name).await?;
    Ok(json::answer(StatusCode::OK, &ObjectView::new(&namespace, &object)))
}

/// `PUT …/objects/{name}`.
pub(super) async fn update(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments((namespace, name)): Segments<(String, String)>,
    JsonObject(body): JsonObject,
) -> Result<Response, ApiError> {
    let object = api.glance.metadefs(&context).update_object(&namespace, &name, object_from_json(&body)?).await?;
    Ok(json::answer(StatusCode::OK, &ObjectView::new(&namespace, &object).limited_to(&body)))
}

/// `DELETE …/objects/{name}`.
pub(super) async fn delete(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments((namespace, name)): Segments<(String, String)>,
) -> Result<StatusCode, ApiError> {
    api.glance.metadefs(&context).delete_object(&namespace, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
