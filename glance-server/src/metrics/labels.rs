//! Values of labels, of which there are few.

use glance_core::store::StoreError;
use http::{Method, StatusCode};

/// The method, or one word for those that this API does not have.
pub(super) fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// The class of a status; `None` is a request that was never answered.
pub(super) fn status(status: Option<StatusCode>) -> &'static str {
    match status.map(|status| status.as_u16() / 100) {
        None => "none",
        Some(1) => "1xx",
        Some(2) => "2xx",
        Some(3) => "3xx",
        Some(4) => "4xx",
        _ => "5xx",
    }
}

/// What became of an operation on a store.
pub(super) fn outcome<T>(answer: &Result<T, StoreError>) -> &'static str {
    match answer.as_ref().map_err(StoreError::reason) {
        Ok(_) => "ok",
        Err(StoreError::NotFound { .. }) => "not_found",
        Err(StoreError::Exists { .. }) => "exists",
        Err(StoreError::Full { .. }) => "full",
        Err(StoreError::Denied { .. }) => "denied",
        Err(StoreError::InUse { .. }) => "in_use",
        Err(StoreError::OutOfRange { .. }) => "out_of_range",
        Err(StoreError::SizeMismatch { .. }) => "size_mismatch",
        Err(StoreError::Unsupported { .. }) => "unsupported",
        Err(StoreError::BadLocation { .. }) => "bad_location",
        Err(StoreError::Unavailable { .. }) => "unavailable",
        Err(StoreError::Source { .. }) => "source_broke_off",
        Err(_) => "failed",
    }
}

/// The outcome of what nobody waited for to its end.
pub(super) const CANCELLED: &str = "cancelled";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_make_up_is_one_value() {
        assert_eq!(method(&Method::PATCH), "PATCH");
        assert_eq!(method(&Method::from_bytes(b"X-EVIL").unwrap()), "other");
        assert_eq!(status(StatusCode::from_u16(999).ok()), "5xx");
        assert_eq!((status(Some(StatusCode::NOT_FOUND)), status(None)), ("4xx", "none"));
    }

    #[test]
    fn why_a_put_failed_counts_more_than_that_it_left_something() {
        let failure = StoreError::Full { store: "file" }.left_behind("file");
        assert_eq!(outcome::<()>(&Err(failure)), "full");
    }
}
