//! `/v2/stores/{store_id}/{image_id}`.

use axum::extract::State;
use http::StatusCode;

use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::extract::{AddressedImage, Caller, Segments};

/// `DELETE /v2/stores/{store_id}/{image_id}`: one copy of several.
pub(super) async fn remove_copy(
    State(api): State<Api>,
    Caller(context): Caller,
    Segments((store, image)): Segments<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let image = AddressedImage::new(image);
    api.glance.images(&context).delete_from_store(image.id()?, &store).await?;
    Ok(StatusCode::NO_CONTENT)
}
