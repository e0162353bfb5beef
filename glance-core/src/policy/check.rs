//! A rule as a tree of checks, and how the tree is judged.

use super::credentials::Credential;
use super::remote::Question;
use super::rules::{RuleId, Rules};
use super::target::{Target, Value};
use super::template::{Nulls, Template};
use crate::RequestContext;

pub(super) enum Check {
    True,
    False,
    /// Cannot be judged: whoever gets here is denied.
    Undecidable,
    Not(Box<Check>),
    All(Vec<Check>),
    Any(Vec<Check>),
    Rule(RuleId),
    Role(Template),
    Literal {
        text: Box<str>,
        wanted: Template,
    },
    Credential {
        credential: Credential,
        wanted: Template,
    },
    Remote(Template),
}

impl Check {
    /// Every rule the check refers to, as often as it does.
    pub(super) fn references(&self) -> Vec<RuleId> {
        self.parts()
            .filter_map(|check| match check {
                Self::Rule(id) => Some(*id),
                _ => None,
            })
            .collect()
    }

    /// Whether there is a remote check in it.
    pub(super) fn asks_others(&self) -> bool {
        self.parts().any(|check| matches!(check, Self::Remote(_)))
    }

    /// The check and all checks inside it.
    fn parts(&self) -> impl Iterator<Item = &Self> {
        let mut open = vec![self];
        std::iter::from_fn(move || {
            let check = open.pop()?;
            match check {
                Self::Not(inner) => open.push(inner),
                Self::All(inner) | Self::Any(inner) => open.extend(inner),
                _ => {}
            }
            Some(check)
        })
    }
}

/// How deep checks and references to rules may lie inside each other. What a policy file can nest in
/// one rule is less; this also ends cycles of references, well before the stack does.
const MAX_DEPTH: u32 = 400;

/// How many checks one question may take, so that rules that double their work with every reference
/// end too.
const MAX_CHECKS: u32 = 65_536;

/// A check could not be judged. It is not the same as false, because `not` would turn it round.
pub(super) struct Undecided;

/// What became of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is so.
    Holds,
    /// It is not so.
    Fails,
    /// It cannot be judged, which denies the call wherever the answer gets to it.
    Undecided,
}

impl Outcome {
    pub(super) fn negated(self) -> Self {
        match self {
            Self::Holds => Self::Fails,
            Self::Fails => Self::Holds,
            Self::Undecided => Self::Undecided,
        }
    }
}

/// One question to the rules.
pub(super) struct Judgement<'a> {
    rules: &'a Rules,
    rule: &'a str,
    target: &'a dyn Target,
    context: &'a RequestContext,
    checks: u32,
}

impl<'a> Judgement<'a> {
    pub(super) fn new(rules: &'a Rules, rule: &'a str, target: &'a dyn Target, context: &'a RequestContext) -> Self {
        Self { rules, rule, target, context, checks: 0 }
    }

    pub(super) fn holds(&mut self, check: &'a Check) -> Result<bool, Undecided> {
        self.holds_at(check, 0)
    }

    pub(super) fn rules(&self) -> &'a Rules {
        self.rules
    }

    /// Counts one more check, which lies `depth` checks and references deep.
    pub(super) fn count(&mut self, depth: u32) -> Result<(), Undecided> {
        self.checks += 1;
        if depth > MAX_DEPTH || self.checks > MAX_CHECKS { Err(Undecided) } else { Ok(()) }
    }

    fn holds_at(&mut self, check: &'a Check, depth: u32) -> Result<bool, Undecided> {
        self.count(depth)?;
        match check {
            Check::Not(inner) => self.holds_at(inner, depth + 1).map(|holds| !holds),
            Check::All(checks) => self.all_are(true, checks, depth),
            Check::Any(checks) => self.all_are(false, checks, depth).map(|none| !none),
            Check::Rule(id) => {
                self.rules.meant(*id).map_or(Ok(false), |(_, rule)| self.holds_at(&rule.check, depth + 1))
            }
            simple => self.simple(simple),
        }
    }

    /// Judges a check that is made of no others.
    pub(super) fn simple(&self, check: &Check) -> Result<bool, Undecided> {
        match check {
            Check::True => Ok(true),
            Check::False => Ok(false),
            Check::Role(wanted) => Ok(self.has_role(wanted)),
            Check::Literal { text, wanted } => Ok(wanted.is(text, self.target, Nulls::Text)),
            Check::Credential { credential, wanted } => Ok(self.has(*credential, wanted)),
            Check::Remote(url) => self.ask(url),
            Check::Undecidable | Check::Not(_) | Check::All(_) | Check::Any(_) | Check::Rule(_) => Err(Undecided),
        }
    }

    /// What a check that is made of no others compares, for whoever asks why; `None` where there is nothing to see.
    pub(super) fn compared(&self, check: &Check) -> Option<String> {
        let (given, wanted, nulls) = match check {
            Check::Role(wanted) => (listed(&self.context.roles), wanted, Nulls::Nothing),
            Check::Literal { wanted, .. } => {
                let Some(value) = wanted.fill(self.target, Nulls::Text) else { return Some(NO_KEY.to_owned()) };
                return Some(format!("the target has {value}"));
            }
            Check::Credential { credential, wanted } => (credential.shown(self.context), wanted, Nulls::Nothing),
            _ => return None,
        };
        Some(match wanted.fill(self.target, nulls) {
            Some(_) if wanted.is_literal() => format!("the caller has {given}"),
            Some(wanted) => format!("the caller has {given}, the target {wanted}"),
            None => format!("the caller has {given}, {NO_KEY}"),
        })
    }

    fn all_are(&mut self, wanted: bool, checks: &'a [Check], depth: u32) -> Result<bool, Undecided> {
        for check in checks {
            if self.holds_at(check, depth + 1)? != wanted {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn has_role(&self, wanted: &Template) -> bool {
        let Some(wanted) = wanted.fill(self.target, Nulls::Nothing) else {
            return false;
        };
        self.context.roles.iter().any(|role| same_but_for_case(role, &wanted))
    }

    fn has(&self, credential: Credential, wanted: &Template) -> bool {
        let is = |text: &str| wanted.is(text, self.target, Nulls::Nothing);
        match credential.of(self.context) {
            // Python reads both an absent credential and a null in the target as `None`, so that a
            // caller without a project owns what has no owner. Only a rule that says `None` itself
            // gets to ask for absence here.
            Value::Null => wanted.is_literal() && is("None"),
            Value::List(list) => list.iter().any(|entry| is(entry)),
            value => value.text().is_some_and(|text| is(&text)),
        }
    }

    fn ask(&self, url: &Template) -> Result<bool, Undecided> {
        let (Some(remote), Some(url)) = (self.rules.remote.as_deref(), url.fill(self.target, Nulls::Text)) else {
            return Err(Undecided);
        };
        let question = Question { url: &url, rule: self.rule, target: self.target, context: self.context };
        remote.check(&question).map_err(|error| {
            tracing::warn!(rule = self.rule, error = %error, "remote policy check failed");
            Undecided
        })
    }
}

/// What is said where a check asks for what the target does not have, or has without a value.
const NO_KEY: &str = "the target has no such value";

/// A list as a note shows it.
pub(super) fn listed(values: &[String]) -> String {
    if values.is_empty() { "none".to_owned() } else { values.join(", ") }
}

fn same_but_for_case(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
        || (!(one.is_ascii() && other.is_ascii()) && one.to_lowercase() == other.to_lowercase())
}
