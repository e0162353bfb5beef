//! What is wrong with the rules of a policy, for the operator's eyes.

/// A flaw in a rule, found when the policy was built. Show it as it is; it quotes no rule text,
/// since that may hold a URL with credentials.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// The rule cannot be read and denies everyone.
    #[error("policy rule {rule} is always false: {flaw}")]
    Unparsable {
        /// The rule's name.
        rule: String,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// One check of the rule cannot be read.
    #[error("a check in policy rule {rule} is {flaw}")]
    BadCheck {
        /// The rule's name.
        rule: String,
        /// What is wrong with the check.
        flaw: BadCheck,
    },
    /// The rule refers to a rule that does not exist; the default rule decides instead.
    #[error(
        "policy rule {rule} refers to rule {reference}, which is not defined: the default rule decides in its place"
    )]
    Undefined {
        /// The rule's name.
        rule: String,
        /// The name that stands for no rule.
        reference: String,
    },
    /// Evaluating the rule can come back to where it was; a call that gets there is denied.
    #[error("policy rule {rule} is part of a cyclical reference or leads into one")]
    Cyclic {
        /// The rule's name.
        rule: String,
    },
    /// The rule asks another server, but the policy was built without a way to ask.
    #[error("policy rule {rule} asks another server, which is not supported here")]
    NobodyToAsk {
        /// The rule's name.
        rule: String,
    },
}

impl Warning {
    /// The name of the rule that has the flaw.
    #[must_use]
    pub fn rule(&self) -> &str {
        match self {
            Self::Unparsable { rule, .. }
            | Self::BadCheck { rule, .. }
            | Self::Undefined { rule, .. }
            | Self::Cyclic { rule }
            | Self::NobodyToAsk { rule } => rule,
        }
    }
}

/// Why a rule as a whole cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// Words or parentheses in an order that means nothing.
    #[error("it does not follow the policy language at word {word}")]
    Syntax {
        /// The word where reading stopped, counted from 1; parentheses count as words.
        word: usize,
    },
    /// Parentheses inside parentheses beyond what is read.
    #[error("its parentheses are nested too deep")]
    TooDeep,
    /// Neither text nor lists of text.
    #[error("it is neither text nor a list of lists of text")]
    NotARule,
}

/// Why one check cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum BadCheck {
    /// There is no colon in it; it is false.
    #[error("always false: it is not of the form kind:match")]
    NoColon,
    /// It begins with the name of something that is not known of callers; it is false.
    #[error("always false: callers have no attribute {name}")]
    UnknownCredential {
        /// The name.
        name: String,
    },
    /// It begins with what is neither a name nor a literal; a call that gets there is denied.
    #[error("undecidable: it begins with neither a name nor a literal")]
    Kind,
    /// A percent sign starts no `%(key)s`; a call that gets there is denied.
    #[error("undecidable: a percent sign begins no %(key)s")]
    Format,
}
