//! From a request that hyper made out to the router, and back.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{CONNECTION, HeaderValue};
use hyper::body::Incoming;
use tower::ServiceExt;
use tracing::debug;

use super::exchange::{Exchange, Owed, OwedBody};
use super::figures::ConnectionFigures;
use super::framing::Violation;
use super::inbound::REFUSED;
use super::sendfile::FileSender;

/// Who sent a request, as an extension of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// On requests that came over TLS of this server's own, as an extension of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverTls;

/// What the requests of one connection have in common.
#[derive(Clone)]
pub(super) struct Requests {
    pub(super) router: Router,
    pub(super) peer: SocketAddr,
    pub(super) over_tls: bool,
    /// `None` where the kernel cannot send files.
    pub(super) sender: Option<FileSender>,
    pub(super) exchange: Arc<Exchange>,
    pub(super) figures: ConnectionFigures,
}

impl Requests {
    pub(super) async fn answer(self, request: Request<Incoming>) -> Result<Response<OwedBody>, Infallible> {
        let owed = Owed(Arc::clone(&self.exchange));
        let response = self.respond(request).await?;
        Ok(response.map(|body| OwedBody { body, _owed: owed }))
    }

    async fn respond(self, request: Request<Incoming>) -> Result<Response, Infallible> {
        if request.headers().contains_key(REFUSED) {
            let why = self.exchange.refused_head();
            return Ok(self.refusal(why.unwrap_or(Violation::TooSlow)));
        }
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(PeerAddr(self.peer));
        if self.over_tls {
            request.extensions_mut().insert(OverTls);
        }
        if let Some(sender) = &self.sender {
            request.extensions_mut().insert(sender.clone());
        }
        let response = self.router.clone().oneshot(request).await?;
        // Whatever a handler makes of a body that broke off, the framing was the reason.
        Ok(match self.exchange.refused_body() {
            Some(why) => self.refusal(why),
            None => response,
        })
    }

    fn refusal(&self, why: Violation) -> Response {
        self.figures.refused.inc();
        debug!(peer = %self.peer, %why, "refused a request");
        let mut response = (why.status(), format!("{why}\n")).into_response();
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }
}
