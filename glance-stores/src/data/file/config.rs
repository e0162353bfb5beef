//! The settings of a [`FileStore`], by the names of the Python configuration.

use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use serde_json::Value;

use super::FileStore;
use super::folders::Folders;
use super::mounts::Mounts;

/// Bytes handed to another thread at once, unless configured. More saves nothing and takes more memory for each upload.
const CHUNK_SIZE: usize = 512 * 1024;
/// The option's default, which is told where nothing is configured.
const CHUNK_SIZE_TOLD: usize = 64 * 1024;
/// Below it, handing over costs more than the bytes are worth.
const SMALLEST_CHUNK: usize = 4096;
/// Two chunks of each upload and three of each download are in memory at once.
const LARGEST_CHUNK: usize = 16 * 1024 * 1024;
/// Data is for its owner and, where an operator wants to share it, the owner's group.
const FILE_MODE: u32 = 0o640;

/// Settings of a [`FileStore`] to be opened.
///
/// `filesystem_store_timeout`, `…_thread_pool_size` and `…_threadpool_threshold` of the Python
/// configuration have no counterpart: system calls run on the runtime's blocking threads.
#[derive(Debug)]
pub struct FileStoreBuilder {
    folders: Vec<Folder>,
    metadata: Option<Value>,
    file_mode: Option<u32>,
    chunk_size: Option<usize>,
    thin: bool,
}

impl FileStoreBuilder {
    pub(super) fn new(folders: impl IntoIterator<Item = Folder>) -> Self {
        let folders = folders.into_iter().collect();
        Self { folders, metadata: None, file_mode: None, chunk_size: None, thin: false }
    }

    /// The content of `filesystem_store_metadata_file`: `{"id": …, "mountpoint": …}` or a list of
    /// these. The entry whose mount point the data lies under becomes the metadata of its location.
    #[must_use]
    pub fn metadata(self, content: Value) -> Self {
        Self { metadata: Some(content), ..self }
    }

    /// `filesystem_store_file_perm`: the permission bits of data files, such as `0o640`, the
    /// default. See [`file_mode`] for the option's own form. Folders become passable for
    /// those who may read the files.
    #[must_use]
    pub fn file_perm(self, mode: u32) -> Self {
        Self { file_mode: Some(mode), ..self }
    }

    /// `filesystem_store_chunk_size`: bytes of a chunk that is read, and bytes handed to a writing
    /// thread at once; 512 KiB by default. What is out of the bounds 4 KiB and 16 MiB means the bound.
    #[must_use]
    pub fn chunk_size(self, bytes: usize) -> Self {
        Self { chunk_size: Some(bytes.clamp(SMALLEST_CHUNK, LARGEST_CHUNK)), ..self }
    }

    /// `filesystem_thin_provisioning`: whether runs of zeros become holes, which occupy nothing.
    /// Off by default.
    #[must_use]
    pub fn thin_provisioning(self, thin: bool) -> Self {
        Self { thin, ..self }
    }

    /// Opens the store and creates folders that are missing. Blocks, for as long as a few calls to
    /// the file system take.
    ///
    /// # Errors
    ///
    /// [`FileStoreError`] if the settings contradict each other or themselves. Not if a folder
    /// cannot be used: that is a warning in the log, and a store that does not write.
    pub fn open(self) -> Result<FileStore, FileStoreError> {
        let file_mode = self.checked_mode()?;
        let mounts = self.metadata.map(Mounts::parse).transpose()?.unwrap_or_default();
        let folders = Folders::open(self.folders, self.file_mode)?;
        Ok(FileStore {
            folders: Arc::new(folders),
            mounts,
            file_mode,
            chunk_size: self.chunk_size.unwrap_or(CHUNK_SIZE),
            chunk_size_told: self.chunk_size.unwrap_or(CHUNK_SIZE_TOLD),
            thin: self.thin,
        })
    }

    /// Whether [`open`](Self::open) finds fault with the settings. No folder is made or looked into.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn check(self) -> Result<(), FileStoreError> {
        self.checked_mode()?;
        self.metadata.map(Mounts::parse).transpose()?;
        Folders::check(self.folders)
    }

    fn checked_mode(&self) -> Result<u32, FileStoreError> {
        let file_mode = self.file_mode.unwrap_or(FILE_MODE);
        if file_mode & 0o400 == 0 || file_mode & !0o777 != 0 {
            return Err(FileStoreError::Permission);
        }
        Ok(file_mode)
    }
}

/// A folder image data is written to (`filesystem_store_datadirs`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Where it is; a relative path means one below the working directory at the time the store is
    /// opened.
    pub path: PathBuf,
    /// Folders of a higher priority are filled first.
    pub priority: i64,
}

