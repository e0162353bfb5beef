//! `/v2/images/{image_id}/locations`, since version 2.17.

use axum::extract::State;
use axum::response::Response;
use glance_core::location::NewLocation;
use http::StatusCode;

use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::extract::{AddressedImage, Caller};
use crate::api::json::{self, JsonObject};
use crate::api::views::PlacesView;

/// `POST /v2/images/{image_id}/locations`. What comes of it shows in the image.
pub(super) async fn add(
    State(api): State<Api>,
    Caller(context): Caller,
    image: AddressedImage,
    JsonObject(body): JsonObject,
) -> Result<StatusCode, ApiError> {
    let location = NewLocation::from_json(&body)?;
    api.glance.images(&context).add_location(image.id()?, location).await?;
    Ok(StatusCode::ACCEPTED)
}

/// `GET /v2/images/{image_id}/locations`: an array, unlike all other lists.
pub(super) async fn list(
    State(api): State<Api>,
    Caller(context): Caller,
    image: AddressedImage,
) -> Result<Response, ApiError> {
    let locations = api.glance.images(&context).locations(image.id()?).await?;
    Ok(json::answer(StatusCode::OK, &PlacesView::new(&locations)))
}
