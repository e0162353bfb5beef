//! What handlers take from a request.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use glance_core::RequestContext;
use glance_core::image::ImageId;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::error::ApiError;
use super::origin::Origin;
use super::{Api, json};
use crate::auth::AuthError;

/// Who is asking.
#[derive(Debug, Clone)]
pub(super) struct Caller(pub(super) Arc<RequestContext>);

impl FromRequestParts<Api> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, ApiError> {
        // Every route stands behind the layer that inserts it.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| ApiError::unidentified(AuthError::Unauthenticated, None))
    }
}

/// The image a path names. Whether the id makes sense is asked late, where a handler looks the image
/// up: what is wrong with the body comes first, as in the Python server.
#[derive(Debug)]
pub(super) struct AddressedImage(String);

impl AddressedImage {
    pub(super) fn new(id: String) -> Self {
        Self(id)
    }

    /// The id.
    ///
    /// # Errors
    ///
    /// 404 if no image can have it.
    pub(super) fn id(&self) -> Result<ImageId, ApiError> {
        self.0
            .parse()
            .map_err(|_| ApiError::from(glance_core::Error::NotFound(format!("no image found with ID {}", self.0))))
    }
}

impl FromRequestParts<Api> for AddressedImage {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        Segments::from_request_parts(parts, api).await.map(|Segments(id)| Self(id))
    }
}

/// The named segments of a path, decoded.
#[derive(Debug)]
pub(super) struct Segments<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Api> for Segments<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let path: Result<Path<T>, PathRejection> = Path::from_request_parts(parts, api).await;
        path.map(|Path(segments)| Self(segments)).map_err(|_| ApiError::not_found())
    }
}

impl FromRequestParts<Api> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers, &parts.uri, &parts.extensions, api.options.proxy_headers))
    }
}

/// Refuses a body where none is expected.
pub(super) async fn refuse_body(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if json::has_body(&parts) {
        return ApiError::invalid("A body is not expected with this request.").into_response();
    }
    next.run(Request::from_parts(parts, body)).await
}
