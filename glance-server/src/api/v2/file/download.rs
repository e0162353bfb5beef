//! Image data on its way out.

use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use glance_core::catalogue::{Download, DownloadOptions, Wanted};
use glance_core::events::{Counting, Delivery};
use glance_core::image::ImageId;
use glance_core::store::Reading;
use glance_core::{Error, Images};
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::conditions;
use super::range::{Legacy, range};
use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::extract::{AddressedImage, Caller};
use crate::http::{FileBody, FileSender, Sent};

const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");

/// `GET /v2/images/{image_id}/file`.
pub(in crate::api::v2) async fn download(
    State(api): State<Api>,
    Caller(context): Caller,
    image: AddressedImage,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    let prefer = preferred(parts.uri.query().unwrap_or_default());
    let (download, partial) = open(&api.glance.images(&context), image.id()?, prefer, &parts.headers).await?;
    let tag = conditions::entity_tag(&download.image);
    let mut headers = described(&download, tag.as_deref());
    if conditions::is_known(&parts.headers, tag.as_deref()) {
        headers.remove(CONTENT_LENGTH);
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let status = if partial { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    if partial {
        headers.insert(CONTENT_RANGE, content_range(&download.reading)?);
    }
    let (length, store) = (length(&download.reading), download.store.clone());
    let body = body(download, parts.extensions.get());
    let counted = api.options.metrics.stores.downloading(&store, length, body);
    Ok((status, headers, Body::new(counted)).into_response())
}

/// Opens the part of the data that the headers ask for, and says whether they ask for a part.
async fn open(
    images: &Images<'_>,
    id: ImageId,
    prefer: Vec<String>,
    headers: &HeaderMap,
) -> Result<(Download, bool), ApiError> {
    let mut options = DownloadOptions { wanted: None, prefer };
    let Some(part) = part(headers) else { return Ok((images.download(id, &options).await?, false)) };
    let condition = conditions::range_condition(headers);
    if condition.is_some() || !matches!(part, Ok(Part { legacy: None, .. })) {
        // What is wrong with the image comes before what is wrong with the range, except that there is
        // no data.
        let whole = match (images.download(id, &options).await, &part) {
            (Err(Error::NoData(_)), Err(refused)) => return Err(refused.clone()),
            (whole, _) => whole?,
        };
        let tag = conditions::entity_tag(&whole.image);
        if condition.is_some_and(|condition| !conditions::meets(condition, tag.as_deref())) {
            return Ok((whole, false));
        }
        if let Ok(Part { legacy: Some(legacy), .. }) = &part {
            legacy.check(whole.reading.size)?;
        }
    }
    options.wanted = Some(part?.wanted);
    Ok((images.download(id, &options).await?, true))
}

/// A part of the data, and how it was asked for.
struct Part {
    wanted: Wanted,
    legacy: Option<Legacy>,
}

/// The part that the headers ask for; `None` for all of the data.
fn part(headers: &HeaderMap) -> Option<Result<Part, ApiError>> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("not text"));
    if let Some(value) = text(RANGE) {
        return Some(range(value).map(|wanted| Part { wanted, legacy: None }));
    }
    // An empty one names no part.
    let legacy = Legacy::read(text(CONTENT_RANGE).filter(|value| !value.is_empty())?);
    Some(legacy.map(|legacy| Part { wanted: legacy.wanted, legacy: Some(legacy) }))
}

/// The stores to be tried first: `prefer=a,b`.
fn preferred(query: &str) -> Vec<String> {
    let Some((_, list)) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "prefer") else {
        return Vec::new();
    };
    list.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect()
}

fn described(download: &Download, tag: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_LENGTH, length(&download.reading).into());
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // In hexadecimal, and of all the data even where a part is sent: clients know it so.
    let texts = [(CONTENT_MD5, download.image.checksum.as_deref()), (ETAG, tag)];
    let values = texts.into_iter().filter_map(|(name, text)| Some((name, HeaderValue::try_from(text?).ok()?)));
    headers.extend(values);
    headers
}

/// How many bytes are sent.
fn length(reading: &Reading) -> u64 {
    reading.range.end - reading.range.start
}

fn content_range(reading: &Reading) -> Result<HeaderValue, ApiError> {
    let Reading { size, range, .. } = reading;
    let text = match range.end.checked_sub(1) {
        Some(last) if range.start <= last => format!("bytes {}-{last}/{size}", range.start),
        // The last bytes of data that has none. HTTP knows no way to write it; this is the reference's.
        None if *size == 0 => "bytes 0--1/0".to_owned(),
        _ => return Err(Error::OutOfRange { size: *size }.into()),
    };
    HeaderValue::try_from(text).map_err(|_| ApiError::panicked())
}

/// The data itself: handed to the kernel where it lies in a file and the connection takes files.
fn body(download: Download, sender: Option<&FileSender>) -> Body {
    let Download { reading, delivery, .. } = download;
    match (reading.file, sender) {
        (Some(file), Some(sender)) => {
            let is_empty = reading.range.is_empty();
            let body = FileBody::new(sender, file, reading.range);
            // The stream, which counts by itself, is not asked.
            Body::new(if delivery.is_heard() { body.counted(counter(delivery, is_empty)) } else { body })
        }
        _ => Body::from_stream(reading.stream),
    }
}

/// Counts from the first byte on, as the stream does: what a client did not wait for is no delivery. There is no first byte of
/// what is empty, which counts at once.
fn counter(delivery: Delivery, is_empty: bool) -> Sent {
    let counting: OnceLock<Counting> = OnceLock::new();
    if is_empty {
        counting.get_or_init(|| delivery.begin());
    }
    Arc::new(move |bytes| counting.get_or_init(|| delivery.begin()).sent(bytes))
}
