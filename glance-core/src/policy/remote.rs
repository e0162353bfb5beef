//! Checks another server decides: `http:` and `https:` in a rule.

use std::error::Error;
use std::fmt;

use super::target::Target;
use crate::RequestContext;

/// Asks the server a rule names whether a call is allowed.
///
/// The policy itself does no I/O; who builds it brings the client. [`check`](Self::check) is called
/// on the thread that enforces the rule and may block it, so a policy that
/// [asks others](super::Policy::asks_others) belongs on a thread that may wait.
pub trait RemoteCheck: fmt::Debug + Send + Sync {
    /// Whether the server at the question's URL allows the call.
    ///
    /// # Errors
    ///
    /// Whatever kept the server from answering. The call is then denied, whatever else the rule
    /// says. The error is logged, so it must quote neither the URL nor anything of the question that
    /// may be secret.
    fn check(&self, question: &Question<'_>) -> Result<bool, Box<dyn Error + Send + Sync>>;
}

/// What a [`RemoteCheck`] is asked.
#[non_exhaustive]
pub struct Question<'a> {
    /// Where to ask, with the values of the target filled in. May carry credentials.
    pub url: &'a str,
    /// The rule that is enforced, which need not be the one that holds the check.
    pub rule: &'a str,
    /// The object of the call.
    pub target: &'a dyn Target,
    /// The caller.
    pub context: &'a RequestContext,
}

impl fmt::Debug for Question<'_> {
    /// Leaves out the URL and the target, which may carry credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("rule", &self.rule).field("context", &self.context).finish_non_exhaustive()
    }
}