impl Folder {
    /// A folder of priority 0.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), priority: 0 }
    }
}

/// The option's form: `<path>[:<priority>]`.
impl FromStr for Folder {
    type Err = FileStoreError;

    fn from_str(text: &str) -> Result<Self, FileStoreError> {
        let (path, priority) = text.rsplit_once(':').map_or((text, None), |(path, rest)| (path, Some(rest)));
        let priority = priority.map_or(Ok(0), |priority| priority.trim().parse());
        match (path.trim(), priority) {
            ("", _) => Err(FileStoreError::NoFolder),
            (path, Ok(priority)) => Ok(Self { path: path.into(), priority }),
            (_, Err(_)) => Err(FileStoreError::Priority(text.to_owned())),
        }
    }
}

/// The permission bits `filesystem_store_file_perm` means: its decimal digits, read as octal ones;
/// `None`, to be left at the default, for 0 and less.
///
/// # Errors
///
/// [`FileStoreError::Permission`] if they are no octal digits, or the owner could not read.
pub fn file_mode(digits: i64) -> Result<Option<u32>, FileStoreError> {
    if digits <= 0 {
        return Ok(None);
    }
    match u32::from_str_radix(&digits.to_string(), 8) {
        Ok(mode) if mode & 0o400 != 0 && mode <= 0o777 => Ok(Some(mode)),
        _ => Err(FileStoreError::Permission),
    }
}

/// Why settings of a file store make no sense.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileStoreError {
    /// No folder was named.
    #[error("no folder to keep image data in: set filesystem_store_datadir or filesystem_store_datadirs")]
    NoFolder,
    /// One folder was named twice, with different priorities.
    #[error("{} has two priorities in filesystem_store_datadirs", .0.display())]
    TwoPriorities(PathBuf),
    /// What stands behind the colon is no number.
    #[error("filesystem_store_datadirs: {0:?} does not end in a whole number")]
    Priority(String),
    /// Locations are text, so folders have to be.
    #[error("{} is not UTF-8", .0.display())]
    NotText(PathBuf),
    /// A folder whose path goes up again could be meant for another one.
    #[error("{} contains `..`", .0.display())]
    GoesUp(PathBuf),
    /// The working directory, which a relative path starts from, is not known.
    #[error("cannot tell where {} is", path.display())]
    Relative {
        /// The path as configured.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The permission bits are none, or keep the owner from reading.
    #[error("filesystem_store_file_perm: not a file mode that lets the owner read, such as 640")]
    Permission,
    /// The content of the metadata file has another shape.
    #[error("filesystem_store_metadata_file: {0}")]
    Metadata(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_written_with_or_without_a_priority() {
        let folder = |path: &str, priority| Folder { path: path.into(), priority };
        for (text, expected) in [
            ("/srv/a", folder("/srv/a", 0)),
            ("/srv/a:200", folder("/srv/a", 200)),
            (" /srv/a : -1 ", folder("/srv/a", -1)),
            ("/srv/a:b:3", folder("/srv/a:b", 3)),
        ] {
            assert_eq!(text.parse::<Folder>().unwrap(), expected, "{text:?}");
        }
        for text in ["", ":", ":3", "/srv/a:", "/srv/a:high", "/srv/a:1.5"] {
            assert!(text.parse::<Folder>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn permission_digits_are_octal() {
        assert_eq!(file_mode(640).unwrap(), Some(0o640));
        assert_eq!(file_mode(0).unwrap(), None);
        assert_eq!(file_mode(-7).unwrap(), None);
        for digits in [40, 648, 1000, 4755, i64::MAX] {
            assert!(matches!(file_mode(digits), Err(FileStoreError::Permission)), "{digits}");
        }
    }

    #[test]
    fn settings_that_make_no_sense_are_refused() {
        let a = || Folder::new("/nowhere/a");
        let again = Folder { path: "/nowhere/a/".into(), priority: 1 };
        assert!(matches!(FileStore::in_folders([]).open(), Err(FileStoreError::NoFolder)));
        assert!(matches!(FileStore::in_folders([a(), again]).open(), Err(FileStoreError::TwoPriorities(_))));
        assert!(matches!(FileStore::builder("/nowhere/../a").open(), Err(FileStoreError::GoesUp(_))));
        assert!(matches!(FileStore::in_folders([a()]).file_perm(0o240).open(), Err(FileStoreError::Permission)));
        assert!(matches!(FileStore::in_folders([a()]).metadata(Value::Null).open(), Err(FileStoreError::Metadata(_))));
    }
}
