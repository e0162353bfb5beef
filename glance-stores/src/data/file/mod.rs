//! Image data as files in folders, named by image id (`file://<folder>/<image id>`), as Python
//! Glance's filesystem driver keeps them.
//!
//! Data being written has a name of its own beside its final one, `.<image id>.<number>.part`,
//! that neither server takes for an image. It gets its final name when all of it is on the disk.
//!
//! An upload has two chunks in memory, a download three; a copy, and what the kernel sends by itself, has none.
//!
//! No system call that may wait for a disk is made on an async thread.

mod config;
mod copy;
mod error;
mod folders;
mod mounts;
mod pending;
mod read;
mod write;

pub use config::{FileStoreBuilder, FileStoreError, Folder, file_mode};

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracing::Span;

use async_trait::async_trait;
use futures::FutureExt;
use glance_core::image::ImageId;
use glance_core::location::Location;
use glance_core::store::{BoxError, ByteRange, ByteStream, Capabilities, Reading, Store, StoreError, Stored};
use rustix::fs::{Advice, Mode, OFlags};
use serde_json::{Map, Value};

use self::folders::Folders;
use self::mounts::Mounts;
use self::pending::Claim;
use self::write::Writer;
use super::intake::Intake;

const KIND: &str = "file";
/// The second is read but not written, like the reference does it.
const SCHEMES: [&str; 2] = ["file://", "filesystem://"];

/// A store of files in one or several folders.
///
/// Folders that cannot be written to when the store is opened are read from all the same, and
/// looked at again as long as the store is asked what it can do; a store without a writable folder
/// has no capability to write.
#[derive(Debug)]
pub struct FileStore {
    folders: Arc<Folders>,
    mounts: Mounts,
    file_mode: u32,
    chunk_size: usize,
    /// What clients are told of it: the option, not what this store makes of its absence.
    chunk_size_told: usize,
    thin: bool,
}

impl FileStore {
    /// Settings of a store in `folder`, which need not exist yet.
    pub fn builder(folder: impl Into<PathBuf>) -> FileStoreBuilder {
        FileStoreBuilder::new([Folder::new(folder)])
    }

    /// Settings of a store in several folders with priorities (`filesystem_store_datadirs`).
    pub fn in_folders(folders: impl IntoIterator<Item = Folder>) -> FileStoreBuilder {
        FileStoreBuilder::new(folders)
    }

    /// The file behind a location: an absolute path inside one of the folders, without `..`.
    ///
    /// The reference opens whatever path a location names. Only administrators can make it name a
    /// foreign one, but a store has no business outside its folders. Links that lead out of them
    /// are followed: whoever can place them there could place the data as well.
    fn path(&self, at: &Location) -> Result<PathBuf, StoreError> {
        let path = path_of(at).filter(|path| self.folders.contain(path));
        path.ok_or_else(|| StoreError::BadLocation { store: KIND, location: at.clone() })
    }

    /// Has folders looked at that could not be written to: what was not mounted may be by now. Does
    /// not wait for it; whoever asks next will know.
    fn look_again(&self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.folders.is_worth_another_look() {
            let folders = Arc::clone(&self.folders);
            let span = Span::current();
            runtime.spawn_blocking(move || span.in_scope(|| folders.look_again()));
        }
    }

    /// Has a new file filled and named, and says where it is. Whatever goes wrong, nothing is left.
    async fn create<Filled: Future<Output = Result<Writer, StoreError>> + Send>(
        &self,
        id: ImageId,
        size: Option<u64>,
        with_data: impl FnOnce(File) -> Filled + Send,
    ) -> Result<Stored, StoreError> {
        let folders = Arc::clone(&self.folders);
        let (claim, file) = blocking("creating a data file", move || folders.claim(id, size)).await?;
        let filled = async { self.publish(&claim, with_data(file).await?).await };
        match filled.await {
            Ok(size) => {
                let path = claim.keep();
                let metadata = self.mounts.metadata_of(&path);
                Ok(Stored { location: Location::new(format!("{}{}", SCHEMES[0], path.display())), size, metadata })
            }
            Err(error) => {
                // The error at hand says more than one from the clean-up would.
                let span = Span::current();
                let _ = tokio::task::spawn_blocking(move || span.in_scope(|| drop(claim))).await;
                Err(error)
            }
        }
    }

    /// Gives a file that has all its data its name.
    async fn publish(&self, claim: &Claim, writer: Writer) -> Result<u64, StoreError> {
        let (pending, folders, mode) = (claim.pending(), Arc::clone(&self.folders), self.file_mode);
        let size = writer.end();
        blocking("finishing a data file", move || {
            writer.finish(mode).map_err(|cause| error::writing(cause, "flushing a data file"))?;
            folders.publish(&pending)
        })
        .await?;
        Ok(size)
    }
}

