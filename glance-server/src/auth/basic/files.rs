//! The two files that users stand in.
//!
//! Passwords are in the first, a line `name:hash` for each user, as `htpasswd -B` writes it: bcrypt and nothing else.
//! What the user may do is in the second, a line `name:project:role,role`. Empty lines and lines that begin with `#`
//! count in neither.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use super::LONGEST;
use super::rewrite::{replace, turn};
use crate::sight::Sight;

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 16 << 20;

/// The highest cost of a hash that is taken: each step doubles the time, and 15 takes seconds.
const MAX_COST: u32 = 15;

/// The cost of new hashes.
const COST: u32 = 11;

/// A hash of no user, of the cost of new ones.
const DECOY: &str = "$2b$11$bvIG6Nmid91Mu9RcmmWZfO5HJIMCT8riNW0hEp8f6/FuA2/mHZFpe";

/// Where users stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserFiles {
    /// The file of passwords.
    pub passwords: PathBuf,
    /// The file of projects and roles.
    pub projects: PathBuf,
}

/// What a user may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The id of the user's project, which owns what the user makes.
    pub project: String,
    /// The user's roles.
    pub roles: Vec<String>,
}

/// Why users cannot be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadUsers {
    /// A file cannot be read or written.
    #[error("{}: {cause}{}", file.display(), hint(cause))]
    File {
        /// The file.
        file: PathBuf,
        /// The cause.
        cause: io::Error,
    },
    /// A line is not as it should be. It is not repeated: it may hold a password.
    #[error("{}, line {line}: {must}", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What it must be.
        must: &'static str,
    },
    /// What was asked for cannot be.
    #[error("{0}")]
    Unfit(&'static str),
}

fn hint(cause: &io::Error) -> &'static str {
    if cause.kind() == io::ErrorKind::NotFound { "; `glance-server users add` makes it" } else { "" }
}

/// A user as both files have it.
pub(super) struct User {
    pub(super) hash: String,
    /// `None` for one who has a password and no line in the other file, and so cannot do anything.
    pub(super) grant: Option<Grant>,
}

/// All users.
pub(super) struct Users {
    users: HashMap<String, User>,
    /// Their names, in order.
    names: Vec<String>,
}

impl Users {
    pub(super) fn read(files: &UserFiles) -> Result<Self, BadUsers> {
        if fs::metadata(&files.passwords).is_ok_and(|found| found.mode() & 0o004 != 0) {
            tracing::warn!(file = %files.passwords.display(), "everybody on this machine may read the hashes of passwords");
        }
        let mut grants: HashMap<_, _> = files.grants()?.into_iter().collect();
        let mut users = HashMap::new();
        for (line, name, hash) in lines(&files.passwords, &text(&files.passwords)?)? {
            let must = |must| BadUsers::Line { file: files.passwords.clone(), line, must };
            let cost = cost_of(&hash).ok_or_else(|| must("must be name:hash, the hash made with bcrypt"))?;
            if cost > MAX_COST {
                return Err(must("must have a hash of cost 15 at most: others take too long to check"));
            }
            let grant = grants.remove(&name);
            if grant.is_none() {
                tracing::warn!(user = name, "a user has a password and no project: nothing is allowed");
            }
            users.insert(name, User { hash, grant });
        }
        let mut names: Vec<_> = users.keys().cloned().collect();
        names.sort_unstable();
        Ok(Self { users, names })
    }

    pub(super) fn get(&self, name: &str) -> Option<&User> {
        self.users.get(name)
    }

    /// What the password of somebody unknown is held against, chosen by a hash of the name in hex: the hash of one
    /// of the users, so that all answers take as long as those about users do, whatever their costs.
    pub(super) fn decoy(&self, digest: &str) -> &str {
        let number = digest.get(..8).and_then(|digits| usize::from_str_radix(digits, 16).ok()).unwrap_or_default();
        let name = number.checked_rem(self.names.len()).and_then(|index| self.names.get(index));
        name.and_then(|name| self.get(name)).map_or(DECOY, |user| user.hash.as_str())
    }
}

impl UserFiles {
    pub(super) fn look(&self) -> [Sight; 2] {
        [&self.passwords, &self.projects].map(|file| Sight::of(file))
    }

    /// Every user's project and roles, in the order of the file.
    ///
    /// # Errors
    ///
    /// [`BadUsers`].
    pub fn grants(&self) -> Result<Vec<(String, Grant)>, BadUsers> {
        let lines = lines(&self.projects, &text(&self.projects)?)?.into_iter();
        lines
            .map(|(line, name, rest)| {
                let must = "must be name:project:role,role";
                let refuse = || BadUsers::Line { file: self.projects.clone(), line, must };
                let (project, roles) = rest.split_once(':').ok_or_else(refuse)?;
                let project = project.trim().to_owned();
                let roles: Vec<_> = roles.split(',').map(str::trim).filter(|role| !role.is_empty()).collect();
                if project.is_empty() || project.len() > 255 || roles.iter().any(|role| role.contains(':')) {
                    return Err(refuse());
                }
                Ok((name, Grant { project, roles: roles.into_iter().map(str::to_lowercase).collect() }))
            })
            .collect()
    }

