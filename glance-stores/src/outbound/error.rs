//! Why no answer came.

use std::error::Error as _;

use glance_core::store::BoxError;
use hyper_util::client::legacy;

/// Why a request got no answer, or not all of it. No message shows a URL.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboundError {
    /// No connection came about: no such host, nobody listening, TLS refused, too slow.
    #[error("could not connect")]
    Connect(#[source] BoxError),
    /// The other side took or gave nothing for too long.
    #[error("no sign of life for too long")]
    TimedOut,
    /// A user's URL leads to where it must not. Reads like [`OutboundError::Connect`]: whoever
    /// named the URL is not to learn what is there. The log has told the operator.
    #[error("could not connect")]
    Refused,
    /// The answer to the last request that was to be sent is a redirect, too.
    #[error("redirected in {limit} of {limit} requests")]
    Redirects {
        /// How many requests were to be sent.
        limit: usize,
    },
    /// The connection ended before the answer did.
    #[error("the connection broke off")]
    BrokenOff(#[source] BoxError),
    /// The data of the request ended with an error.
    #[error("the data to be sent broke off")]
    Source(#[source] BoxError),
    /// The answer is longer than the caller takes.
    #[error("the answer is longer than {limit} bytes")]
    TooLong {
        /// What the caller takes, in bytes.
        limit: usize,
    },
    /// What was to be sent is no HTTP.
    #[error("not a request that can be sent")]
    Invalid(#[source] BoxError),
}

impl OutboundError {
    pub(super) fn of(error: legacy::Error) -> Self {
        match error {
            error if is_forbidden(&error) => Self::Refused,
            error if error.is_connect() => Self::Connect(error.into()),
            error => Self::BrokenOff(error.into()),
        }
    }

    pub(super) fn invalid(error: impl Into<BoxError>) -> Self {
        Self::Invalid(error.into())
    }

    /// Whether the same request may succeed a little later: nothing is known to be wrong with it.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::TimedOut | Self::BrokenOff(_))
    }
}

/// How a dialer says that it does not connect, which its caller finds among the causes.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("an address that is not connected to")]
pub(super) struct Forbidden;

fn is_forbidden(error: &legacy::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<Forbidden>() {
            return true;
        }
        cause = error.source();
    }
    false
}
