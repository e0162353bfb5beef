//! Makes a policy of the default rules and an operator's own.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::check::Check;
use super::defaults::DEFAULT_RULES;
use super::overview::Standing;
use super::parser::Parser;
use super::remote::RemoteCheck;
use super::rules::{Rule, Rules};
use super::source::RuleSource;
use super::warning::Warning;
use super::{Inner, Policy};

/// What a [`Policy`] is made of: the rules of policy files over the default rules, and options.
///
/// ```
/// use glance_core::policy::Policy;
///
/// let policy = Policy::builder()
///     .rule("publicize_image", "role:admin or role:publisher")
///     .build();
/// assert!(policy.warnings().is_empty());
/// ```
#[derive(Clone)]
#[must_use]
pub struct PolicyBuilder {
    rules: BTreeMap<String, RuleSource>,
    enforce_new_defaults: bool,
    default_rule: String,
    remote: Option<Arc<dyn RemoteCheck>>,
}

impl PolicyBuilder {
    pub(super) fn new() -> Self {
        Self { rules: BTreeMap::new(), enforce_new_defaults: true, default_rule: "default".to_owned(), remote: None }
    }

    /// Sets the rule `name`, in place of the default rule or an earlier one of that name. Names of
    /// no default rule are kept, for other rules to refer to and for callers to enforce.
    pub fn rule(mut self, name: impl Into<String>, source: impl Into<RuleSource>) -> Self {
        self.rules.insert(name.into(), source.into());
        self
    }

    /// Sets many rules, such as a whole policy file; of equal names the last counts.
    pub fn rules<N, S>(mut self, rules: impl IntoIterator<Item = (N, S)>) -> Self
    where
        N: Into<String>,
        S: Into<RuleSource>,
    {
        self.rules.extend(rules.into_iter().map(|(name, source)| (name.into(), source.into())));
        self
    }

    /// `[oslo_policy] enforce_new_defaults` (true unless set): whether the default rules count
    /// alone. If false, whatever the deprecated default of a rule allows is allowed too, unless the
    /// rule is set.
    pub fn enforce_new_defaults(mut self, enforce: bool) -> Self {
        self.enforce_new_defaults = enforce;
        self
    }

    /// `[oslo_policy] policy_default_rule` (`default` unless set): the rule that decides where
    /// `rule:…` names a rule that does not exist.
    pub fn default_rule(mut self, name: impl Into<String>) -> Self {
        self.default_rule = name.into();
        self
    }

    /// Who answers `http:` and `https:` checks. Without one, a call that gets to such a check is
    /// denied.
    pub fn remote(mut self, remote: Arc<dyn RemoteCheck>) -> Self {
        self.remote = Some(remote);
        self
    }

    /// The policy. A rule that cannot be read denies everyone and is named in the policy's
    /// [warnings](Policy::warnings); nothing here fails.
    #[must_use]
    pub fn build(self) -> Policy {
        let mut building = Building::default();
        for rule in &DEFAULT_RULES {
            if self.rules.contains_key(rule.name) {
                continue;
            }
            let mut check = building.read(rule.name, &rule.check.into());
            if let (false, Some(old)) = (self.enforce_new_defaults, rule.legacy) {
                check = Check::Any(vec![check, building.read(rule.name, &old.into())]);
            }
            building.define(rule.name, check, Standing::Default);
        }
        for (name, source) in &self.rules {
            let check = building.read(name, source);
            let is_default = DEFAULT_RULES.iter().any(|rule| rule.name == name);
            building.define(name, check, if is_default { Standing::Overridden } else { Standing::Custom });
        }
        building.rules.fallback = Some(building.rules.id(&self.default_rule));
        building.rules.remote = self.remote;
        building.finish(self.enforce_new_defaults)
    }
}

impl fmt::Debug for PolicyBuilder {
    /// Leaves out the rules, whose URLs may carry credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyBuilder")
            .field("rules", &self.rules.keys())
            .field("enforce_new_defaults", &self.enforce_new_defaults)
            .field("default_rule", &self.default_rule)
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Building {
    rules: Rules,
    warnings: Vec<Warning>,
}

impl Building {
    fn read(&mut self, name: &str, source: &RuleSource) -> Check {
        let rule = || name.to_owned();
        let mut parser = Parser::new(&mut self.rules);
        let check = parser.source(source);
        let bad_checks = parser.bad_checks.into_iter();
        self.warnings.extend(bad_checks.map(|flaw| Warning::BadCheck { rule: rule(), flaw }));
        check.unwrap_or_else(|flaw| {
            self.warnings.push(Warning::Unparsable { rule: rule(), flaw });
            Check::False
        })
    }

    fn define(&mut self, name: &str, check: Check, standing: Standing) {
        let project_scoped = DEFAULT_RULES.iter().any(|rule| rule.name == name && rule.project_scoped);
        let rule = Rule { check, project_scoped, standing };
        self.rules.define(name, rule);
    }

    fn finish(mut self, enforces_new_defaults: bool) -> Policy {
        let found = self.flaws_of_the_whole();
        self.warnings.extend(found);
        self.warnings.sort();
        self.warnings.dedup();
        let asks_others = self.rules.iter().any(|(_, rule)| rule.check.asks_others());
        Policy(Arc::new(Inner { rules: self.rules, warnings: self.warnings, enforces_new_defaults, asks_others }))
    }

    fn flaws_of_the_whole(&self) -> Vec<Warning> {
        let rules = &self.rules;
        let mut found = Vec::new();
        for (id, rule) in rules.iter() {
            let name = || rules.name(id).to_owned();
            let undefined = rule.check.references().into_iter();
            found.extend(
                undefined
                    .filter(|to| rules.defined(*to).is_none())
                    .map(|to| Warning::Undefined { rule: name(), reference: rules.name(to).to_owned() }),
            );
            if rules.remote.is_none() && rule.check.asks_others() {
                found.push(Warning::NobodyToAsk { rule: name() });
            }
        }
        found.extend(rules.cyclic().into_iter().map(|id| Warning::Cyclic { rule: rules.name(id).to_owned() }));
        found
    }
}
