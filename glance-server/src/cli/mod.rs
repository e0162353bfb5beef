//! The command line: `glance-server api`, or the same through a link called `glance-api`.

mod definitions;
mod inspect;
mod manage;
mod options;
mod policy;
mod users;
mod validate;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::config::{self, ConfigError, Finding, Loaded};
use crate::serve::{self, StartError};
use inspect::InspectOptions;
use manage::{DbCommand, ManageCommand};
use options::ConfigOptions;
use policy::PolicyCommand;
use users::UsersOptions;
use validate::MetadefsCommand;

/// The Image service of OpenStack.
#[derive(Debug, Parser)]
#[command(name = "glance-server", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the Image API.
    Api(ConfigOptions),
    /// Look at the configuration without serving.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Users of this server's own (`auth_mode = http_basic`).
    Users(UsersOptions),
    /// Tell what format image data is in, and whether an upload of it would be accepted.
    ///
    /// Exits with 0 if it would, with 3 if not, with 1 if the data cannot be read.
    Inspect(InspectOptions),
    /// Administer the database, under the names that `glance-manage` gives its commands.
    Manage {
        #[command(flatten)]
        _options: ConfigOptions,
        #[command(subcommand)]
        command: ManageCommand,
    },
    /// Administer the database.
    Db {
        #[command(flatten)]
        _options: ConfigOptions,
        #[command(subcommand)]
        command: DbCommand,
    },
    /// Work with metadata definitions.
    Metadefs {
        #[command(flatten)]
        _options: ConfigOptions,
        #[command(subcommand)]
        command: MetadefsCommand,
    },
    /// Ask who may do what, and why.
    Policy {
        #[command(flatten)]
        _options: ConfigOptions,
        #[command(subcommand)]
        command: PolicyCommand,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Name every option and rule that is wrong, unknown, dropped or without effect, and where it stands.
    ///
    /// Exits with 0 if nothing in the files keeps a server from starting with all its stores, whatever it would be warned
    /// of, with 1 if not.
    Check(ConfigOptions),
}

/// Links under which the binary is one of its commands.
const LINKS: &[(&str, &str)] = &[("glance-api", "api"), ("glance-manage", "manage")];

/// The exit code of `inspect` for data that would be refused, of `metadefs validate` for values that do not fit, of
/// `policy check` for what is denied, of `policy diff` for files that differ, of `users check` for a wrong password and
/// of `users remove` for nobody.
const REFUSED: u8 = 3;

/// Does what the command line says.
///
/// Exit codes: 0; 1 if the configuration cannot be used, the server fails or data cannot be read; 2
/// for a command line that makes no sense; 3 for an image that `inspect` refuses, properties that
/// `metadefs validate` finds wrong, what `policy check` denies, policies that differ, a password that
/// `users check` finds wrong and users that are not there to be removed.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = with_command(arguments.into_iter().collect());
    let parsed = command().try_get_matches_from(arguments).and_then(|matches| {
        let cli = Cli::from_arg_matches(&matches)?;
        Ok((cli, matches))
    });
    match parsed {
        Ok((cli, matches)) => obey(cli, &matches),
        Err(error) => {
            // Nothing is left to do about a closed terminal.
            let _ = error.print();
            ExitCode::from(if error.use_stderr() { 2 } else { 0 })
        }
    }
}

/// The command line. Where a command has commands of its own, options that say where the configuration is may stand in
/// front of those or behind.
fn command() -> clap::Command {
    let anywhere = |command: clap::Command| command.mut_args(|option| option.global(true));
    ["manage", "db", "metadefs", "policy"]
        .into_iter()
        .fold(Cli::command(), |cli, name| cli.mut_subcommand(name, anywhere))
}

/// The arguments with the command in its place that the name of the program stands for.
fn with_command(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let name = arguments.first().and_then(|name| Path::new(name).file_name());
    let link = LINKS.iter().find(|(link, _)| name.is_some_and(|name| name == *link));
    if let Some((_, command)) = link
        // Who types it out means the same.
        && arguments.get(1).is_none_or(|argument| argument != command)
    {
        arguments.insert(1, OsString::from(*command));
    }
    arguments
}

