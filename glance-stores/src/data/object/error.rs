//! What an error of a backend means for a store.

use std::error::Error as _;
use std::io::{self, ErrorKind};

use glance_core::store::{BoxError, StoreError};
use object_store::Error;

/// Of any call on a store of the given kind.
pub(super) fn of(store: &'static str, doing: &'static str, cause: Error) -> StoreError {
    match cause {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => StoreError::Denied { store },
        Error::NotSupported { .. } | Error::NotImplemented { .. } => {
            StoreError::Unsupported { store, operation: doing }
        }
        cause => match system_error(&cause) {
            Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge) => {
                StoreError::Full { store }
            }
            Some(ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => StoreError::Denied { store },
            _ => StoreError::Failed { store, doing, source: BoxError::from(cause) },
        },
    }
}

/// What the operating system said, where a local backend hides it under its own errors.
fn system_error(cause: &Error) -> Option<ErrorKind> {
    let mut next = cause.source();
    while let Some(cause) = next {
        if let Some(cause) = cause.downcast_ref::<io::Error>() {
            return Some(cause.kind());
        }
        next = cause.source();
    }
    None
}
