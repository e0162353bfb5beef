//! The one client through which everything that connects out goes.
//!
//! It pools connections, holds every request to deadlines, speaks TLS as it is told to, and follows
//! no redirect by itself. What an operator configured is connected to as it stands; a URL that came
//! from a user is another type, so that neither can be taken for the other.

mod body;
mod connect;
mod error;
mod request;
mod response;
mod target;
mod tls;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use self::body::{Activity, RequestBody};
use self::connect::Dialer;
pub use self::error::OutboundError;
pub use self::request::{Payload, Request};
pub use self::response::Response;
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
    deadlines: Deadlines,
}

impl Client {
    /// A client that verifies servers, and shows itself to them, as `tls` says.
    ///
    /// # Errors
    ///
    /// [`TlsError`] if a certificate or key cannot be read or used.
    pub fn new(tls: &Tls, deadlines: Deadlines) -> Result<Self, TlsError> {
        let config = Arc::new(tls.config()?);
        let pool = |dialer| {
            Pool::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(POOLED)
                .build(HttpsConnector::from((dialer, Arc::clone(&config))))
        };
        Ok(Self { trusted: pool(Dialer::new(deadlines.connect)), deadlines })
    }

    /// Sends a request and waits for the head of the answer, whatever its status. Redirects are
    /// answers like others.
    ///
    /// # Errors
    ///
    /// [`OutboundError`] if no answer comes; [`OutboundError::Source`] if the request's data broke off.
    pub async fn send(&self, request: Request) -> Result<Response, OutboundError> {
        let activity = Arc::new(Activity::new());
        let request = request.into_http(&activity)?;
        let answer = tokio::select! {
            answer = self.trusted.request(request) => answer,
            () = activity.ceases_for(self.deadlines.idle) => return Err(OutboundError::TimedOut),
        };
        match answer {
            Ok(answer) => Ok(Response::new(answer, self.deadlines.idle)),
            Err(error) => Err(activity.take_source_error().unwrap_or_else(|| OutboundError::of(error))),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("deadlines", &self.deadlines).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
