//! Why the server did not do what it was asked, and what that means for a store.

use std::sync::Arc;
use std::time::Duration;

use glance_core::store::StoreError;
use http::StatusCode;

use super::KIND;
use super::soap::Fault;
use super::xml::BadAnswer;
use crate::outbound::OutboundError;

/// Why something was not done. No message holds a URL, a cookie or a name that was sent.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Failure {
    /// No answer came.
    #[error("no answer from the server")]
    Unanswered(#[source] Arc<OutboundError>),
    /// The server does not do it.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// An answer with a status that helps nobody.
    #[error("the server answers with the status {}", .0.as_u16())]
    Status(StatusCode),
    /// Nobody is logged in any more.
    #[error("the session ended")]
    SessionEnded,
    /// The server redirects too often, or to where nothing is to be sent.
    #[error("the server redirects to where this does not follow")]
    Redirected,
    /// An answer that cannot be read.
    #[error(transparent)]
    BadAnswer(#[from] BadAnswer),
    /// The server has none of the configured datastores, or cannot reach them now.
    #[error("no datastore is accessible")]
    NoDatastore,
    /// The server does not say any more what became of a task.
    #[error("the task cannot be followed to its end")]
    Lost(#[source] Fault),
    /// A task of the server does not come to its end.
    #[error("the task is not done after {} seconds", .0.as_secs())]
    Endless(Duration),
}

impl From<OutboundError> for Failure {
    fn from(error: OutboundError) -> Self {
        Self::Unanswered(Arc::new(error))
    }
}

impl Failure {
    /// Nothing lies where it was looked for.
    pub(super) fn not_found() -> Self {
        Self::Fault(Fault("FileNotFound".to_owned()))
    }

    /// Whether the fault of this name is the reason.
    pub(super) fn is_fault(&self, name: &str) -> bool {
        matches!(self, Self::Fault(fault) if fault.is(name))
    }

    /// Whether the same may succeed a little later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Unanswered(error) => error.is_transient(),
            Self::Status(status) => is_overload(*status),
            _ => false,
        }
    }

    /// Whether nothing was done, so that asking again cannot do it twice. A proxy that heard nothing of the server does
    /// not say that, nor does a server that failed.
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            Self::Unanswered(error) => matches!(**error, OutboundError::Connect(_)),
            Self::Status(status) => matches!(*status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE),
            Self::Fault(_) | Self::SessionEnded => true,
            _ => false,
        }
    }

    /// What a store says of it.
    pub(super) fn doing(self, doing: &'static str) -> StoreError {
        let denied = ["NoPermission", "InvalidLogin", "RestrictedVersion"];
        match &self {
            Self::Fault(fault) if denied.iter().any(|name| fault.is(name)) => StoreError::Denied { store: KIND },
            Self::Fault(fault) if fault.is("NoDiskSpace") => StoreError::Full { store: KIND },
            Self::Status(StatusCode::FORBIDDEN) => StoreError::Denied { store: KIND },
            Self::Status(StatusCode::INSUFFICIENT_STORAGE | StatusCode::PAYLOAD_TOO_LARGE) => {
                StoreError::Full { store: KIND }
            }
            Self::SessionEnded | Self::NoDatastore | Self::Lost(_) | Self::Endless(_) => {
                StoreError::Unavailable { store: KIND, doing, source: self.into() }
            }
            _ if self.is_transient() => StoreError::Unavailable { store: KIND, doing, source: self.into() },
            _ => StoreError::Failed { store: KIND, doing, source: self.into() },
        }
    }
}

fn is_overload(status: StatusCode) -> bool {
    use StatusCode as S;
    matches!(
        status,
        S::REQUEST_TIMEOUT | S::TOO_MANY_REQUESTS | S::BAD_GATEWAY | S::SERVICE_UNAVAILABLE | S::GATEWAY_TIMEOUT
    )
}
