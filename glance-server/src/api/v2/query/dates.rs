//! ISO 8601, as far as Python's `iso8601` reads it.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// The moment `text` names: a year, a year and month, a date, or a date and time, in UTC unless it
/// says otherwise; `None` if it is none of these.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let mut rest = Rest(text.as_bytes());
    let moment = rest.date().and_then(|date| rest.time(date))?;
    if rest.0.is_empty() { Some(moment) } else { None }
}

type Date = (i16, i8, i8);

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn date(&mut self) -> Option<Date> {
        let year = i16::try_from(self.digits(4, 4)?).ok()?;
        if self.0.is_empty() {
            return Some((year, 1, 1));
        }
        let dashed = self.eat(b"-").is_some();
        let month = self.part(dashed)?;
        if self.0.is_empty() {
            // `YYYYMM` could be mistaken for `YYMMDD`.
            return dashed.then_some((year, month, 1));
        }
        let dashed = self.eat(b"-").is_some();
        Some((year, month, self.part(dashed)?))
    }

    /// A month or day: two digits, or one behind a dash.
    fn part(&mut self, dashed: bool) -> Option<i8> {
        i8::try_from(self.digits(if dashed { 1 } else { 2 }, 2)?).ok()
    }

    fn time(&mut self, (year, month, day): Date) -> Option<Timestamp> {
        let (mut hour, mut minute, mut second, mut nanosecond, mut offset) = (0, 0, 0, 0, Offset::UTC);
        if !self.0.is_empty() {
            self.eat(b"T ")?;
            hour = i8::try_from(self.digits(2, 2)?).ok()?;
            if let Some(found) = self.behind_colon(2) {
                minute = found;
                if let Some(found) = self.behind_colon(1) {
                    second = found;
                    nanosecond = self.fraction()?;
                }
            }
            offset = self.offset()?;
        }
        let civil = DateTime::new(year, month, day, hour, minute, second, nanosecond).ok()?;
        // The last days of the year 9999, which stand for "always", lie behind the last moment there is.
        offset.to_timestamp(civil).ok().or(Some(Timestamp::MAX).filter(|_| year == 9999))
    }

    /// Minutes or seconds, with or without a colon before them; nothing is read if there are none.
    fn behind_colon(&mut self, least: usize) -> Option<i8> {
        let before = self.0;
        self.eat(b":");
        let found = self.digits(least, 2).and_then(|number| i8::try_from(number).ok());
        if found.is_none() {
            self.0 = before;
        }
        found
    }

    /// The fraction of a second in nanoseconds, 0 where there is none; what is finer is cut off.
    fn fraction(&mut self) -> Option<i32> {
        if self.eat(b".,").is_none() {
            return Some(0);
        }
        let length = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(length);
        self.0 = rest;
        let nine = digits.iter().copied().chain(std::iter::repeat(b'0')).take(9);
        (length > 0).then(|| nine.fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0')))
    }

    fn offset(&mut self) -> Option<Offset> {
        if self.0.is_empty() || self.eat(b"Z").is_some() {
            return Some(Offset::UTC);
        }
        let sign = if self.eat(b"+-")? == b'-' { -1 } else { 1 };
        let hours = i32::try_from(self.digits(2, 2)?).ok()?;
        let minutes = self.behind_colon(2).unwrap_or(0);
        Offset::from_seconds(sign * (hours * 3600 + i32::from(minutes) * 60)).ok()
    }

    /// A number of `least` to `most` digits, as many as there are.
    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let length = self.0.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(length);
        if length < least {
            return None;
        }
        self.0 = rest;
        Some(digits.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
    }

    /// The next byte, if it is one of `wanted`.
    fn eat(&mut self, wanted: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        if !wanted.contains(first) {
            return None;
        }
        self.0 = rest;
        Some(*first)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_spellings_of_a_moment_are_read() {
        for (text, expected) in [
            ("2000", "2000-01-01T00:00:00Z"),
            ("2000-02", "2000-02-01T00:00:00Z"),
            ("2000-02-03", "2000-02-03T00:00:00Z"),
            ("2000-2-3", "2000-02-03T00:00:00Z"),
            ("20000203", "2000-02-03T00:00:00Z"),
            ("20000203T040506Z", "2000-02-03T04:05:06Z"),
            ("2000-02-03T04", "2000-02-03T04:00:00Z"),
            ("2000-02-03 04:05", "2000-02-03T04:05:00Z"),
            ("2000-02-03T04:05:06", "2000-02-03T04:05:06Z"),
            ("2000-02-03T04:05:06.5Z", "2000-02-03T04:05:06.5Z"),
            ("2000-02-03T04:05:06,1234567891+00:00", "2000-02-03T04:05:06.123456789Z"),
            ("2000-02-03T04:05:06+05:00", "2000-02-02T23:05:06Z"),
            ("2000-02-03T04:05:06-0530", "2000-02-03T09:35:06Z"),
            ("2000-02-03T04:05:06+05", "2000-02-02T23:05:06Z"),
            ("9999-12-31T23:59:59Z", "9999-12-30T22:00:00.999999999Z"),
        ] {
            assert_eq!(parse(text), Some(expected.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "garbage",
            "200",
            "200002",
            "2000-13-01",
            "2000-02-30",
            "2000-02-03T",
            "2000-02-03T25:00",
            "2000-02-03T04:05:06z",
            "2000-02-03t04:05:06Z",
            "2000-02-03T04:05:06 05:00",
            "2000-02-03T04:05:06.Z",
            "2000-02-03T04:05:06Z ",
            "2000-02-03Z",
            "２０００",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[0-9TZ:+., -]{0,30}") {
            let _ = parse(&text);
        }

        #[test]
        fn whatever_the_api_writes_is_read(second in -60_000_000_000_i64..200_000_000_000) {
            let moment = Timestamp::from_second(second).unwrap();
            prop_assert_eq!(parse(&moment.to_string()), Some(moment));
        }
    }
}
