//! Changing image records.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use super::create::now;
use super::housekeeping::Working;
use super::locations::{Sizes, Stop};
use super::readers::ToTell;
use super::{Images, Registry, TRIES};
use crate::context::RequestContext;
use crate::database::{RemovalOf, RepoError, SeenImage};
use crate::error::Error;
use crate::events::EventType;
use crate::image::patch::{Operation, Verb};
use crate::image::{self, Image, ImageChange, ImageId, Status, fields};
use crate::limits::ProjectLimits;

impl Images<'_> {
    /// Applies a patch: all of it, or nothing.
    ///
    /// What other writers change at the same time, and the patch does not touch, stays theirs. So do properties that
    /// the caller may not read.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for values that a field's schema does not allow; [`Error::NotFound`];
    /// [`Error::Forbidden`] by policy, for fields that clients do not write or cannot remove, for
    /// formats of an image that has data, for an owner set by anybody but an administrator, and for protected properties;
    /// [`Error::Conflict`] if a property to be replaced or removed is not there, and for another owner, one with limits,
    /// while data is on its way;
    /// [`Error::OverLimit`], also for an image that its new owner may not hold, whoever gives it;
    /// [`Error::Limits`] if it brings locations or another owner and nobody knows what the owner may hold.
    pub async fn patch(&self, id: ImageId, operations: &[Operation]) -> Result<Image, Error> {
        self.refuse_read_only()?;
        if operations.is_empty() {
            return Ok(self.shown(self.seen(id).await?.image));
        }
        for operation in operations {
            image::patch::check(operation, self.registry.settings.schema())?;
        }
        let sizes = self.sizes_of_new_locations(id, operations).await?;
        let patched = |seen: &SeenImage| {
            self.patched(seen, operations, &sizes).map_err(|stop| match stop {
                Stop::Refused(error) => error,
                Stop::Unknown(_) => Error::Conflict(format!("the locations of image {id} are being changed by others")),
            })
        };
        self.change(id, patched).await
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
            let owner = edited.owner.as_deref();
            let takes_room = !change.locations_added.is_empty() || seen.image.owner != edited.owner;
            let limits = if takes_room { self.registry.limits_of(owner).await? } else { ProjectLimits::NONE };
            let note = self.note_if_others_may_read(&seen.image, &edited).await?;
            let written = self.registry.write_change(&seen.image, &change, &limits, self.context).await;
            self.registry.end_note(note, &written, Some(self.context)).await;
            match written {
                Ok(image) => return Ok(self.shown(image)),
                Err(RepoError::OverProjectLimit(excess)) => return Err(self.registry.over(owner, &excess)),
                Err(RepoError::Stale { .. } | RepoError::Changed) => {}
                Err(RepoError::NotFound) => return Err(super::access::no_image(id)),
                Err(RepoError::LastLocation) => {
                    return Err(Error::Forbidden("the last location of an image stays".to_owned()));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Conflict(format!("image {id} is being changed by others; try again")))
    }

    async fn note_if_others_may_read(&self, before: &Image, after: &Image) -> Result<Option<ToTell>, Error> {
        let what = |image: &Image| (image.visibility, image.status, image.owner.clone(), image.locations.len());
        if what(before) == what(after) {
            return Ok(None);
        }
        Ok(self.registry.note_readers(after).await?)
    }

    pub(super) fn patched(&self, seen: &SeenImage, operations: &[Operation], sizes: &Sizes) -> Result<Image, Stop> {
        let mut after = seen.clone();
        self.registry.stores.order(&mut after.image);
        for operation in operations {
            self.allow_operation(&after, operation)?;
            self.require_owner(&seen.image)?;
            match (operation.name.as_str(), &operation.value) {
                ("locations", _) => self.patch_locations(&mut after.image, operation, sizes)?,
                // What is only to be added if it is not there is refused before anybody counts it.
                ("tags", Value::Array(tags)) if operation.verb != Verb::AddNew => {
                    self.check_tags(seen.image.id, tags.len())?;
                }
                _ => self.allow_property(&after.image, operation)?,
            }
            if operation.name != "locations" {
                apply(&mut after.image, operation)?;
            }
        }
        let image = after.image;
        if image.properties.keys().any(|name| !seen.image.properties.contains_key(name)) {
            self.check_properties(&image)?;
        }
        check_kept(operations)?;
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
    /// Writes a change and tells of it, and removes the data at the locations it takes away.
    ///
    /// Such removals are noted before the record changes: whoever finds the note looks whether the
    /// image still has the location, and then drops the note instead of the data.
    async fn write_change(
        self: &Arc<Self>,
        before: &Image,
        change: &ImageChange,
        limits: &ProjectLimits,
        caller: &RequestContext,
    ) -> Result<Image, RepoError> {
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
            return self.update(before, change, limits).await;
        }
        let _working = Working::on(self, removals.iter().map(|removal| removal.entry).collect());
        self.database.note_removals(before.id, &removals, &self.process, self.lease_end(change.at)).await?;
        let updated = self.update(before, change, limits).await;
        match &updated {
            Ok(_) => self.remove_all(before.id, &removals, caller).await,
            // Nobody knows whether the record changed; whoever finds the notes will see.
            Err(error) if error.leaves_in_doubt() => {}
            Err(_) => {
                for removal in &removals {
                    self.database.close_entry(removal.entry).await?;
                }
            }
        }
        updated
    }

    /// It is told at once: who called may be gone before stores have done what follows.
    async fn update(&self, before: &Image, change: &ImageChange, limits: &ProjectLimits) -> Result<Image, RepoError> {
        let image = self.database.update_image(before.id, before.status, change, limits).await?;
        self.events.image(EventType::ImageUpdate, &image);
        Ok(image)
    }
}

/// Whether a database keeps what a patch leaves behind: of the operations on a field, the last one counts.
fn check_kept(operations: &[Operation]) -> Result<(), Error> {
    let mut known = HashSet::new();
    let last = operations.iter().rev().filter(|operation| known.insert(operation.name.as_str()));
    last.filter(|operation| operation.verb != Verb::Remove && operation.name != "locations")
        .try_for_each(|operation| fields::check_kept(&operation.name, &operation.value))
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
    if operation.value.as_f64().is_some_and(|number| number < 0.0) {
        fields::check_kept(name, &operation.value)?;
    }
    fields::assign(image, name, &operation.value)
}
