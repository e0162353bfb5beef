//! Checks written out in the policy language, in one way for all that mean the same.

use std::borrow::Cow;

use super::check::Check;
use super::rules::Rules;
use super::template::{Piece, Template};

/// How the URLs of remote checks are written: they may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urls {
    /// With `***` in the place of whatever stands before the host.
    Masked,
    /// As they are: to compare, and never to show.
    Whole,
}

/// What a check is written as that cannot be judged.
const UNDECIDABLE: &str = "(unreadable)";

impl Rules {
    /// `check` as a policy file would have it. Other names of an attribute, other notations of a literal and
    /// needless parentheses do not show.
    pub(super) fn text(&self, check: &Check, urls: Urls) -> String {
        match check {
            Check::True => "@".to_owned(),
            Check::False => "!".to_owned(),
            Check::Undecidable => UNDECIDABLE.to_owned(),
            Check::Not(inner) => format!("not {}", self.inside(inner, check, urls)),
            Check::All(checks) => self.joined(checks, check, " and ", urls),
            Check::Any(checks) => self.joined(checks, check, " or ", urls),
            Check::Rule(id) => format!("rule:{}", self.name(*id)),
            Check::Role(wanted) => format!("role:{}", written(wanted, str::to_lowercase)),
            Check::Literal { text, wanted } => format!("{}:{}", quoted(text), written(wanted, str::to_owned)),
            Check::Credential { credential, wanted } => {
                format!("{}:{}", credential.name(), written(wanted, str::to_owned))
            }
            Check::Remote(url) => {
                let url = written(url, str::to_owned);
                if urls == Urls::Whole { url } else { masked(&url).into_owned() }
            }
        }
    }

    fn joined(&self, checks: &[Check], around: &Check, word: &str, urls: Urls) -> String {
        checks.iter().map(|check| self.inside(check, around, urls)).collect::<Vec<_>>().join(word)
    }

    /// `check` as a part of `around`, in parentheses where it has parts of another kind.
    fn inside(&self, check: &Check, around: &Check, urls: Urls) -> String {
        let text = self.text(check, urls);
        match (check, around) {
            (Check::All(_), Check::All(_)) | (Check::Any(_), Check::Any(_)) => text,
            (Check::All(_) | Check::Any(_), _) => format!("({text})"),
            _ => text,
        }
    }
}

fn written(template: &Template, literal: impl Fn(&str) -> String) -> String {
    let text = |text: &str| literal(text).replace('%', "%%");
    let key = |key: &str| format!("%({key})s");
    match template {
        Template::Literal(literal) => text(literal),
        Template::Key(name) => key(name),
        Template::Mixed(pieces) => pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(literal) => text(literal),
                Piece::Key(name) => key(name),
            })
            .collect(),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// `url` without the name and password that may stand before its host.
pub(super) fn masked(url: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = url.split_once("://") else { return Cow::Borrowed(url) };
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..authority].rfind('@') {
        Some(at) => Cow::Owned(format!("{scheme}://***{}", &rest[at..])),
        None => Cow::Borrowed(url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::parser::Parser;

    fn text(rule: &str) -> String {
        let mut rules = Rules::default();
        let check = Parser::new(&mut rules).source(&rule.into()).ok().unwrap();
        rules.text(&check, Urls::Masked)
    }

    #[test]
    fn what_means_the_same_is_written_the_same() {
        for (rule, expected) in [
            ("", "@"),
            ("@", "@"),
            ("!", "!"),
            ("role:Admin", "role:admin"),
            ("role:%(Role)s", "role:%(Role)s"),
            ("(role:a)", "role:a"),
            ("role:a OR role:b or role:c", "role:a or role:b or role:c"),
            ("(role:a or role:b) or role:c", "role:a or role:b or role:c"),
            ("role:a and role:b or role:c", "(role:a and role:b) or role:c"),
            ("role:a and (role:b or role:c)", "role:a and (role:b or role:c)"),
            ("not role:a", "not role:a"),
            ("not not role:a", "role:a"),
            ("not (role:a and role:b)", "not (role:a and role:b)"),
            ("tenant:%(project_id)s", "project_id:%(project_id)s"),
            ("project:%(owner)s", "project_id:%(owner)s"),
            ("\"public\":%(visibility)s", "'public':%(visibility)s"),
            ("True:%(protected)s", "'True':%(protected)s"),
            (r"'it\'s':%(name)s", r"'it\'s':%(name)s"),
            ("user_id:100%%-%(a)s", "user_id:100%%-%(a)s"),
            ("rule:x", "rule:x"),
            ("bogus:x", "!"),
            ("role:50%", "(unreadable)"),
        ] {
            assert_eq!(text(rule), expected, "{rule}");
        }
    }

    #[test]
    fn a_text_reads_as_what_it_was_written_from() {
        for rule in crate::policy::DEFAULT_RULES {
            let once = text(rule.check);
            assert_eq!(text(&once), once, "{}", rule.name);
        }
    }

    #[test]
    fn urls_are_shown_without_passwords() {
        assert_eq!(text("https://u:p@h/x@y"), "https://***@h/x@y");
        assert_eq!(text("http://u@v:p@h?a"), "http://***@h?a");
        assert_eq!(text("http://h/%(id)s"), "http://h/%(id)s");
    }
}
