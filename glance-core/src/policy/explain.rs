//! Why a rule allows a call, or does not: every check of it with what became of it.

use super::check::{Check, Judgement, Outcome};
use super::credentials::Oneself;
use super::rules::RuleId;
use super::text::Urls;
use super::{Policy, Target, in_scope};
use crate::RequestContext;

/// What became of one question to a policy. It says what [`Policy::allows`] does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The rule that was asked.
    pub rule: String,
    /// Whether the call is allowed.
    pub allowed: bool,
    /// Why, in short.
    pub reason: Reason,
    /// The rule's check with all parts; `None` if there is no such rule.
    pub tree: Option<Node>,
}

/// Why a call is allowed or not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// There is no such rule, which denies everyone.
    Undefined,
    /// The rule is not for system- or domain-scoped tokens.
    Scope,
    /// What the rule says: the smallest part of it that decided, behind the rules that lead there.
    Check {
        /// The rules that refer to one another, the one that was asked first.
        rules: Vec<String>,
        /// The check that decided, in the policy language.
        check: String,
    },
}

/// One check, and those inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Node {
    /// The check in the policy language; for one made of others, how they are joined: `and`, `or`, `not`.
    pub check: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether the answer took it. Others are judged for whoever looks on.
    pub reached: bool,
    /// What there is to know besides, such as the values that were compared.
    pub note: Option<String>,
    /// The checks inside; of a reference, what the rule says.
    pub inner: Vec<Node>,
}

impl Policy {
    /// What [`enforce`](Self::enforce) would say, and why.
    ///
    /// The rule `context_is_admin` is judged with the caller as the target, as by [`is_admin`](Self::is_admin).
    #[must_use]
    pub fn explain(&self, rule: &str, target: &dyn Target, context: &RequestContext) -> Explanation {
        if rule == "context_is_admin" {
            return self.explain_on(rule, &Oneself(context), context);
        }
        self.explain_on(rule, target, context)
    }

    fn explain_on(&self, rule: &str, target: &dyn Target, context: &RequestContext) -> Explanation {
        let rules = &self.0.rules;
        let found = rules.existing(rule).and_then(|id| Some((id, rules.defined(id)?)));
        let Some((id, found)) = found else {
            return Explanation { rule: rule.to_owned(), allowed: false, reason: Reason::Undefined, tree: None };
        };
        let mut explaining = Explaining {
            judgement: Judgement::new(rules, rule, target, context),
            beside: Judgement::new(rules, rule, target, context),
            open: vec![id],
        };
        let tree = explaining.node(&found.check, 0, true);
        let scoped = in_scope(found, context);
        let reason = if scoped {
            let mut path = vec![rule.to_owned()];
            let check = explaining.because(&found.check, &tree, &mut path);
            Reason::Check { rules: path, check }
        } else {
            Reason::Scope
        };
        Explanation {
            rule: rule.to_owned(),
            allowed: scoped && tree.outcome == Outcome::Holds,
            reason,
            tree: Some(tree),
        }
    }
}

struct Explaining<'a> {
    /// Goes the way of the answer, check by check, within the same bounds.
    judgement: Judgement<'a>,
    /// Judges what the answer leaves out.
    beside: Judgement<'a>,
    /// The rules that are being looked at, each inside the one before.
    open: Vec<RuleId>,
}

impl<'a> Explaining<'a> {
    fn node(&mut self, check: &'a Check, depth: u32, reached: bool) -> Node {
        let label = self.label(check);
        let mut node = Node { check: label, outcome: Outcome::Undecided, reached, note: None, inner: Vec::new() };
        if self.on_the_way(reached).count(depth).is_err() {
            node.note = Some("too many checks, or too deep inside each other".to_owned());
            return node;
        }
        match check {
            Check::Not(inner) => {
                let inner = self.node(inner, depth + 1, reached);
                node.outcome = inner.outcome.negated();
                node.inner.push(inner);
            }
            Check::All(checks) => self.several(checks, Outcome::Fails, depth, &mut node),
            Check::Any(checks) => self.several(checks, Outcome::Holds, depth, &mut node),
            Check::Rule(id) => self.reference(*id, depth, &mut node),
            Check::Remote(_) if !reached => node.note = Some("nobody was asked".to_owned()),
            simple => {
                let judgement = self.on_the_way(reached);
                node.outcome = match judgement.simple(simple) {
                    Ok(true) => Outcome::Holds,
                    Ok(false) => Outcome::Fails,
                    Err(_) => Outcome::Undecided,
                };
                node.note = judgement.compared(simple);
            }
        }
        node
    }

    fn on_the_way(&mut self, reached: bool) -> &mut Judgement<'a> {
        if reached { &mut self.judgement } else { &mut self.beside }
    }

    /// Checks in their order, of which the first with the outcome `decisive` decides.
    fn several(&mut self, checks: &'a [Check], decisive: Outcome, depth: u32, node: &mut Node) {
        let mut decided = None;
        for check in checks {
            let inner = self.node(check, depth + 1, node.reached && decided.is_none());
            if inner.outcome == decisive || inner.outcome == Outcome::Undecided {
                decided = decided.or(Some(inner.outcome));
            }
            node.inner.push(inner);
        }
        node.outcome = decided.unwrap_or_else(|| decisive.negated());
    }

    fn reference(&mut self, id: RuleId, depth: u32, node: &mut Node) {
        let rules = self.judgement.rules();
        let Some((meant, rule)) = rules.meant(id) else {
            node.outcome = Outcome::Fails;
            node.note = Some("there is no such rule".to_owned());
            return;
        };
        if meant != id {
            node.note = Some(format!("there is no such rule; rule:{} stands in", rules.name(meant)));
        }
        // With the same caller and the same target, the way round would be the same for ever.
        if self.open.contains(&meant) {
            node.note = Some("leads back to itself, which denies the call".to_owned());
            return;
        }
        self.open.push(meant);
        let inner = self.node(&rule.check, depth + 1, node.reached);
        self.open.pop();
        node.outcome = inner.outcome;
        node.inner.push(inner);
    }

    /// How a check is called in the tree.
    fn label(&self, check: &Check) -> String {
        match check {
            Check::Not(_) => "not".to_owned(),
            Check::All(_) => "and".to_owned(),
            Check::Any(_) => "or".to_owned(),
            other => self.judgement.rules().text(other, Urls::Masked),
        }
    }

    /// The smallest part of `check` that decided; the rules that lead to it are added to `path`.
    fn because(&self, check: &Check, node: &Node, path: &mut Vec<String>) -> String {
        let rules = self.judgement.rules();
        let decisive = |inner: &&Node| inner.reached && inner.outcome == node.outcome;
        let parts = match check {
            Check::Any(checks) if node.outcome != Outcome::Fails => checks,
            Check::All(checks) if node.outcome != Outcome::Holds => checks,
            Check::Rule(id) => match (rules.meant(*id), node.inner.first()) {
                (Some((meant, rule)), Some(inner)) => {
                    path.push(rules.name(meant).to_owned());
                    return self.because(&rule.check, inner, path);
                }
                _ => return rules.text(check, Urls::Masked),
            },
            _ => return rules.text(check, Urls::Masked),
        };
        match checks_with(parts, node).find(|(_, inner)| decisive(inner)) {
            Some((part, inner)) => self.because(part, inner, path),
            None => rules.text(check, Urls::Masked),
        }
    }
}

fn checks_with<'c>(checks: &'c [Check], node: &'c Node) -> impl Iterator<Item = (&'c Check, &'c Node)> {
    checks.iter().zip(&node.inner)
}
