//! How to test a program that holds a registry: give it one in memory.
//!
//! The program publishes builds of an operating system image: each build is registered and
//! uploaded, and the newest one carries the tag `latest`. Its tests, at the end of this file, run
//! against the same rules as in production, with nothing to set up and nothing to clean away.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use glance_core::catalogue::{ListRequest, UploadOptions};
use glance_core::image::{Image, ImageId, NewImage};
use glance_core::memory::{MemoryDatabase, MemoryStore};
use glance_core::store::stream_of;
use glance_core::{Error, Glance, Images, RequestContext, Stores};

const LATEST: &str = "latest";

#[tokio::main]
async fn main() -> Result<(), Error> {
    let glance = in_memory(MemoryStore::new("trial"));
    let caller = RequestContext::new("builder", "distribution", ["member", "reader"]);
    let images = glance.images(&caller);
    for build in ["20260101", "20260201"] {
        let image = publish(&images, build, format!("bytes of {build}").into()).await?;
        println!("published {build} as {}", image.id);
    }
    Ok(())
}

/// A registry that is gone with the process. Production would put SQLite and a folder here.
fn in_memory(store: MemoryStore) -> Glance {
    Glance::builder(Arc::new(MemoryDatabase::new()), Stores::single(Arc::new(store))).build()
}

/// Registers a build and makes it the latest. Until its data is in, the build before stays that.
///
/// # Errors
///
/// Those of the registry. A build that cannot be uploaded leaves no image.
async fn publish(images: &Images<'_>, build: &str, data: Bytes) -> Result<Image, Error> {
    let new = NewImage {
        properties: BTreeMap::from([("os_version".to_owned(), Some(build.to_owned()))]),
        ..NewImage::named(format!("distribution-{build}"), "raw", "bare")
    };
    let image = images.create(new).await?;
    if let Err(error) = images.upload(image.id, stream_of(data), UploadOptions::default()).await {
        images.delete(image.id).await?;
        return Err(error);
    }
    for before in latest(images).await? {
        images.remove_tag(before, LATEST).await?;
    }
    images.add_tag(image.id, LATEST).await?;
    images.get(image.id).await
}

/// The images tagged as the latest: one, or none before the first build.
async fn latest(images: &Images<'_>) -> Result<Vec<ImageId>, Error> {
    let request = ListRequest { tags: vec![LATEST.to_owned()], ..ListRequest::default() };
    Ok(images.list(&request).await?.images.iter().map(|image| image.id).collect())
}

#[cfg(test)]
mod tests {
    use glance_core::image::Status;

    use super::*;

    fn builder() -> RequestContext {
        RequestContext::new("builder", "distribution", ["member", "reader"])
    }

    #[tokio::test]
    async fn the_newest_build_is_the_latest() {
        let (glance, caller) = (in_memory(MemoryStore::new("test")), builder());
        let images = glance.images(&caller);
        publish(&images, "1", "one".into()).await.unwrap();
        let second = publish(&images, "2", "two".into()).await.unwrap();
        assert_eq!(latest(&images).await.unwrap(), [second.id]);
        assert_eq!((second.status, second.tags), (Status::Active, vec![LATEST.to_owned()]));
    }

    #[tokio::test]
    async fn a_build_that_does_not_fit_leaves_the_one_before() {
        let (glance, caller) = (in_memory(MemoryStore::new("test").with_room(5)), builder());
        let images = glance.images(&caller);
        let first = publish(&images, "1", "small".into()).await.unwrap();
        let refused = publish(&images, "2", "much too big".into()).await;
        assert!(matches!(refused, Err(Error::OverLimit(_))), "{refused:?}");
        assert_eq!(latest(&images).await.unwrap(), [first.id]);
        assert_eq!(images.list(&ListRequest::default()).await.unwrap().images.len(), 1);
    }

    #[tokio::test]
    async fn readers_publish_nothing() {
        let glance = in_memory(MemoryStore::new("test"));
        let caller = RequestContext::new("visitor", "distribution", ["reader"]);
        let refused = publish(&glance.images(&caller), "1", "one".into()).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    }
}
