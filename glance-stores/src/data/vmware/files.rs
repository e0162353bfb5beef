//! What a put has in a datastore before it is the data of an image: a file of a name that no other put uses.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::location::DatastoreFile;
use super::soap::Object;
use super::vsphere::Vsphere;
use crate::data::unfinished::Unfinished;

/// The pause between two attempts to remove a file, or two looks at it.
const PAUSE: Duration = Duration::from_secs(1);
/// How often a file that is to be renamed is looked at.
const LOOKS: usize = 2;

/// The files of a put.
#[derive(Clone)]
pub(super) struct Files {
    pub(super) vsphere: Arc<Vsphere>,
    pub(super) unfinished: DatastoreFile,
    /// The one that the image is to have.
    pub(super) finished: DatastoreFile,
    pub(super) datacenter: Object,
    pub(super) stage: Stage,
}

/// How far a put has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The server may still make the unfinished file, or write to it.
    Writing,
    /// The server has done with the unfinished file.
    Written,
    /// The server was asked to rename it, and may or may not do so.
    Renaming,
    /// It has the image's name.
    Renamed,
}

impl Unfinished for Files {
    fn take(&mut self) -> Self {
        self.clone()
    }

    /// Goes on until it succeeds.
    async fn take_back(&mut self) -> bool {
        match self.stage {
            Stage::Writing => self.remove(&self.unfinished, 2).await.is_some(),
            Stage::Written => self.remove(&self.unfinished, 1).await.is_some(),
            Stage::Renamed => self.remove(&self.finished, 1).await.is_some(),
            Stage::Renaming => match self.remove(&self.unfinished, 1).await {
                Some(Removed::Now) => true,
                // Nobody else knows its name: it has the image's, or is about to get it.
                Some(Removed::Missing) => self.remove(&self.finished, 1).await == Some(Removed::Now),
                None => false,
            },
        }
    }
}

impl Files {
    /// Whether the file of `length` bytes has the image's name, although no answer said so.
    pub(super) async fn came_about(&self, length: u64) -> bool {
        for _ in 0..LOOKS {
            match self.vsphere.length(&self.unfinished).await {
                Ok(None) => return matches!(self.vsphere.length(&self.finished).await, Ok(Some(is)) if is == length),
                // The server may be about to do it.
                Ok(Some(_)) => sleep(PAUSE).await,
                Err(_) => return false,
            }
        }
        false
    }

    /// Removes a file, or finds it missing so many times; `None` if that is not allowed.
    async fn remove(&self, file: &DatastoreFile, times: u32) -> Option<Removed> {
        let mut missing = 0;
        loop {
            match self.vsphere.remove(file, Some(&self.datacenter)).await {
                Ok(()) => return Some(Removed::Now),
                Err(failure) if failure.is_fault("FileNotFound") => missing += 1,
                Err(failure) => {
                    tracing::warn!(error = %failure, "a file that came to nothing is still there");
                    if failure.is_fault("NoPermission") {
                        return None;
                    }
                }
            }
            if missing >= times {
                return Some(Removed::Missing);
            }
            sleep(PAUSE).await;
        }
    }
}

/// How a file came to be gone.
#[derive(Debug, PartialEq, Eq)]
enum Removed {
    Now,
    Missing,
}
