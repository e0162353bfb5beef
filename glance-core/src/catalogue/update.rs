//! Changing image records.

use std::sync::Arc;

use super::create::{now, over};
use super::housekeeping::Working;
use super::locations::Sizes;
use super::{Images, Registry, TRIES};
use crate::database::{RemovalOf, RepoError, SeenImage};
use crate::error::Error;
use crate::image::patch::{Operation, Verb};
use crate::image::{self, Image, ImageChange, ImageId, Status, fields};

impl Images<'_> {
    /// Applies a patch: all of it, or nothing.
    ///
    /// What other writers change at the same time, and the patch does not touch, stays theirs.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for values that a field's schema does not allow; [`Error::NotFound`];
    /// [`Error::Forbidden`] by policy, for fields that clients do not write or cannot remove, for
    /// formats of an image that has data, and for an owner set by anybody but an administrator;
    /// [`Error::Conflict`] if a property to be replaced or removed is not there;
    /// [`Error::OverLimit`].
    pub async fn patch(&self, id: ImageId, operations: &[Operation]) -> Result<Image, Error> {
        self.refuse_read_only()?;
        if operations.is_empty() {
            return Ok(self.shown(self.seen(id).await?.image));
        }
        for operation in operations {
            image::patch::check(operation, &self.registry.settings.formats)?;
        }
        let sizes = self.sizes_of_new_locations(id, operations).await?;
        self.change(id, |seen| self.patched(seen, operations, &sizes)).await
    }

    /// Reads the image, lets `edit` make another of it, and writes the difference; again from the
    /// start if another writer moved the image in between. Data at locations that are no longer the
    /// image's is removed.
    pub(super) async fn change(
        &self,
        id: ImageId,
        edit: impl Fn(&SeenImage) -> Result<Image, Error>,
    ) -> Result<Image, Error> {
        for _ in 0..TRIES {
            let seen = self.seen(id).await?;
            let edited = edit(&seen)?;
            let change = ImageChange::between(&seen.image, &edited, now());
            match self.registry.write_change(&seen.image, &change).await {
                Ok(image) => return Ok(self.shown(image)),
                Err(RepoError::Stale { .. }) => {}
                Err(RepoError::NotFound) => return Err(super::access::no_image(id)),
                Err(RepoError::LastLocation) => {
                    return Err(Error::Forbidden("the last location of an image stays".to_owned()));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Conflict(format!("image {id} is being changed by others; try again")))
    }

    fn patched(&self, seen: &SeenImage, operations: &[Operation], sizes: &Sizes) -> Result<Image, Error> {
        let mut after = seen.clone();
        self.registry.stores.order(&mut after.image);
        for operation in operations {
            self.allow_operation(&after, operation)?;
            self.require_owner(&seen.image)?;
            if operation.name == "locations" {
                self.patch_locations(&mut after.image, operation, sizes)?;
            } else {
                apply(&mut after.image, operation)?;
            }
        }
        let image = after.image;
        let grew = image.properties.keys().any(|name| !seen.image.properties.contains_key(name));
        if grew {
            self.check_counts(&image)?;
        } else {
            over("tags", image.id, image.tags.len(), self.registry.settings.image_tag_quota)?;
        }
        Ok(image)
    }

    fn allow_operation(&self, seen: &SeenImage, operation: &Operation) -> Result<(), Error> {
        match (operation.name.as_str(), operation.verb) {
            ("locations", Verb::Remove) => self.allow("delete_image_location", seen),
            ("locations", _) => self.allow("set_image_location", seen),
            ("owner", Verb::Add | Verb::AddNew | Verb::Replace) if !self.admin => {
                self.allow("modify_image", seen)?;
                Err(Error::Forbidden("only administrators change the owner".to_owned()))
            }
            ("visibility", Verb::Add | Verb::AddNew | Verb::Replace) => {
                if let Some(wanted) = operation.value.as_str().and_then(|text| text.parse().ok()) {
                    self.allow_visibility_of(wanted, seen)?;
                }
                self.allow("modify_image", seen)
            }
            _ => self.allow("modify_image", seen),
        }
    }
}

impl Registry {
    /// Writes a change, and removes the data at the locations it takes away.
    ///
    /// Such removals are noted before the record changes: whoever finds the note looks whether the
    /// image still has the location, and then drops the note instead of the data.
    async fn write_change(self: &Arc<Self>, before: &Image, change: &ImageChange) -> Result<Image, RepoError> {
        let (gone, kept): (Vec<_>, Vec<_>) = before
            .locations
            .iter()
            .partition(|location| location.id.is_some_and(|id| change.locations_removed.contains(&id)));
        // Two locations may name one place, of which the other still reads.
        let removals: Vec<RemovalOf> = gone
            .into_iter()
            .filter(|location| !kept.iter().any(|other| other.url == location.url))
            .map(|location| self.note_of(location))
            .collect();
        if removals.is_empty() {
            return self.database.update_image(before.id, before.status, change).await;
        }
        let _working = Working::on(self, removals.iter().map(|removal| removal.entry).collect());
        self.database.note_removals(before.id, &removals, &self.process, self.lease_end(change.at)).await?;
        let updated = self.database.update_image(before.id, before.status, change).await;
        match updated {
            Ok(_) => self.remove_all(before.id, &removals).await,
            // Nobody knows whether the record changed; whoever finds the notes will see.
            Err(RepoError::Failed { .. }) => {}
            Err(_) => {
                for removal in &removals {
                    self.database.close_entry(removal.entry).await?;
                }
            }
        }
        updated
    }
}

fn apply(image: &mut Image, operation: &Operation) -> Result<(), Error> {
    let name = operation.name.as_str();
    let is_field = fields::is_attribute(name);
    let present = is_field || image.properties.contains_key(name);
    match operation.verb {
        Verb::Remove if is_field => return Err(Error::Forbidden(format!("property {name} may not be removed"))),
        Verb::Replace | Verb::Remove if !present => {
            return Err(Error::Conflict(format!("property {name} does not exist")));
        }
        Verb::AddNew if present => return Err(Error::Conflict(format!("property {name} already present"))),
        Verb::Remove => {
            image.properties.remove(name);
            return Ok(());
        }
        _ => {}
    }
    if matches!(name, "disk_format" | "container_format") && !matches!(image.status, Status::Queued | Status::Importing)
    {
        return Err(Error::Forbidden(format!("attribute {name} can be changed only before the image has data")));
    }
    fields::check_kept(name, &operation.value)?;
    image::fields::assign(image, name, &operation.value)
}
