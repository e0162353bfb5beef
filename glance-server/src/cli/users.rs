//! `glance-server users`: who may log in with a password.

use std::error::Error;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write};
use std::path::PathBuf;

use clap::{ArgMatches, Args, Subcommand};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::options::ConfigOptions;
use crate::auth::{Grant, UserFiles};
use crate::config;

/// The longest line that is taken for a password, in bytes.
const LONGEST: u64 = 4096;

/// What to do with users.
#[derive(Debug, Args)]
pub(super) struct UsersOptions {
    #[command(subcommand)]
    command: UsersCommand,
}

#[derive(Debug, Subcommand)]
enum UsersCommand {
    /// Add a user, or give one another password, project and roles.
    ///
    /// The password is asked for, or is the first line of the standard input.
    Add {
        /// The user's name.
        name: String,
        /// The id of the project that owns what the user makes [default: the name].
        #[arg(long)]
        project: Option<String>,
        /// A role; may repeat [default: member and reader].
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Tell whether a password is right; exits with 3 if it is not.
    ///
    /// The password is asked for, or is the first line of the standard input.
    Check {
        /// The user's name.
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Name all users with their projects and roles.
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Remove a user; exits with 3 if there was none.
    Remove {
        /// The user's name.
        name: String,
        #[command(flatten)]
        place: Place,
    },
}

/// Where users stand.
#[derive(Debug, Args)]
struct Place {
    /// The file of passwords, in place of what the configuration says.
    #[arg(long, value_name = "FILE")]
    users_file: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigOptions,
}

type Failure = Box<dyn Error>;

impl UsersOptions {
    /// Does it, and says whether it was so.
    pub(super) fn run(self, matches: &ArgMatches) -> Result<bool, Failure> {
        let out = &mut io::stdout().lock();
        match self.command {
            UsersCommand::Add { name, project, mut roles, place } => {
                let files = place.files(matches)?;
                if roles.is_empty() {
                    roles = vec!["member".to_owned(), "reader".to_owned()];
                }
                let grant = Grant { project: project.unwrap_or_else(|| name.clone()), roles };
                files.add(&name, &password(true)?, &grant)?;
                writeln!(out, "{name} is in {}", files.passwords.display())?;
                Ok(true)
            }
            UsersCommand::Check { name, place } => {
                let found = place.files(matches)?.check(&name, &password(false)?)?;
                match &found {
                    Some(grant) => writeln!(out, "{}", shown(&name, grant))?,
                    None => writeln!(out, "no such user, or another password")?,
                }
                Ok(found.is_some())
            }
            UsersCommand::List { place } => {
                for user in place.files(matches)?.list()? {
                    match user {
                        (name, true, Some(grant)) => writeln!(out, "{}", shown(&name, &grant))?,
                        (name, false, Some(grant)) => {
                            writeln!(out, "{}; no password, so not let in", shown(&name, &grant))?;
                        }
                        (name, _, None) => writeln!(out, "{name}: no project, so nothing is allowed")?,
                    }
                }
                Ok(true)
            }
            UsersCommand::Remove { name, place } => {
                let was_there = place.files(matches)?.remove(&name)?;
                writeln!(out, "{name} {}", if was_there { "is removed" } else { "was no user" })?;
                Ok(was_there)
            }
        }
    }
}

fn shown(name: &str, grant: &Grant) -> String {
    format!("{name}: project {}, roles {}", grant.project, grant.roles.join(", "))
}

impl Place {
    fn files(self, matches: &ArgMatches) -> Result<UserFiles, Failure> {
        let Some(passwords) = self.users_file else {
            return Ok(config::load(&self.config.into_args(matches))?.settings.glance_rs.auth.user_files);
        };
        let mut projects = passwords.clone().into_os_string();
        projects.push(".projects");
        Ok(UserFiles { passwords, projects: projects.into() })
    }
}

/// A password from whoever sits there, or from a pipe.
fn password(is_new: bool) -> Result<String, Failure> {
    let input = io::stdin();
    if !input.is_terminal() {
        return line(&mut input.lock());
    }
    let password = asked("Password: ")?;
    if is_new && asked("Once more: ")? != password {
        return Err("the two are not the same".into());
    }
    Ok(password)
}

fn asked(what: &str) -> Result<String, Failure> {
    let input = io::stdin();
    let mut err = io::stderr().lock();
    write!(err, "{what}")?;
    err.flush()?;
    let usual = tcgetattr(&input)?;
    let mut silent = usual.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&input, OptionalActions::Flush, &silent)?;
    let read = line(&mut input.lock());
    tcsetattr(&input, OptionalActions::Flush, &usual)?;
    writeln!(err)?;
    read
}

fn line(input: &mut impl io::BufRead) -> Result<String, Failure> {
    let mut text = String::new();
    input.take(LONGEST).read_line(&mut text)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
