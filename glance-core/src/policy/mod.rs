//! Who may do what: `oslo.policy` rules, judged without I/O.
//!
//! A [`Policy`] holds the default rules of the Image API with an operator's own rules in their
//! place. Reading policy files is the server's; it hands over parsed rules as [`RuleSource`].
//!
//! Where this evaluator is stricter than `oslo.policy`, it is so on purpose: a caller without a
//! project never matches an object without an owner, and a rule that runs in circles, cannot be
//! formatted or cannot reach the server it asks denies the call where Python answers with an
//! internal error.

mod builder;
mod check;
mod credentials;
mod defaults;
mod explain;
mod literal;
mod overview;
mod parser;
mod remote;
mod rules;
mod source;
mod target;
mod template;
mod text;
mod warning;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

pub use builder::PolicyBuilder;
pub use check::Outcome;
pub use defaults::{DEFAULT_RULES, DefaultRule};
pub use explain::{Explanation, Node, Reason};
pub use overview::{Difference, RuleInForce, Standing, likely_meant};
pub use remote::{Question, RemoteCheck};
pub use source::RuleSource;
pub use target::{NoTarget, Target, Value};
pub use warning::{BadCheck, Flaw, Warning};

use check::Judgement;
use credentials::Oneself;
use rules::{Rule, Rules};

use crate::RequestContext;

/// The rules in force. Made once, then shared: a clone is the same policy.
///
/// ```
/// use glance_core::RequestContext;
/// use glance_core::policy::Policy;
///
/// let policy = Policy::defaults();
/// let mine = [("project_id", "p1".into()), ("visibility", "private".into())];
///
/// let reader = RequestContext::new("u1", "p1", ["reader"]);
/// assert!(policy.enforce("get_image", &mine, &reader).is_ok());
/// assert!(policy.enforce("delete_image", &mine, &reader).is_err());
/// ```
#[derive(Clone)]
pub struct Policy(Arc<Inner>);

struct Inner {
    rules: Rules,
    warnings: Vec<Warning>,
    enforces_new_defaults: bool,
    asks_others: bool,
}

/// The policy does not allow the call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("You are not authorized to complete {rule} action")]
pub struct Denied {
    /// The rule that was enforced.
    pub rule: String,
}

impl Policy {
    /// The default rules alone.
    #[must_use]
    pub fn defaults() -> Self {
        Self::builder().build()
    }

    /// Starts from the default rules.
    pub fn builder() -> PolicyBuilder {
        PolicyBuilder::new()
    }

    /// Refuses the call unless `rule` allows `context` to do it to `target`.
    ///
    /// A default rule refuses callers with a system- or domain-scoped token outright, except the
    /// five that only other rules refer to. A rule that neither the defaults nor the operator
    /// define refuses everyone.
    ///
    /// # Errors
    ///
    /// [`Denied`], naming `rule`.
    pub fn enforce(&self, rule: &str, target: &dyn Target, context: &RequestContext) -> Result<(), Denied> {
        if self.allows(rule, target, context) { Ok(()) } else { Err(Denied { rule: rule.to_owned() }) }
    }

    /// Whether [`enforce`](Self::enforce) lets the call pass.
    #[must_use]
    pub fn allows(&self, rule: &str, target: &dyn Target, context: &RequestContext) -> bool {
        let Some(found) = self.0.rules.named(rule) else {
            return false;
        };
        in_scope(found, context)
            && Judgement::new(&self.0.rules, rule, target, context).holds(&found.check).unwrap_or(false)
    }

    /// Whether the caller is an administrator: the rule `context_is_admin`, judged with the caller
    /// as target, as Glance does.
    #[must_use]
    pub fn is_admin(&self, context: &RequestContext) -> bool {
        self.allows("context_is_admin", &Oneself(context), context)
    }

    /// Whether there is a rule called `name`.
    #[must_use]
    pub fn defines(&self, name: &str) -> bool {
        self.0.rules.named(name).is_some()
    }

    /// Whether the default rules count alone, so that they decide about ownership too. Otherwise
    /// callers of `enforce` have to make sure themselves that only owners and administrators change
    /// an image, as Glance does for rules that were written before rules could say it.
    #[must_use]
    pub fn enforces_new_defaults(&self) -> bool {
        self.0.enforces_new_defaults
    }

    /// Whether any rule asks another server, so that enforcing may block.
    #[must_use]
    pub fn asks_others(&self) -> bool {
        self.0.asks_others
    }

    /// What is wrong with the rules, in the order of their names within each kind.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.0.warnings
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::defaults()
    }
}

impl fmt::Debug for Policy {
    /// Leaves out the rules, whose URLs may carry credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("enforces_new_defaults", &self.0.enforces_new_defaults)
            .field("asks_others", &self.0.asks_others)
            .field("warnings", &self.0.warnings)
            .finish_non_exhaustive()
    }
}

/// Whether the caller's token is of a scope the rule is for. An empty scope is none.
fn in_scope(rule: &Rule, context: &RequestContext) -> bool {
    let set = |scope: &Option<String>| scope.as_deref().is_some_and(|scope| !scope.is_empty());
    !rule.project_scoped || !(set(&context.system_scope) || set(&context.domain_id))
}
