//! `/v2/metadefs/resource_types`, and `/v2/metadefs/namespaces/{namespace}/resource_types` and below.

use axum::extract::State;
use axum::response::Response;
use glance_core::metadefs::association_from_json;
use http::StatusCode;

use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::extract::{Caller, Segments};
use crate::api::json::{self, JsonObject};
use crate::api::views::metadefs::{AssociationView, AssociationsView, ResourceTypesView};

/// `GET /v2/metadefs/resource_types`.
pub(super) async fn list(State(api): State<Api>, Caller(context): Caller) -> Result<Response, ApiError> {
    let types = api.glance.metadefs(&context).resource_types().await?;
    Ok(json::answer(StatusCode::OK, &ResourceTypesView::new(&types)))
}

/// `GET …/resource_types`.
pub(super) async fn associations(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments(namespace): Segments<String>,
) -> Result<Response, ApiError> {
    let associations = api.glance.metadefs(&context).associations(&namespace).await?;
    Ok(json::answer(StatusCode::OK, &AssociationsView::new(&associations)))
}

/// `POST …/resource_types`.
pub(super) async fn associate(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments(namespace): Segments<String>,
    JsonObject(body): JsonObject,
) -> Result<Response, ApiError> {
    let association = api.glance.metadefs(&context).associate(&namespace, association_from_json(&body)?).await?;
    Ok(json::answer(StatusCode::CREATED, &AssociationView::new(&association)))
}

/// `DELETE …/resource_types/{name}`.
pub(super) async fn dissociate(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments((namespace, name)): Segments<(String, String)>,
) -> Result<StatusCode, ApiError> {
    api.glance.metadefs(&context).dissociate(&namespace, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
