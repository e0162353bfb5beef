//! Reads rules: the policy language and the older list form.
//!
//! ```text
//! rule := "" | or
//! or   := and ("or" and)*
//! and  := not ("and" not)*
//! not  := "not" not | atom
//! atom := "(" or ")" | "@" | "!" | kind ":" match
//! ```

use super::check::Check;
use super::credentials::Credential;
use super::literal::literal;
use super::rules::Rules;
use super::source::RuleSource;
use super::template::Template;
use super::warning::{BadCheck, Flaw};

/// How deep parentheses may nest.
const MAX_NESTING: usize = 64;

/// Reads rules and gives the names they refer to a place in `rules`.
pub(super) struct Parser<'a> {
    rules: &'a mut Rules,
    /// What was wrong with single checks since the parser was made.
    pub(super) bad_checks: Vec<BadCheck>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(rules: &'a mut Rules) -> Self {
        Self { rules, bad_checks: Vec::new() }
    }

    pub(super) fn source(&mut self, source: &RuleSource) -> Result<Check, Flaw> {
        match source {
            RuleSource::Text(text) => self.text(text),
            RuleSource::Lists(lists) => Ok(self.lists(lists)),
            RuleSource::Unusable => Err(Flaw::NotARule),
        }
    }

    /// A rule in the policy language. Blanks alone are no rule, though nothing at all is one: so it
    /// is in `oslo.policy`.
    fn text(&mut self, text: &str) -> Result<Check, Flaw> {
        if text.is_empty() {
            return Ok(Check::True);
        }
        let words = words(text);
        let mut reading = Reading { parser: self, words: &words, at: 0 };
        let check = reading.or(0)?;
        match reading.peek() {
            None => Ok(check),
            Some(_) => Err(reading.lost()),
        }
    }

    fn lists(&mut self, lists: &[Vec<String>]) -> Check {
        if lists.is_empty() {
            return Check::True;
        }
        let alternatives = lists
            .iter()
            .filter(|all| !all.is_empty())
            .map(|all| {
                let checks = all.iter().map(|check| self.check(check)).collect();
                one_or(Check::All, checks)
            })
            .collect();
        one_or(Check::Any, alternatives)
    }

    fn check(&mut self, text: &str) -> Check {
        match text {
            "@" => Check::True,
            "!" => Check::False,
            _ => self.kind_and_match(text).unwrap_or_else(|flaw| {
                let instead = match flaw {
                    BadCheck::Format | BadCheck::Kind => Check::Undecidable,
                    BadCheck::NoColon | BadCheck::UnknownCredential { .. } => Check::False,
                };
                self.bad_checks.push(flaw);
                instead
            }),
        }
    }

    fn kind_and_match(&mut self, text: &str) -> Result<Check, BadCheck> {
        let (kind, wanted) = text.split_once(':').ok_or(BadCheck::NoColon)?;
        let template = |text: &str| Template::parse(text).map_err(|_| BadCheck::Format);
        Ok(match kind {
            "rule" => Check::Rule(self.rules.id(wanted)),
            "role" => Check::Role(template(wanted)?),
            "http" | "https" => Check::Remote(template(text)?),
            _ => {
                let wanted = template(wanted)?;
                if let Some(text) = literal(kind) {
                    let text = text.into();
                    Check::Literal { text, wanted }
                } else {
                    let credential = Credential::named(kind).ok_or_else(|| unknown(kind))?;
                    Check::Credential { credential, wanted }
                }
            }
        })
    }
}

/// What is wrong with a kind that is neither a literal nor an attribute of callers.
fn unknown(kind: &str) -> BadCheck {
    let begins = kind.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let names = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    if begins && kind.chars().all(names) {
        BadCheck::UnknownCredential { name: kind.to_owned() }
    } else {
        BadCheck::Kind
    }
}

/// Joins checks; one alone needs no joining, none at all is false.
fn one_or(join: fn(Vec<Check>) -> Check, mut checks: Vec<Check>) -> Check {
    match checks.pop() {
        None => Check::False,
        Some(only) if checks.is_empty() => only,
        Some(last) => {
            checks.push(last);
            join(checks)
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word<'a> {
    Open,
    Close,
    And,
    Or,
    Not,
    /// A text in quotes, which has no place in a rule.
    Quoted,
    Check(&'a str),
}

/// Splits at blanks, and takes parentheses off the ends of what is between: inside, they belong to
/// the check (`%(owner)s`).
fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    for token in text.split(blank).filter(|token| !token.is_empty()) {
        let opened = token.trim_start_matches('(');
        let bare = opened.trim_end_matches(')');
        words.extend((opened.len()..token.len()).map(|_| Word::Open));
        if !bare.is_empty() {
            words.push(word(opened, bare));
        }
        words.extend((bare.len()..opened.len()).map(|_| Word::Close));
    }
    words
}

fn word<'a>(opened: &'a str, bare: &'a str) -> Word<'a> {
    let quoted = |quote| opened.len() > 1 && opened.starts_with(quote) && opened.ends_with(quote);
    match () {
        () if bare.eq_ignore_ascii_case("and") => Word::And,
        () if bare.eq_ignore_ascii_case("or") => Word::Or,
        () if bare.eq_ignore_ascii_case("not") => Word::Not,
        () if quoted('\'') || quoted('"') => Word::Quoted,
        () => Word::Check(bare),
    }
}

/// What Python's `\s` matches.
fn blank(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '\x1c'..='\x1f')
}

struct Reading<'p, 'r, 'w> {
    parser: &'p mut Parser<'r>,
    words: &'w [Word<'w>],
    at: usize,
}

impl<'w> Reading<'_, '_, 'w> {
    fn peek(&self) -> Option<Word<'w>> {
        self.words.get(self.at).copied()
    }

    fn takes(&mut self, word: Word<'_>) -> bool {
        let found = self.peek() == Some(word);
        self.at += usize::from(found);
        found
    }

    fn lost(&self) -> Flaw {
        Flaw::Syntax { word: self.at + 1 }
    }

    fn or(&mut self, nesting: usize) -> Result<Check, Flaw> {
        let mut checks = vec![self.and(nesting)?];
        while self.takes(Word::Or) {
            checks.push(self.and(nesting)?);
        }
        Ok(one_or(Check::Any, checks))
    }

    fn and(&mut self, nesting: usize) -> Result<Check, Flaw> {
        let mut checks = vec![self.not(nesting)?];
        while self.takes(Word::And) {
            checks.push(self.not(nesting)?);
        }
        Ok(one_or(Check::All, checks))
    }

    fn not(&mut self, nesting: usize) -> Result<Check, Flaw> {
        let mut negated = false;
        // Counted rather than nested: a file may say `not` any number of times.
        while self.takes(Word::Not) {
            negated = !negated;
        }
        let check = self.atom(nesting)?;
        Ok(if negated { Check::Not(Box::new(check)) } else { check })
    }

    fn atom(&mut self, nesting: usize) -> Result<Check, Flaw> {
        match self.peek() {
            Some(Word::Open) if nesting == MAX_NESTING => Err(Flaw::TooDeep),
            Some(Word::Open) => {
                self.at += 1;
                let inner = self.or(nesting + 1)?;
                if self.takes(Word::Close) { Ok(inner) } else { Err(self.lost()) }
            }
            Some(Word::Check(text)) => {
                self.at += 1;
                Ok(self.parser.check(text))
            }
            _ => Err(self.lost()),
        }
    }
}
