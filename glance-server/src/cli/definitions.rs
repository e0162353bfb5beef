//! Metadata definitions in files.

use std::collections::HashSet;
use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use glance_core::database::{MetadefRepo, RepoError};
use glance_core::metadefs::{Definition, LoadMode, Loaded, STARTER, load};
use jiff::Timestamp;
use serde_json::Value;

use super::manage::complain;

/// A file of a definition: the name that messages give it, and its content or why it has none.
pub(super) struct File {
    shown: String,
    content: io::Result<Vec<u8>>,
}

/// The definitions that come with the program.
pub(super) fn starter() -> Vec<File> {
    let file =
        |(name, content): &(&str, &str)| File { shown: (*name).to_owned(), content: Ok(content.as_bytes().into()) };
    STARTER.iter().map(file).collect()
}

/// The file at `path`, or all files `*.json` in the folder there.
pub(super) fn read_all(path: &Path) -> Vec<File> {
    let file = |path: PathBuf| File { shown: path.display().to_string(), content: fs::read(path) };
    files(path).into_iter().map(file).collect()
}

/// Loads the definitions in `files`, and says what became of each. What cannot be read is named and passed over.
///
/// # Errors
///
/// If the database fails.
pub(super) async fn load_all(
    database: &dyn MetadefRepo,
    files: Vec<File>,
    mode: LoadMode,
) -> Result<(), Box<dyn Error>> {
    for File { shown, content } in files {
        match definition(content) {
            Ok(definition) => match load(database, &definition, mode, Timestamp::now()).await {
                Ok(loaded) => complain(&format!("{shown}: namespace {} {}", definition.namespace.name, word(loaded))),
                Err(RepoError::Exists) => {
                    complain(&format!("{shown}: not loaded: somebody else recorded some of it first"));
                }
                Err(error) => return Err(error.into()),
            },
            Err(why) => complain(&format!("{shown}: not loaded: {why}")),
        }
    }
    Ok(())
}

/// The definitions in `files`.
///
/// # Errors
///
/// If there are none, or one cannot be read.
pub(super) fn parse_all(files: Vec<File>) -> Result<Vec<Definition>, Box<dyn Error>> {
    if files.is_empty() {
        return Err("there are no definitions".into());
    }
    let parse = |File { shown, content }| definition(content).map_err(|why| format!("{shown}: {why}").into());
    files.into_iter().map(parse).collect()
}

fn word(loaded: Loaded) -> &'static str {
    match loaded {
        Loaded::Created => "loaded",
        Loaded::Changed => "changed",
        Loaded::Skipped => "skipped, because it is there already",
    }
}

/// The files that `path` means, in the order of their names.
fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => {
            complain(&format!("{}: {error}", path.display()));
            return Vec::new();
        }
    };
    let is_definition =
        |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json") && path.is_file();
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_definition).collect();
    files.sort();
    if files.is_empty() {
        complain(&format!("{}: no files *.json here", path.display()));
    }
    files
}

fn definition(content: io::Result<Vec<u8>>) -> Result<Definition, Box<dyn Error>> {
    let content: Value = serde_json::from_slice(&content?)?;
    Ok(Definition::from_file(&content)?)
}

/// Writes each definition into a file of its own in `folder`, which is made if there is none. A file that has the name
/// is overwritten.
///
/// # Errors
///
/// If a file cannot be written.
pub(super) fn write_all(folder: &Path, definitions: &[Definition]) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder).map_err(|error| at(folder, &error))?;
    let mut taken = HashSet::new();
    for definition in definitions {
        let file = folder.join(free_name(&definition.file_name(), &mut taken));
        let mut text = serde_json::to_string_pretty(&definition.to_file())?;
        text.push('\n');
        fs::write(&file, text).map_err(|error| at(&file, &error))?;
        complain(&format!("{}: namespace {} exported", file.display(), definition.namespace.name));
    }
    Ok(())
}

/// Namespaces that people call the same get files of different names, also where case makes no difference.
fn free_name(name: &str, taken: &mut HashSet<String>) -> String {
    let mut free = name.to_owned();
    for number in 2.. {
        if taken.insert(free.to_lowercase()) {
            break;
        }
        free = format!("{name}-{number}");
    }
    free + ".json"
}

fn at(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}
