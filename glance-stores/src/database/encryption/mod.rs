//! Location URLs encrypted at rest, as Glance does it (`metadata_encryption_key`), for every
//! database.

mod key;
mod metadefs;

use std::sync::Arc;

use async_trait::async_trait;
use glance_core::database::{
    Database, ImageQuery, ImageRepo, Journal, JournalEntry, Marker, MemberRepo, Removal, RemovalOf, RepoError,
    SeenImage, Upload, Work,
};
use glance_core::image::{Image, ImageChange, ImageId, Status};
use glance_core::location::{ImageLocation, Location};
use glance_core::member::{Member, MemberStatus};
use jiff::Timestamp;
use uuid::Uuid;

pub use key::{BadKey, LocationKey};

/// A database that keeps location URLs encrypted. It reads those in the clear too, and writes none.
#[derive(Debug)]
pub struct EncryptedLocations {
    inner: Arc<dyn Database>,
    key: LocationKey,
}

impl EncryptedLocations {
    /// Encrypts what is written to `inner` from now on.
    #[must_use]
    pub fn new(inner: Arc<dyn Database>, key: LocationKey) -> Self {
        Self { inner, key }
    }

    fn seal(&self, url: &Location) -> Result<Location, RepoError> {
        self.key.seal(url.expose()).map(Location::new).map_err(RepoError::failed("encrypting a location"))
    }

    fn open(&self, url: &Location) -> Result<Location, RepoError> {
        self.key.open(url.expose()).map(Location::new).map_err(RepoError::failed("decrypting a location"))
    }

    fn seal_all(&self, locations: &mut [ImageLocation]) -> Result<(), RepoError> {
        for location in locations {
            location.url = self.seal(&location.url)?;
        }
        Ok(())
    }

    fn opened(&self, mut image: Image) -> Result<Image, RepoError> {
        for location in &mut image.locations {
            location.url = self.open(&location.url)?;
        }
        Ok(image)
    }

    fn opened_seen(&self, seen: SeenImage) -> Result<SeenImage, RepoError> {
        Ok(SeenImage { image: self.opened(seen.image)?, membership: seen.membership })
    }

    fn sealed_change(&self, change: &ImageChange) -> Result<ImageChange, RepoError> {
        let mut change = change.clone();
        self.seal_all(&mut change.locations_added)?;
        self.seal_all(&mut change.locations_changed)?;
        Ok(change)
    }

    fn sealed_removals(&self, removals: &[RemovalOf]) -> Result<Vec<RemovalOf>, RepoError> {
        removals
            .iter()
            .map(|removal| Ok(RemovalOf { location: self.seal(&removal.location)?, ..removal.clone() }))
            .collect()
    }

    fn opened_entry(&self, mut entry: JournalEntry) -> Result<JournalEntry, RepoError> {
        if let Work::Removal(location) = &entry.work {
            entry.work = Work::Removal(self.open(location)?);
        }
        Ok(entry)
    }
}

#[async_trait]
impl ImageRepo for EncryptedLocations {
    async fn create_image(&self, image: &Image) -> Result<Image, RepoError> {
        let mut image = image.clone();
        self.seal_all(&mut image.locations)?;
        self.opened(self.inner.create_image(&image).await?)
    }

    async fn image(&self, id: ImageId, project: Option<&str>) -> Result<SeenImage, RepoError> {
        self.opened_seen(self.inner.image(id, project).await?)
    }

    async fn images(&self, query: &ImageQuery) -> Result<Vec<SeenImage>, RepoError> {
        self.inner.images(query).await?.into_iter().map(|seen| self.opened_seen(seen)).collect()
    }

    async fn marker(&self, id: ImageId, project: Option<&str>) -> Result<Marker, RepoError> {
        let marker = self.inner.marker(id, project).await?;
        Ok(Marker { seen: self.opened_seen(marker.seen)?, deleted: marker.deleted })
    }

    async fn update_image(&self, id: ImageId, expected: Status, change: &ImageChange) -> Result<Image, RepoError> {
        self.opened(self.inner.update_image(id, expected, &self.sealed_change(change)?).await?)
    }

    async fn destroy_image(&self, id: ImageId, expected: Status, removal: &Removal) -> Result<(), RepoError> {
        let removal = Removal { locations: self.sealed_removals(&removal.locations)?, ..removal.clone() };
        self.inner.destroy_image(id, expected, &removal).await
    }
}

