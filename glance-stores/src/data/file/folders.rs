//! The folders of a store: which of them takes new data, and what lies in them.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use glance_core::image::ImageId;
use glance_core::store::{BoxError, StoreError};
use rustix::fs::{Access, AtFlags, CWD};
use serde_json::Value;

use super::pending::{self, Claim, Pending};
use super::{FileStoreError, Folder, KIND, error};

/// Folders are for their owner and the owner's group, whatever the umask.
const FOLDER_MODE: u32 = 0o750;
/// How often a folder that cannot be written to is looked at again, at most.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// The folders of a store, highest priority first.
#[derive(Debug)]
pub(super) struct Folders {
    all: Vec<Opened>,
    asked_mode: Option<u32>,
    /// When folders that could not be written to were last looked at.
    looked: Mutex<Instant>,
    /// Held while data gets its name, where it could get it in two folders at once.
    naming: Mutex<()>,
}

#[derive(Debug)]
struct Opened {
    path: PathBuf,
    priority: i64,
    writable: AtomicBool,
}

impl Opened {
    fn is_writable(&self) -> bool {
        self.writable.load(Ordering::Relaxed)
    }
}

impl Folders {
    /// Creates folders that are missing and finds out which can be written to. Folders in use are
    /// opened up for those who are to read files of the mode `asked_mode`.
    pub(super) fn open(folders: Vec<Folder>, asked_mode: Option<u32>) -> Result<Self, FileStoreError> {
        let all = Self::named(folders)?;
        let folders = Self { all, asked_mode, looked: Mutex::new(Instant::now()), naming: Mutex::default() };
        for (folder, cause) in folders.prepare() {
            let folder = folder.display();
            tracing::warn!(%folder, error = %cause, "the folder cannot be written to: image data in it is only read");
        }
        Ok(folders)
    }

    /// Whether the folders can be those of one store, as far as their names tell.
    pub(super) fn check(folders: Vec<Folder>) -> Result<(), FileStoreError> {
        Self::named(folders).map(drop)
    }

    /// The folders in the order in which they are filled, none of them looked at.
    fn named(folders: Vec<Folder>) -> Result<Vec<Opened>, FileStoreError> {
        let mut all: Vec<Opened> = Vec::new();
        for Folder { path, priority } in folders {
            let path = absolute(path)?;
            match all.iter().find(|known| known.path == path) {
                Some(known) if known.priority != priority => return Err(FileStoreError::TwoPriorities(path)),
                Some(_) => tracing::warn!(folder = %path.display(), "the folder is configured twice"),
                None => all.push(Opened { path, priority, writable: AtomicBool::new(false) }),
            }
        }
        if all.is_empty() {
            return Err(FileStoreError::NoFolder);
        }
        all.sort_by_key(|folder| -i128::from(folder.priority));
        Ok(all)
    }

    /// Makes folders ready that are not, and gives back those that cannot be.
    fn prepare(&self) -> Vec<(&Path, io::Error)> {
        let missing = self.all.iter().filter(|folder| !folder.is_writable());
        let prepared = missing.filter_map(|folder| match prepare(&folder.path, self.asked_mode) {
            Ok(()) => {
                folder.writable.store(true, Ordering::Relaxed);
                None
            }
            Err(cause) => Some((folder.path.as_path(), cause)),
        });
        prepared.collect()
    }

    /// Looks once more at folders that could not be written to. Blocks.
    pub(super) fn look_again(&self) {
        let still = self.prepare().len();
        tracing::debug!(folders = still, "folders that still cannot be written to");
    }

    /// Whether some folder could not be written to, and nobody has looked at it for a while.
    pub(super) fn is_worth_another_look(&self) -> bool {
        if self.all.iter().all(Opened::is_writable) {
            return false;
        }
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let worth = looked.elapsed() >= BETWEEN_LOOKS;
        if worth {
            *looked = Instant::now();
        }
        worth
    }

    pub(super) fn any_writable(&self) -> bool {
        self.all.iter().any(Opened::is_writable)
    }

