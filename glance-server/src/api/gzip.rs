//! The filter `gzip`: JSON compressed for clients that take it.
//!
//! It is in no pipeline unless an operator puts it there. Python's compresses whatever passes, image data included,
//! which costs more than it saves and breaks ranges; here it is JSON alone. How long a compressed answer is tells
//! something of what is in it, so where answers hold secrets besides what strangers may put there (locations that are
//! shown, say), the filter is better left out.

use std::io::{self, Write as _};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, Method};
use http_body::Body as _;

use super::Api;
use super::error::ApiError;

/// The shortest answer that is compressed, in bytes: what is shorter fits one packet as it is.
const SHORTEST: u64 = 1024;

/// The longest answer that is compressed, in bytes. A page of a list is far from it.
const LONGEST: u64 = 16 << 20;

/// Compresses the answer, where the pipeline has the filter and the client asks for it.
pub(super) async fn compress(State(api): State<Api>, request: Request, next: Next) -> Response {
    if !api.options.pipeline.gzip {
        return next.run(request).await;
    }
    let wanted = request.method() != Method::HEAD && is_accepted(request.headers());
    let mut response = next.run(request).await;
    if !is_json(response.headers()) {
        return response;
    }
    response.headers_mut().append(VARY, HeaderValue::from_static("Accept-Encoding"));
    let length = response.body().size_hint().exact();
    if !wanted || length.is_none_or(|length| !(SHORTEST..=LONGEST).contains(&length)) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let whole = to_bytes(body, usize::MAX).await.map_err(io::Error::other);
    let packed = match whole {
        // Away from the threads that serve: a long page takes a while.
        Ok(whole) => tokio::task::spawn_blocking(move || packed(&whole)).await.map_err(io::Error::other).flatten(),
        Err(error) => Err(error),
    };
    let Ok(packed) = packed else { return ApiError::panicked().into_response() };
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Response::from_parts(parts, Body::from(packed))
}

fn packed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Failures have no type yet where the filter stands: they are short.
fn is_json(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|media_type| media_type.as_bytes().starts_with(b"application/json"))
}

/// Whether `Accept-Encoding` names gzip (RFC 9110 §12.5.3). As for Python's filter, `*` does not.
fn is_accepted(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let named =
            parts.next().is_some_and(|coding| ["gzip", "x-gzip"].iter().any(|name| coding.eq_ignore_ascii_case(name)));
        let refused = parts.filter_map(|part| part.split_once('=')).any(|(name, weight)| {
            name.eq_ignore_ascii_case("q") && weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0)
        });
        named && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_has_to_be_named() {
        for (value, expected) in [
            ("gzip", true),
            ("GZIP", true),
            ("x-gzip", true),
            ("deflate, gzip;q=0.5, br", true),
            ("gzip;q=1.0", true),
            ("gzip;q=0", false),
            ("gzip; Q=0.000", false),
            ("*", false),
            ("identity", false),
            ("gzipped", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(value))]);
            assert_eq!(is_accepted(&headers), expected, "{value}");
        }
        assert!(!is_accepted(&HeaderMap::new()));
    }
}
