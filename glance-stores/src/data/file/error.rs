//! What an error of the operating system means for a store.

use std::io::{Error, ErrorKind};

use glance_core::location::Location;
use glance_core::store::StoreError;

use super::KIND;

/// Of a call on the way to new data.
pub(super) fn writing(cause: Error, doing: &'static str) -> StoreError {
    match cause.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => StoreError::Full { store: KIND },
        _ => general(cause, doing),
    }
}

/// Of a call on data that should be there.
pub(super) fn reading(cause: Error, at: &Location, doing: &'static str) -> StoreError {
    match cause.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::InvalidFilename => {
            StoreError::NotFound { store: KIND, location: at.clone() }
        }
        // What the standard library makes of a zero byte in a path.
        ErrorKind::InvalidInput => StoreError::BadLocation { store: KIND, location: at.clone() },
        _ => general(cause, doing),
    }
}

/// Of any call.
pub(super) fn general(cause: Error, doing: &'static str) -> StoreError {
    match cause.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            // The variant has no room for the cause, and an operator needs it.
            tracing::warn!(error = %cause, doing, "the file system denies the store a call");
            StoreError::Denied { store: KIND }
        }
        ErrorKind::StaleNetworkFileHandle | ErrorKind::TimedOut | ErrorKind::HostUnreachable => {
            StoreError::Unavailable { store: KIND, doing, source: cause.into() }
        }
        _ => StoreError::Failed { store: KIND, doing, source: cause.into() },
    }
}
