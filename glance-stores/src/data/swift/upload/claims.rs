//! Who is writing or removing the data of which image.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use glance_core::image::ImageId;
use tokio::sync::{Mutex as Claim, OwnedMutexGuard};

/// Entries nobody holds are looked for when there are more than this.
const KEPT: usize = 64;

/// The images being worked on by this process. The database keeps other processes away.
#[derive(Debug, Default)]
pub(in crate::data::swift) struct Claims(Mutex<HashMap<ImageId, Weak<Claim<()>>>>);

impl Claims {
    /// Waits until nobody else works on the image.
    pub(in crate::data::swift) async fn take(&self, id: ImageId) -> OwnedMutexGuard<()> {
        self.of(id).lock_owned().await
    }

    fn of(&self, id: ImageId) -> Arc<Claim<()>> {
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(claim) = claims.get(&id).and_then(Weak::upgrade) {
            return claim;
        }
        if claims.len() > KEPT {
            claims.retain(|_, claim| claim.strong_count() > 0);
        }
        let claim = Arc::default();
        claims.insert(id, Arc::downgrade(&claim));
        claim
    }
}
