//! What happens around every request: its id, its log line, its panic.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use http::header::ACCEPT;
use http::{HeaderMap, HeaderName};
use tracing::{Instrument, info, info_span};
use uuid::Uuid;

use super::Api;
use super::error::{self, ApiError};
use crate::http::PeerAddr;

/// The header that ties the log lines and the answer of a request together.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-openstack-request-id");

/// The id of a request.
#[derive(Debug, Clone)]
pub(super) struct RequestId {
    /// `req-…`
    pub(super) text: String,
    /// Whether the client chose one that is too long, so that this one stands in for it.
    pub(super) refused: bool,
}

/// Serves a request with a log line, and with an answer even if a handler panics.
pub(super) async fn around(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    drop_ambiguous(request.headers_mut());
    let id = request_id(&api, &request);
    let span = info_span!("request", id = %id.text);
    request.extensions_mut().insert(id);
    let accept = request.headers().get_all(ACCEPT).iter().map(|value| (ACCEPT, value.clone())).collect();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let peer = request.extensions().get::<PeerAddr>().map(|peer| peer.0);
    async move {
        let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
        let response = answered.unwrap_or_else(|_| ApiError::panicked().into_response());
        let response = error::render(response, &accept);
        let status = response.status().as_u16();
        let elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        // The query stays out: it may carry whatever a client put there.
        info!(peer = peer.map(tracing::field::display), %method, path, status, elapsed_ms, "answered");
        response
    }
    .instrument(span)
    .await
}

/// Drops headers whose name has an underscore. Gateways (CGI, WSGI) cannot tell them from those
/// with a dash, so they are a way to say one thing to a proxy and another to whoever is behind it.
fn drop_ambiguous(headers: &mut HeaderMap) {
    let ambiguous: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().contains('_')).cloned().collect();
    for name in ambiguous {
        headers.remove(name);
    }
}

/// The id the client chose, where clients may choose; else a new one.
fn request_id(api: &Api, request: &Request) -> RequestId {
    let chosen = request.headers().get(&REQUEST_ID).filter(|_| api.options.identity.keeps_request_ids());
    let chosen = chosen.and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty());
    let refused = chosen.is_some_and(|id| api.options.max_request_id_length.is_some_and(|longest| id.len() > longest));
    let text = match chosen.filter(|_| !refused) {
        Some(id) if id.starts_with("req-") => id.to_owned(),
        Some(id) => format!("req-{id}"),
        None => format!("req-{}", Uuid::new_v4()),
    };
    RequestId { text, refused }
}
