//! Who may give the name of an image to data at the moment.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use glance_core::image::ImageId;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Ids are spread over so many locks.
const LOCKS: usize = 64;

/// Locks that are held while data of an image comes into being under its name, or goes again.
#[derive(Debug)]
pub(super) struct Naming([Arc<Mutex<()>>; LOCKS]);

impl Naming {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| Arc::default()))
    }

    /// Waits for whoever holds the lock of `id`, or of another that shares it.
    pub(super) async fn lock(&self, id: ImageId) -> OwnedMutexGuard<()> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(id);
        let slot = usize::try_from(hash % LOCKS as u64).unwrap_or_default();
        Arc::clone(&self.0[slot]).lock_owned().await
    }
}
