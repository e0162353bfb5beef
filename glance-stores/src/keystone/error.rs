//! Why Keystone gave no answer to go by.

use glance_core::store::BoxError;
use http::StatusCode;

use crate::outbound::OutboundError;

/// Why Keystone gave no answer to go by. No message shows a token, a password or a URL.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeystoneError {
    /// It could not be asked, or broke off.
    #[error("Keystone cannot be asked")]
    Unreachable(#[source] OutboundError),
    /// It took too long.
    #[error("Keystone took too long to answer")]
    TooSlow,
    /// It does not take the account that was to ask it.
    #[error("Keystone does not take the configured account (status {0})")]
    AccountRefused(StatusCode),
    /// It answered with a status that says nothing about the question.
    #[error("Keystone answered with status {0}")]
    Status(StatusCode),
    /// What it has is not what the configuration speaks of.
    #[error("Keystone does not fit the configuration: {0}")]
    Unsuitable(String),
    /// Its answer is not what the identity API v3 says.
    #[error("Keystone's answer makes no sense")]
    Nonsense(#[source] BoxError),
}

impl KeystoneError {
    pub(super) fn nonsense(cause: impl Into<BoxError>) -> Self {
        Self::Nonsense(cause.into())
    }

    /// Whether Keystone is away or overloaded, and nothing is known to be wrong with the question.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TooSlow => true,
            Self::Status(status) => status.is_server_error() || status.as_u16() == 429,
            _ => false,
        }
    }

    /// Whether the same question may be answered a moment later.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(error) => error.is_transient() && !matches!(error, OutboundError::TimedOut),
            Self::Status(status) => matches!(status.as_u16(), 429 | 502 | 503 | 504),
            _ => false,
        }
    }
}

impl From<OutboundError> for KeystoneError {
    fn from(error: OutboundError) -> Self {
        match error {
            OutboundError::TooLong { .. } => Self::Nonsense(error.into()),
            error => Self::Unreachable(error),
        }
    }
}