    /// Whether a path leads into one of the folders, without going up anywhere.
    pub(super) fn contain(&self, path: &Path) -> bool {
        !goes_up(path) && self.all.iter().any(|folder| path != folder.path && path.starts_with(&folder.path))
    }

    /// The folders for the list of stores: one text, or a list where there are several.
    pub(super) fn shown(&self) -> Value {
        match self.all.as_slice() {
            [folder] => folder.path.display().to_string().into(),
            several => several.iter().map(|folder| folder.path.display().to_string()).collect(),
        }
    }

    /// Creates a file for data of `size` bytes in the folder that suits it.
    pub(super) fn claim(&self, id: ImageId, size: Option<u64>) -> Result<(Claim, File), StoreError> {
        if self.find(id) {
            return Err(StoreError::Exists { store: KIND, id });
        }
        let doing = "creating a data file";
        let candidates = self.all.iter().filter(|folder| folder.is_writable()).filter_map(|folder| {
            let room = free(&folder.path).inspect_err(
                |cause| tracing::warn!(folder = %folder.path.display(), error = %cause, "a folder cannot be looked into"),
            );
            Some((folder, room.ok()?))
        });
        let candidates: Vec<_> = candidates.collect();
        if candidates.is_empty() {
            return Err(self.gone("none of the folders is there", doing));
        }
        let rooms: Vec<_> = candidates.iter().map(|(folder, room)| (folder.priority, *room)).collect();
        let chosen = choose(&rooms, size.unwrap_or(0)).ok_or(StoreError::Full { store: KIND })?;
        Claim::create(&candidates[chosen].0.path, id).map_err(|cause| error::writing(cause, doing))
    }

    /// `failed`, unless the folder that the path lies in is not there: then nothing is known of what it holds. A folder
    /// that is there and empty because nothing is mounted on it looks like any other. Blocks.
    pub(super) fn unless_gone(&self, path: &Path, failed: StoreError, doing: &'static str) -> StoreError {
        let gone = |folder: &&Opened| path.starts_with(&folder.path) && !folder.path.is_dir();
        match self.all.iter().find(gone) {
            Some(folder) if matches!(failed, StoreError::NotFound { .. }) => {
                self.gone(format!("the folder {} is not there", folder.path.display()), doing)
            }
            _ => failed,
        }
    }

    /// What is said where a folder is gone. Only without any is the store as a whole not to be reached: others go on
    /// taking and giving data. Blocks.
    fn gone(&self, cause: impl Into<BoxError>, doing: &'static str) -> StoreError {
        let source = cause.into();
        if self.all.iter().any(|folder| folder.path.is_dir()) {
            StoreError::Failed { store: KIND, doing, source }
        } else {
            StoreError::Unavailable { store: KIND, doing, source }
        }
    }

    /// Gives finished data its name, for good, unless the image has data already.
    pub(super) fn publish(&self, pending: &Pending) -> Result<(), StoreError> {
        let doing = "naming a data file";
        let exists = || StoreError::Exists { store: KIND, id: pending.id() };
        let naming = (self.all.len() > 1).then(|| self.naming.lock().unwrap_or_else(PoisonError::into_inner));
        if self.all.len() > 1 && self.find(pending.id()) {
            return Err(exists());
        }
        pending.publish().map_err(|cause| match cause.kind() {
            io::ErrorKind::AlreadyExists => exists(),
            _ => error::writing(cause, doing),
        })?;
        drop(naming);
        flush_folder_of(pending.target()).map_err(|cause| error::writing(cause, doing))
    }

