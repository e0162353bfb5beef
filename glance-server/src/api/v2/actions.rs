//! `/v2/images/{image_id}/actions/…`.

use axum::extract::State;
use http::StatusCode;

use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::extract::{AddressedImage, Caller};

/// `POST /v2/images/{image_id}/actions/deactivate`.
pub(super) async fn deactivate(
    State(api): State<Api>,
    Caller(context): Caller,
    image: AddressedImage,
) -> Result<StatusCode, ApiError> {
    api.glance.images(&context).deactivate(image.id()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v2/images/{image_id}/actions/reactivate`.
pub(super) async fn reactivate(
    State(api): State<Api>,
    Caller(context): Caller,
    image: AddressedImage,
) -> Result<StatusCode, ApiError> {
    api.glance.images(&context).reactivate(image.id()?).await?;
    Ok(StatusCode::NO_CONTENT)
}
