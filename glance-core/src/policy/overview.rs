//! All rules of a policy for whoever looks after it: what each says, what nothing asks, and what differs between two
//! policies.

use std::collections::BTreeSet;

use super::Policy;
use super::defaults::DEFAULT_RULES;
use super::rules::RuleId;
use super::text::Urls;

/// Where a rule comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The default rule, with its deprecated default where that counts.
    Default,
    /// The operator's, in place of the default rule.
    Overridden,
    /// The operator's own: the Image API does not ask it, other rules may refer to it.
    Custom,
}

/// One rule of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleInForce {
    /// The rule's name.
    pub name: String,
    /// What it says in the policy language, in one way for all that mean the same. URLs stand without passwords.
    pub check: String,
    /// Where it comes from.
    pub standing: Standing,
    /// Whether it says what the default rule says, though it was set.
    pub is_redundant: bool,
}

/// A rule that says different things in two policies.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The rule's name.
    pub name: String,
    /// What it says in the first policy; `None` if it has no such rule.
    pub before: Option<String>,
    /// What it says in the second policy; `None` if it has no such rule.
    pub after: Option<String>,
    /// The rules that differ and that this one refers to, directly or through others.
    pub through: Vec<String>,
}

impl Policy {
    /// Every rule, in the order of the names.
    #[must_use]
    pub fn rules(&self) -> Vec<RuleInForce> {
        let defaults = Self::builder().enforce_new_defaults(self.enforces_new_defaults()).build();
        let rules = &self.0.rules;
        let mut all: Vec<_> = rules
            .iter()
            .map(|(id, rule)| RuleInForce {
                name: rules.name(id).to_owned(),
                check: rules.text(&rule.check, Urls::Masked),
                standing: rule.standing,
                is_redundant: rule.standing == Standing::Overridden
                    && self.whole_text(rules.name(id)) == defaults.whole_text(rules.name(id)),
            })
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// The operator's own rules that no other rule refers to, in the order of their names. Mostly a misspelt name.
    #[must_use]
    pub fn unused(&self) -> Vec<&str> {
        let rules = &self.0.rules;
        let referred: Vec<RuleId> = rules.iter().flat_map(|(_, rule)| rule.check.references()).collect();
        let mut unused: Vec<_> = rules
            .iter()
            .filter(|(id, rule)| {
                rule.standing == Standing::Custom && !referred.contains(id) && rules.fallback != Some(*id)
            })
            .map(|(id, _)| rules.name(id))
            .collect();
        unused.sort_unstable();
        unused
    }

    /// The rules that differ between this policy and `other`, in the order of their names: those that say different
    /// things, and those that refer to such rules.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let names = |policy: &Self| policy.0.rules.iter().map(|(id, _)| policy.0.rules.name(id).to_owned()).collect();
        let (ours, theirs): (BTreeSet<String>, BTreeSet<String>) = (names(self), names(other));
        let all: BTreeSet<_> = ours.union(&theirs).cloned().collect();
        let changed: BTreeSet<_> =
            all.iter().filter(|name| self.whole_text(name) != other.whole_text(name)).cloned().collect();
        let difference = |name: String| {
            let reached = &(&self.reached_from(&name) | &other.reached_from(&name)) & &changed;
            let through: Vec<_> = reached.into_iter().filter(|reached| *reached != name).collect();
            (changed.contains(&name) || !through.is_empty()).then(|| Difference {
                before: self.shown_text(&name),
                after: other.shown_text(&name),
                through,
                name,
            })
        };
        all.iter().cloned().filter_map(difference).collect()
    }

    /// What the rule `name` says, to compare: never to be shown.
    fn whole_text(&self, name: &str) -> Option<String> {
        let rule = self.0.rules.named(name)?;
        Some(self.0.rules.text(&rule.check, Urls::Whole))
    }

    fn shown_text(&self, name: &str) -> Option<String> {
        let rule = self.0.rules.named(name)?;
        Some(self.0.rules.text(&rule.check, Urls::Masked))
    }

    /// The names that the rule `name` refers to, directly or through others.
    fn reached_from(&self, name: &str) -> BTreeSet<String> {
        let rules = &self.0.rules;
        let mut reached = BTreeSet::new();
        let mut open: Vec<_> = rules.existing(name).into_iter().collect();
        while let Some(id) = open.pop() {
            for to in rules.meant(id).map(|(_, rule)| rule.check.references()).unwrap_or_default() {
                let to = rules.meant(to).map_or(to, |(meant, _)| meant);
                if reached.insert(rules.name(to).to_owned()) {
                    open.push(to);
                }
            }
        }
        reached
    }
}

/// The name of the Image API that `name` may be a misspelling of.
#[must_use]
pub fn likely_meant(name: &str) -> Option<&'static str> {
    let distances = DEFAULT_RULES.iter().map(|rule| (distance(name, rule.name), rule.name));
    distances.min().filter(|(distance, _)| *distance <= 2).map(|(_, name)| name)
}

/// How many letters have to be changed, added or left out to make one of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (column, theirs) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *theirs);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}
