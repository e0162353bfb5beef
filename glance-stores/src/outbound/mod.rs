//! The one client through which everything that connects out goes.
//!
//! It pools connections, holds every request to deadlines, speaks TLS as it is told to, and follows
//! no redirect unless asked to. What an operator configured is connected to as it stands. A URL that came
//! from a user is another type, so that neither can be taken for the other: it passes a [`UrlFilter`],
//! its host is resolved once, every address is judged by a [`Guard`], and exactly those addresses are
//! dialled. Refused and unreachable look alike to the caller. The proxy variables of the environment
//! are not asked.

mod address;
mod body;
mod builder;
mod connect;
mod connection;
mod error;
mod filter;
mod follow;
mod guard;
mod network;
mod own;
mod proxy;
mod request;
mod resolve;
mod response;
#[cfg(feature = "amqp")]
mod stream;
mod target;
#[cfg(test)]
pub(crate) mod testing;
mod tls;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::PROXY_AUTHORIZATION;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client as Pool;
use tokio::time::Instant;

pub use self::address::{Class, class_of};
use self::body::{Activity, RequestBody};
pub use self::builder::ClientBuilder;
use self::connect::Dialer;
pub use self::error::OutboundError;
pub use self::filter::{Filtered, UrlFilter};
pub use self::guard::{Exception, Guard, NotAnException};
pub use self::network::{Network, NotANetwork};
pub use self::proxy::{BadProxy, Proxies};
pub use self::request::{Payload, Request};
pub use self::resolve::{Resolve, Resolved};
use self::response::Bounds;
pub use self::response::Response;
#[cfg(feature = "amqp")]
pub use self::stream::{Connector, Stream};
pub use self::target::{BadUrl, OperatorUrl, Target, UserUrl};
pub use self::tls::{Identity, Tls, TlsError, Trust};

/// How long a client waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For the other side to take or give the next byte. Time in which the sender of a request's
    /// data has none, or the reader of an answer wants none, does not count.
    pub idle: Duration,
}

impl Default for Deadlines {
    /// 10 seconds to connect, 60 seconds of silence.
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), idle: Duration::from_secs(60) }
    }
}

/// How long an unused connection is kept.
const POOLED: Duration = Duration::from_secs(60);

/// An HTTP/1.1 client. Clones share its connections.
#[derive(Clone)]
pub struct Client {
    trusted: Pool<HttpsConnector<Dialer>, RequestBody>,
    /// What it connects to has been judged, so what is pooled there may be used again.
    guarded: Pool<HttpsConnector<Dialer>, RequestBody>,
    filter: Arc<UrlFilter>,
    proxies: Arc<Proxies>,
    deadlines: Deadlines,
}

impl Client {
    /// A client that verifies servers, and shows itself to them, as `tls` says.
    ///
    /// # Errors
    ///
    /// [`TlsError`] if a certificate or key cannot be read or used.
    pub fn new(tls: &Tls, deadlines: Deadlines) -> Result<Self, TlsError> {
        Self::builder(tls.clone()).deadlines(deadlines).build()
    }

    /// A client with more to it. Without more, URLs of users are asked for as [`Guard`] says by default.
    #[must_use]
    pub fn builder(tls: Tls) -> ClientBuilder {
        ClientBuilder::new(tls)
    }

    /// Sends a request and waits for the head of the answer, whatever its status. Redirects are
    /// answers like others.
    ///
    /// # Errors
    ///
    /// [`OutboundError`] if no answer comes; [`OutboundError::Source`] if the request's data broke
    /// off; [`OutboundError::Refused`] for a user's URL that is not to be asked for.
    pub async fn send(&self, request: Request) -> Result<Response, OutboundError> {
        let bounds = Bounds { idle: self.deadlines.idle, until: request.until, at_most: request.at_most };
        let (pool, request) = self.admit(request)?;
        let activity = Arc::new(Activity::new());
        let request = request.into_http(&activity)?;
        let answer = tokio::select! {
            answer = pool.request(request) => answer,
            () = activity.ceases_for(self.deadlines.idle) => return Err(OutboundError::TimedOut),
            () = passed(bounds.until) => return Err(OutboundError::TimedOut),
        };
        match answer {
            Ok(answer) => Ok(Response::new(answer, bounds)),
            Err(error) => Err(activity.take_source_error().unwrap_or_else(|| OutboundError::of(error))),
        }
    }

    /// The connections that a request may use.
    fn admit(
        &self,
        mut request: Request,
    ) -> Result<(&Pool<HttpsConnector<Dialer>, RequestBody>, Request), OutboundError> {
        let Target::User(url) = &request.target else { return Ok((&self.trusted, request)) };
        let url = url.expose();
        if let Err(filtered) = self.filter.judge(url) {
            tracing::warn!(host = url.host_str(), port = url.port_or_known_default(), "not asked for: {filtered}");
            return Err(OutboundError::Refused);
        }
        // A request in a tunnel is none of the proxy's business.
        let proxy = self.proxies.of(url.scheme()).filter(|_| url.scheme() == "http");
        request.headers.remove(PROXY_AUTHORIZATION);
        if let Some(authorization) = proxy.and_then(|proxy| proxy.authorization.clone()) {
            request.headers.insert(PROXY_AUTHORIZATION, authorization);
        }
        Ok((&self.guarded, request))
    }
}

/// Ends at a moment, or never.
async fn passed(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("deadlines", &self.deadlines).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
