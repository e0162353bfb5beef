//! `glance-server policy`: what the rules of a configuration come to, and why.

mod check;
mod diff;
mod explain;
mod list;

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;

use clap::Subcommand;
use glance_core::Policy;

use crate::config::{Finding, Origin, Settings};
use crate::serve::StartError;
use crate::serve::policy::{Files, refers};
use check::CheckOptions;
use diff::DiffOptions;
use explain::ExplainOptions;
use list::ListOptions;

/// What can be asked about the policy.
#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Say whether a caller may do something to an image, and which part of the rule says so.
    ///
    /// Exits with 0 if everything that was asked about is allowed, with 3 if not.
    Check(CheckOptions),
    /// Show every rule as it is in force, where it stands, and what is wrong with any of them.
    List(ListOptions),
    /// Show every check of a rule with what becomes of it.
    Explain(ExplainOptions),
    /// Show the rules that say different things in two policy files.
    ///
    /// Exits with 0 if there are none, with 3 otherwise.
    Diff(DiffOptions),
}

/// Does what `command` says.
///
/// # Errors
///
/// If a policy file cannot be read, or a rule that is asked about does not exist.
pub(super) fn run(command: &PolicyCommand, settings: &Settings) -> Result<ExitCode, Box<dyn Error>> {
    match command {
        PolicyCommand::Check(options) => options.run(&InForce::read(settings)?),
        PolicyCommand::List(options) => options.run(&InForce::read(settings)?),
        PolicyCommand::Explain(options) => options.run(&InForce::read(settings)?),
        PolicyCommand::Diff(options) => options.run(settings),
    }
}

/// The policy that a server with this configuration has.
struct InForce {
    policy: Policy,
    /// The file and line of every rule that was set, the one that counts.
    places: BTreeMap<String, Origin>,
    /// What is wrong with the rules of the files, with the places where they stand.
    findings: Vec<Finding>,
}

impl InForce {
    fn read(settings: &Settings) -> Result<Self, StartError> {
        let mut files = Files::of(settings);
        let written = files.written()?;
        // A file of protections that cannot be read is no matter of the policy, and may refer to any rule.
        let protections = files.protections();
        let findings = written.findings(|rule| protections.as_ref().map_or(true, |read| refers(read.as_ref(), rule)));
        Ok(Self { policy: written.policy, places: written.places, findings })
    }

    /// Where a rule stands: a line of a file, or `default`.
    fn place(&self, rule: &str) -> String {
        self.places.get(rule).map_or_else(|| "default".to_owned(), ToString::to_string)
    }
}
