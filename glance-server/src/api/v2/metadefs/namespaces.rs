//! `/v2/metadefs/namespaces` and `/v2/metadefs/namespaces/{namespace}`.

use std::fmt::Write as _;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use glance_core::metadefs::NewNamespace;
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};

use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::extract::{Caller, Segments};
use crate::api::json::{self, JsonObject};
use crate::api::origin::Origin;
use crate::api::v2::query::{NamespaceListQuery, resource_type};
use crate::api::views::metadefs::{NamespaceView, NamespacesView, WholeNamespaceView};

/// `GET /v2/metadefs/namespaces`.
pub(super) async fn list(
    State(api): State<Api>,
    Caller(context): Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let query = NamespaceListQuery::read(query.as_deref().unwrap_or_default())?;
    let page = api.glance.metadefs(&context).list(&query.request).await?;
    Ok(json::answer(StatusCode::OK, &NamespacesView::new(&page, &query.links)))
}

/// `POST /v2/metadefs/namespaces`.
pub(super) async fn create(
    State(api): State<Api>,
    Caller(context): Caller,
    origin: Origin,
    JsonObject(body): JsonObject,
) -> Result<Response, ApiError> {
    let new = NewNamespace::from_json(&body)?;
    let (namespace, definition) = api.glance.metadefs(&context).create_namespace(new).await?;
    let mut response = json::answer(StatusCode::CREATED, &WholeNamespaceView::created(&namespace, &definition));
    let location = format!("{}{}", origin.host(), in_a_header(&NamespaceView::path(&namespace.name)));
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// `GET /v2/metadefs/namespaces/{namespace}`.
pub(super) async fn show(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments(namespace): Segments<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let resource_type = resource_type(query.as_deref().unwrap_or_default())?;
    let whole = api.glance.metadefs(&context).namespace(&namespace, resource_type.as_deref()).await?;
    Ok(json::answer(StatusCode::OK, &WholeNamespaceView::new(&whole)))
}

/// `PUT /v2/metadefs/namespaces/{namespace}`.
pub(super) async fn update(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments(namespace): Segments<String>,
    JsonObject(body): JsonObject,
) -> Result<Response, ApiError> {
    let new = NewNamespace::from_json(&body)?;
    let namespace = api.glance.metadefs(&context).update_namespace(&namespace, new).await?;
    Ok(json::answer(StatusCode::OK, &NamespaceView::new(&namespace, &[])))
}

/// `DELETE /v2/metadefs/namespaces/{namespace}`.
pub(super) async fn delete(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments(namespace): Segments<String>,
) -> Result<StatusCode, ApiError> {
    api.glance.metadefs(&context).delete_namespace(&namespace).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v2/metadefs/namespaces/{namespace}/objects`.
pub(super) async fn delete_objects(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments(namespace): Segments<String>,
) -> Result<StatusCode, ApiError> {
    api.glance.metadefs(&context).delete_objects(&namespace).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v2/metadefs/namespaces/{namespace}/properties`.
pub(super) async fn delete_properties(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments(namespace): Segments<String>,
) -> Result<StatusCode, ApiError> {
    api.glance.metadefs(&context).delete_properties(&namespace).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v2/metadefs/namespaces/{namespace}/tags`.
pub(super) async fn delete_tags(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments(namespace): Segments<String>,
) -> Result<StatusCode, ApiError> {
    api.glance.metadefs(&context).delete_tags(&namespace).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A path as a header can carry it: what is not visible ASCII is encoded, and what would mean something else there. The
/// rest stays as it is, as clients know it.
fn in_a_header(path: &str) -> String {
    path.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_graphic() && !b"%?#".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // A text never fails to grow.
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}
