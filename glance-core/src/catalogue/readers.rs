//! Telling stores who may read an image's data straight from them.
//!
//! The record is what counts, and a store follows it. That it is to be told is noted before the record changes; so
//! a change that is made is neither refused nor lost because a store is down, and whoever recovers the note tells the
//! store what the record says by then. Until that, the store lets those read whom it let before.

use std::sync::Arc;

use uuid::Uuid;

use super::callers::OnData;
use super::create::now;
use super::housekeeping::Working;
use super::{Registry, TRIES};
use crate::context::RequestContext;
use crate::database::RepoError;
use crate::error::Error;
use crate::image::{self, Image, ImageId, Readers, Visibility};
use crate::location::ImageLocation;
use crate::store::StoreError;
use crate::stores::NamedStore;

/// A note that stores are to be told.
pub(super) struct ToTell {
    image: ImageId,
    entry: Uuid,
    _working: Working,
}

impl Registry {
    /// Notes that the stores of the image's data are to be told; `None` if none of them wants to know.
    pub(super) async fn note_readers(self: &Arc<Self>, image: &Image) -> Result<Option<ToTell>, RepoError> {
        let mut stores = image.locations.iter().filter_map(|location| self.stores.of(location));
        if !stores.any(|named| named.store.has_readers()) {
            return Ok(None);
        }
        self.note_readers_of(image.id).await.map(Some)
    }

    /// The same before the members of an image change, which may come by its data meanwhile: nothing keeps the two from
    /// happening at once.
    pub(super) async fn note_readers_of_shared(self: &Arc<Self>, image: ImageId) -> Result<Option<ToTell>, RepoError> {
        if !self.stores.iter().any(|named| named.store.has_readers()) {
            return Ok(None);
        }
        self.note_readers_of(image).await.map(Some)
    }

    pub(super) async fn note_readers_of(self: &Arc<Self>, image: ImageId) -> Result<ToTell, RepoError> {
        let entry = Uuid::new_v4();
        let note = ToTell { image, entry, _working: Working::on(self, vec![entry]) };
        self.database.note_readers(image, entry, &self.process, self.lease_end(now())).await?;
        Ok(note)
    }

    /// Does what was noted, if the record was changed; takes the note back if it was not. What cannot be done
    /// now is left to [`Glance::recover`](super::Glance::recover).
    pub(super) async fn end_note<T: Sync>(
        &self,
        note: Option<ToTell>,
        changed: &Result<T, RepoError>,
        caller: Option<&RequestContext>,
    ) {
        let Some(note) = note else { return };
        let ended = match changed {
            Ok(_) => self.tell_noted(note.entry, note.image, caller).await,
            // Nobody knows whether the record changed; whoever finds the note will see.
            Err(error) if error.leaves_in_doubt() => return,
            Err(_) => self.database.close_entry(note.entry).await.map_err(Error::from),
        };
        if let Err(error) = ended {
            tracing::warn!(image = %note.image, %error, "cannot tell a store yet who may read an image");
        }
    }

    pub(super) async fn tell_noted(
        &self,
        entry: Uuid,
        image: ImageId,
        caller: Option<&RequestContext>,
    ) -> Result<(), Error> {
        let mut told = None;
        for _ in 0..TRIES {
            let wanted = self.wanted_readers(image).await?;
            // Another call may have changed the record, and have told the store before this one did.
            if wanted.is_none() || wanted == told {
                return Ok(self.database.close_entry(entry).await?);
            }
            if let Some((locations, readers)) = &wanted {
                self.set_readers(locations, readers, caller).await?;
            }
            told = wanted;
        }
        Err(Error::Conflict(format!("image {image} keeps being changed by others")))
    }

    /// Has stores let nobody read the data of a deleted image that stays for a scrubber. No note outlives the record, so
    /// that a store cannot be told now is no more than logged.
    pub(super) async fn keep_from_all(&self, gone: &Image, caller: &RequestContext) {
        let nobody = Readers::Projects(Vec::new());
        if let Err(error) = self.set_readers(&gone.locations, &nobody, Some(caller)).await {
            tracing::error!(image = %gone.id, %error, "a store may let others read a deleted image until it is scrubbed");
        }
    }

    /// The places of the image's data, and who may read there; `None` for an image that is gone.
    async fn wanted_readers(&self, id: ImageId) -> Result<Option<(Vec<ImageLocation>, Readers)>, Error> {
        let image = match self.database.image(id, None).await {
            Ok(seen) => seen.image,
            Err(RepoError::NotFound) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let members = match image.visibility {
            Visibility::Shared => self.database.members(id).await?,
            _ => Vec::new(),
        };
        let readers = image::readers(&image, &members);
        Ok(Some((image.locations, readers)))
    }

    async fn set_readers(
        &self,
        locations: &[ImageLocation],
        readers: &Readers,
        caller: Option<&RequestContext>,
    ) -> Result<(), Error> {
        for location in locations {
            // A store that is not configured here cannot be told from here, and is not.
            let Some(named) = self.stores.of(location).filter(|named| named.store.has_readers()) else { continue };
            self.set_readers_at(named, location, readers, caller).await.map_err(Error::Store)?;
        }
        Ok(())
    }

    async fn set_readers_at(
        &self,
        named: &NamedStore,
        location: &ImageLocation,
        readers: &Readers,
        caller: Option<&RequestContext>,
    ) -> Result<(), StoreError> {
        match self.as_caller_or_server(caller, named, OnData::SetReaders(&location.url, readers)).await {
            // Nobody reads what is not there.
            Err(StoreError::NotFound { .. }) => Ok(()),
            set => set,
        }
    }
}
