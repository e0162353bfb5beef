//! What a put that did not come to its end has in a bucket, and how it goes again.

use std::sync::Arc;

use glance_core::image::ImageId;
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt};

use super::bucket::{Bucket, Found, Mark};
use super::error;
use super::parts::Parts;
use crate::data::unfinished::Unfinished;

/// What one put has made, or may have.
pub(super) struct Leftover {
    pub(super) bucket: Arc<Bucket>,
    pub(super) id: ImageId,
    pub(super) path: Path,
    pub(super) mark: Mark,
    pub(super) parts: Option<Parts>,
    pub(super) object: Object,
    /// Whether there may be parts that this put has no name of: of an attempt at beginning an upload whose answer was lost.
    pub(super) strays: bool,
}

/// Whether there is an object of the put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Object {
    Absent,
    /// The backend was asked for it: it may be there, or be there soon.
    Asked,
    Made,
}

impl Unfinished for Leftover {
    fn take(&mut self) -> Self {
        let empty = Self::new(&self.bucket, self.id, self.path.clone());
        std::mem::replace(self, empty)
    }

    async fn take_back(&mut self) -> bool {
        let aborted = self.abort().await;
        aborted && (self.object == Object::Absent || self.remove_object().await) && !self.strays
    }
}

impl Leftover {
    /// Nothing, so far.
    pub(super) fn new(bucket: &Arc<Bucket>, id: ImageId, path: Path) -> Self {
        let bucket = Arc::clone(bucket);
        Self { bucket, id, path, mark: Mark::default(), parts: None, object: Object::Absent, strays: false }
    }

    /// Whether all of the data is there as an object, although no answer said so. Parts that became none are removed:
    /// after that, none comes of them any more.
    pub(super) async fn came_about(&mut self) -> bool {
        self.abort().await;
        if self.object == Object::Asked && self.found().await == Some(Found::Own) {
            self.object = Object::Made;
        }
        self.object == Object::Made
    }

    async fn abort(&mut self) -> bool {
        let Some(parts) = &mut self.parts else { return true };
        // Where removing parts makes an object in between, one whose removal is broken off does not look like this
        // put's: whoever goes on with it finds no parts, and must not say that nothing is left.
        let strays = self.strays;
        self.strays |= self.bucket.parts_count;
        let aborted = parts.abort().await && self.bucket.aborted_parts_are_gone(&self.path).await;
        if aborted {
            (self.parts, self.strays) = (None, strays);
        }
        aborted
    }

    /// Removes the object if it is this put's, and says whether there is none of it, now and later.
    async fn remove_object(&mut self) -> bool {
        match self.found().await {
            Some(Found::Own) => match self.bucket.objects.delete(&self.path).await {
                // An attempt that nobody heard of may still make it once more.
                Ok(()) | Err(Error::NotFound { .. }) => !self.mark.witness.is_unsure(),
                Err(cause) => {
                    let error = error::of(self.bucket.kind, "removing an object", cause);
                    tracing::warn!(%error, "an object that came to nothing is still there");
                    false
                }
            },
            Some(Found::Nothing) => !self.mark.witness.is_unsure(),
            Some(Found::Other) => true,
            Some(Found::Nameless) | None => false,
        }
    }

    /// What lies under the name; `None` if the backend does not say.
    async fn found(&mut self) -> Option<Found> {
        let found = self.bucket.look(&self.path, &self.mark).await;
        match found {
            Ok(found) => Some(found),
            Err(cause) => {
                let error = error::of(self.bucket.kind, "looking at an object", cause);
                tracing::warn!(%error, "nobody knows what an upload left");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use async_trait::async_trait;
    use futures::FutureExt;
    use glance_core::store::StoreError;
    use object_store::memory::InMemory;

    use super::*;
    use crate::data::object::Leftovers;

    /// Parts whose removal never ends the first time.
    #[derive(Default)]
    struct BrokenOff(AtomicBool);

    #[async_trait]
    impl Leftovers for BrokenOff {
        async fn remove(&self, _: &Path) -> Result<(), StoreError> {
            if self.0.swap(true, Ordering::Relaxed) { Ok(()) } else { futures::future::pending().await }
        }
    }

    #[tokio::test]
    async fn parts_whose_removal_was_broken_off_may_be_there_still() {
        let (objects, id, path) = (Arc::new(InMemory::new()), ImageId::random(), Path::from("image"));
        let bucket = Arc::new(Bucket {
            kind: "test",
            objects: objects.clone(),
            leftovers: Some(Arc::new(BrokenOff::default())),
            marks: true,
            parts_count: true,
            claims: Arc::default(),
        });
        let left = async || {
            let mut left = Leftover::new(&bucket, id, path.clone());
            left.parts = Some(Parts::new(&bucket, objects.put_multipart(&path).await.unwrap()));
            left
        };
        let mut broken_off = left().await;
        assert!(broken_off.take_back().now_or_never().is_none());
        assert!(!broken_off.take_back().await);
        assert!(left().await.take_back().await);
    }
}
