//! All rules of a policy, addressed by number once they are read.

use std::collections::HashMap;
use std::sync::Arc;

use super::check::Check;
use super::overview::Standing;
use super::remote::RemoteCheck;

/// The place of a name in [`Rules`]. Names that are only referred to have a place too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RuleId(usize);

pub(super) struct Rule {
    pub(super) check: Check,
    /// Whether the rule is for project-scoped tokens alone.
    pub(super) project_scoped: bool,
    pub(super) standing: Standing,
}

#[derive(Default)]
pub(super) struct Rules {
    ids: HashMap<Box<str>, RuleId>,
    names: Vec<Box<str>>,
    places: Vec<Option<Rule>>,
    /// The rule that stands in where a name refers to none.
    pub(super) fallback: Option<RuleId>,
    pub(super) remote: Option<Arc<dyn RemoteCheck>>,
}

impl Rules {
    /// The place of `name`, made if it has none yet.
    pub(super) fn id(&mut self, name: &str) -> RuleId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = RuleId(self.names.len());
        self.ids.insert(name.into(), id);
        self.names.push(name.into());
        self.places.push(None);
        id
    }

    pub(super) fn define(&mut self, name: &str, rule: Rule) {
        let RuleId(place) = self.id(name);
        self.places[place] = Some(rule);
    }

    /// The rule called `name`; `None` if none is.
    pub(super) fn named(&self, name: &str) -> Option<&Rule> {
        self.ids.get(name).and_then(|id| self.defined(*id))
    }

    pub(super) fn defined(&self, id: RuleId) -> Option<&Rule> {
        self.places[id.0].as_ref()
    }

    /// The rule a reference to `id` means, and its own place: the fallback if there is no such rule.
    pub(super) fn meant(&self, id: RuleId) -> Option<(RuleId, &Rule)> {
        [Some(id), self.fallback].into_iter().flatten().find_map(|id| Some((id, self.defined(id)?)))
    }

    /// The place of `name`; `None` if nothing is called so.
    pub(super) fn existing(&self, name: &str) -> Option<RuleId> {
        self.ids.get(name).copied()
    }

    pub(super) fn name(&self, id: RuleId) -> &str {
        &self.names[id.0]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (RuleId, &Rule)> {
        self.places.iter().enumerate().filter_map(|(place, rule)| Some((RuleId(place), rule.as_ref()?)))
    }

    /// The rules from which references lead round in a circle.
    pub(super) fn cyclic(&self) -> Vec<RuleId> {
        // Rules that lead nowhere are taken away until there are none; what stays is cyclic.
        let mut left = vec![0_usize; self.places.len()];
        let mut referrers = vec![Vec::new(); self.places.len()];
        for (from, rule) in self.iter() {
            for to in rule.check.references() {
                let to = if self.defined(to).is_some() { Some(to) } else { self.fallback };
                if let Some(to) = to.filter(|to| self.defined(*to).is_some()) {
                    left[from.0] += 1;
                    referrers[to.0].push(from);
                }
            }
        }
        let mut done: Vec<_> = self.iter().map(|(id, _)| id).filter(|id| left[id.0] == 0).collect();
        while let Some(id) = done.pop() {
            for from in &referrers[id.0] {
                left[from.0] -= 1;
                if left[from.0] == 0 {
                    done.push(*from);
                }
            }
        }
        self.iter().map(|(id, _)| id).filter(|id| left[id.0] > 0).collect()
    }
}
