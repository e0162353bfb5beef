//! Which of several forms of an answer a client would rather have (RFC 9110 §12.5.1).

use http::HeaderMap;
use http::header::ACCEPT;

/// The place in `offers` (media types, the preferred one first) that `Accept` likes best; `None` if
/// it likes none, or says nothing.
///
/// A header that does not follow the grammar likes everything, as it does for the Python server.
pub(super) fn best(headers: &HeaderMap, offers: &[&str]) -> Option<usize> {
    let lines: Option<Vec<&str>> = headers.get_all(ACCEPT).iter().map(|line| line.to_str().ok()).collect();
    let ranges: Option<Vec<Range<'_>>> = lines.and_then(|lines| {
        let items = lines.into_iter().flat_map(|line| line.split(','));
        items.map(str::trim).filter(|item| !item.is_empty()).map(Range::parse).collect()
    });
    let Some(ranges) = ranges else { return Some(0) };
    let mut liked: Option<(usize, f32)> = None;
    for (at, offer) in offers.iter().enumerate() {
        let weight = weight_of(offer, &ranges);
        if weight > liked.map_or(0.0, |(_, best)| best) {
            liked = Some((at, weight));
        }
    }
    liked.map(|(at, _)| at)
}

/// One item of `Accept`: a media type or a pattern, and how much it is liked.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    /// Parameters of the media type. What is offered has none, so such a range fits nothing.
    narrowed: bool,
    weight: f32,
}

impl<'a> Range<'a> {
    fn parse(item: &'a str) -> Option<Self> {
        let mut parts = item.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let mut range = Self { kind, subtype, narrowed: false, weight: 1.0 };
        for part in parts {
            let (name, value) = part.split_once('=')?;
            if name.eq_ignore_ascii_case("q") {
                range.weight = value.parse().ok().filter(|weight| (0.0..=1.0).contains(weight))?;
            } else {
                range.narrowed = true;
            }
        }
        let stars = kind != "*" || subtype == "*";
        (is_token(kind) && is_token(subtype) && stars).then_some(range)
    }

    /// How closely the range names `offer`; `None` if it does not.
    fn closeness(&self, offer: &str) -> Option<u8> {
        let (kind, subtype) = offer.split_once('/')?;
        if self.narrowed {
            None
        } else if self.kind == "*" {
            Some(0)
        } else if !self.kind.eq_ignore_ascii_case(kind) {
            None
        } else if self.subtype == "*" {
            Some(1)
        } else {
            self.subtype.eq_ignore_ascii_case(subtype).then_some(2)
        }
    }
}

/// The weight that the closest range gives `offer`.
fn weight_of(offer: &str, ranges: &[Range<'_>]) -> f32 {
    let fitting = ranges.iter().filter_map(|range| Some((range.closeness(offer)?, range.weight)));
    fitting.max_by_key(|(closeness, _)| *closeness).map_or(0.0, |(_, weight)| weight)
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn liked(accept: &str) -> Option<&'static str> {
        const OFFERS: [&str; 2] = ["text/html", "application/json"];
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_str(accept).unwrap())]);
        best(&headers, &OFFERS).map(|at| OFFERS[at])
    }

    #[test]
    fn the_closest_range_decides_and_weights_count() {
        for (accept, expected) in [
            ("*/*", Some("text/html")),
            ("text/*", Some("text/html")),
            ("TEXT/HTML", Some("text/html")),
            ("application/json", Some("application/json")),
            ("application/*", Some("application/json")),
            ("text/html;q=0.2, application/json", Some("application/json")),
            ("text/html, application/json;q=0.2", Some("text/html")),
            ("text/html;q=0, */*", Some("application/json")),
            ("*/*;q=0.1, application/json;q=0.3", Some("application/json")),
            ("application/json;q=0", None),
            ("text/plain", None),
            ("image/png", None),
            ("text/html;level=1", None),
            ("", None),
            (",", None),
        ] {
            assert_eq!(liked(accept), expected, "{accept}");
        }
    }

    #[test]
    fn a_broken_header_likes_everything() {
        for accept in ["garbage", "text/", "*/html", "text/html;q=2", "text/html;q", "a b/c"] {
            assert_eq!(liked(accept), Some("text/html"), "{accept}");
        }
    }

    #[test]
    fn no_header_likes_nothing() {
        assert_eq!(best(&HeaderMap::new(), &["text/html"]), None);
    }
}
