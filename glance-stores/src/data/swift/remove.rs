//! Removing objects, with their segments.

use futures::{TryStreamExt, stream};
use glance_core::store::StoreError;
use http::{Method, StatusCode};

use super::client::{Swift, at, drain, pause, refusal};
use super::upload::prefix;

/// Objects being removed at the same time.
pub(super) const AT_ONCE: usize = 8;
/// How often a container is removed that does not look empty: listings take their time.
const LOOKS: u32 = 4;

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

    /// Removes the container of one image alone, and with it what uploads of `left` may have left.
    ///
    /// It stays where it may not be removed, or things of others are in it.
    pub(super) async fn remove_container(&self, container: &str, left: Option<&str>) -> Result<(), StoreError> {
        const DOING: &str = "removing a container";
        for look in 1..=LOOKS {
            let answer = self.call(DOING, |grant| at(grant, Method::DELETE, [container])).await?;
            let status = answer.status;
            drain(answer).await;
            match status {
                StatusCode::NOT_FOUND => return Ok(()),
                status if status.is_success() => return Ok(()),
                StatusCode::CONFLICT => {
                    if let Some(object) = left {
                        self.delete_listed(container, &prefix(object)).await?;
                    }
                }
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                    tracing::warn!("an empty container stays: whoever may remove objects may not remove it");
                    return Ok(());
                }
                status => return Err(refusal(DOING, status)),
            }
            pause(look).await;
        }
        tracing::warn!("the container of an image stays: it holds other things");
        Ok(())
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
