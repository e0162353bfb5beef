//! What happens around every request: its id, its log line, its panic.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use glance_core::RequestContext;
use http::header::ACCEPT;
use http::{HeaderMap, HeaderName, Method, StatusCode};
use tracing::field::{Empty, display};
use tracing::{Instrument, Span, info, info_span};
use uuid::Uuid;

use super::Api;
use super::error::{self, ApiError};
use crate::http::PeerAddr;
use crate::metrics::{Route, Underway};

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
    let underway = api.options.metrics.requests.begin(request.method());
    drop_ambiguous(request.headers_mut());
    let id = request_id(&api, &request);
    let span = info_span!("request", request_id = %id.text, user_id = Empty, project_id = Empty);
    request.extensions_mut().insert(id);
    request.extensions_mut().insert(underway.route.clone());
    let accept = request.headers().get_all(ACCEPT).iter().map(|value| (ACCEPT, value.clone())).collect();
    let mut line = Line::of(&request, underway);
    async move {
        let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
        let response = answered.unwrap_or_else(|_| ApiError::panicked().into_response());
        let response = error::render(response, &accept);
        line.answered(response.status());
        response
    }
    .instrument(span)
    .await
}

/// Notes which route serves a request.
pub(super) async fn note_route(pattern: MatchedPath, request: Request, next: Next) -> Response {
    if let Some(route) = request.extensions().get::<Route>() {
        route.found(pattern.as_str());
    }
    next.run(request).await
}

/// Has all further lines of the request name who asks.
pub(super) fn note_caller(caller: &RequestContext) {
    let span = Span::current();
    let ids = [("user_id", &caller.user_id), ("project_id", &caller.project_id)];
    for (field, id) in ids {
        if let Some(id) = id {
            span.record(field, display(id));
        }
    }
}

/// What is logged of a request when this is dropped: by then it was answered, or the client went away.
struct Line {
    underway: Underway,
    peer: Option<SocketAddr>,
    method: Method,
    path: String,
}

impl Line {
    fn of(request: &Request, underway: Underway) -> Self {
        let peer = request.extensions().get::<PeerAddr>().map(|peer| peer.0);
        // The query stays out: it may carry whatever a client put there.
        Self { underway, peer, method: request.method().clone(), path: request.uri().path().to_owned() }
    }

    fn answered(&mut self, status: StatusCode) {
        self.underway.status = Some(status);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let Self { underway, peer, method, path } = self;
        let elapsed_ms = u64::try_from(underway.elapsed().as_millis()).unwrap_or(u64::MAX);
        let peer = peer.map(display);
        if let Some(status) = underway.status.map(|status| status.as_u16()) {
            info!(peer, %method, path, status, elapsed_ms, "answered");
        } else {
            info!(peer, %method, path, elapsed_ms, "not answered: the client went away");
        }
    }
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