#[async_trait]
impl Store for FileStore {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        self.look_again();
        Capabilities { write: self.folders.any_writable(), delete: true }
    }

    fn holds(&self, at: &Location) -> bool {
        self.path(at).is_ok()
    }

    async fn put(&self, id: ImageId, size: Option<u64>, data: ByteStream) -> Result<Stored, StoreError> {
        if !self.folders.any_writable() {
            return Err(StoreError::Unsupported { store: KIND, operation: "writing" });
        }
        let (thin, batch, data) = (self.thin, self.chunk_size, Intake::new(KIND, data, size));
        self.create(id, size, |file| write::pump(Writer::new(file, thin), data, batch)).await
    }

    async fn get(&self, at: &Location, range: ByteRange) -> Result<Reading, StoreError> {
        let (path, location, folders) = (self.path(at)?, at.clone(), Arc::clone(&self.folders));
        let doing = "opening a data file";
        let opened = move || open(&path, &location).map_err(|failed| folders.unless_gone(&path, failed, doing));
        let (file, size) = blocking(doing, opened).await?;
        let range = range.within(size).ok_or(StoreError::OutOfRange { store: KIND, size })?;
        let file = Arc::new(file);
        let stream = read::stream(Arc::clone(&file), range.clone(), self.chunk_size);
        Ok(Reading { size, range, stream, file: Some(file) })
    }

    async fn size(&self, at: &Location) -> Result<u64, StoreError> {
        let (path, location, folders) = (self.path(at)?, at.clone(), Arc::clone(&self.folders));
        let doing = "looking at a data file";
        blocking(doing, move || {
            let failed = |cause| folders.unless_gone(&path, error::reading(cause, &location, doing), doing);
            let found = path.metadata().map_err(failed)?;
            if found.is_file() { Ok(found.len()) } else { Err(StoreError::NotFound { store: KIND, location }) }
        })
        .await
    }

    async fn delete(&self, at: &Location) -> Result<(), StoreError> {
        let (path, location, folders) = (self.path(at)?, at.clone(), Arc::clone(&self.folders));
        let doing = "deleting a data file";
        blocking(doing, move || {
            let deleted = std::fs::remove_file(&path).and_then(|()| folders::flush_folder_of(&path));
            deleted.map_err(|cause| folders.unless_gone(&path, error::reading(cause, &location, doing), doing))
        })
        .await
    }

    fn system(&self) -> Option<String> {
        Some("the file systems of this machine".to_owned())
    }

    async fn copy(&self, id: ImageId, from: &Location, size: u64) -> Result<Stored, StoreError> {
        if !self.folders.any_writable() {
            return Err(StoreError::Unsupported { store: KIND, operation: "writing" });
        }
        let path = path_of(from).ok_or_else(|| StoreError::BadLocation { store: KIND, location: from.clone() })?;
        let location = from.clone();
        let (source, found) = blocking("opening a data file", move || open(&path, &location)).await?;
        if found != size {
            return Err(copy::other_length(size, found));
        }
        self.create(id, Some(size), |target| copy::copy(source, target, size)).await
    }

    async fn discard(&self, id: ImageId) -> Result<(), StoreError> {
        let folders = Arc::clone(&self.folders);
        blocking("discarding data files", move || folders.discard(id)).await
    }

    fn details(&self) -> Map<String, Value> {
        let mut details = Map::new();
        details.insert("data_dir".into(), self.folders.shown());
        details.insert("chunk_size".into(), self.chunk_size_told.into());
        details.insert("thin_provisioning".into(), self.thin.into());
        details
    }
}

/// The path a location of this kind names, in whatever folder.
fn path_of(at: &Location) -> Option<PathBuf> {
    SCHEMES.iter().find_map(|scheme| at.expose().strip_prefix(scheme)).map(PathBuf::from)
}

/// Opens a file for reading, and its length in bytes.
fn open(path: &Path, at: &Location) -> Result<(File, u64), StoreError> {
    let doing = "opening a data file";
    let failed = |cause| error::reading(cause, at, doing);
    // Without NONBLOCK, opening a pipe somebody left in the folder would wait for its writer.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty()).map_err(|cause| failed(cause.into()))?);
    let found = file.metadata().map_err(failed)?;
    if !found.is_file() {
        return Err(StoreError::NotFound { store: KIND, location: at.clone() });
    }
    // A hint: most images are read from start to end, and some file systems know no hints.
    let _ = rustix::fs::fadvise(&file, 0, None, Advice::Sequential);
    Ok((file, found.len()))
}

/// Runs system calls off the async threads. They begin at once, not when they are waited for.
fn blocking<T: Send + 'static>(
    doing: &'static str,
    calls: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> impl Future<Output = Result<T, StoreError>> + Send + 'static {
    let span = Span::current();
    let done = tokio::task::spawn_blocking(move || span.in_scope(calls));
    done.map(move |done| {
        done.unwrap_or_else(|cause| Err(StoreError::Failed { store: KIND, doing, source: BoxError::from(cause) }))
    })
}

#[cfg(test)]
mod tests;
