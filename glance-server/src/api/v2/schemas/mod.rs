//! `/v2/schemas/…`: what the resources look like, as JSON schemas.

mod image;
pub(super) mod metadefs;
mod others;

use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use glance_core::image::Schema;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde_json::Value;

use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::json::{JsonBody, has_body};

/// Properties of `schema-image.json` cannot be joined with the image schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("schema-image.json: {0}")]
pub struct BadSchemaFile(String);

/// The documents, written once: they follow from the configuration alone.
#[derive(Debug)]
pub(in crate::api) struct Schemas {
    image: Bytes,
    images: Bytes,
    member: Bytes,
    members: Bytes,
    task: Bytes,
    tasks: Bytes,
}

impl Schemas {
    pub(in crate::api) fn new(schema: Schema<'_>) -> Result<Self, BadSchemaFile> {
        let image = image::image(schema)?;
        Ok(Self {
            images: written(&image::images(&image)),
            image: written(&image),
            member: written(&others::member()),
            members: written(&others::members()),
            task: written(&others::task()),
            tasks: written(&others::tasks()),
        })
    }
}

fn written(document: &Value) -> Bytes {
    document.to_string().into()
}

fn document(text: &Bytes) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], text.clone()).into_response()
}

/// `GET /v2/schemas/image`.
pub(super) async fn image(State(api): State<Api>) -> Response {
    document(&api.schemas.image)
}

/// `GET /v2/schemas/images`.
pub(super) async fn images(State(api): State<Api>) -> Response {
    document(&api.schemas.images)
}

/// `GET /v2/schemas/member`.
pub(super) async fn member(State(api): State<Api>) -> Response {
    document(&api.schemas.member)
}

/// `GET /v2/schemas/members`.
pub(super) async fn members(State(api): State<Api>) -> Response {
    document(&api.schemas.members)
}

/// `GET /v2/schemas/task`.
pub(super) async fn task(State(api): State<Api>, request: Request) -> Result<Response, ApiError> {
    ignore_body(&api, request).await?;
    Ok(document(&api.schemas.task))
}

/// `GET /v2/schemas/tasks`.
pub(super) async fn tasks(State(api): State<Api>, request: Request) -> Result<Response, ApiError> {
    ignore_body(&api, request).await?;
    Ok(document(&api.schemas.tasks))
}

/// These two take a body, as long as it is JSON, and make nothing of it.
async fn ignore_body(api: &Api, request: Request) -> Result<(), ApiError> {
    let (parts, body) = request.into_parts();
    if has_body(&parts) {
        JsonBody::from_request(Request::from_parts(parts, body), api).await?;
    }
    Ok(())
}
