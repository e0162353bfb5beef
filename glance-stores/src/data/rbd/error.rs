//! What an error of the libraries means for a store.

use glance_core::image::ImageId;
use glance_core::location::Location;
use glance_core::store::StoreError;

use super::KIND;
use super::ffi::{CephError, errno};

/// Of any call.
pub(super) fn of(doing: &'static str) -> impl FnOnce(CephError) -> StoreError {
    move |cause| match cause {
        CephError::Call { code: errno::NO_SPACE | errno::QUOTA, .. } => StoreError::Full { store: KIND },
        CephError::Call { code: errno::NOT_PERMITTED | errno::DENIED, .. }
        | CephError::Connect { code: errno::NOT_PERMITTED | errno::DENIED, .. } => StoreError::Denied { store: KIND },
        cause if unreachable(&cause) => StoreError::Unavailable { store: KIND, doing, source: cause.into() },
        cause => StoreError::Failed { store: KIND, doing, source: cause.into() },
    }
}

/// Of a call that makes the image of `id`.
pub(super) fn making(id: ImageId, doing: &'static str) -> impl FnOnce(CephError) -> StoreError {
    move |cause| match cause {
        cause if cause.is(errno::EXISTS) => StoreError::Exists { store: KIND, id },
        cause => of(doing)(cause),
    }
}

/// Of a call on what lies at a location.
pub(super) fn at(location: &Location, doing: &'static str) -> impl FnOnce(CephError) -> StoreError {
    move |cause| match cause {
        cause if cause.is(errno::NOT_FOUND) => StoreError::NotFound { store: KIND, location: location.clone() },
        cause if cause.is(errno::BUSY) => StoreError::InUse { store: KIND, location: location.clone() },
        cause => of(doing)(cause),
    }
}

/// Whether the same may work later, when whatever is down is up again.
pub(super) fn unreachable(cause: &CephError) -> bool {
    let passing = [errno::TIMED_OUT, errno::NOT_CONNECTED, errno::SHUT_DOWN];
    matches!(cause, CephError::Connect { .. } | CephError::NoLibrary(_))
        || passing.into_iter().any(|errno| cause.is(errno))
}

/// An answer that did not come in time.
pub(super) fn timed_out(call: &'static str) -> CephError {
    CephError::Call { call, code: errno::TIMED_OUT }
}
