//! `glance-server db …`, and the same as `glance-manage` spells it.

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use glance_core::database::Database;
use glance_core::metadefs::{LoadMode, export, unload};

use super::definitions;
use crate::config::Settings;
use crate::serve;

/// What can be done to the database.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum DbCommand {
    /// Load metadata definitions from files.
    ///
    /// A file that cannot be read or defines nothing is named and passed over; the exit code is 0 all the same, as it
    /// is with Python Glance.
    #[command(name = "load_metadefs", alias = "load-metadefs")]
    Load(LoadOptions),
    /// Remove all metadata definitions.
    #[command(name = "unload_metadefs", alias = "unload-metadefs")]
    Unload,
    /// Write each namespace of metadata definitions into a file of its own.
    #[command(name = "export_metadefs", alias = "export-metadefs")]
    Export {
        /// The folder [default: `metadata_source_path`].
        #[arg(long)]
        path: Option<PathBuf>,
    },
}

/// The commands of `glance-manage`: those of `db`, and their older spellings.
#[derive(Debug, Subcommand)]
pub(super) enum ManageCommand {
    /// Administer the database.
    Db {
        #[command(subcommand)]
        command: DbCommand,
    },
    #[command(name = "db_load_metadefs", hide = true)]
    DbLoadMetadefs {
        path: Option<PathBuf>,
        merge: Option<String>,
        prefer_new: Option<String>,
        overwrite: Option<String>,
    },
    #[command(name = "db_unload_metadefs", hide = true)]
    DbUnloadMetadefs,
    #[command(name = "db_export_metadefs", hide = true)]
    DbExportMetadefs { path: Option<PathBuf> },
}

/// Where definitions come from, and what becomes of those that are there.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "one for each switch of the Python server, and one of our own")]
pub(super) struct LoadOptions {
    /// A file, or a folder of which all files `*.json` are loaded [default: `metadata_source_path`].
    #[arg(long)]
    path: Option<PathBuf>,
    /// Load the definitions that come with this program.
    #[arg(long, conflicts_with = "path")]
    starter: bool,
    /// Add to namespaces that are there what they have not.
    #[arg(long)]
    merge: bool,
    /// With --merge: what both have becomes what the file says.
    #[arg(long = "prefer_new", alias = "prefer-new")]
    prefer_new: bool,
    /// With --merge: remove namespaces that are there before the file's are loaded.
    #[arg(long)]
    overwrite: bool,
}

impl From<ManageCommand> for DbCommand {
    fn from(command: ManageCommand) -> Self {
        let is_set = |word: Option<String>| {
            word.is_some_and(|word| !matches!(word.to_lowercase().as_str(), "" | "0" | "false" | "no" | "none"))
        };
        match command {
            ManageCommand::Db { command } => command,
            ManageCommand::DbLoadMetadefs { path, merge, prefer_new, overwrite } => Self::Load(LoadOptions {
                path,
                starter: false,
                merge: is_set(merge),
                prefer_new: is_set(prefer_new),
                overwrite: is_set(overwrite),
            }),
            ManageCommand::DbUnloadMetadefs => Self::Unload,
            ManageCommand::DbExportMetadefs { path } => Self::Export { path },
        }
    }
}

impl LoadOptions {
    /// # Errors
    ///
    /// Which options do not go together.
    fn mode(&self) -> Result<LoadMode, &'static str> {
        match (self.merge, self.prefer_new, self.overwrite) {
            (false, false, false) => Ok(LoadMode::Skip),
            (true, false, false) => Ok(LoadMode::Merge),
            (true, true, false) => Ok(LoadMode::PreferNew),
            (true, false, true) => Ok(LoadMode::Overwrite),
            (_, true, true) => Err("--prefer_new and --overwrite exclude each other"),
            (false, ..) => Err("--prefer_new and --overwrite need --merge"),
        }
    }
}

/// Does to the database what `command` says.
///
/// # Errors
///
/// If the database cannot be opened or written.
pub(super) fn run(command: &DbCommand, settings: &Settings) -> Result<ExitCode, Box<dyn Error>> {
    let usual = &settings.default.metadata_source_path;
    match command {
        DbCommand::Load(options) => match options.mode() {
            Ok(mode) => {
                let path = options.path.as_ref().unwrap_or(usual);
                let definitions = if options.starter { definitions::starter() } else { definitions::read_all(path) };
                within(settings, async |database| definitions::load_all(&*database, definitions, mode).await)?;
            }
            // Nothing is done, and the exit code is 0, as it is with Python Glance.
            Err(why) => complain(why),
        },
        DbCommand::Unload => within(settings, async |database| Ok(unload(&*database).await?))?,
        DbCommand::Export { path } => {
            let exported = within(settings, async |database| Ok(export(&*database).await?))?;
            definitions::write_all(path.as_ref().unwrap_or(usual), &exported)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens the database and works on it to the end.
pub(super) fn within<T>(
    settings: &Settings,
    work: impl AsyncFnOnce(Arc<dyn Database>) -> Result<T, Box<dyn Error>>,
) -> Result<T, Box<dyn Error>> {
    let database = serve::open_database(settings)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(work(database))
}

/// Says on standard error what is wrong.
pub(super) fn complain(what: &str) {
    // Nothing is left to do about a closed terminal.
    let _ = writeln!(io::stderr().lock(), "{}", printable(what));
}

/// A text that leaves a terminal alone: names come from files and from whoever may define things.
pub(super) fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}