    /// Whoever stands in either file, first those of the passwords: the name, whether there is a password, and what is
    /// allowed. It takes both to get in.
    ///
    /// # Errors
    ///
    /// [`BadUsers`].
    pub fn list(&self) -> Result<Vec<(String, bool, Option<Grant>)>, BadUsers> {
        let mut users = Users::read(self)?;
        let mut listed = Vec::new();
        for name in std::mem::take(&mut users.names) {
            let grant = users.users.remove(&name).and_then(|user| user.grant);
            listed.push((name, true, grant));
        }
        let others = self.grants()?.into_iter().filter(|(name, _)| !listed.iter().any(|(known, ..)| known == name));
        let others: Vec<_> = others.map(|(name, grant)| (name, false, Some(grant))).collect();
        listed.extend(others);
        Ok(listed)
    }

    /// The project and roles of `name`, if that is who `password` belongs to. Takes a while.
    ///
    /// # Errors
    ///
    /// [`BadUsers`].
    pub fn check(&self, name: &str, password: &str) -> Result<Option<Grant>, BadUsers> {
        let mut users = Users::read(self)?;
        let user = users.users.remove(name).filter(|user| super::is_password(password, &user.hash));
        Ok(user.and_then(|user| user.grant))
    }

    /// Adds a user, or gives one another password, project and roles. Takes a while.
    ///
    /// # Errors
    ///
    /// [`BadUsers`].
    pub fn add(&self, name: &str, password: &str, grant: &Grant) -> Result<(), BadUsers> {
        let is_plain = |text: &str| !text.is_empty() && !text.contains([':', ',']) && !text.contains(char::is_control);
        if !is_plain(name) || name.starts_with('#') || name.trim() != name || name.len() > 255 {
            return Err(BadUsers::Unfit("the name must have 1 to 255 bytes and no colon, comma or # in front"));
        }
        if !is_plain(&grant.project) || grant.project.len() > 255 || !grant.roles.iter().all(|role| is_plain(role)) {
            return Err(BadUsers::Unfit("the project and the roles must have no colon or comma"));
        }
        if password.is_empty() || password.len() > LONGEST || password.contains('\0') {
            return Err(BadUsers::Unfit("the password must have 1 to 72 bytes"));
        }
        let hash = bcrypt::hash(password, COST).map_err(|_| BadUsers::Unfit("the password cannot be hashed"))?;
        for file in [&self.passwords, &self.projects] {
            make_folder_of(file).map_err(|cause| BadUsers::File { file: file.clone(), cause })?;
        }
        let _turn = turn(&self.passwords)?;
        // In this order: a password without a project is of no use to anybody.
        replace(&self.passwords, name, Some(&format!("{name}:{hash}")))?;
        replace(&self.projects, name, Some(&format!("{name}:{}:{}", grant.project, grant.roles.join(","))))?;
        Ok(())
    }

    /// Removes a user, and says whether there was one.
    ///
    /// # Errors
    ///
    /// [`BadUsers`].
    pub fn remove(&self, name: &str) -> Result<bool, BadUsers> {
        let _turn = turn(&self.passwords)?;
        let had_password = replace(&self.passwords, name, None)?;
        let had_project = replace(&self.projects, name, None)?;
        Ok(had_password || had_project)
    }
}

/// Makes the folder that `file` is to lie in, for its owner and the owner's group, as a server makes its data folder.
fn make_folder_of(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => {
            fs::DirBuilder::new().recursive(true).mode(0o750).create(folder)
        }
        _ => Ok(()),
    }
}

/// The cost of a bcrypt hash; `None` if it is none.
fn cost_of(hash: &str) -> Option<u32> {
    hash.parse::<bcrypt::HashParts>().ok()?;
    let mut fields = hash.split('$').skip(1);
    let is_known = matches!(fields.next()?, "2a" | "2b" | "2x" | "2y");
    fields.next()?.parse().ok().filter(|_| is_known)
}

pub(super) fn text(file: &Path) -> Result<String, BadUsers> {
    let failed = |cause| BadUsers::File { file: file.to_owned(), cause };
    let mut text = String::new();
    File::open(file).map_err(failed)?.take(MAX_FILE + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > MAX_FILE {
        return Err(failed(io::ErrorKind::FileTooLarge.into()));
    }
    Ok(text)
}

/// The lines that count: number, name, and what stands behind its colon.
fn lines(file: &Path, text: &str) -> Result<Vec<(usize, String, String)>, BadUsers> {
    let mut found: Vec<(usize, String, String)> = Vec::new();
    let mut names = std::collections::HashSet::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let refuse = |must| BadUsers::Line { file: file.to_owned(), line: index + 1, must };
        let (name, rest) = line.split_once(':').ok_or_else(|| refuse("must have a colon behind the name"))?;
        if name.is_empty() || !names.insert(name) {
            return Err(refuse("must have a name that no other line has"));
        }
        found.push((index + 1, name.to_owned(), rest.to_owned()));
    }
    Ok(found)
}
