//! Options of a `file` store.

use std::path::{Path, PathBuf};

use super::glance_rs::absolute;
use crate::config::resolve::Resolved;

/// How a store of files is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStoreSettings {
    /// `filesystem_store_datadir` or `filesystem_store_datadirs`: at least one folder, no folder
    /// twice.
    pub datadirs: Vec<Datadir>,
    /// `filesystem_store_metadata_file`: JSON that says under which mount point others see a
    /// folder.
    pub metadata_file: Option<PathBuf>,
    /// `filesystem_store_file_perm`: the mode of image files; `None` (0): what the umask leaves.
    pub file_perm: Option<u32>,
    /// `filesystem_store_chunk_size`: bytes read or written at once (65536).
    pub chunk_size: usize,
    /// `filesystem_thin_provisioning`: whether blocks of zeros become holes (false).
    pub thin_provisioning: bool,
}

/// A folder of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datadir {
    /// The folder.
    pub path: PathBuf,
    /// Folders of the highest priority are filled first (0).
    pub priority: u32,
}

/// The owner must be able to read what was stored.
const OWNER_READ: u32 = 0o400;

impl FileStoreSettings {
    /// One folder, everything else as it is by default.
    pub(super) fn plain(path: PathBuf) -> Self {
        Self {
            datadirs: vec![Datadir { path, priority: 0 }],
            metadata_file: None,
            file_perm: None,
            chunk_size: 65_536,
            thin_provisioning: false,
        }
    }

    /// The store that `section` sets up; `unset` is its folder when no option names one.
    pub(super) fn from(options: &Resolved, section: &str, unset: Option<PathBuf>) -> Self {
        Self {
            datadirs: datadirs(options, section, unset),
            metadata_file: options.text(section, "filesystem_store_metadata_file").map(PathBuf::from),
            file_perm: file_perm(options, section),
            chunk_size: options.int(section, "filesystem_store_chunk_size").unwrap_or_default(),
            thin_provisioning: options.flag(section, "filesystem_thin_provisioning"),
        }
    }
}

/// One of the stores that the server keeps for itself, in `/var/lib/glance/<id>` unless its
/// section or the data folder says otherwise.
pub(super) fn reserved(options: &Resolved, id: &str, data_dir: Option<&Path>) -> FileStoreSettings {
    let short = id.trim_start_matches("os_glance_").trim_end_matches("_store");
    let unset = match data_dir {
        Some(dir) => dir.join(short),
        None => Path::new("/var/lib/glance").join(id),
    };
    FileStoreSettings::from(options, id, Some(unset))
}

fn datadirs(options: &Resolved, section: &str, unset: Option<PathBuf>) -> Vec<Datadir> {
    const ONE: &str = "filesystem_store_datadir";
    const SEVERAL: &str = "filesystem_store_datadirs";
    let lines: Vec<_> = options.list(section, SEVERAL).into_iter().filter(|line| !line.trim().is_empty()).collect();
    let one = options.text(section, ONE).map(PathBuf::from);
    let chosen = one.filter(|_| options.is_set(section, ONE));
    if lines.is_empty() {
        let unset = unset.filter(|_| !options.is_set(section, ONE));
        let path = unset.or_else(|| options.text(section, ONE).map(PathBuf::from));
        if path.is_none() {
            options.refuse(section, ONE, "must not be empty while filesystem_store_datadirs is");
        }
        return vec![Datadir { path: path.map(absolute).unwrap_or_default(), priority: 0 }];
    }
    if chosen.is_some() {
        options.refuse(section, SEVERAL, "and filesystem_store_datadir exclude each other");
    }
    several(&lines).unwrap_or_else(|must| {
        options.refuse(section, SEVERAL, must);
        Vec::new()
    })
}

