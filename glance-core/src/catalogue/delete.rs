//! Deleting images, and taking their data out of use.

use uuid::Uuid;

use super::callers::OnData;
use super::create::now;
use super::housekeeping::Working;
use super::{Images, Registry, TRIES};
use crate::context::RequestContext;
use crate::database::{Removal, RemovalOf, RepoError};
use crate::error::Error;
use crate::image::{self, Image, ImageId, Status};
use crate::location::{ImageLocation, Location};
use crate::store::StoreError;
use crate::stores::NamedStore;

impl Images<'_> {
    /// Deletes the image and its data.
    ///
    /// The record is marked first, in one step with a note of what is to be removed; so whenever the
    /// process dies, the image is either as before or gone, and its data follows.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy and for protected images;
    /// [`Error::Conflict`] if the image keeps being changed by others.
    pub async fn delete(&self, id: ImageId) -> Result<(), Error> {
        self.refuse_read_only()?;
        for _ in 0..TRIES {
            let seen = self.seen(id).await?;
            self.allow_change("delete_image", &seen)?;
            if seen.image.protected {
                return Err(Error::Forbidden(format!("image {id} is protected and cannot be deleted")));
            }
            let removal = self.registry.removal_of(&seen.image);
            let locations = removal.locations.clone();
            let _working = Working::on(self.registry, locations.iter().map(|removal| removal.entry).collect());
            match self.registry.database.destroy_image(id, seen.image.status, &removal).await {
                Ok(()) => {
                    let gone = Image { status: removal.status, ..seen.image };
                    self.registry.events.image_deleted(&gone, removal.at);
                    self.registry.remove_all(id, &locations, self.context).await;
                    if gone.status == Status::PendingDelete {
                        self.registry.keep_from_all(&gone, self.context).await;
                    }
                    return Ok(());
                }
                Err(RepoError::Stale { .. }) => {}
                Err(RepoError::NotFound) => return Err(super::access::no_image(id)),
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Conflict(format!("image {id} is being changed by others; try again")))
    }

    /// Keeps the data of an active image from everybody but administrators. Repeating it does nothing.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy, and for images in any other status.
    pub async fn deactivate(&self, id: ImageId) -> Result<(), Error> {
        self.turn(id, "deactivate", Status::Deactivated).await
    }

    /// Gives the data of a deactivated image back. Repeating it does nothing.
    ///
    /// # Errors
    ///
    /// As [`Images::deactivate`].
    pub async fn reactivate(&self, id: ImageId) -> Result<(), Error> {
        self.turn(id, "reactivate", Status::Active).await
    }

    async fn turn(&self, id: ImageId, rule: &str, to: Status) -> Result<(), Error> {
        self.refuse_read_only()?;
        let seen = self.seen(id).await?;
        self.allow_change(rule, &seen)?;
        if seen.image.status == to {
            // Nothing changes, `updated_at` neither.
            return Ok(());
        }
        self.change(id, |seen| {
            self.allow_change(rule, seen)?;
            let from = seen.image.status;
            match (from, to) {
                (Status::Active, Status::Deactivated) | (Status::Deactivated, Status::Active) => {
                    image::advance(seen.image.clone(), to).map_err(|error| Error::Forbidden(error.to_string()))
                }
                (from, to) if from == to => Ok(seen.image.clone()),
                _ => Err(Error::Forbidden(format!("an image that is {from} cannot be {rule}d"))),
            }
        })
        .await
        .map(drop)
    }

    /// Removes the copy of the image's data that lies in `store`. The last copy stays.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if stores have no names here, the image has no copy in that store, or is
    /// not seen; [`Error::Conflict`] if there is no such store, the image is not active, or the data
    /// is in use; [`Error::Forbidden`] by policy, and for the last copy.
    pub async fn delete_from_store(&self, id: ImageId, store: &str) -> Result<(), Error> {
        self.refuse_read_only()?;
        let stores = &self.registry.stores;
        if !stores.are_named() {
            return Err(Error::NotFound("this server has a single store".to_owned()));
        }
        if stores.named(Some(store)).is_none() {
            return Err(Error::Conflict(format!("store {store:?} is not one of this server's")));
        }
        self.change(id, |seen| {
            self.allow("get_image_location", seen)?;
            self.allow_change("delete_image_location", seen)?;
            self.without_copy_in(&seen.image, store)
        })
        .await
        .map(drop)
    }

    fn without_copy_in(&self, image: &Image, store: &str) -> Result<Image, Error> {
        if image.status != Status::Active {
            return Err(Error::Conflict("only an active image gives up a copy of its data".to_owned()));
        }
        if image.locations.len() == 1 {
            return Err(Error::Forbidden("the only copy of the data stays; delete the image instead".to_owned()));
        }
        let mut image = image.clone();
        self.registry.stores.order(&mut image);
        let copy = image
            .locations
            .iter()
            .position(|location| location.store() == Some(store))
            .ok_or_else(|| Error::NotFound(format!("image {} has no data in store {store:?}", image.id)))?;
        image.locations.remove(copy);
        Ok(image)
    }
}

impl Registry {
    fn removal_of(&self, image: &Image) -> Removal {
        let now = now();
        let delayed = self.settings.delayed_delete
            && !image.locations.is_empty()
            && image.status.may_become(Status::PendingDelete);
        let locations = if delayed { Vec::new() } else { image.locations.iter().map(|at| self.note_of(at)).collect() };
        Removal {
            status: if delayed { Status::PendingDelete } else { Status::Deleted },
            locations,
            process: self.process.clone(),
            lease_until: self.lease_end(now),
            at: now,
        }
    }

    pub(super) fn note_of(&self, location: &ImageLocation) -> RemovalOf {
        RemovalOf {
            entry: Uuid::new_v4(),
            store: self.stores.of(location).filter(|_| self.stores.are_named()).map(|named| named.id.clone()),
            location: location.url.clone(),
        }
    }

    /// Removes the data of a record that is gone. What cannot be removed stays in the journal.
    pub(super) async fn remove_all(&self, id: ImageId, locations: &[RemovalOf], caller: &RequestContext) {
        for removal in locations {
            if let Err(error) = self.remove_noted(removal, Some(caller)).await {
                tracing::error!(image = %id, location = %removal.location, %error,
                    "cannot remove the data of a deleted image yet");
            }
        }
    }

    /// The store that a journal entry means: the one it names, else the first that knows the place.
    pub(super) fn store_of(&self, store: Option<&str>, place: &Location) -> Option<&NamedStore> {
        let metadata = store.iter().map(|id| (ImageLocation::STORE.to_owned(), (*id).into())).collect();
        self.stores.of(&ImageLocation::new(place.clone(), metadata))
    }

    /// Removes data and closes the journal entry that speaks of it.
    pub(super) async fn remove_noted(&self, removal: &RemovalOf, caller: Option<&RequestContext>) -> Result<(), Error> {
        let Some(named) = self.store_of(removal.store.as_deref(), &removal.location) else {
            return Err(Error::Unavailable("no store of this server holds the data".to_owned()));
        };
        match self.as_caller_or_server(caller, named, OnData::Delete(&removal.location)).await {
            // Data that a read-only store shows was never ours to remove.
            Ok(()) | Err(StoreError::NotFound { .. } | StoreError::Unsupported { .. }) => {}
            Err(error) => return Err(Error::Store(error)),
        }
        Ok(self.database.close_entry(removal.entry).await?)
    }
}
