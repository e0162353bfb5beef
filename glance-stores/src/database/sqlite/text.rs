//! Times and JSON as the Python server writes them.

use std::io;

use glance_core::store::BoxError;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};
use serde_json::{Map, Value};

/// `moment` as `YYYY-MM-DD HH:MM:SS.ffffff` in UTC.
///
/// SQLite compares times as text, so every one of them has to have this form; what is finer than a
/// microsecond is cut off.
pub(super) fn of_time(moment: Timestamp) -> String {
    let time = Offset::UTC.to_datetime(moment);
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:06}",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
        time.subsec_nanosecond() / 1000
    )
}

/// The moment in a column, which other programs may have written with a `T`, a zone, or without a
/// fraction.
///
/// # Errors
///
/// If the text is no time.
pub(super) fn time(text: &str) -> Result<Timestamp, BoxError> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    Ok(Offset::UTC.to_timestamp(text.parse::<DateTime>()?)?)
}

/// `object` as Python's `json.dumps` writes it: a blank behind `,` and `:`, and nothing beyond ASCII.
///
/// # Errors
///
/// If an object of `serde_json` cannot be serialised, which does not happen.
pub(super) fn of_json(object: &Map<String, Value>) -> Result<String, BoxError> {
    let mut text = Vec::new();
    object.serialize(&mut Serializer::with_formatter(&mut text, Python))?;
    Ok(String::from_utf8(text)?)
}

/// The object in a column; an empty one for NULL and for what is no object.
pub(super) fn json(text: Option<&str>) -> Map<String, Value> {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

struct Python;

impl Formatter for Python {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for c in fragment.chars() {
            if matches!(c, ' '..='~') {
                writer.write_all(&[u8::try_from(c).unwrap_or(b'?')])?;
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }

    fn write_char_escape<W: ?Sized + io::Write>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        let short = match escape {
            CharEscape::Quote => "\\\"",
            CharEscape::ReverseSolidus => "\\\\",
            CharEscape::Solidus => "/",
            CharEscape::Backspace => "\\b",
            CharEscape::FormFeed => "\\f",
            CharEscape::LineFeed => "\\n",
            CharEscape::CarriageReturn => "\\r",
            CharEscape::Tab => "\\t",
            CharEscape::AsciiControl(byte) => return write!(writer, "\\u{byte:04x}"),
        };
        writer.write_all(short.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_has_six_digits_and_no_zone() {
        for (moment, text) in [
            ("2026-07-01T12:00:00Z", "2026-07-01 12:00:00.000000"),
            ("2026-07-01T12:00:00.0000019Z", "2026-07-01 12:00:00.000001"),
            ("2026-07-01T12:00:00+02:00", "2026-07-01 10:00:00.000000"),
            ("0033-01-02T03:04:05Z", "0033-01-02 03:04:05.000000"),
        ] {
            assert_eq!(of_time(moment.parse().unwrap()), text);
        }
    }

    #[test]
    fn times_of_other_writers_are_read() {
        let noon: Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        for text in [
            "2026-07-01 12:00:00.000000",
            "2026-07-01 12:00:00",
            "2026-07-01T12:00:00",
            "2026-07-01T12:00:00Z",
            "2026-07-01 12:00:00.000",
            "2026-07-01 14:00:00+02:00",
        ] {
            assert_eq!(time(text).unwrap(), noon, "{text}");
        }
        for text in ["", "now", "2026", "2026-13-01 00:00:00", "2026-07-01 12:00:00 and more"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    /// The right-hand side was printed by `json.dumps`.
    #[test]
    fn json_looks_like_pythons() {
        let object = json!({
            "a": "é\u{1F600}\u{7f}\n\t\"\\/\u{1}",
            "b": ["x", 1, 2.5, null, true],
            "c": {},
            "d": {"e": "f", "g": []},
        });
        let Value::Object(object) = object else { panic!() };
        assert_eq!(
            of_json(&object).unwrap(),
            r#"{"a": "\u00e9\ud83d\ude00\u007f\n\t\"\\/\u0001", "b": ["x", 1, 2.5, null, true], "c": {}, "d": {"e": "f", "g": []}}"#
        );
        assert_eq!(of_json(&Map::new()).unwrap(), "{}");
    }

    #[test]
    fn what_is_no_object_reads_as_an_empty_one() {
        for text in [None, Some(""), Some("null"), Some("[1]"), Some("{\"a\": NaN}"), Some("{"), Some("3")] {
            assert_eq!(json(text), Map::new(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn written_metadata_is_read_back(pairs in proptest::collection::btree_map(".*", ".*", 0..5)) {
            let object: Map<String, Value> = pairs.into_iter().map(|(k, v)| (k, Value::String(v))).collect();
            let text = of_json(&object).unwrap();
            prop_assert!(text.is_ascii());
            prop_assert_eq!(json(Some(&text)), object);
        }

        #[test]
        fn written_times_are_read_back_and_sort_as_text(a in 0_i64..4_000_000_000_000_000, b in 0_i64..4_000_000_000_000_000) {
            let (a, b) = (Timestamp::from_microsecond(a).unwrap(), Timestamp::from_microsecond(b).unwrap());
            prop_assert_eq!(time(&of_time(a)).unwrap(), a);
            prop_assert_eq!(of_time(a).cmp(&of_time(b)), a.cmp(&b));
        }
    }
}
