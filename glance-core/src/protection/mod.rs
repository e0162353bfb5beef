//! Property protections: who may create, read, update and delete which custom properties.
//!
//! An operator writes them down in the file that `property_protection_file` names. The rules hold for every caller,
//! administrators included; nothing but custom properties is protected.

mod file;

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use regex::Regex;

use crate::RequestContext;
use crate::image::fields;
use crate::pattern;
use crate::policy::{NoTarget, Policy};

/// Who may do what to which custom properties: sections in order, of which the first whose pattern is found in the
/// name of a property decides. A property that no section is about is nobody's.
///
/// ```
/// use glance_core::protection::{Operation, PropertyProtections, RuleFormat};
/// use glance_core::{Policy, RequestContext};
///
/// let text = "[^billing_]\ncreate = admin\nread = admin,auditor\nupdate = admin\ndelete = !\n\
///             [.*]\ncreate = @\nread = @\nupdate = @\ndelete = @\n";
/// let protections = PropertyProtections::parse(text, RuleFormat::Roles)?;
/// let (policy, auditor) = (Policy::defaults(), RequestContext::new("u", "p", ["auditor"]));
/// assert!(protections.allow(Operation::Read, "billing_code", &policy, &auditor));
/// assert!(!protections.allow(Operation::Update, "billing_code", &policy, &auditor));
/// # Ok::<(), glance_core::protection::ProtectionError>(())
/// ```
#[derive(Debug, Clone)]
pub struct PropertyProtections {
    sections: Vec<Section>,
}

/// What the values of a file of protections are (`property_protection_rule_format`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RuleFormat {
    /// Roles, separated by commas.
    #[default]
    Roles,
    /// The name of one policy rule.
    Policies,
}

/// What is done to a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the keys of the file")]
pub enum Operation {
    Create,
    Read,
    Update,
    Delete,
}

impl Operation {
    /// Every operation, each of which a section must speak of.
    pub const ALL: [Self; 4] = [Self::Create, Self::Read, Self::Update, Self::Delete];

