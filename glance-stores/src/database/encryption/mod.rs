//! Location URLs encrypted at rest, as Glance does it (`metadata_encryption_key`), for every
//! database.

mod key;
mod metadefs;

use std::sync::Arc;

use async_trait::async_trait;
use glance_core::database::{
    Database, ImageQuery, ImageRepo, Journal, JournalEntry, Marker, MemberRepo, Registration, Removal, RemovalOf,
    RepoError, SeenImage, Upload, Work,
};
use glance_core::image::{Image, ImageChange, ImageId, Status};
use glance_core::limits::{ProjectLimits, Usage};
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
        match &entry.work {
            Work::Registration(location) => entry.work = Work::Registration(self.open(location)?),
            Work::Removal(location) => entry.work = Work::Removal(self.open(location)?),
            Work::Upload(Some(location)) => entry.work = Work::Upload(Some(self.open(location)?)),
            Work::Upload(None) | Work::Readers => {}
        }
        Ok(entry)
    }

    fn readable_entry(&self, sealed: JournalEntry) -> Option<JournalEntry> {
        let (entry, image) = (sealed.id, sealed.image);
        match self.opened_entry(sealed) {
            Ok(opened) => Some(opened),
            Err(error) => {
                tracing::warn!(%entry, %image, %error, "leaves a journal entry that was encrypted with another key");
                None
            }
        }
    }
}

