//! Why no answer came.

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
        if error.is_connect() { Self::Connect(error.into()) } else { Self::BrokenOff(error.into()) }
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
