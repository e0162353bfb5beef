//! Every rule as it is in force.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use glance_core::policy::{RuleInForce, Standing};
use serde_json::json;

use super::super::manage::printable;
use super::InForce;

/// How rules are shown.
#[derive(Debug, Args)]
pub(in crate::cli) struct ListOptions {
    /// Show the rules alone that policy files set.
    #[arg(long)]
    overridden: bool,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

impl ListOptions {
    pub(super) fn run(&self, in_force: &InForce) -> Result<ExitCode, Box<dyn Error>> {
        let mut rules = in_force.policy.rules();
        rules.retain(|rule| !self.overridden || rule.standing != Standing::Default);
        let flaws: Vec<_> = in_force.findings.iter().map(ToString::to_string).collect();
        let mut out = io::stdout().lock();
        if self.json {
            let rules = rules.iter().map(|rule| {
                json!({
                    "name": rule.name,
                    "check": rule.check,
                    "standing": standing(rule),
                    "place": in_force.place(&rule.name),
                })
            });
            writeln!(out, "{}", json!({ "rules": rules.collect::<Vec<_>>(), "warnings": flaws }))?;
            return Ok(ExitCode::SUCCESS);
        }
        for rule in &rules {
            let place = match rule.standing {
                Standing::Default => String::new(),
                _ => format!(" at {}", in_force.place(&rule.name)),
            };
            let (name, check) = (printable(&rule.name), printable(&rule.check));
            writeln!(out, "{name}: {check}\n    {}{place}", standing(rule))?;
        }
        flaws.iter().try_for_each(|flaw| writeln!(out, "warning: {}", printable(flaw)))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn standing(rule: &RuleInForce) -> &'static str {
    match rule.standing {
        Standing::Default => "default",
        Standing::Overridden if rule.is_redundant => "as the default",
        Standing::Overridden => "overridden",
        Standing::Custom => "custom",
    }
}
