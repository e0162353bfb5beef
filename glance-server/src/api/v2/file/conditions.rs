//! `ETag` and the headers that ask for it (RFC 9110 §8.8.3, §13).

use glance_core::image::Image;
use http::header::{IF_NONE_MATCH, IF_RANGE};
use http::{HeaderMap, HeaderValue};

/// Names the data of an image: the bytes of an active image never change, so their digest does.
/// `None` where no digest is known, as for images added by location.
pub(super) fn entity_tag(image: &Image) -> Option<String> {
    let digest = image.checksum.as_ref().or(image.os_hash_value.as_ref())?;
    Some(format!("\"{digest}\""))
}

/// Whether the client has the data that `tag` names already.
pub(super) fn is_known(headers: &HeaderMap, tag: Option<&str>) -> bool {
    let Some(tag) = tag else { return false };
    let lines = headers.get_all(IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    // Weak comparison: the same data, whatever the client thinks of its tag.
    lines
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .any(|item| item == "*" || item.trim_start_matches("W/") == tag)
}

/// What `If-Range` makes depend on the data still being the same: `None` if it is not there, or holds
/// nothing that could be compared.
pub(super) fn range_condition(headers: &HeaderMap) -> Option<&HeaderValue> {
    let condition = headers.get(IF_RANGE)?;
    let text = condition.to_str().ok()?;
    let is_tag = text.trim_start_matches("W/").starts_with('"');
    let is_date = text.ends_with("GMT");
    (is_tag || is_date).then_some(condition)
}

/// Whether data named `tag` is what the condition of a range speaks of. Dates never are: nothing here
/// is named by its date.
pub(super) fn meets(condition: &HeaderValue, tag: Option<&str>) -> bool {
    tag.is_some_and(|tag| condition.as_bytes() == tag.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: http::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn known_data_is_recognised_by_its_tag() {
        for (value, known) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
            ("", false),
        ] {
            assert_eq!(is_known(&headers(IF_NONE_MATCH, value), Some("\"a\"")), known, "{value}");
        }
        assert!(!is_known(&headers(IF_NONE_MATCH, "*"), None));
    }

    #[test]
    fn only_a_strong_tag_meets_the_condition_of_a_range() {
        let meets_it = |value| range_condition(&headers(IF_RANGE, value)).map(|c| meets(c, Some("\"a\"")));
        assert_eq!(meets_it("\"a\""), Some(true));
        assert_eq!(meets_it("\"b\""), Some(false));
        assert_eq!(meets_it("W/\"a\""), Some(false));
        assert_eq!(meets_it("Sun, 06 Nov 1994 08:49:37 GMT"), Some(false));
        assert_eq!(meets_it("y"), None);
    }
}
