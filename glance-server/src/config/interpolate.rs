//! `$name`, `${name}` and `${group.name}` inside values.

/// Why a reference in a value cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReferenceError {
    #[error("refers to ${0}, which is no option")]
    Unknown(String),
    #[error("refers to itself through ${0}")]
    Circular(String),
    #[error("grows beyond {MAX_LENGTH} bytes when its references are filled in")]
    TooLong,
    /// Of a value, or one that it refers to, of which nothing may be shown.
    #[error("refers to what is no option, or to itself; a dollar sign of its own is written $$")]
    Hidden,
}

impl ReferenceError {
    /// The same without a word of the value, which is a secret: what follows a dollar sign in a password is part of it
    /// more often than a reference.
    pub(super) fn without_names(self) -> Self {
        match self {
            Self::Unknown(_) | Self::Circular(_) | Self::Hidden => Self::Hidden,
            Self::TooLong => Self::TooLong,
        }
    }
}

/// The most bytes a value may have once its references are filled in: without a limit a few lines
/// that double each other fill all memory.
pub(super) const MAX_LENGTH: usize = 1 << 20;

/// `text` with each reference replaced by what `look_up` gives for it.
///
/// `$$` and `\$` stand for a dollar sign; a dollar that starts no name stays as it is.
pub(super) fn expand(
    text: &str,
    look_up: &mut dyn FnMut(&str) -> Result<String, ReferenceError>,
) -> Result<String, ReferenceError> {
    let text = text.replace("\\$", "$$");
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        expanded.push_str(before);
        let after = from.strip_prefix('$').unwrap_or(from);
        rest = if let Some(after) = after.strip_prefix('$') {
            expanded.push('$');
            after
        } else if let Some((name, after)) = reference(after) {
            expanded.push_str(&look_up(name)?);
            after
        } else {
            expanded.push('$');
            after
        };
        if expanded.len() > MAX_LENGTH {
            return Err(ReferenceError::TooLong);
        }
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// The name a reference starts with, and what follows the reference.
fn reference(text: &str) -> Option<(&str, &str)> {
    if let Some(braced) = text.strip_prefix('{') {
        let (name, after) = braced.split_once('}')?;
        return (name_length(name) == name.len() && !name.is_empty()).then_some((name, after));
    }
    match name_length(text) {
        0 => None,
        length => Some(text.split_at(length)),
    }
}

/// How many bytes of `text` are a name: a letter or `_`, then letters, digits, `_` and `.`.
fn name_length(text: &str) -> usize {
    if !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return 0;
    }
    text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filled(text: &str) -> Result<String, ReferenceError> {
        expand(text, &mut |name| match name {
            "host" => Ok("h1".to_owned()),
            "database.path" => Ok("/db".to_owned()),
            other => Err(ReferenceError::Unknown(other.to_owned())),
        })
    }

    #[test]
    fn references_are_filled_in() {
        for (text, means) in [
            ("http://$host:80", "http://h1:80"),
            ("${host}name", "h1name"),
            ("${database.path}/x", "/db/x"),
            ("$database.path", "/db"),
            ("pa$$host", "pa$host"),
            ("pa\\$host", "pa$host"),
            ("5$ or $5 ${} ${a-b}", "5$ or $5 ${} ${a-b}"),
            ("end$", "end$"),
        ] {
            assert_eq!(filled(text).as_deref(), Ok(means), "{text}");
        }
    }

    #[test]
    fn an_unknown_name_is_refused() {
        assert_eq!(filled("$nobody"), Err(ReferenceError::Unknown("nobody".into())));
    }

    proptest! {
        #[test]
        fn any_text_is_expanded_or_refused(text in "[$\\\\{}a-z._é]{0,60}") {
            let _ = filled(&text);
        }

        #[test]
        fn text_without_dollars_stays_as_it_is(text in "[^$]{0,60}") {
            prop_assert_eq!(filled(&text), Ok(text));
        }
    }
}
