//! What an error of a backend means for a store.

use std::io::{self, ErrorKind};

use glance_core::store::{BoxError, StoreError};
#[cfg(feature = "outbound")]
use http::StatusCode;
use object_store::Error;

#[cfg(feature = "outbound")]
use super::refusal::Refusal;
#[cfg(feature = "outbound")]
use crate::outbound::OutboundError;

/// Of any call on a store of the given kind.
pub(in crate::data) fn of(store: &'static str, doing: &'static str, cause: Error) -> StoreError {
    match cause {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => StoreError::Denied { store },
        Error::NotSupported { .. } | Error::NotImplemented { .. } => {
            StoreError::Unsupported { store, operation: doing }
        }
        cause => refused(store, doing, cause).unwrap_or_else(|cause| by_system(store, doing, cause)),
    }
}

/// Whether the backend says that it does not know the request at all.
pub(super) fn is_unknown_request(cause: &Error) -> bool {
    #[cfg(feature = "outbound")]
    if below::<Refusal>(cause) == Some(&Refusal::NotImplemented) {
        return true;
    }
    matches!(cause, Error::NotImplemented { .. } | Error::NotSupported { .. })
}

/// Whether the backend did not do what it was asked, for sure.
pub(super) fn is_refusal(cause: &Error) -> bool {
    use Error as E;
    let refused = matches!(
        cause,
        E::AlreadyExists { .. }
            | E::Precondition { .. }
            | E::NotFound { .. }
            | E::PermissionDenied { .. }
            | E::Unauthenticated { .. }
    );
    refused || is_unknown_request(cause) || was_not_begun(cause)
}

/// Whether the backend was not reached, or says that it did nothing. A server that failed, and a proxy that heard
/// nothing of one, does not.
#[cfg(feature = "outbound")]
pub(super) fn was_not_begun(cause: &(dyn std::error::Error + 'static)) -> bool {
    match below::<Refusal>(cause) {
        Some(Refusal::Busy(status)) => {
            matches!(*status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
        }
        Some(Refusal::Full | Refusal::NoBucket | Refusal::NotImplemented) => true,
        None => matches!(below::<OutboundError>(cause), Some(OutboundError::Connect(_))),
    }
}

#[cfg(not(feature = "outbound"))]
fn was_not_begun(_: &Error) -> bool {
    false
}

/// What a backend that is reached through our client means.
#[cfg(feature = "outbound")]
fn refused(store: &'static str, doing: &'static str, cause: Error) -> Result<StoreError, Error> {
    let transient = below::<OutboundError>(&cause).is_some_and(OutboundError::is_transient);
    match below::<Refusal>(&cause).cloned() {
        Some(Refusal::Full) => Ok(StoreError::Full { store }),
        Some(Refusal::NotImplemented) => Ok(StoreError::Unsupported { store, operation: doing }),
        Some(Refusal::NoBucket) => Ok(StoreError::Failed { store, doing, source: Refusal::NoBucket.into() }),
        Some(Refusal::Busy(_)) => Ok(StoreError::Unavailable { store, doing, source: cause.into() }),
        None if transient => Ok(StoreError::Unavailable { store, doing, source: cause.into() }),
        None => Err(cause),
    }
}

#[cfg(not(feature = "outbound"))]
fn refused(_: &'static str, _: &'static str, cause: Error) -> Result<StoreError, Error> {
    Err(cause)
}

fn by_system(store: &'static str, doing: &'static str, cause: Error) -> StoreError {
    match below::<io::Error>(&cause).map(io::Error::kind) {
        Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge) => StoreError::Full { store },
        Some(ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => StoreError::Denied { store },
        _ => StoreError::Failed { store, doing, source: BoxError::from(cause) },
    }
}

/// The cause of type `C` that a backend hides under its own errors.
pub(in crate::data) fn below<'a, C: std::error::Error + 'static>(
    cause: &'a (dyn std::error::Error + 'static),
) -> Option<&'a C> {
    let mut next = cause.source();
    while let Some(cause) = next {
        if let Some(cause) = cause.downcast_ref::<C>() {
            return Some(cause);
        }
        next = cause.source();
    }
    None
}
