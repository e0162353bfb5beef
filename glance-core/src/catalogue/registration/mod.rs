//! Locations that are registered by a call of their own: the image takes the data that lies there.
//!
//! The caller is answered as soon as the image is importing; the rest goes on behind its back, under a journal entry.
//! Whatever keeps the data from becoming the image's leaves the image queued, as it was.

mod task;
mod turns;

use std::sync::Arc;

use tracing::Instrument;

use super::create::over;
use super::housekeeping::Working;
use super::locations::NamedBy;
use super::upload::back_to_queued;
use super::{Images, Registry};
use crate::database::{JournalEntry, RepoError};
use crate::error::Error;
use crate::events::EventType;
use crate::image::{self, ImageId, Status, StatusError};
use crate::location::{ImageLocation, KnownDigest, Location, NewLocation};

use task::Task;
pub(super) use turns::Turns;

/// The property with which a Python server keeps others from importing into an image.
const IMPORT_LOCK: &str = "os_glance_import_task";

/// The role of the services that register what they keep in stores themselves.
const SERVICE: &str = "service";

impl Images<'_> {
    /// Makes data that lies somewhere already the data of a queued image.
    ///
    /// Returns once the image is importing. What follows shows in the image: it becomes active, or queued again if the
    /// location cannot be read, is none that clients may name, holds no data or more than allowed, or has other digests
    /// than `new` says. Where `do_secure_hash` is set and `new` names no digest, the image becomes active at once, and
    /// its digests follow when all data has been read.
    ///
    /// Callers without the role `service`, of their own or of a service that vouches for them, register what can be
    /// read by `http` alone.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Conflict`] if the image is not queued, or another server imports into it;
    /// [`Error::Forbidden`] by policy, and for such locations; [`Error::Invalid`] for a digest of another length than
    /// its algorithm makes, and for images without formats; [`Error::OverLimit`] if data is on its way into as many
    /// images of the owner as may be; [`Error::Limits`] if nobody knows how many those are.
    pub async fn add_location(&self, id: ImageId, new: NewLocation) -> Result<(), Error> {
        self.refuse_read_only()?;
        let seen = self.seen(id).await?;
        let image = &seen.image;
        if image.status != Status::Queued {
            return Err(Error::Conflict(format!("an image that is {} takes no location", image.status)));
        }
        self.allow("add_image_location", &seen)?;
        self.require_owner(image)?;
        let by = self.named_by();
        if by == NamedBy::Client && !self.registry.reads_from_web(&new.url) {
            return Err(Error::Forbidden("only services register locations other than of the http store".to_owned()));
        }
        new.digest.as_ref().map_or(Ok(()), KnownDigest::check)?;
        if let Err(error @ StatusError::FormatMissing { .. }) = image::advance(image.clone(), Status::Importing) {
            return Err(Error::Invalid(error.to_string()));
        }
        if image.properties.contains_key(IMPORT_LOCK) {
            return Err(Error::Conflict(format!("another operation on image {id} is under way")));
        }
        over("locations", id, 1, self.registry.settings.image_location_quota)?;
        let task = Task::begin(self.registry, seen.image, new, by).await?;
        tokio::spawn(task.run().in_current_span());
        Ok(())
    }

    /// Every location of the image, in the order they are tried, whatever the image's status. Services see those of
    /// every image.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`].
    pub async fn locations(&self, id: ImageId) -> Result<Vec<ImageLocation>, Error> {
        let seen = self.seen_by_service(id).await?;
        self.allow("fetch_image_location", &seen)?;
        let mut image = seen.image;
        self.registry.stores.order(&mut image);
        Ok(image.locations)
    }

    /// A service asks, or vouches for who asks; or neither.
    fn named_by(&self) -> NamedBy {
        let mut roles = self.context.roles.iter().chain(&self.context.service_roles);
        if roles.any(|role| role == SERVICE) { NamedBy::Service } else { NamedBy::Client }
    }
}

impl Registry {
    /// Whether the store that reads from the web is there, and the URL is one for it.
    fn reads_from_web(&self, url: &Location) -> bool {
        url.expose().starts_with("http") && self.stores.iter().any(|named| named.store.kind() == "http")
    }

    /// Goes on with a registration whose process is no more: an image that waits for its data is queued again, and one
    /// that has it is digested, which goes on after the return.
    pub(super) async fn recover_registration(
        self: &Arc<Self>,
        entry: &JournalEntry,
        location: &Location,
        working: Working,
    ) -> Result<(), Error> {
        let image = match self.database.image(entry.image, None).await {
            Ok(seen) => seen.image,
            Err(RepoError::NotFound) => return Ok(self.database.close_entry(entry.id).await?),
            Err(error) => return Err(error.into()),
        };
        let recorded = image.locations.iter().find(|known| known.url == *location).cloned();
        match recorded.filter(|_| image.os_hash_value.is_none() && has_data(image.status)) {
            Some(location) => {
                let task = Task::over(self, entry.id, image, location, working);
                tokio::spawn(task.digest_later().in_current_span());
            }
            None if image.status == Status::Importing => {
                let change = back_to_queued(&image);
                let image = self.database.finish_registration(entry.id, image.id, Status::Importing, &change).await?;
                self.events.image(EventType::ImageUpdate, &image);
            }
            None => self.database.close_entry(entry.id).await?,
        }
        Ok(())
    }
}

fn has_data(status: Status) -> bool {
    matches!(status, Status::Active | Status::Deactivated)
}
