//! `/v2/images/{image_id}/tags/{tag}`.

use axum::extract::State;
use http::StatusCode;

use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::extract::{AddressedImage, Caller, Segments};

/// `PUT /v2/images/{image_id}/tags/{tag}`.
pub(super) async fn add(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments((image, tag)): Segments<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let image = AddressedImage::new(image);
    api.glance.images(&context).add_tag(image.id()?, &tag).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v2/images/{image_id}/tags/{tag}`.
pub(super) async fn remove(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments((image, tag)): Segments<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let image = AddressedImage::new(image);
    api.glance.images(&context).remove_tag(image.id()?, &tag).await?;
    Ok(StatusCode::NO_CONTENT)
}
