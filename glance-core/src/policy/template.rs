//! The right-hand side of a check: text with `%(key)s` in it, split once when the rule is read.

use std::borrow::Cow;

use super::target::{Target, Value};

/// Text with places to fill from a target.
///
/// Only `%(key)s` and `%%` are understood. Python's formatting knows more (`%5s`, `%(key)d`), and a
/// server that meets it there mostly fails; no policy in the wild needs it.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Template {
    Literal(Box<str>),
    Key(Box<str>),
    Mixed(Box<[Piece]>),
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(Box<str>),
    Key(Box<str>),
}

/// How a null in the target reads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Nulls {
    /// As the text `None`, like Python.
    Text,
    /// As nothing that could equal anything.
    Nothing,
}

/// A `%` that starts no place to fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, Malformed> {
        let mut pieces = pieces(text)?;
        Ok(match pieces.pop() {
            None => Self::Literal("".into()),
            Some(Piece::Text(text)) if pieces.is_empty() => Self::Literal(text),
            Some(Piece::Key(key)) if pieces.is_empty() => Self::Key(key),
            Some(last) => {
                pieces.push(last);
                Self::Mixed(pieces.into())
            }
        })
    }

    pub(super) fn is_literal(&self) -> bool {
        matches!(self, Self::Literal(_))
    }

    /// Whether the filled text is `wanted`. False if the target misses a key.
    pub(super) fn is(&self, wanted: &str, target: &dyn Target, nulls: Nulls) -> bool {
        match self {
            Self::Literal(text) => **text == *wanted,
            Self::Key(key) => after(key, wanted, target, nulls).is_some_and(str::is_empty),
            Self::Mixed(pieces) => pieces
                .iter()
                .try_fold(wanted, |rest, piece| match piece {
                    Piece::Text(text) => rest.strip_prefix(&**text),
                    Piece::Key(key) => after(key, rest, target, nulls),
                })
                .is_some_and(str::is_empty),
        }
    }

    /// The filled text; `None` if the target misses a key.
    pub(super) fn fill<'a>(&'a self, target: &'a dyn Target, nulls: Nulls) -> Option<Cow<'a, str>> {
        match self {
            Self::Literal(text) => Some(Cow::Borrowed(text)),
            Self::Key(key) => filling(key, target, nulls, |text| Cow::Owned(text.to_owned())),
            Self::Mixed(pieces) => {
                let mut filled = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Text(text) => filled.push_str(text),
                        Piece::Key(key) => {
                            filling(key, target, nulls, |text| filled.push_str(text))?;
                        }
                    }
                }
                Some(Cow::Owned(filled))
            }
        }
    }
}

/// What is left of `wanted` after the value under `key`.
fn after<'w>(key: &str, wanted: &'w str, target: &dyn Target, nulls: Nulls) -> Option<&'w str> {
    filling(key, target, nulls, |text| wanted.strip_prefix(text))?
}

fn filling<T>(key: &str, target: &dyn Target, nulls: Nulls, with: impl FnOnce(&str) -> T) -> Option<T> {
    let value = target.get(key)?;
    if value == Value::Null && nulls == Nulls::Nothing {
        return None;
    }
    value.text().map(|text| with(&text))
}

fn pieces(text: &str) -> Result<Vec<Piece>, Malformed> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, place)) = rest.split_once('%') {
        plain.push_str(before);
        if let Some(after) = place.strip_prefix('%') {
            plain.push('%');
            rest = after;
            continue;
        }
        let (key, after) = key(place).ok_or(Malformed)?;
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain).into()));
        }
        pieces.push(Piece::Key(key.into()));
        rest = after;
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain.into()));
    }
    Ok(pieces)
}

/// Splits `(key)s…` behind its `s`. Parentheses in a key are counted, as Python does.
fn key(place: &str) -> Option<(&str, &str)> {
    let inner = place.strip_prefix('(')?;
    let mut open = 1_usize;
    let end = inner.find(|letter| {
        match letter {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        open == 0
    })?;
    let after = inner[end..].strip_prefix(")s")?;
    Some((&inner[..end], after))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: [(&str, Value<'static>); 6] = [
        ("owner", Value::Text(Cow::Borrowed("p1"))),
        ("a.b", Value::Text(Cow::Borrowed("dotted"))),
        ("(x)", Value::Text(Cow::Borrowed("nested"))),
        ("size", Value::Integer(5)),
        ("hidden", Value::Bool(false)),
        ("member", Value::Null),
    ];

    #[test]
    fn places_are_filled() {
        for (text, filled) in [
            ("", Some("")),
            ("plain", Some("plain")),
            ("%(owner)s", Some("p1")),
            ("a-%(owner)s-%(size)s", Some("a-p1-5")),
            ("%(owner)s%(owner)s", Some("p1p1")),
            ("100%%", Some("100%")),
            ("%%(owner)s", Some("%(owner)s")),
            ("%(a.b)s", Some("dotted")),
            ("%((x))s", Some("nested")),
            ("%(hidden)s", Some("False")),
            ("%(member)s", Some("None")),
            ("%(absent)s", None),
            ("a%(absent)s", None),
        ] {
            let template = Template::parse(text).ok().unwrap();
            assert_eq!(template.fill(&IMAGE, Nulls::Text).as_deref(), filled, "{text}");
            if let Some(filled) = filled {
                assert!(template.is(filled, &IMAGE, Nulls::Text), "{text}");
                assert!(!template.is(&format!("{filled}x"), &IMAGE, Nulls::Text), "{text}");
            }
        }
    }

    #[test]
    fn a_null_can_be_made_to_equal_nothing() {
        let template = Template::parse("%(member)s").ok().unwrap();
        assert!(template.is("None", &IMAGE, Nulls::Text));
        assert!(!template.is("None", &IMAGE, Nulls::Nothing));
        assert_eq!(template.fill(&IMAGE, Nulls::Nothing), None);
    }

    #[test]
    fn a_stray_percent_sign_is_malformed() {
        for text in ["%", "50%", "%s", "%(a", "%(a)", "%(a)d", "%(a)5s", "%()", "x%%%", "%((a)s"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }
}
