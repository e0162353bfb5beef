//! What a server's answer says about the data it carries.

use std::ops::Range;

use glance_core::location::Location;
use glance_core::store::StoreError;
use http::StatusCode;
use http::header::CONTENT_RANGE;

use super::error;
use crate::outbound::Response;

/// An answer that has to do with the data asked for.
pub(super) enum Opened {
    /// It carries all of the data, whether a part was asked for or not.
    Whole(Response),
    /// It carries a part.
    Part(Part, Response),
    /// The range begins behind the data, whose length may be told.
    Behind(Option<u64>),
}

/// The part that an answer says it carries.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    first: u64,
    last: u64,
    /// Length of all the data, if it is told.
    pub(super) size: Option<u64>,
}

impl Opened {
    pub(super) fn of(answer: Response, at: &Location) -> Result<Self, StoreError> {
        match answer.status {
            StatusCode::OK => Ok(Self::Whole(answer)),
            StatusCode::PARTIAL_CONTENT => match answer.header(CONTENT_RANGE).and_then(Part::parse) {
                Some(part) => Ok(Self::Part(part, answer)),
                None => Err(error::odd("the server does not say which part of the data it sends")),
            },
            StatusCode::RANGE_NOT_SATISFIABLE => {
                let size = answer.header(CONTENT_RANGE).and_then(|range| number(range.strip_prefix("bytes */")?));
                Ok(Self::Behind(size))
            }
            status => Err(error::of_status(status, at)),
        }
    }
}

impl Part {
    /// Reads `bytes <first>-<last>/<size>`, RFC 9110 §14.4.
    fn parse(text: &str) -> Option<Self> {
        let (range, size) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, last) = (number(first)?, number(last)?);
        let size = if size == "*" { None } else { Some(number(size)?) };
        let sound = first <= last && size.is_none_or(|size| last < size);
        sound.then_some(Self { first, last, size })
    }

    /// Whether it is this part, no more and no less.
    pub(super) fn covers(&self, range: &Range<u64>) -> bool {
        self.first == range.start && self.last.checked_add(1) == Some(range.end)
    }
}

/// Digits, and nothing that a parser of numbers would take besides.
fn number(digits: &str) -> Option<u64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_says_where_it_lies() {
        assert_eq!(Part::parse("bytes 2-5/9"), Some(Part { first: 2, last: 5, size: Some(9) }));
        assert_eq!(Part::parse("bytes 0-0/*"), Some(Part { first: 0, last: 0, size: None }));
        for bad in [
            "",
            "bytes",
            "bytes 2-5",
            "bytes 5-2/9",
            "bytes 2-9/9",
            "bytes +2-5/9",
            "bytes -5/9",
            "items 2-5/9",
            "bytes 2-5/18446744073709551616",
            "bytes */9",
        ] {
            assert_eq!(Part::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_part_covers_exactly_its_range() {
        let part = Part::parse("bytes 2-5/9").unwrap();
        assert!(part.covers(&(2..6)));
        assert!(!part.covers(&(2..5)) && !part.covers(&(1..6)) && !part.covers(&(2..7)));
        let longest = Part { first: 0, last: u64::MAX, size: None };
        assert!(!longest.covers(&(0..0)));
    }
}