#[async_trait]
impl ImageRepo for EncryptedLocations {
    async fn create_image(&self, image: &Image, limits: &ProjectLimits) -> Result<Image, RepoError> {
        let mut image = image.clone();
        self.seal_all(&mut image.locations)?;
        self.opened(self.inner.create_image(&image, limits).await?)
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

    async fn update_image(
        &self,
        id: ImageId,
        expected: Status,
        change: &ImageChange,
        limits: &ProjectLimits,
    ) -> Result<Image, RepoError> {
        self.opened(self.inner.update_image(id, expected, &self.sealed_change(change)?, limits).await?)
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
        limits: &ProjectLimits,
        now: Timestamp,
    ) -> Result<Image, RepoError> {
        let destination = upload.destination.as_ref().map(|place| self.seal(place)).transpose()?;
        let upload = Upload { destination, ..upload.clone() };
        self.opened(self.inner.begin_upload(&upload, from, limits, now).await?)
    }

    async fn reserve(&self, entry: Uuid, bytes: u64, limits: &ProjectLimits) -> Result<(), RepoError> {
        self.inner.reserve(entry, bytes, limits).await
    }

    async fn finish_upload(&self, entry: Uuid, image: ImageId, change: &ImageChange) -> Result<Image, RepoError> {
        self.opened(self.inner.finish_upload(entry, image, &self.sealed_change(change)?).await?)
    }

    async fn begin_registration(
        &self,
        registration: &Registration,
        limits: &ProjectLimits,
        now: Timestamp,
    ) -> Result<Image, RepoError> {
        let sealed = Registration { location: self.seal(&registration.location)?, ..registration.clone() };
        self.opened(self.inner.begin_registration(&sealed, limits, now).await?)
    }

    async fn continue_registration(
        &self,
        entry: Uuid,
        image: ImageId,
        change: &ImageChange,
    ) -> Result<Image, RepoError> {
        self.opened(self.inner.continue_registration(entry, image, &self.sealed_change(change)?).await?)
    }

    async fn finish_registration(
        &self,
        entry: Uuid,
        image: ImageId,
        expected: Status,
        change: &ImageChange,
    ) -> Result<Image, RepoError> {
        self.opened(self.inner.finish_registration(entry, image, expected, &self.sealed_change(change)?).await?)
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

    async fn note_readers(
        &self,
        image: ImageId,
        entry: Uuid,
        process: &str,
        lease_until: Timestamp,
    ) -> Result<(), RepoError> {
        self.inner.note_readers(image, entry, process, lease_until).await
    }

    async fn close_entry(&self, entry: Uuid) -> Result<(), RepoError> {
        self.inner.close_entry(entry).await
    }

    async fn renew_leases(&self, process: &str, until: Timestamp) -> Result<(), RepoError> {
        self.inner.renew_leases(process, until).await
    }

    /// Without entries that cannot be read with this key: the others are not to wait for them.
    async fn journal(&self, limit: usize) -> Result<Vec<JournalEntry>, RepoError> {
        let kept = self.inner.journal(limit).await?.into_iter();
        Ok(kept.filter_map(|entry| self.readable_entry(entry)).collect())
    }

    /// The entry is looked for as it is kept: encrypting its location again gives another text.
    async fn take_entry(
        &self,
        seen: &JournalEntry,
        process: &str,
        until: Timestamp,
    ) -> Result<Option<JournalEntry>, RepoError> {
        for kept in self.inner.journal(usize::MAX).await? {
            if kept.id == seen.id && self.opened_entry(kept.clone()).is_ok_and(|entry| entry == *seen) {
                let taken = self.inner.take_entry(&kept, process, until).await?;
                return taken.map(|entry| self.opened_entry(entry)).transpose();
            }
        }
        Ok(None)
    }

    async fn usage(&self, project: &str) -> Result<Usage, RepoError> {
        self.inner.usage(project).await
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
        database.create_image(&image, &ProjectLimits::NONE).await.unwrap();
        let kept = inner.image(image.id, None).await.unwrap().image;
        assert!(!kept.locations[0].url.expose().contains(':'));
        let read = database.image(image.id, None).await.unwrap().image;
        assert_eq!(read.locations[0].url, image.locations[0].url);
    }

    async fn queued(database: &EncryptedLocations) -> ImageId {
        let image = Image::queued(ImageId::random(), Timestamp::UNIX_EPOCH);
        database.create_image(&image, &ProjectLimits::NONE).await.unwrap();
        image.id
    }

    fn registration(image: ImageId, place: &Location) -> Registration {
        Registration {
            entry: Uuid::new_v4(),
            image,
            store: None,
            location: place.clone(),
            project: None,
            process: "process".to_owned(),
            lease_until: Timestamp::UNIX_EPOCH,
        }
    }

    #[tokio::test]
    async fn what_is_registered_or_removed_is_not_kept_in_the_clear() {
        let (inner, database) = encrypted();
        let image = queued(&database).await;
        let place = Location::new("https://user:secret@host/data");
        let registration = registration(image, &place);
        database.begin_registration(&registration, &ProjectLimits::NONE, Timestamp::UNIX_EPOCH).await.unwrap();
        let removal = RemovalOf { entry: Uuid::new_v4(), store: None, location: place.clone() };
        database.note_removals(image, &[removal], "process", Timestamp::UNIX_EPOCH).await.unwrap();
        let kept = inner.journal(9).await.unwrap();
        assert_eq!(kept.len(), 2);
        for entry in kept {
            let (Work::Registration(place) | Work::Removal(place)) = entry.work else { panic!("no place is kept") };
            assert!(!place.expose().contains("secret") && !place.expose().contains(':'));
        }
        let read: Vec<_> = database.journal(9).await.unwrap().into_iter().map(|entry| entry.work).collect();
        assert_eq!(read, [Work::Registration(place.clone()), Work::Removal(place)]);
    }

    #[tokio::test]
    async fn an_entry_of_another_key_keeps_nobody_from_the_rest() {
        let (inner, database) = encrypted();
        let place = Location::new("https://host/data");
        let other = EncryptedLocations::new(inner.clone(), LocationKey::new("fedcba9876543210").unwrap());
        for database in [&other, &database] {
            let registration = registration(queued(database).await, &place);
            database.begin_registration(&registration, &ProjectLimits::NONE, Timestamp::UNIX_EPOCH).await.unwrap();
        }
        assert_eq!(inner.journal(9).await.unwrap().len(), 2);
        let read = database.journal(9).await.unwrap();
        assert_eq!(read.len(), 1);
        let taken = database.take_entry(&read[0], "heir", Timestamp::UNIX_EPOCH).await.unwrap();
        assert_eq!(taken.unwrap().work, Work::Registration(place));
    }

    #[tokio::test]
    async fn where_an_upload_goes_is_not_kept_in_the_clear() {
        let (inner, database) = encrypted();
        let image = Image::queued(ImageId::random(), Timestamp::UNIX_EPOCH);
        database.create_image(&image, &ProjectLimits::NONE).await.unwrap();
        let place = Location::new("swift+https://host/v1/AUTH_x/c/o");
        let upload = Upload {
            entry: Uuid::new_v4(),
            image: image.id,
            store: None,
            destination: Some(place.clone()),
            project: None,
            reserved: 0,
            process: "process".to_owned(),
            lease_until: Timestamp::UNIX_EPOCH,
        };
        database.begin_upload(&upload, Status::Queued, &ProjectLimits::NONE, Timestamp::UNIX_EPOCH).await.unwrap();
        let work = |entries: Vec<JournalEntry>| entries[0].work.clone();
        let Work::Upload(Some(kept)) = work(inner.journal(1).await.unwrap()) else { panic!("no place is kept") };
        assert!(!kept.expose().contains("AUTH"));
        assert_eq!(work(database.journal(1).await.unwrap()), Work::Upload(Some(place)));
    }
}
