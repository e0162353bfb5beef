//! `operator:value`, and the lists of `in:`.

use super::dates;

/// The operator and the value of a filter. Without a colon it is `eq`; so it is for a text that is a
/// date as a whole, colons and all.
pub(super) fn operator(expression: &str) -> (&str, &str) {
    match expression.split_once(':') {
        Some(_) if dates::parse(expression).is_some() => ("eq", expression),
        Some((operator, value)) => (operator, value),
        None => ("eq", expression),
    }
}

/// The values of an `in:` list, split at commas that stand outside quotes; `None` if quotes stand
/// where none may.
///
/// A backslash keeps a quote inside a value from ending it, and stays part of the value as in the
/// Python server.
pub(super) fn list(text: &str) -> Option<Vec<&str>> {
    if !quotes_are_balanced(text.as_bytes()) {
        return None;
    }
    let mut values = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (value, behind) = match rest.strip_prefix('"').and_then(quoted) {
            Some(found) => found,
            None => rest.split_at(rest.find(',').unwrap_or(rest.len())),
        };
        values.push(value);
        rest = behind.strip_prefix(',').unwrap_or(behind);
    }
    Some(values)
}

/// The value before the closing quote, and what follows the quote.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !escaped => return Some((&text[..at], &text[at + 1..])),
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}

/// Whether each quote opens behind a comma and closes before one, or at an end of the text.
fn quotes_are_balanced(text: &[u8]) -> bool {
    let mut open = false;
    for at in 0..text.len() {
        let before = at.checked_sub(1).map(|before| text[before]);
        if text[at] != b'"' || before == Some(b'\\') {
            continue;
        }
        let beside = if open { text.get(at + 1).copied() } else { before };
        if beside.is_some_and(|beside| beside != b',') {
            return false;
        }
        open = !open;
    }
    !open
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_operator_stands_before_the_first_colon() {
        assert_eq!(operator("a"), ("eq", "a"));
        assert_eq!(operator("eq:x:y"), ("eq", "x:y"));
        assert_eq!(operator("x:y"), ("x", "y"));
        assert_eq!(operator("gt:2000-01-01T00:00:00Z"), ("gt", "2000-01-01T00:00:00Z"));
        assert_eq!(operator("2000-01-01T00:00:00Z"), ("eq", "2000-01-01T00:00:00Z"));
    }

    #[test]
    fn commas_split_outside_quotes() {
        for (text, expected) in [
            ("", vec![]),
            ("a", vec!["a"]),
            ("a,b", vec!["a", "b"]),
            ("a,,b", vec!["a", "", "b"]),
            ("a,b,", vec!["a", "b"]),
            (r#""c,d""#, vec!["c,d"]),
            (r#""c,d",a"#, vec!["c,d", "a"]),
            (r#"a,"c,d""#, vec!["a", "c,d"]),
            (r#""e\"f""#, vec![r#"e\"f"#]),
            (r#""""#, vec![""]),
        ] {
            assert_eq!(list(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn quotes_in_odd_places_are_refused() {
        for text in [r#""a"b"#, r#"a"b""#, r#""a"#, r#"a""#, r#"a,"b"#, r#"""a"#] {
            assert_eq!(list(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn plain_values_survive_a_list(values in prop::collection::vec("[a-z ]{1,6}", 1..6)) {
            let text = values.join(",");
            prop_assert_eq!(list(&text), Some(values.iter().map(String::as_str).collect::<Vec<_>>()));
        }

        #[test]
        fn quoted_values_survive_a_list(values in prop::collection::vec("[a-z,]{1,6}", 1..6)) {
            let quoted: Vec<_> = values.iter().map(|value| format!("\"{value}\"")).collect();
            let text = quoted.join(",");
            prop_assert_eq!(list(&text), Some(values.iter().map(String::as_str).collect::<Vec<_>>()));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "[a\",\\\\é]{0,12}") {
            let _ = list(&text);
        }
    }
}
