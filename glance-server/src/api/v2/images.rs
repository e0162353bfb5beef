//! `/v2/images` and `/v2/images/{image_id}`.

use axum::extract::{FromRequest, RawQuery, Request, State};
use axum::response::Response;
use glance_core::image::NewImage;
use glance_core::image::patch::{self, PatchForm};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::query::ListQuery;
use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::extract::{AddressedImage, Caller};
use crate::api::json::{self, JsonBody, JsonObject};
use crate::api::origin::Origin;
use crate::api::views::{AsWritten, ImageView, PageView};

const IMPORT_METHODS: HeaderName = HeaderName::from_static("openstack-image-import-methods");
const STORE_IDS: HeaderName = HeaderName::from_static("openstack-image-store-ids");

/// The most operations of one patch.
const LONGEST_PATCH: usize = 1000;

/// `GET /v2/images`.
pub(super) async fn list(
    State(api): State<Api>,
    Caller(context): Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let query = ListQuery::read(query.as_deref().unwrap_or_default())?;
    let images = api.glance.images(&context);
    images.may_list()?;
    let query = query.filtered()?;
    let page = images.list(&query.request).await?;
    Ok(json::answer(StatusCode::OK, &PageView::new(&page, &query.links, api.shown())))
}

/// `POST /v2/images`.
pub(super) async fn create(
    State(api): State<Api>,
    Caller(context): Caller,
    origin: Origin,
    JsonObject(body): JsonObject,
) -> Result<Response, ApiError> {
    let new = NewImage::from_json(&body, api.glance.settings().schema())?;
    let image = api.glance.images(&context).create(new).await?;
    let written = AsWritten::of(body.iter().map(|(name, value)| (name.as_str(), value)));
    let view = ImageView::new(&image, api.shown()).repeating(written);
    let mut response = json::answer(StatusCode::CREATED, &view);
    let location = format!("{}/v2/images/{}", origin.host(), image.id);
    let headers = [
        (LOCATION, HeaderValue::try_from(location).ok()),
        (IMPORT_METHODS, api.headers.import_methods.clone()),
        (STORE_IDS, api.headers.store_ids.clone()),
    ];
    response.headers_mut().extend(headers.into_iter().filter_map(|(name, value)| Some((name, value?))));
    Ok(response)
}

/// `GET /v2/images/{image_id}`.
pub(super) async fn show(
    State(api): State<Api>,
    Caller(context): Caller,
    image: AddressedImage,
) -> Result<Response, ApiError> {
    let image = api.glance.images(&context).get(image.id()?).await?;
    Ok(json::answer(StatusCode::OK, &ImageView::new(&image, api.shown())))
}

/// `PATCH /v2/images/{image_id}`.
pub(super) async fn patch(
    State(api): State<Api>,
    Caller(context): Caller,
    image: AddressedImage,
    request: Request,
) -> Result<Response, ApiError> {
    let form = patch_form(request.headers())?;
    let JsonBody(body) = JsonBody::from_request(request, &api).await?;
    let operations = patch::read(form, &body, api.glance.settings().schema(), LONGEST_PATCH)?;
    let image = api.glance.images(&context).patch(image.id()?, &operations).await?;
    let written = AsWritten::of(operations.iter().map(|operation| (operation.name.as_str(), &operation.value)));
    Ok(json::answer(StatusCode::OK, &ImageView::new(&image, api.shown()).repeating(written)))
}

/// `DELETE /v2/images/{image_id}`.
pub(super) async fn delete(
    State(api): State<Api>,
    Caller(context): Caller,
    image: AddressedImage,
) -> Result<StatusCode, ApiError> {
    api.glance.images(&context).delete(image.id()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The patch document a request says it brings.
fn patch_form(headers: &HeaderMap) -> Result<PatchForm, ApiError> {
    let media_type = media_type(headers);
    let form = PatchForm::ALL.into_iter().find(|form| media_type.as_deref() == Some(form.media_type()));
    form.ok_or_else(|| {
        let known = PatchForm::ALL.map(PatchForm::media_type);
        let error = unsupported(media_type.as_deref(), &known);
        match HeaderValue::try_from(known.join(", ")) {
            Ok(known) => error.header(ACCEPT_PATCH, known),
            Err(_) => error,
        }
    })
}

const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// The media type of a body without its parameters, in lower case; `None` if the client says none.
pub(super) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let bare = value.split(';').next().unwrap_or_default().trim();
    (!bare.is_empty()).then(|| bare.to_ascii_lowercase())
}

/// 415 to a body of the media type `sent`.
pub(super) fn unsupported(sent: Option<&str>, known: &[&str]) -> ApiError {
    let sent = sent.map_or_else(|| "none".to_owned(), |sent| format!("{sent:?}"));
    let detail = format!("The body needs a Content-Type of {}, but came with {sent}.", known.join(" or "));
    ApiError::with_detail(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
}