fn obey(cli: Cli, matches: &ArgMatches) -> ExitCode {
    match cli.command {
        Command::Api(options) => match config::load(&options.into_args(innermost(matches))) {
            Ok(loaded) => served(serve::run(&loaded)),
            Err(error) => unusable(&error),
        },
        Command::Config { command: ConfigCommand::Check(options) } => {
            match config::load(&options.into_args(innermost(matches))) {
                Ok(loaded) => checked(&loaded),
                Err(error) => unusable(&error),
            }
        }
        Command::Users(options) => match options.run(innermost(matches)) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(REFUSED),
            Err(error) => {
                let _ = writeln!(io::stderr().lock(), "error: {error}");
                ExitCode::FAILURE
            }
        },
        Command::Inspect(options) => inspected(options),
        Command::Manage { command, .. } => configured(matches, |loaded| manage::run(&command.into(), &loaded.settings)),
        Command::Db { command, .. } => configured(matches, |loaded| manage::run(&command, &loaded.settings)),
        Command::Policy { command, .. } => configured(matches, |loaded| policy::run(&command, &loaded.settings)),
        Command::Metadefs { command, .. } => configured(matches, |loaded| validate::run(&command, &loaded.settings)),
    }
}

/// Does what takes a configuration. Its options are those of the innermost command, which has them all.
fn configured(
    matches: &ArgMatches,
    work: impl FnOnce(&Loaded) -> Result<ExitCode, Box<dyn std::error::Error>>,
) -> ExitCode {
    let matches = innermost(matches);
    let loaded = match ConfigOptions::from_arg_matches(matches) {
        Ok(options) => config::load(&options.into_args(matches)),
        Err(error) => error.exit(),
    };
    match loaded.as_ref().map(work) {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => {
            let _ = writeln!(io::stderr().lock(), "error: {error}");
            ExitCode::FAILURE
        }
        Err(error) => unusable(error),
    }
}

fn inspected(options: InspectOptions) -> ExitCode {
    match options.run(&mut io::stdout().lock()) {
        Ok(inspected) if inspected.is_accepted() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(REFUSED),
        Err(error) => {
            let _ = writeln!(io::stderr().lock(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The matches of the command that was given, below all its parents.
fn innermost(matches: &ArgMatches) -> &ArgMatches {
    match matches.subcommand() {
        Some((_, matches)) => innermost(matches),
        None => matches,
    }
}

/// Shows what a configuration comes to, and what would keep a server from starting with it.
fn checked(loaded: &Loaded) -> ExitCode {
    // A reader that left early has seen what it wanted.
    let _ = report(loaded);
    let refusals = serve::check(&loaded.settings);
    for refusal in &refusals {
        let _ = writeln!(io::stderr().lock(), "error: {refusal}");
    }
    if refusals.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Shows what was found out about a configuration whose options have values that make sense.
fn report(Loaded { settings, warnings }: &Loaded) -> io::Result<()> {
    let mut out = io::stdout().lock();
    show(&mut out, "warning", warnings)?;
    show(&mut out, "warning", &serve::warnings(settings))?;
    writeln!(out, "{}", settings.summary())
}

fn served(ended: Result<(), StartError>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr().lock(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn unusable(error: &ConfigError) -> ExitCode {
    let _ = refusal(error);
    ExitCode::FAILURE
}

fn refusal(error: &ConfigError) -> io::Result<()> {
    let mut out = io::stderr().lock();
    match error {
        ConfigError::Invalid { problems, warnings } => {
            show(&mut out, "warning", warnings)?;
            show(&mut out, "error", problems)
        }
        other => writeln!(out, "error: {other}"),
    }
}

fn show(out: &mut dyn Write, word: &str, findings: &[Finding]) -> io::Result<()> {
    findings.iter().try_for_each(|finding| writeln!(out, "{word}: {finding}"))
}

#[cfg(test)]
mod tests;
