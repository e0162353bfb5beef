//! Files that may have come into being, and are to go again unless they are kept.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::OwnedMutexGuard;

use super::location::DatastoreFile;
use super::soap::Object;
use super::vsphere::Vsphere;

/// How long the caller of a failed put is kept waiting for the clean-up.
const CLEANING: Duration = Duration::from_secs(10);
/// The pauses between the attempts to clean up that nobody waits for, in seconds.
const PAUSES: [u64; 6] = [0, 1, 5, 15, 30, 60];

/// A file that may have come into being. Unless it is kept, it goes again, and until then whatever
/// lock it holds stays locked.
pub(super) struct Passing {
    vsphere: Arc<Vsphere>,
    pub(super) file: DatastoreFile,
    pub(super) datacenter: Object,
    naming: Option<OwnedMutexGuard<()>>,
    settled: bool,
    runtime: Handle,
}

impl Passing {
    pub(super) fn new(
        vsphere: &Arc<Vsphere>,
        file: DatastoreFile,
        datacenter: Object,
        naming: Option<OwnedMutexGuard<()>>,
    ) -> Self {
        let vsphere = Arc::clone(vsphere);
        Self { vsphere, file, datacenter, naming, settled: false, runtime: Handle::current() }
    }

    pub(super) fn keep(mut self) {
        self.settled = true;
    }

    /// Removes the file; what does not succeed soon goes on without the caller.
    pub(super) async fn remove(mut self) {
        let removal = self.vsphere.remove(&self.file, Some(&self.datacenter));
        self.settled = matches!(tokio::time::timeout(CLEANING, removal).await, Ok(Ok(())));
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let (vsphere, file) = (Arc::clone(&self.vsphere), self.file.clone());
        let (datacenter, naming) = (self.datacenter.clone(), self.naming.take());
        self.runtime.spawn(async move {
            take_back(&vsphere, &file, &datacenter).await;
            drop(naming);
        });
    }
}

/// Removes a file nobody waits for. The server may be about to make it, or still be writing to it.
async fn take_back(vsphere: &Vsphere, file: &DatastoreFile, datacenter: &Object) {
    let mut last = None;
    let mut missed = false;
    for pause in PAUSES {
        tokio::time::sleep(Duration::from_secs(pause)).await;
        match vsphere.remove(file, Some(datacenter)).await {
            Ok(()) => return,
            Err(failure) if failure.is_fault("FileNotFound") => {
                if missed {
                    return;
                }
                missed = true;
            }
            Err(failure) => last = Some(failure),
        }
    }
    if let Some(failure) = last {
        tracing::warn!(error = %failure, "a file that came to nothing stays behind");
    }
}
