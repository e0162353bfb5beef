//! Which part of the data a request wants.

use glance_core::catalogue::Wanted;
use http::StatusCode;

use crate::api::error::ApiError;

/// Reads `Range` (RFC 9110 §14.2) as far as Glance serves it: one range of bytes.
///
/// `bytes=-0`, which the RFC calls unsatisfiable, means all of it, as in the Python server.
///
/// # Errors
///
/// 400 for several ranges, 416 for anything else that is not one range of bytes.
pub(super) fn range(value: &str) -> Result<Wanted, ApiError> {
    if value.contains(',') {
        return Err(ApiError::invalid("Several ranges at once are not served; ask for them one by one."));
    }
    one(value).ok_or_else(|| unsatisfiable("The header Range is not one range of bytes."))
}

fn one(value: &str) -> Option<Wanted> {
    let spec = after_unit(value)?.trim_start_matches(' ').strip_prefix('=')?.trim_start_matches(' ');
    let (first, last) = spec.split_once('-')?;
    let (first, last) = (first.trim_end_matches(' '), last.trim_matches(' '));
    match (first.is_empty(), last.is_empty()) {
        (true, true) => None,
        (true, false) => Some(match number(last)? {
            0 => Wanted::From { start: 0, end: None },
            count => Wanted::Last(count),
        }),
        (false, true) => Some(Wanted::From { start: number(first)?, end: None }),
        (false, false) => {
            let (start, last) = (number(first)?, number(last)?);
            (start <= last).then(|| Wanted::From { start, end: last.checked_add(1) })
        }
    }
}

fn after_unit(value: &str) -> Option<&str> {
    let (unit, rest) = value.split_at_checked("bytes".len())?;
    unit.eq_ignore_ascii_case("bytes").then_some(rest)
}

/// Digits alone. A number beyond all sizes is as good as the largest.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// A part that a request names by `Content-Range`, which older clients send in the place of `Range`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Legacy {
    pub(super) wanted: Wanted,
    /// The byte behind the last one wanted.
    end: u64,
    /// The length of the data, if the client says one.
    length: Option<u64>,
}

impl Legacy {
    /// Reads `bytes first-last/length` or `bytes first-last/*`.
    ///
    /// # Errors
    ///
    /// 416 for anything else, and for a range beyond the length it names.
    pub(super) fn read(value: &str) -> Result<Self, ApiError> {
        Self::parse(value).ok_or_else(|| unsatisfiable("The header Content-Range is not a range of bytes."))
    }

    fn parse(value: &str) -> Option<Self> {
        let (range, length) = value.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (start, end) = (number(first)?, number(last)?.checked_add(1)?);
        let length = if length == "*" { None } else { Some(number(length)?) };
        let valid = start < end && length.is_none_or(|length| end <= length);
        valid.then_some(Self { wanted: Wanted::From { start, end: Some(end) }, end, length })
    }

    /// Whether the range lies in data of `size` bytes, as the client believes it does.
    ///
    /// # Errors
    ///
    /// 416 if not.
    pub(super) fn check(self, size: u64) -> Result<(), ApiError> {
        if self.end <= size && self.length.is_none_or(|length| length == size) {
            return Ok(());
        }
        Err(unsatisfiable("The header Content-Range does not fit the data of the image."))
    }
}

fn unsatisfiable(detail: &'static str) -> ApiError {
    ApiError::with_detail(StatusCode::RANGE_NOT_SATISFIABLE, detail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_range_of_bytes_is_read() {
        let from = |start, end| Wanted::From { start, end };
        for (value, expected) in [
            ("bytes=0-9", from(0, Some(10))),
            ("bytes=0-", from(0, None)),
            ("bytes=-10", Wanted::Last(10)),
            ("bytes=-0", from(0, None)),
            ("Bytes=0-5", from(0, Some(6))),
            ("bytes= 0-5", from(0, Some(6))),
            ("bytes = 0 - 5", from(0, Some(6))),
            ("bytes=5-99999999999999999999999", from(5, None)),
        ] {
            assert_eq!(range(value).unwrap(), expected, "{value}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for value in
            ["", "bytes=", "bytes=-", "bytes=9-5", "bytes=abc", "items=0-5", "0-5", "bytes=+1-2", "bytes 0-5", "é"]
        {
            assert_eq!(status(range(value)), 416, "{value}");
        }
        assert_eq!(status(range("bytes=0-1,5-6")), 400);
    }

    #[test]
    fn the_legacy_header_is_checked_against_the_data() {
        for value in ["bytes 0-9/1000", "bytes 0-9/*", "bytes 990-999/1000"] {
            assert!(Legacy::read(value).unwrap().check(1000).is_ok(), "{value}");
        }
        for value in ["bytes 10-2000/*", "bytes 10-2000/5000", "bytes 0-9/500"] {
            assert_eq!(status(Legacy::read(value).unwrap().check(1000)), 416, "{value}");
        }
        for value in ["", "garbage", "bytes */1000", "bytes 9-5/1000", "bytes 0-9/5", "bytes 0-18446744073709551615/*"]
        {
            assert_eq!(status(Legacy::read(value)), 416, "{value}");
        }
    }

    fn status<T: std::fmt::Debug>(result: Result<T, ApiError>) -> u16 {
        use axum::response::IntoResponse;
        result.unwrap_err().into_response().status().as_u16()
    }

    proptest! {
        #[test]
        fn no_header_makes_the_reader_panic(value in "(bytes)?[= ]?[0-9]{0,22}[-,]?[0-9]{0,22}(/[0-9*]{0,3})?") {
            let _ = range(&value);
            let _ = Legacy::read(&value);
        }
    }
}
