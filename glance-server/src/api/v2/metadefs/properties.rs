//! `/v2/metadefs/namespaces/{namespace}/properties` and below.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use glance_core::metadefs::property_from_json;
use http::StatusCode;

use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::extract::{Caller, Segments};
use crate::api::json::{self, JsonObject};
use crate::api::v2::query::resource_type;
use crate::api::views::metadefs::{PropertiesView, PropertyView};

/// `GET …/properties`.
pub(super) async fn list(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments(namespace): Segments<String>,
) -> Result<Response, ApiError> {
    let properties = api.glance.metadefs(&context).properties(&namespace).await?;
    Ok(json::answer(StatusCode::OK, &PropertiesView::new(&properties)))
}

/// `POST …/properties`.
pub(super) async fn create(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments(namespace): Segments<String>,
    JsonObject(body): JsonObject,
) -> Result<Response, ApiError> {
    let property = api.glance.metadefs(&context).add_property(&namespace, property_from_json(&body)?).await?;
    Ok(json::answer(StatusCode::CREATED, &PropertyView::new(&property)))
}

/// `GET …/properties/{name}`.
pub(super) async fn show(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments((namespace, name)): Segments<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let resource_type = resource_type(query.as_deref().unwrap_or_default())?;
    let property = api.glance.metadefs(&context).property(&namespace, &name, resource_type.as_deref()).await?;
    Ok(json::answer(StatusCode::OK, &PropertyView::new(&property)))
}

/// `PUT …/properties/{name}`.
pub(super) async fn update(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments((namespace, name)): Segments<(String, String)>,
    JsonObject(body): JsonObject,
) -> Result<Response, ApiError> {
    let property = property_from_json(&body)?;
    let property = api.glance.metadefs(&context).update_property(&namespace, &name, property).await?;
    Ok(json::answer(StatusCode::OK, &PropertyView::new(&property)))
}

/// `DELETE …/properties/{name}`.
pub(super) async fn delete(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments((namespace, name)): Segments<(String, String)>,
) -> Result<StatusCode, ApiError> {
    api.glance.metadefs(&context).delete_property(&namespace, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
