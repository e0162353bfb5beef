//! A request on its way out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use glance_core::store::ByteStream;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, IntoHeaderName};
use http::{HeaderMap, HeaderValue, Method, Uri};
use percent_encoding::percent_decode_str;
use tokio::time::Instant;

use super::body::{Activity, RequestBody};
use super::error::OutboundError;
use super::target::Target;

/// What a request carries.
pub enum Payload {
    /// Nothing.
    Empty,
    /// Data in memory. The request may be sent once more when the connection turns out to be dead.
    Bytes(Bytes),
    /// Data on its way: its length in bytes if it is known, else it goes in chunks.
    Stream(ByteStream, Option<u64>),
}

/// One request.
#[derive(Debug)]
pub struct Request {
    pub(super) method: Method,
    pub(super) target: Target,
    pub(super) headers: HeaderMap,
    pub(super) payload: Payload,
    pub(super) until: Option<Instant>,
    pub(super) at_most: Option<usize>,
}

impl Request {
    /// A request without headers and data. Credentials in the URL become basic authentication.
    pub fn new(method: Method, target: impl Into<Target>) -> Self {
        Self {
            method,
            target: target.into(),
            headers: HeaderMap::new(),
            payload: Payload::Empty,
            until: None,
            at_most: None,
        }
    }

    /// The same request with a deadline: everything up to the last byte of the answer, redirects
    /// included, has to have come within `total` from now.
    #[must_use]
    pub fn within(self, total: Duration) -> Self {
        Self { until: Some(Instant::now() + total), ..self }
    }

    /// The same request with a limit on the data of the answer: [`OutboundError::TooLong`] takes
    /// the place of what comes after `bytes` bytes.
    #[must_use]
    pub fn at_most(self, bytes: usize) -> Self {
        Self { at_most: Some(bytes), ..self }
    }

    /// The same request with a header. Mark a secret value as sensitive.
    #[must_use]
    pub fn header(mut self, name: impl IntoHeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The same request with data.
    #[must_use]
    pub fn payload(self, payload: Payload) -> Self {
        Self { payload, ..self }
    }

    /// The same request with the credentials of its URL where they go on the wire.
    pub(super) fn with_credentials_in_header(mut self) -> Self {
        if let Some(basic) = basic_authentication(self.target.url()) {
            self.headers.entry(AUTHORIZATION).or_insert(basic);
        }
        self
    }

    pub(super) fn into_http(self, activity: &Arc<Activity>) -> Result<http::Request<RequestBody>, OutboundError> {
        let Self { method, target, mut headers, payload, .. } = self.with_credentials_in_header();
        let mut url = target.url().clone();
        // Neither can fail for a URL with a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_fragment(None);
        let uri: Uri = url.as_str().parse().map_err(OutboundError::invalid)?;
        // What announces a length is the body's to say, and the host the URL's.
        headers.remove(CONTENT_LENGTH);
        headers.remove(HOST);
        if payload.is_empty() && matches!(method, Method::PUT | Method::POST | Method::PATCH) {
            // RFC 9110 §8.6; Swift refuses such requests without it.
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let body = RequestBody::new(payload, Arc::clone(activity));
        let mut request =
            http::Request::builder().method(method).uri(uri).body(body).map_err(OutboundError::invalid)?;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

/// The credentials of a URL as a header.
pub(super) fn basic_authentication(url: &url::Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut pair: Vec<u8> = percent_decode_str(url.username()).collect();
    pair.push(b':');
    pair.extend(percent_decode_str(url.password().unwrap_or_default()));
    let mut value = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(pair))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl Payload {
    /// Whether there is nothing to send for certain.
    fn is_empty(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Bytes(data) => data.is_empty(),
            Self::Stream(..) => false,
        }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Bytes(data) => write!(f, "Bytes({})", data.len()),
            Self::Stream(_, length) => write!(f, "Stream({length:?})"),
        }
    }
}
