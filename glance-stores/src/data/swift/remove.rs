//! Removing objects, with their segments.

use futures::{TryStreamExt, stream};
use glance_core::store::StoreError;

use super::client::Swift;
use super::upload::prefix;

/// Objects being removed at the same time.
pub(super) const AT_ONCE: usize = 8;

impl Swift {
    /// Removes an object and what it is made of; says whether there was one. The object goes last,
    /// so that a removal which breaks off can be begun again.
    pub(super) async fn remove(&self, container: &str, object: &str) -> Result<bool, StoreError> {
        let Some(found) = self.head(container, object).await? else { return Ok(false) };
        if found.is_static {
            return self.delete_static(container, object).await.map(|()| true);
        }
        if let Some((segments, prefix)) = &found.manifest {
            // A manifest may name anything, all of a container too. Segments are called after their object.
            if prefix.starts_with(object) {
                self.delete_listed(segments, prefix).await?;
            } else {
                tracing::warn!("the segments of an object are not named after it, and stay");
            }
        }
        self.delete(container, object).await
    }

    /// Removes whatever an upload of this name left, finished or not.
    pub(super) async fn discard(&self, container: &str, object: &str) -> Result<(), StoreError> {
        self.delete_listed(container, &prefix(object)).await?;
        self.delete(container, object).await.map(drop)
    }

    /// Removes all objects whose names begin with `prefix`, however many pages they fill.
    pub(super) async fn delete_listed(&self, container: &str, prefix: &str) -> Result<(), StoreError> {
        let mut marker = String::new();
        loop {
            let page = self.list(container, prefix, &marker).await?;
            let Some(last) = page.last() else { return Ok(()) };
            marker.clone_from(&last.name);
            let names = stream::iter(page.into_iter().map(|entry| Ok(entry.name)));
            names
                .try_for_each_concurrent(AT_ONCE, |name| async move { self.delete(container, &name).await.map(drop) })
                .await?;
        }
    }
}