#[async_trait]
impl MemberRepo for EncryptedLocations {
    async fn members(&self, image: ImageId) -> Result<Vec<Member>, RepoError> {
        self.inner.members(image).await
    }

    async fn add_member(
        &self,
        image: ImageId,
        project: &str,
        limit: Option<u64>,
        now: Timestamp,
    ) -> Result<Member, RepoError> {
        self.inner.add_member(image, project, limit, now).await
    }

    async fn set_member_status(
        &self,
        image: ImageId,
        project: &str,
        status: MemberStatus,
        now: Timestamp,
    ) -> Result<Member, RepoError> {
        self.inner.set_member_status(image, project, status, now).await
    }

    async fn remove_member(&self, image: ImageId, project: &str, now: Timestamp) -> Result<(), RepoError> {
        self.inner.remove_member(image, project, now).await
    }
}

#[async_trait]
impl Journal for EncryptedLocations {
    async fn begin_upload(
        &self,
        upload: &Upload,
        from: Status,
        quota: Option<u64>,
        now: Timestamp,
    ) -> Result<Image, RepoError> {
        self.opened(self.inner.begin_upload(upload, from, quota, now).await?)
    }

    async fn reserve(&self, entry: Uuid, bytes: u64, quota: Option<u64>) -> Result<(), RepoError> {
        self.inner.reserve(entry, bytes, quota).await
    }

    async fn finish_upload(&self, entry: Uuid, image: ImageId, change: &ImageChange) -> Result<Image, RepoError> {
        self.opened(self.inner.finish_upload(entry, image, &self.sealed_change(change)?).await?)
    }

    async fn note_removals(
        &self,
        image: ImageId,
        removals: &[RemovalOf],
        process: &str,
        lease_until: Timestamp,
    ) -> Result<(), RepoError> {
        self.inner.note_removals(image, &self.sealed_removals(removals)?, process, lease_until).await
    }

    async fn close_entry(&self, entry: Uuid) -> Result<(), RepoError> {
        self.inner.close_entry(entry).await
    }

    async fn renew_leases(&self, process: &str, until: Timestamp) -> Result<(), RepoError> {
        self.inner.renew_leases(process, until).await
    }

    async fn journal(&self, limit: usize) -> Result<Vec<JournalEntry>, RepoError> {
        self.inner.journal(limit).await?.into_iter().map(|entry| self.opened_entry(entry)).collect()
    }

    /// The entry is looked for as it is kept: encrypting its location again gives another text.
    async fn take_entry(
        &self,
        seen: &JournalEntry,
        process: &str,
        until: Timestamp,
    ) -> Result<Option<JournalEntry>, RepoError> {
        for kept in self.inner.journal(usize::MAX).await? {
            if kept.id == seen.id && self.opened_entry(kept.clone())? == *seen {
                let taken = self.inner.take_entry(&kept, process, until).await?;
                return taken.map(|entry| self.opened_entry(entry)).transpose();
            }
        }
        Ok(None)
    }

    async fn bytes_held(&self, project: &str) -> Result<u64, RepoError> {
        self.inner.bytes_held(project).await
    }
}

#[cfg(test)]
mod tests {
    use glance_core::memory::MemoryDatabase;
    use serde_json::Map;

    use super::*;

    fn encrypted() -> (Arc<MemoryDatabase>, EncryptedLocations) {
        let inner = Arc::new(MemoryDatabase::new());
        let key = LocationKey::new("0123456789abcdef").unwrap();
        (inner.clone(), EncryptedLocations::new(inner, key))
    }

    glance_core::database_conformance!(|| ((), Arc::new(encrypted().1)));

    #[tokio::test]
    async fn no_location_is_kept_in_the_clear() {
        let (inner, database) = encrypted();
        let mut image = Image::queued(ImageId::random(), Timestamp::UNIX_EPOCH);
        image.locations.push(ImageLocation::new(Location::new("swift://user:secret@host/c/o"), Map::new()));
        database.create_image(&image).await.unwrap();
        let kept = inner.image(image.id, None).await.unwrap().image;
        assert!(!kept.locations[0].url.expose().contains(':'));
        let read = database.image(image.id, None).await.unwrap().image;
        assert_eq!(read.locations[0].url, image.locations[0].url);
    }
}