/// Reads `<folder>[:<priority>]` from each line.
fn several(lines: &[String]) -> Result<Vec<Datadir>, String> {
    let mut datadirs: Vec<Datadir> = Vec::new();
    for line in lines {
        let (path, priority) = match line.rsplit_once(':') {
            Some((path, priority)) => (path.trim(), priority.trim().parse().ok()),
            None => (line.trim(), Some(0)),
        };
        let (Some(priority), false) = (priority, path.is_empty()) else {
            return Err("must be <folder> or <folder>:<priority> on each line".to_owned());
        };
        let path = absolute(PathBuf::from(path));
        match datadirs.iter().find(|known| known.path == path) {
            Some(known) if known.priority == priority => {}
            Some(_) => {
                return Err(format!("gives {} two priorities", path.display()));
            }
            None => datadirs.push(Datadir { path, priority }),
        }
    }
    Ok(datadirs)
}

/// The mode that the digits of the option spell in octal.
fn file_perm(options: &Resolved, section: &str) -> Option<u32> {
    const OPTION: &str = "filesystem_store_file_perm";
    let digits: i64 = options.int(section, OPTION)?;
    if digits <= 0 {
        return None;
    }
    let mode = u32::from_str_radix(&digits.to_string(), 8);
    let mode = mode.ok().filter(|mode| *mode <= 0o7777);
    match mode {
        None => options.refuse(section, OPTION, "must be an octal mode such as 640"),
        Some(mode) if mode & OWNER_READ == 0 => {
            options.refuse(section, OPTION, "must let the owner read");
        }
        Some(_) => {}
    }
    mode
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::StoreKind;
    use crate::config::testing::{problems, settings};

    fn read(lines: &[&str]) -> Result<Vec<(String, u32)>, String> {
        let lines: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
        several(&lines).map(|datadirs| {
            let pair = |d: Datadir| (d.path.display().to_string(), d.priority);
            datadirs.into_iter().map(pair).collect()
        })
    }

    #[test]
    fn folders_have_priorities() {
        assert_eq!(
            read(&["/a:200", "/b", " /c : 7 ", "/d:x:1"]),
            Ok(vec![("/a".into(), 200), ("/b".into(), 0), ("/c".into(), 7), ("/d:x".into(), 1)])
        );
        for bad in ["/a:", "/a:high", "/a:-1", ":5", ""] {
            assert!(read(&[bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_folder_counts_once_and_has_one_priority() {
        assert_eq!(read(&["/a:1", "/a:1"]), Ok(vec![("/a".into(), 1)]));
        assert!(read(&["/a:1", "/a:2"]).is_err());
    }

    fn store(text: &str) -> FileStoreSettings {
        match settings(text).stores.stores.remove(0).kind {
            StoreKind::File(file) => file,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_mode_is_written_in_octal_digits() {
        let mode = |digits: &str| format!("[glance_store]\nfilesystem_store_file_perm = {digits}");
        assert_eq!(store(&mode("640")).file_perm, Some(0o640));
        assert_eq!(store(&mode("0")).file_perm, None);
        assert_eq!(store(&mode("-1")).file_perm, None);
        for refused in ["240", "680", "99999", "0x1ff"] {
            assert_eq!(problems(&mode(refused)).len(), 1, "{refused}");
        }
    }

    #[test]
    fn one_folder_and_several_exclude_each_other() {
        let several = "filesystem_store_datadirs = /a:1\nfilesystem_store_datadirs = /b:2";
        let emptied = format!("[glance_store]\nfilesystem_store_datadir =\n{several}");
        let alone = format!("[glance_store]\n{several}");
        for text in [emptied, alone] {
            let paths: Vec<_> = store(&text).datadirs.into_iter().map(|dir| (dir.path, dir.priority)).collect();
            assert_eq!(paths, [("/a".into(), 1), ("/b".into(), 2)]);
        }
        assert_eq!(problems(&format!("[glance_store]\nfilesystem_store_datadir = /c\n{several}")).len(), 1);
        assert_eq!(problems("[glance_store]\nfilesystem_store_datadir =").len(), 1);
    }
}