    /// Removes finished and unfinished data of an image from all folders.
    pub(super) fn discard(&self, id: ImageId) -> Result<(), StoreError> {
        let doing = "discarding data files";
        let mut failed = None;
        for folder in &self.all {
            if let Err(cause) = discard(&folder.path, id) {
                failed.get_or_insert(match cause.kind() {
                    // What was never written to has none of the data.
                    io::ErrorKind::NotFound if !folder.is_writable() => continue,
                    io::ErrorKind::NotFound => self.gone(cause, doing),
                    _ => error::general(cause, doing),
                });
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Whether an image has data in any of the folders: a put may choose another than the last did.
    fn find(&self, id: ImageId) -> bool {
        self.all.iter().any(|folder| folder.path.join(id.as_str()).symlink_metadata().is_ok())
    }
}

/// Of folders with a priority and a number of free bytes, ordered by priority: the one that takes
/// data of `size` bytes, by the reference's rule: the first priority with enough room, and there
/// the folder with the most.
fn choose(folders: &[(i64, u64)], size: u64) -> Option<usize> {
    let (priority, _) = folders.iter().find(|(_, free)| *free >= size)?;
    let same = folders.iter().enumerate().filter(|(_, (of, _))| of == priority);
    // Of equals the first, as the operator listed them.
    same.rev().max_by_key(|(_, (_, free))| *free).map(|(index, _)| index)
}

/// Bytes a user without privileges may still write.
fn free(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn absolute(path: PathBuf) -> Result<PathBuf, FileStoreError> {
    if path.to_str().is_none() {
        return Err(FileStoreError::NotText(path));
    }
    if goes_up(&path) {
        return Err(FileStoreError::GoesUp(path));
    }
    let absolute = std::path::absolute(&path).map_err(|source| FileStoreError::Relative { path, source })?;
    // The same with single slashes, and none at the end.
    Ok(absolute.components().collect())
}

fn goes_up(path: &Path) -> bool {
    path.components().any(|part| part == Component::ParentDir)
}

/// Makes sure that there is a folder and that files can be created in it.
fn prepare(folder: &Path, asked_mode: Option<u32>) -> io::Result<()> {
    if folder.metadata().is_err() {
        create(folder)?;
    }
    rustix::fs::accessat(CWD, folder, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)?;
    let found = folder.metadata()?;
    if !found.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    // As the reference does: who may read the files has to get at them.
    let passable = asked_mode.map_or(0, |mode| u32::from(mode & 0o070 != 0) << 3 | u32::from(mode & 0o007 != 0));
    let mode = found.permissions().mode();
    if mode | passable != mode {
        fs::set_permissions(folder, Permissions::from_mode(mode | passable))?;
    }
    Ok(())
}

/// Creates a folder and those above it, durably.
fn create(folder: &Path) -> io::Result<()> {
    if let Some(parent) = folder.parent().filter(|parent| parent.metadata().is_err()) {
        create(parent)?;
    }
    match DirBuilder::new().mode(FOLDER_MODE).create(folder) {
        Ok(()) => fs::set_permissions(folder, Permissions::from_mode(FOLDER_MODE))?,
        // Another process that starts at the same time was faster.
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
        Err(cause) => return Err(cause),
    }
    flush_folder_of(folder)
}

/// Makes the coming or going of a file's name survive a power cut.
pub(super) fn flush_folder_of(path: &Path) -> io::Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    match File::open(folder)?.sync_all() {
        // Some file systems cannot, and have no need to.
        Err(cause) if cause.kind() == io::ErrorKind::InvalidInput => Ok(()),
        flushed => flushed,
    }
}

fn discard(folder: &Path, id: ImageId) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if name.to_str().is_some_and(|name| name == id.as_str() || pending::is_of(name, id)) {
            match fs::remove_file(folder.join(name)) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
                _ => {}
            }
        }
    }
    flush_folder_of(&folder.join(id.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_priority_with_room_takes_the_data_and_there_the_emptiest_folder() {
        let folders = [(200, 10), (200, 50), (200, 50), (100, 1000), (100, 2000), (0, u64::MAX)];
        for (size, expected) in
            [(0, Some(1)), (50, Some(1)), (51, Some(4)), (2000, Some(4)), (2001, Some(5)), (u64::MAX, Some(5))]
        {
            assert_eq!(choose(&folders, size), expected, "{size} bytes");
        }
        assert_eq!(choose(&folders[..5], 2001), None);
        assert_eq!(choose(&[(0, 0)], 0), Some(0));
        assert_eq!(choose(&[], 0), None);
    }
}
