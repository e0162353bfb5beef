//! What an answer, or none, means for a store.

use glance_core::location::Location;
use glance_core::store::StoreError;
use http::StatusCode;

use super::KIND;
use crate::outbound::OutboundError;

/// No answer. Where a URL leads and is refused looks like where nobody answers.
pub(super) fn of(doing: &'static str) -> impl FnOnce(OutboundError) -> StoreError {
    move |error| match error {
        OutboundError::Connect(_) | OutboundError::Refused | OutboundError::TimedOut | OutboundError::BrokenOff(_) => {
            StoreError::Unavailable { store: KIND, doing, source: error.into() }
        }
        other => StoreError::Failed { store: KIND, doing, source: other.into() },
    }
}

/// An answer other than the data.
pub(super) fn of_status(status: StatusCode, at: &Location) -> StoreError {
    let source = || format!("the server answered {}", status.as_u16()).into();
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => StoreError::NotFound { store: KIND, location: at.clone() },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => StoreError::Denied { store: KIND },
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            StoreError::Unavailable { store: KIND, doing: "asking for data", source: source() }
        }
        status if status.is_server_error() => {
            StoreError::Unavailable { store: KIND, doing: "asking for data", source: source() }
        }
        _ => StoreError::Failed { store: KIND, doing: "asking for data", source: source() },
    }
}

/// An answer that makes no sense.
pub(super) fn odd(what: &'static str) -> StoreError {
    StoreError::Failed { store: KIND, doing: "asking for data", source: what.into() }
}
