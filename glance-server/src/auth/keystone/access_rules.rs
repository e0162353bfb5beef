//! What an application credential may be used for.

use glance_stores::keystone::AccessRule;
use http::Method;

/// The longest path that rules are held against, in bytes. No resource has a longer one, and the time grows with it
/// and with the number of rules, which their authors choose.
const LONGEST: usize = 4096;

/// Whether `rule` is about requests to `service` with this method and path.
pub(super) fn covers(rule: &AccessRule, service: &str, method: &Method, path: &str) -> bool {
    rule.service == service && rule.method == method.as_str() && path.len() <= LONGEST && fits(&rule.path, path)
}

/// What one step through a pattern takes of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// This character.
    Literal(char),
    /// `*` or `{name}`: at least one character of a segment.
    Segment,
    /// `**`: anything, and nothing.
    Any,
}

/// Whether the whole of `path` is as `pattern` says, as keystonemiddleware reads patterns.
///
/// Users write patterns, so none may take long: all places that may have been reached are kept side
/// by side, and no way is tried twice.
fn fits(pattern: &str, path: &str) -> bool {
    let path: Vec<char> = path.chars().collect();
    let mut reached = vec![false; path.len() + 1];
    reached[0] = true;
    for part in parts(pattern) {
        reached = after(part, &reached, &path);
        if !reached.contains(&true) {
            return false;
        }
    }
    reached[path.len()]
}

fn parts(pattern: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let named = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let (part, behind) = match (named, rest.strip_prefix("**"), first) {
            (Some((_, behind)), ..) => (Part::Segment, behind),
            (None, Some(behind), _) => (Part::Any, behind),
            (None, None, '*') => (Part::Segment, &rest[1..]),
            (None, None, first) => (Part::Literal(first), &rest[first.len_utf8()..]),
        };
        parts.push(part);
        rest = behind;
    }
    parts
}

/// The places that `part` leads to from those in `reached`.
fn after(part: Part, reached: &[bool], path: &[char]) -> Vec<bool> {
    let mut next = vec![false; reached.len()];
    if part == Part::Any {
        let first = reached.iter().position(|here| *here).unwrap_or(reached.len());
        next[first..].fill(true);
        return next;
    }
    for (place, char) in path.iter().enumerate() {
        next[place + 1] = match part {
            Part::Literal(wanted) => reached[place] && *char == wanted,
            _ => *char != '/' && (reached[place] || next[place]),
        };
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_what_keystone_says_they_do() {
        for (pattern, path, covered) in [
            ("/v2/images", "/v2/images", true),
            ("/v2/images", "/v2/images/1", false),
            ("/v2/images/{id}", "/v2/images/1", true),
            ("/v2/images/{id}", "/v2/images/", false),
            ("/v2/images/{id}", "/v2/images/1/file", false),
            ("/v2/*/1", "/v2/images/1", true),
            ("/v2/*/1", "/v2/a/b/1", false),
            ("/v2/**", "/v2/images/1/file", true),
            ("/v2/**", "/v2/", true),
            ("/v2/**/file", "/v2/images/1/file", true),
            ("**", "", true),
            ("", "/", false),
            ("/v2/{unclosed", "/v2/{unclosed", true),
            ("/v2/im*es/*", "/v2/images/ä", true),
        ] {
            assert_eq!(fits(pattern, path), covered, "{pattern} {path}");
        }
    }

    #[test]
    fn a_spiteful_pattern_takes_no_time() {
        assert!(!fits(&"{a}*".repeat(500), &format!("{}/", "a".repeat(4000))));
    }

    #[test]
    fn service_and_method_count_too() {
        let rule = AccessRule { service: "image".into(), method: "GET".into(), path: "/v2/images".into() };
        assert!(covers(&rule, "image", &Method::GET, "/v2/images"));
        assert!(!covers(&rule, "compute", &Method::GET, "/v2/images"));
        assert!(!covers(&rule, "image", &Method::POST, "/v2/images"));
        let any = AccessRule { path: "**".into(), ..rule };
        assert!(covers(&any, "image", &Method::GET, &"x".repeat(LONGEST)));
        assert!(!covers(&any, "image", &Method::GET, &"x".repeat(LONGEST + 1)));
    }
}
