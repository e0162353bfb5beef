//! `glance-server metadefs validate`: holds properties against the definitions that are for their resource type.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use glance_core::database::{MetadefRepo, Viewer};
use glance_core::memory::MemoryDatabase;
use glance_core::metadefs::{Finding, LoadMode, Problem, WholeNamespace, check, definitions_for, load};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::definitions::{parse_all, read_all};
use super::manage::printable;
use super::{REFUSED, manage};
use crate::config::Settings;

/// What can be done with metadata definitions.
#[derive(Debug, Subcommand)]
pub(super) enum MetadefsCommand {
    /// Say what is wrong with the properties of a resource.
    ///
    /// Exits with 0 if nothing is, with 3 if values do not fit their definitions or are missing.
    Validate(ValidateOptions),
}

/// Which properties are looked at, and by which definitions.
#[derive(Debug, Args)]
pub(super) struct ValidateOptions {
    /// A file with the properties as one JSON object; `-` reads standard input.
    file: PathBuf,
    /// The type of the resource, such as `OS::Glance::Image`.
    #[arg(long, value_name = "TYPE")]
    resource_type: String,
    /// Which set of properties is meant, where such a resource has several (`properties_target`) [default: any].
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,
    /// Take the definitions from this file or folder instead of the database.
    #[arg(long, value_name = "PATH")]
    definitions: Option<PathBuf>,
    /// Refuse properties that no definition knows, too.
    #[arg(long)]
    strict: bool,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

/// Does what `command` says.
///
/// # Errors
///
/// If the properties or definitions cannot be read, no definition is for such resources, or the database fails.
pub(super) fn run(command: &MetadefsCommand, settings: &Settings) -> Result<ExitCode, Box<dyn Error>> {
    let MetadefsCommand::Validate(options) = command;
    let properties = options.properties()?;
    let definitions = options.definitions(settings)?;
    let findings = check(&options.resource_type, options.target.as_deref(), &properties, &definitions);
    let is_wrong =
        |finding: &Finding| finding.problem.is_fault() || (options.strict && finding.problem == Problem::Undefined);
    let accepted = !findings.iter().any(is_wrong);
    options.write(&findings, accepted)?;
    Ok(if accepted { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) })
}

impl ValidateOptions {
    fn properties(&self) -> Result<Map<String, Value>, Box<dyn Error>> {
        let text = if self.file.as_os_str() == "-" {
            io::read_to_string(io::stdin())?
        } else {
            fs::read_to_string(&self.file).map_err(|error| format!("{}: {error}", self.file.display()))?
        };
        serde_json::from_str(&text).map_err(|error| format!("{}: not an object: {error}", self.file.display()).into())
    }

    fn definitions(&self, settings: &Settings) -> Result<Vec<WholeNamespace>, Box<dyn Error>> {
        match &self.definitions {
            None => manage::within(settings, async |database| self.of(&*database).await),
            Some(path) => {
                let runtime = tokio::runtime::Builder::new_current_thread().build()?;
                runtime.block_on(async {
                    let database = MemoryDatabase::new();
                    for definition in parse_all(read_all(path))? {
                        load(&database, &definition, LoadMode::Merge, Timestamp::now()).await?;
                    }
                    self.of(&database).await
                })
            }
        }
    }

    async fn of(&self, database: &dyn MetadefRepo) -> Result<Vec<WholeNamespace>, Box<dyn Error>> {
        let everybody = Viewer { admin: true, project: None };
        let definitions = definitions_for(database, &everybody, &self.resource_type, |_| true).await?;
        // A type that is misspelt would have every property pass.
        if definitions.is_empty() {
            return Err(format!("no definition is for resources of the type {}", self.resource_type).into());
        }
        Ok(definitions)
    }

    fn write(&self, findings: &[Finding], accepted: bool) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if !self.json {
            return findings.iter().try_for_each(|finding| writeln!(out, "{}", printable(&finding.to_string())));
        }
        let findings = findings.iter().map(|finding| {
            json!({
                "property": finding.property,
                "namespace": finding.namespace,
                "problem": finding.problem.to_string(),
                "defined": finding.problem != Problem::Undefined,
            })
        });
        writeln!(out, "{}", json!({ "accepted": accepted, "findings": findings.collect::<Vec<_>>() }))
    }
}
