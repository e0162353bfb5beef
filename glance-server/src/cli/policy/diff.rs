//! What differs between two policy files.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgGroup, Args};
use glance_core::Policy;
use glance_core::policy::Difference;
use serde_json::json;

use super::super::REFUSED;
use super::super::manage::printable;
use crate::config::Settings;
use crate::serve::StartError;
use crate::serve::policy::{Files, rules, sources};

/// What is compared.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("other").required(true))]
pub(in crate::cli) struct DiffOptions {
    /// The first file.
    file: PathBuf,
    /// The second file.
    #[arg(group = "other")]
    with: Option<PathBuf>,
    /// Compare the default rules with the file, as what comes before it.
    #[arg(long = "default", group = "other")]
    default_rules: bool,
    /// Have the deprecated default rules count beside the new ones in both (`enforce_new_defaults = false`)
    /// [default: as configured].
    #[arg(long)]
    legacy: bool,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

impl DiffOptions {
    pub(super) fn run(&self, settings: &Settings) -> Result<ExitCode, Box<dyn Error>> {
        let file = self.policy(settings, Some(&self.file))?;
        let (before, after) = match &self.with {
            Some(with) => (file, self.policy(settings, Some(with))?),
            None => (self.policy(settings, None)?, file),
        };
        let found = before.differences(&after);
        self.write(&found, &mut io::stdout().lock())?;
        Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) })
    }

    /// The rules of `file` over the default rules.
    fn policy(&self, settings: &Settings, file: Option<&Path>) -> Result<Policy, StartError> {
        let mut builder = Files::of(settings).builder();
        if self.legacy {
            builder = builder.enforce_new_defaults(false);
        }
        if let Some(file) = file {
            builder = builder.rules(sources(rules(file)?));
        }
        Ok(builder.build())
    }

    fn write(&self, found: &[Difference], out: &mut dyn Write) -> io::Result<()> {
        if self.json {
            let found = found.iter().map(|found| {
                json!({ "name": found.name, "before": found.before, "after": found.after, "through": found.through })
            });
            return writeln!(out, "{}", json!({ "differences": found.collect::<Vec<_>>() }));
        }
        found.iter().try_for_each(|found| {
            let text = |text: &Option<String>| text.as_deref().map_or_else(|| "(none)".to_owned(), printable);
            writeln!(out, "{}:", printable(&found.name))?;
            // Who may do it changes all the same.
            if found.before == found.after && !found.through.is_empty() {
                return writeln!(
                    out,
                    "  = {}\n    by rule:{}",
                    text(&found.after),
                    printable(&found.through.join(", rule:"))
                );
            }
            writeln!(out, "  - {}\n  + {}", text(&found.before), text(&found.after))
        })
    }
}
