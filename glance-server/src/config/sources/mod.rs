//! Which files are read, in which order, and what the environment adds.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::finding::Origin;
use super::layers::{Layers, Setting, option_name, section_name};

/// One `--config-file` or `--config-dir`, in the order of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file, which must exist.
    File(PathBuf),
    /// A folder whose `*.conf` files are read in name order; it must exist.
    Dir(PathBuf),
}

/// What the process finds around itself: its environment variables and the system's folders.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Environment variables; those that are not UTF-8 are left out.
    pub variables: BTreeMap<String, String>,
    /// The system's configuration folders, searched after those of the user.
    pub system: Vec<PathBuf>,
}

impl Surroundings {
    /// Those of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self {
            variables: env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            system: vec![PathBuf::from("/etc/glance"), PathBuf::from("/etc")],
        }
    }

    /// A variable that is set to something.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The user's home folder.
    #[must_use]
    pub fn home(&self) -> Option<PathBuf> {
        self.variable("HOME").map(PathBuf::from)
    }

    /// Where configuration is looked for, first hit first.
    fn search(&self) -> Vec<PathBuf> {
        let home = self.home().into_iter();
        let snap = ["SNAP_COMMON", "SNAP"]
            .into_iter()
            .filter_map(|name| self.variable(name))
            .map(|snap| Path::new(snap).join("etc/glance"));
        home.flat_map(|home| [home.join(".glance"), home]).chain(self.system.iter().cloned()).chain(snap).collect()
    }
}

/// The files and folders a configuration was read from.
///
/// Relative file names inside options are looked up from here ([`ConfigFiles::find`]).
#[derive(Debug, Clone, Default)]
pub struct ConfigFiles {
    /// Every file that was read, in reading order; empty when there is no configuration at all.
    pub files: Vec<PathBuf>,
    /// Folders whose `*.conf` files were read.
    pub dirs: Vec<PathBuf>,
    /// The file that names of sibling files derive from: the last one that was not found in a
    /// configuration folder.
    pub(super) main: Option<PathBuf>,
    search: Vec<PathBuf>,
}

impl ConfigFiles {
    /// Whether no configuration file was found anywhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The file that `name` in an option means: an absolute name stands for itself, any other is
    /// looked up in the configuration folders, next to the configuration files (last read first)
    /// and in the search folders. `None` if it is nowhere.
    #[must_use]
    pub fn find(&self, name: impl AsRef<Path>) -> Option<PathBuf> {
        let beside = self.files.iter().rev().filter_map(|file| file.parent());
        self.dirs
            .iter()
            .map(PathBuf::as_path)
            .chain(beside)
            .chain(self.search.iter().map(PathBuf::as_path))
            // `join` gives an absolute name back as it is.
            .map(|folder| folder.join(name.as_ref()))
            .find(|path| path.exists())
    }

    fn add_file(&mut self, path: &Path, layers: &mut Layers) -> Result<(), ConfigError> {
        layers.read(path)?;
        self.files.push(path.to_owned());
        Ok(())
    }

    fn add_dir(&mut self, dir: &Path, layers: &mut Layers) -> Result<(), ConfigError> {
        for file in conf_files(dir)? {
            self.add_file(&file, layers)?;
        }
        self.dirs.push(dir.to_owned());
        Ok(())
    }
}

/// Reads every file that counts, and the environment.
///
/// Each of `--config-file` and `--config-dir` replaces its own kind of default: with a file named,
/// the default folders are still read, before it.
///
/// # Errors
///
/// [`ConfigError`] for a file that was asked for and cannot be read, and for any syntax error.
pub(super) fn read(sources: &[Source], around: &Surroundings) -> Result<(Layers, ConfigFiles), ConfigError> {
    let mut layers = Layers::default();
    let mut files = ConfigFiles { search: around.search(), ..ConfigFiles::default() };
    if !sources.iter().any(|source| matches!(source, Source::File(_))) {
        for file in default_files(around, &files.search) {
            files.add_file(&file, &mut layers)?;
            files.main = Some(file);
        }
    }
    if !sources.iter().any(|source| matches!(source, Source::Dir(_))) {
        for dir in default_dirs(&files.search) {
            files.add_dir(&dir, &mut layers)?;
        }
    }
    for source in sources {
        match source {
            Source::File(path) => {
                files.add_file(path, &mut layers)?;
                files.main = Some(path.clone());
            }
            Source::Dir(path) => files.add_dir(path, &mut layers)?,
        }
    }
    layers.environment = environment(around);
    Ok((layers, files))
}

/// The files that are read when the command line names none.
///
/// With `OS_GLANCE_CONFIG_DIR` these are the two of Glance's WSGI application, and
/// `glance-api.conf` must exist. Otherwise `glance.conf` and `glance-api.conf` are searched for,
/// and the import configuration counts when it lies beside the latter.
fn default_files(around: &Surroundings, search: &[PathBuf]) -> Vec<PathBuf> {
    let import = |api: &Path| Some(api.with_file_name("glance-image-import.conf"));
    if let Some(dir) = around.variable("OS_GLANCE_CONFIG_DIR") {
        let api = Path::new(dir.trim()).join("glance-api.conf");
        let import = import(&api).filter(|path| path.exists());
        return import.into_iter().chain([api]).collect();
    }
    let first = |name: &str| search.iter().map(|dir| dir.join(name)).find(|path| path.is_file());
    let api = first("glance-api.conf");
    let import = api.as_deref().and_then(import).filter(|path| path.exists());
    first("glance.conf").into_iter().chain(import).chain(api).collect()
}

fn default_dirs(search: &[PathBuf]) -> Vec<PathBuf> {
    ["glance.conf.d", "glance-api.conf.d"]
        .into_iter()
        .filter_map(|name| search.iter().map(|dir| dir.join(name)).find(|path| path.is_dir()))
        .collect()
}

/// The `*.conf` files of `dir` in name order; hidden ones do not count.
fn conf_files(dir: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: dir.to_owned(), source };
    let mut found = Vec::new();
    for entry in dir.read_dir().map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".conf") && !name.starts_with('.') {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Values from variables called `OS_<SECTION>__<OPTION>`.
fn environment(around: &Surroundings) -> Vec<Setting> {
    around
        .variables
        .iter()
        .filter_map(|(variable, value)| {
            let (section, option) = variable.strip_prefix("OS_")?.split_once("__")?;
            let section = if section == "DEFAULT" { section.to_owned() } else { section_name(section) };
            Some(Setting {
                section,
                name: option_name(&option.to_lowercase()),
                value: value.clone(),
                origin: Origin::Environment(variable.clone()),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