    /// The key that stands for it in the file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

#[derive(Debug, Clone)]
struct Section {
    /// As it is written between the brackets.
    name: String,
    pattern: Regex,
    /// In the order of [`Operation::ALL`].
    permissions: [Permission; 4],
    /// The lines of their values, in the same order, counted from 1.
    lines: [usize; 4],
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Permission {
    Everybody,
    Nobody,
    /// Roles in lower case, none of them empty.
    Roles(Vec<String>),
    /// The name of a policy rule.
    Rule(String),
}

/// Why a file of protections cannot be used, and where that shows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}{}: {fault}", in_section(section.as_deref()))]
pub struct ProtectionError {
    /// The line, counted from 1: that of the header where a section lacks something.
    pub line: usize,
    /// The section, as written between its brackets; `None` before the first.
    pub section: Option<String>,
    /// What is wrong.
    pub fault: Fault,
}

/// What can be wrong with a file of protections.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Neither a header nor an assignment.
    #[error("neither a [section] nor a key with its value")]
    Unreadable,
    /// An assignment before the first header.
    #[error("a key must stand below the [section] that it is for")]
    NoSection,
    /// The section stands there twice.
    #[error("the section stands there twice")]
    Repeated,
    /// The key stands there twice in its section.
    #[error("{0:?} stands there twice")]
    RepeatedKey(String),
    /// A key is missing.
    #[error("{0} is missing: a section needs create, read, update and delete")]
    Missing(&'static str),
    /// The regular expression cannot be read.
    #[error("not a regular expression that is understood here: {0}")]
    Pattern(String),
    /// A value lets everybody and nobody.
    #[error("{0}: @ (everybody) and ! (nobody) exclude each other")]
    Contradiction(&'static str),
    /// A value names several policy rules.
    #[error("{0}: one policy rule can be named, not several; rules are combined in the policy file")]
    SeveralRules(&'static str),
    /// A value asks for interpolation.
    #[error("{0}: % has no meaning here")]
    Interpolation(&'static str),
}

fn in_section(section: Option<&str>) -> String {
    section.map(|section| format!(", section [{section}]")).unwrap_or_default()
}

/// The format is neither `roles` nor `policies`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither roles nor policies")]
pub struct UnknownFormat;

impl FromStr for RuleFormat {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        match text {
            "roles" => Ok(Self::Roles),
            "policies" => Ok(Self::Policies),
            _ => Err(UnknownFormat),
        }
    }
}

impl PropertyProtections {
    /// Reads a file of protections, whose values are `format`.
    ///
    /// Sections whose names begin with `os_glance` count for nothing: such properties are the registry's own.
    ///
    /// # Errors
    ///
    /// [`ProtectionError`] for the first fault found. Python's regular expressions are understood but for what needs
    /// more than one pass over a name, such as look-around and references to groups.
    pub fn parse(text: &str, format: RuleFormat) -> Result<Self, ProtectionError> {
        let sections = file::sections(text)?;
        let own = |section: &&file::Section| !section.name.starts_with(fields::RESERVED_PREFIX);
        let sections =
            sections.iter().filter(own).map(|section| Section::of(section, format)).collect::<Result<_, _>>()?;
        Ok(Self { sections })
    }

    /// Whether `caller` may do `operation` to the custom property `name`. Roles of the service that vouches for the
    /// caller count as the caller's own.
    #[must_use]
    pub fn allow(&self, operation: Operation, name: &str, policy: &Policy, caller: &RequestContext) -> bool {
        // The registry's book-keeping has rules of its own.
        if name.starts_with(fields::RESERVED_PREFIX) {
            return true;
        }
        let section = self.sections.iter().find(|section| section.pattern.is_match(name));
        section.is_some_and(|section| match section.permission(operation) {
            Permission::Everybody => true,
            Permission::Nobody => false,
            Permission::Roles(roles) => {
                caller.roles.iter().chain(&caller.service_roles).any(|role| roles.contains(&role.to_lowercase()))
            }
            // A rule that is defined nowhere allows nobody anything.
            Permission::Rule(rule) => policy.allows(rule, &NoTarget, caller),
        })
    }

    /// Whether some section leaves a decision to the policy rule `name`.
    #[must_use]
    pub fn refers_to(&self, name: &str) -> bool {
        let mut permissions = self.sections.iter().flat_map(|section| &section.permissions);
        permissions.any(|permission| matches!(permission, Permission::Rule(rule) if rule == name))
    }

    /// What an operator may not have meant: values that allow nobody without saying so, and names of rules that
    /// `policy` does not define.
    #[must_use]
    pub fn warnings(&self, policy: &Policy) -> Vec<ProtectionWarning> {
        let mut warnings = Vec::new();
        for section in &self.sections {
            let place = |operation| (section.name.clone(), operation);
            for (operation, line) in Operation::ALL.into_iter().zip(section.lines) {
                match section.permission(operation) {
                    Permission::Roles(roles) if roles.is_empty() => {
                        let (section, operation) = place(operation);
                        warnings.push(ProtectionWarning::Empty { section, operation, line });
                    }
                    Permission::Rule(rule) if !policy.defines(rule) => {
                        let (section, operation) = place(operation);
                        warnings.push(ProtectionWarning::Undefined { section, operation, line, rule: rule.clone() });
                    }
                    _ => {}
                }
            }
        }
        warnings
    }
}

/// Something in a file of protections that an operator may not have meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtectionWarning {
    /// The value is empty.
    #[error("property protection [{section}] {operation} is empty: nobody may do it")]
    Empty {
        /// The section.
        section: String,
        /// The key.
        operation: Operation,
        /// The line of the file, counted from 1.
        line: usize,
    },
    /// The policy rule is defined nowhere.
    #[error(
        "property protection [{section}] {operation} names the policy rule {rule}, which is not defined: nobody may do it"
    )]
    Undefined {
        /// The section.
        section: String,
        /// The key.
        operation: Operation,
        /// The line of the file, counted from 1.
        line: usize,
        /// The name that stands for no rule.
        rule: String,
    },
}

impl ProtectionWarning {
    /// The line of the file that it is about, counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        match self {
            Self::Empty { line, .. } | Self::Undefined { line, .. } => *line,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Section {
    fn of(section: &file::Section, format: RuleFormat) -> Result<Self, ProtectionError> {
        let wrong = |fault| ProtectionError { line: section.line, section: Some(section.name.clone()), fault };
        let permission = |operation: Operation| {
            let key = operation.as_str();
            let value = section.value(key).ok_or_else(|| wrong(Fault::Missing(key)))?;
            Permission::of(value, format, key)
                .map_err(|fault| ProtectionError { line: section.line_of(key), ..wrong(fault) })
        };
        Ok(Self {
            name: section.name.clone(),
            pattern: pattern::compile(&section.name).map_err(|why| wrong(Fault::Pattern(why)))?,
            permissions: [
                permission(Operation::Create)?,
                permission(Operation::Read)?,
                permission(Operation::Update)?,
                permission(Operation::Delete)?,
            ],
            lines: Operation::ALL.map(|operation| section.line_of(operation.as_str())),
        })
    }

    fn permission(&self, operation: Operation) -> &Permission {
        let [create, read, update, delete] = &self.permissions;
        match operation {
            Operation::Create => create,
            Operation::Read => read,
            Operation::Update => update,
            Operation::Delete => delete,
        }
    }
}

impl Permission {
    fn of(value: &str, format: RuleFormat, key: &'static str) -> Result<Self, Fault> {
        if value.contains('%') {
            return Err(Fault::Interpolation(key));
        }
        let words: Vec<&str> = value.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
        let several = format == RuleFormat::Policies && value.contains(',');
        match (words.contains(&"@"), words.contains(&"!")) {
            _ if several => Err(Fault::SeveralRules(key)),
            (true, true) => Err(Fault::Contradiction(key)),
            (true, false) => Ok(Self::Everybody),
            (false, true) => Ok(Self::Nobody),
            (false, false) => Ok(match (format, words.first()) {
                (RuleFormat::Policies, Some(rule)) => Self::Rule((*rule).to_owned()),
                _ => Self::Roles(words.iter().map(|role| role.to_lowercase()).collect()),
            }),
        }
    }
}
