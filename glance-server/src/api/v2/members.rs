//! `/v2/images/{image_id}/members` and `/v2/images/{image_id}/members/{member_id}`.

use axum::extract::State;
use axum::response::Response;
use glance_core::member::UnknownMemberStatus;
use http::StatusCode;
use serde_json::{Map, Value};

use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::extract::{AddressedImage, Caller, Segments};
use crate::api::json::{self, JsonObject};
use crate::api::views::{MemberView, MembersView};

/// `GET /v2/images/{image_id}/members`.
pub(super) async fn list(
    State(api): State<Api>,
    Caller(context): Caller,
    image: AddressedImage,
) -> Result<Response, ApiError> {
    let members = api.glance.images(&context).members(image.id()?).await?;
    Ok(json::answer(StatusCode::OK, &MembersView::new(&members)))
}

/// `POST /v2/images/{image_id}/members`. Answers 200, not 201.
pub(super) async fn add(
    State(api): State<Api>,
    Caller(context): Caller,
    image: AddressedImage,
    JsonObject(body): JsonObject,
) -> Result<Response, ApiError> {
    let named = member(&body, "member")?;
    let project = named.as_str().map_or_else(|| named.to_string(), str::to_owned);
    let member = api.glance.images(&context).add_member(image.id()?, &project).await?;
    Ok(json::answer(StatusCode::OK, &MemberView::new(&member).named(named)))
}

/// `GET /v2/images/{image_id}/members/{member_id}`.
pub(super) async fn show(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments((image, project)): Segments<(String, String)>,
) -> Result<Response, ApiError> {
    let image = AddressedImage::new(image);
    let member = api.glance.images(&context).member(image.id()?, &project).await?;
    Ok(json::answer(StatusCode::OK, &MemberView::new(&member)))
}

/// `PUT /v2/images/{image_id}/members/{member_id}`.
pub(super) async fn answer(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments((image, project)): Segments<(String, String)>,
    JsonObject(body): JsonObject,
) -> Result<Response, ApiError> {
    let status = status(&body)?;
    let image = AddressedImage::new(image);
    let images = api.glance.images(&context);
    let Ok(status) = status.parse() else {
        images.may_set_member_status(image.id()?, &project).await?;
        return Err(ApiError::invalid(UnknownMemberStatus.to_string()));
    };
    let member = images.set_member_status(image.id()?, &project, status).await?;
    Ok(json::answer(StatusCode::OK, &MemberView::new(&member)))
}

/// `DELETE /v2/images/{image_id}/members/{member_id}`.
pub(super) async fn remove(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments((image, project)): Segments<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let image = AddressedImage::new(image);
    api.glance.images(&context).remove_member(image.id()?, &project).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The project to share with: a text, or a number, which is shown once as it came and is a text ever
/// after.
fn member<'a>(body: &'a Map<String, Value>, name: &str) -> Result<&'a Value, ApiError> {
    match body.get(name) {
        Some(value @ Value::String(text)) if !text.is_empty() => Ok(value),
        Some(value @ Value::Number(number)) if number.as_u64().is_some_and(|number| number > 0) => Ok(value),
        _ => Err(ApiError::invalid("The body must say {\"member\": \"<project id>\"}.")),
    }
}

fn status(body: &Map<String, Value>) -> Result<&str, ApiError> {
    let status =
        body.get("status").ok_or_else(|| ApiError::invalid("The body must say {\"status\": \"<status>\"}."))?;
    // What is no text is no status either, and gets the same answer.
    Ok(status.as_str().unwrap_or_default())
}
