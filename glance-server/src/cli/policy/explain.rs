//! One rule with every check in it.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use glance_core::policy::{Node, Outcome};
use serde_json::{Value, json};

use super::super::manage::printable;
use super::InForce;
use super::check::{CaseOptions, because, must_exist};

/// Which rule, asked by whom about what.
#[derive(Debug, Args)]
pub(in crate::cli) struct ExplainOptions {
    /// The rule.
    rule: String,
    #[command(flatten)]
    case: CaseOptions,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

impl ExplainOptions {
    pub(super) fn run(&self, in_force: &InForce) -> Result<ExitCode, Box<dyn Error>> {
        must_exist(in_force, &self.rule)?;
        let explained = in_force.policy.explain(&self.rule, &self.case.target(&self.rule), &self.case.caller());
        let (place, because) = (in_force.place(&self.rule), because(&explained.reason));
        let mut out = io::stdout().lock();
        if self.json {
            let tree = explained.tree.as_ref().map(value);
            let answer = json!({
                "rule": explained.rule,
                "allowed": explained.allowed,
                "because": because,
                "place": place,
                "tree": tree,
            });
            writeln!(out, "{answer}")?;
            return Ok(ExitCode::SUCCESS);
        }
        self.case.write(&mut out)?;
        let word = if explained.allowed { "allowed" } else { "denied" };
        writeln!(out, "{} is {word}: {}  ({place})", printable(&self.rule), printable(&because))?;
        if let Some(tree) = &explained.tree {
            write(tree, 1, &mut out)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn write(tree: &Node, depth: usize, out: &mut dyn Write) -> io::Result<()> {
    let (outcome, indent) = (word(tree.outcome), 2 * depth);
    let beside = if tree.reached { "" } else { " (not needed)" };
    let compared = tree.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
    let line = printable(&format!("{}{beside}{compared}", tree.check));
    writeln!(out, "{:indent$}{outcome:9} {line}", "")?;
    tree.inner.iter().try_for_each(|inner| write(inner, depth + 1, out))
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Holds => "yes",
        Outcome::Fails => "no",
        Outcome::Undecided => "undecided",
    }
}

fn value(node: &Node) -> Value {
    json!({
        "check": node.check,
        "outcome": word(node.outcome),
        "needed": node.reached,
        "note": node.note,
        "inner": node.inner.iter().map(value).collect::<Vec<_>>(),
    })
}
