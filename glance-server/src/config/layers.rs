//! Everything that was written anywhere, unread yet, ordered by who overrides whom.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::ConfigError;
use super::finding::Origin;
use super::ini::{self, Document};

/// The largest configuration file that is read, in bytes. Glance's own sample has 130 KiB.
const MAX_FILE: u64 = 4 << 20;

/// One value, as it was written.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// The section, as [`section_name`] gives it.
    pub(super) section: String,
    /// The option, with underscores.
    pub(super) name: String,
    pub(super) value: String,
    pub(super) origin: Origin,
}

/// All values, from the command line down to the first file.
#[derive(Debug, Default)]
pub(super) struct Layers {
    /// Beats everything else.
    pub(super) command_line: Vec<Setting>,
    /// Beats files.
    pub(super) environment: Vec<Setting>,
    /// In the order they were read; a later file beats an earlier one.
    pub(super) files: Vec<Layer>,
}

/// What one file holds.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) settings: Vec<Setting>,
    /// Section headers as written, with their places.
    pub(super) headers: Vec<(String, Origin)>,
}

/// The name `oslo.config` looks a section up by: `DEFAULT` as it is, any other in lower case.
pub(super) fn section_name(written: &str) -> String {
    if written == "DEFAULT" { written.to_owned() } else { written.to_lowercase() }
}

/// The name an option is looked up by.
pub(super) fn option_name(written: &str) -> String {
    written.replace('-', "_")
}

impl Layers {
    /// The value that counts for the first of `names` (section, option) that has one.
    ///
    /// Old and new names compete by file: an old name in a later file beats the new name in an
    /// earlier one.
    pub(super) fn find(&self, names: &[(&str, &str)]) -> Option<&Setting> {
        self.in_order().find_map(|settings| names.iter().find_map(|name| last(settings, *name)))
    }

    /// Every value given for `names`, for an option whose line may repeat.
    ///
    /// The command line or the environment replaces what files hold.
    pub(super) fn find_all(&self, names: &[(&str, &str)]) -> Vec<&Setting> {
        for layer in [&self.command_line, &self.environment] {
            let found = all(layer, names);
            if !found.is_empty() {
                return found;
            }
        }
        self.files.iter().flat_map(|layer| all(&layer.settings, names)).collect()
    }

    fn in_order(&self) -> impl Iterator<Item = &[Setting]> {
        [&self.command_line, &self.environment]
            .into_iter()
            .chain(self.files.iter().rev().map(|layer| &layer.settings))
            .map(Vec::as_slice)
    }

    /// Every section that any file names, once, as [`section_name`] gives it.
    pub(super) fn section_names(&self) -> Vec<String> {
        let mut names: Vec<_> =
            self.files.iter().flat_map(|layer| layer.headers.iter().map(|(name, _)| section_name(name))).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Reads `path` on top of what is there.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Unreadable`], [`ConfigError::TooLarge`], [`ConfigError::Syntax`].
    pub(super) fn read(&mut self, path: &Path) -> Result<(), ConfigError> {
        let document = document(path)?;
        self.files.push(layer(path, document));
        Ok(())
    }
}

fn last<'a>(settings: &'a [Setting], (section, option): (&str, &str)) -> Option<&'a Setting> {
    settings.iter().rfind(|setting| setting.section == section && setting.name == option)
}

fn all<'a>(settings: &'a [Setting], names: &[(&str, &str)]) -> Vec<&'a Setting> {
    settings.iter().filter(|setting| names.contains(&(&setting.section, &setting.name))).collect()
}

/// The contents of the INI file at `path`.
pub(super) fn document(path: &Path) -> Result<Document, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(unreadable)?.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(ConfigError::TooLarge { path: path.to_owned(), limit: MAX_FILE });
    }
    ini::parse(&bytes).map_err(|source| ConfigError::Syntax { path: path.to_owned(), source })
}

fn layer(path: &Path, document: Document) -> Layer {
    let path: Arc<PathBuf> = Arc::new(path.to_owned());
    let at = |line| Origin::File { path: Arc::clone(&path), line };
    Layer {
        settings: document
            .assignments
            .into_iter()
            .map(|assignment| Setting {
                section: section_name(&assignment.section),
                name: option_name(&assignment.key),
                value: assignment.value,
                origin: at(assignment.line),
            })
            .collect(),
        headers: document.sections.into_iter().map(|(name, line)| (name, at(line))).collect(),
    }
}
