//! A folder of configuration files, and surroundings that hold nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{CliArgs, ConfigError, Loaded, Settings, Source, Surroundings, load_in};

/// A temporary folder to write configuration into and read it from.
pub(super) struct Folder {
    dir: TempDir,
    /// Nothing but a home folder inside the temporary one, until a test says more.
    pub(super) around: Surroundings,
}

/// The lines without which no configuration is complete.
pub(super) const COMPLETE: &str = "[database]\nconnection = sqlite:////srv/glance.db\n";

impl Folder {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home").display().to_string();
        let variables = [("HOME".to_owned(), home)].into();
        Self { dir, around: Surroundings { variables, system: Vec::new() } }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file, and the folders it lies in.
    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub(super) fn variable(&mut self, name: &str, value: &str) {
        self.around.variables.insert(name.to_owned(), value.to_owned());
    }

    pub(super) fn load(&self, sources: &[Source]) -> Result<Loaded, ConfigError> {
        load_in(&CliArgs { sources: sources.to_vec(), ..CliArgs::default() }, &self.around)
    }
}

/// Reads `text` as `glance-api.conf`, in a folder of its own.
pub(super) fn read(text: &str) -> Result<Loaded, ConfigError> {
    let folder = Folder::new();
    let path = folder.write("glance-api.conf", text);
    folder.load(&[Source::File(path)])
}

/// The settings that `text` and [`COMPLETE`] come to.
pub(super) fn settings(text: &str) -> Settings {
    read(&format!("{text}\n{COMPLETE}")).unwrap().settings
}

/// The warnings about `text`, [`COMPLETE`] and a known `auth_mode`, places shortened to the name of the file.
pub(super) fn warnings(text: &str) -> Vec<String> {
    let known = "[glance_rs]\nauth_mode = trusted_headers";
    shown(&read(&format!("{text}\n{COMPLETE}{known}")).unwrap().warnings)
}

/// What is wrong with `text` and [`COMPLETE`], places shortened to the name of the file.
pub(super) fn problems(text: &str) -> Vec<String> {
    match read(&format!("{text}\n{COMPLETE}")) {
        Err(ConfigError::Invalid { problems, .. }) => shown(&problems),
        Err(other) => vec![other.to_string()],
        Ok(_) => Vec::new(),
    }
}

fn shown(findings: &[super::Finding]) -> Vec<String> {
    let folder = |text: &str| text.find("glance-api.conf").unwrap_or(0);
    findings
        .iter()
        .map(|finding| match &finding.origin {
            Some(origin) => {
                let origin = origin.to_string();
                format!("{}: {}", &origin[folder(&origin)..], finding.message)
            }
            None => finding.message.clone(),
        })
        .collect()
}

/// A file source.
pub(super) fn file(path: impl AsRef<Path>) -> Source {
    Source::File(path.as_ref().to_owned())
}

/// A folder source.
pub(super) fn dir(path: impl AsRef<Path>) -> Source {
    Source::Dir(path.as_ref().to_owned())
}
