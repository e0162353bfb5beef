//! Image data on its way in.

use axum::body::Body;
use axum::extract::{Request, State};
use futures::{StreamExt, TryStreamExt};
use glance_core::catalogue::UploadOptions;
use glance_core::store::ByteStream;
use http::request::Parts;
use http::{HeaderName, StatusCode};

use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::extract::{AddressedImage, Caller};
use crate::api::json::content_length;
use crate::api::v2::images::{media_type, unsupported};

const MEDIA_TYPE: &str = "application/octet-stream";
const SIZE: HeaderName = HeaderName::from_static("x-openstack-image-size");
const STORE: HeaderName = HeaderName::from_static("x-image-meta-store");

/// `PUT /v2/images/{image_id}/file`.
pub(in crate::api::v2) async fn upload(
    State(api): State<Api>,
    Caller(context): Caller,
    image: AddressedImage,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let (parts, body) = request.into_parts();
    let options = options(&parts)?;
    api.glance.images(&context).upload(image.id()?, stream(body), options).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the headers say of the data.
fn options(parts: &Parts) -> Result<UploadOptions, ApiError> {
    match media_type(&parts.headers).as_deref() {
        Some(MEDIA_TYPE) => {}
        other => return Err(unsupported(other, &[MEDIA_TYPE])),
    }
    let size = match announced(parts)? {
        Some(size) => Some(size),
        None => content_length(parts),
    };
    let store = parts.headers.get(STORE).map(|store| String::from_utf8_lossy(store.as_bytes()).into_owned());
    // A length of 0 means that nobody knows.
    Ok(UploadOptions { size: size.filter(|size| *size > 0), store })
}

/// The size that the client says the data has, whatever the framing of the body says.
fn announced(parts: &Parts) -> Result<Option<u64>, ApiError> {
    let mut sizes = parts.headers.get_all(SIZE).iter();
    let Some(size) = sizes.next() else { return Ok(None) };
    if sizes.any(|other| other != size) {
        return Err(ApiError::invalid("There are two headers x-openstack-image-size that say different things."));
    }
    let size = size.to_str().ok().and_then(|size| size.trim().parse().ok());
    let size = size.ok_or_else(|| ApiError::invalid("The header x-openstack-image-size must be a number of bytes."))?;
    Ok(Some(size))
}

fn stream(body: Body) -> ByteStream {
    body.into_data_stream().map_err(Into::into).boxed()
}
