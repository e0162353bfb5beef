//! What one call changes in an image record, and nothing else.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Image, Status, Visibility};
use crate::location::ImageLocation;

/// The difference a call makes to a record.
///
/// Records are never written back whole: two clients that each add a property, a tag or a location
/// at the same time both keep theirs, because neither writes what it did not touch.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageChange {
    /// Fields of the record itself.
    pub fields: Vec<Assigned>,
    /// Properties added or given another value.
    pub properties_set: BTreeMap<String, Option<String>>,
    /// Names of properties taken away.
    pub properties_removed: Vec<String>,
    /// Tags added, in this order.
    pub tags_added: Vec<String>,
    /// Tags taken away.
    pub tags_removed: Vec<String>,
    /// Locations added, in this order; their `id` is `None`.
    pub locations_added: Vec<ImageLocation>,
    /// Recorded locations whose metadata changed.
    pub locations_changed: Vec<ImageLocation>,
    /// Rows of the locations taken away.
    pub locations_removed: Vec<i64>,
    /// Whose the image is when all of this is written: what the change takes is held to that owner's limits. `None` if
    /// nobody looked at limits.
    pub owned_by: Option<Option<String>>,
    /// The moment of the change; becomes the record's `updated_at`.
    pub at: Timestamp,
}

/// One field of the record and the value it takes.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each variant is the field of `Image` with its name")]
pub enum Assigned {
    Name(Option<String>),
    Status(Status),
    Visibility(Visibility),
    Protected(bool),
    Hidden(bool),
    Owner(Option<String>),
    DiskFormat(Option<String>),
    ContainerFormat(Option<String>),
    MinDisk(u32),
    MinRam(u32),
    Size(Option<u64>),
    VirtualSize(Option<u64>),
    Checksum(Option<String>),
    OsHashAlgo(Option<String>),
    OsHashValue(Option<String>),
}

impl ImageChange {
    /// A change of nothing but the time.
    #[must_use]
    pub fn touch(at: Timestamp) -> Self {
        Self {
            fields: Vec::new(),
            properties_set: BTreeMap::new(),
            properties_removed: Vec::new(),
            tags_added: Vec::new(),
            tags_removed: Vec::new(),
            locations_added: Vec::new(),
            locations_changed: Vec::new(),
            locations_removed: Vec::new(),
            owned_by: None,
            at,
        }
    }

    /// What has to be written so that `before` becomes `after`.
    ///
    /// Locations without an `id` count as added; recorded ones are told apart by their `id`.
    #[must_use]
    pub fn between(before: &Image, after: &Image, at: Timestamp) -> Self {
        Self {
            fields: fields_between(before, after),
            properties_set: after
                .properties
                .iter()
                .filter(|(name, value)| before.properties.get(*name) != Some(value))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            properties_removed: missing(before.properties.keys(), |name| after.properties.contains_key(name)),
            tags_added: missing(after.tags.iter(), |tag| before.tags.contains(tag)),
            tags_removed: missing(before.tags.iter(), |tag| after.tags.contains(tag)),
            locations_added: after.locations.iter().filter(|location| location.id.is_none()).cloned().collect(),
            locations_changed: after
                .locations
                .iter()
                .filter(|location| before.locations.iter().any(|old| old.id == location.id && old != *location))
                .filter(|location| location.id.is_some())
                .cloned()
                .collect(),
            locations_removed: before
                .locations
                .iter()
                .filter_map(|location| location.id)
                .filter(|id| !after.locations.iter().any(|kept| kept.id == Some(*id)))
                .collect(),
            owned_by: Some(after.owner.clone()),
            at,
        }
    }

    /// The status the change gives, if it gives one.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        self.fields.iter().find_map(|field| match field {
            Assigned::Status(status) => Some(*status),
            _ => None,
        })
    }
}

fn missing<'a>(names: impl Iterator<Item = &'a String>, present: impl Fn(&String) -> bool) -> Vec<String> {
    names.filter(|name| !present(name)).cloned().collect()
}

fn fields_between(before: &Image, after: &Image) -> Vec<Assigned> {
    let mut fields = Vec::new();
    let mut note = |changed: bool, field: &dyn Fn() -> Assigned| {
        if changed {
            fields.push(field());
        }
    };
    note(before.name != after.name, &|| Assigned::Name(after.name.clone()));
    note(before.status != after.status, &|| Assigned::Status(after.status));
    note(before.visibility != after.visibility, &|| Assigned::Visibility(after.visibility));
    note(before.protected != after.protected, &|| Assigned::Protected(after.protected));
    note(before.hidden != after.hidden, &|| Assigned::Hidden(after.hidden));
    note(before.owner != after.owner, &|| Assigned::Owner(after.owner.clone()));
    note(before.disk_format != after.disk_format, &|| Assigned::DiskFormat(after.disk_format.clone()));
    note(before.container_format != after.container_format, &|| {
        Assigned::ContainerFormat(after.container_format.clone())
    });
    note(before.min_disk != after.min_disk, &|| Assigned::MinDisk(after.min_disk));
    note(before.min_ram != after.min_ram, &|| Assigned::MinRam(after.min_ram));
    note(before.size != after.size, &|| Assigned::Size(after.size));
    note(before.virtual_size != after.virtual_size, &|| Assigned::VirtualSize(after.virtual_size));
    note(before.checksum != after.checksum, &|| Assigned::Checksum(after.checksum.clone()));
    note(before.os_hash_algo != after.os_hash_algo, &|| Assigned::OsHashAlgo(after.os_hash_algo.clone()));
    note(before.os_hash_value != after.os_hash_value, &|| Assigned::OsHashValue(after.os_hash_value.clone()));
    fields
}

impl Image {
    /// The image after `change`. Locations that were added keep `id: None`; a database that numbers
    /// its rows says so when the image is read again.
    #[must_use]
    pub fn changed(mut self, change: &ImageChange) -> Self {
        for field in &change.fields {
            self.assign(field.clone());
        }
        for (name, value) in &change.properties_set {
            self.properties.insert(name.clone(), value.clone());
        }
        for name in &change.properties_removed {
            self.properties.remove(name);
        }
        self.tags.retain(|tag| !change.tags_removed.contains(tag));
        for tag in &change.tags_added {
            if !self.tags.contains(tag) {
                self.tags.push(tag.clone());
            }
        }
        self.locations.retain(|location| location.id.is_none_or(|id| !change.locations_removed.contains(&id)));
        for location in &mut self.locations {
            if let Some(changed) = change.locations_changed.iter().find(|changed| changed.id == location.id) {
                *location = changed.clone();
            }
        }
        self.locations.extend(change.locations_added.iter().cloned());
        self.updated_at = change.at;
        self
    }

    fn assign(&mut self, field: Assigned) {
        match field {
            Assigned::Name(value) => self.name = value,
            Assigned::Status(value) => self.status = value,
            Assigned::Visibility(value) => self.visibility = value,
            Assigned::Protected(value) => self.protected = value,
            Assigned::Hidden(value) => self.hidden = value,
            Assigned::Owner(value) => self.owner = value,
            Assigned::DiskFormat(value) => self.disk_format = value,
            Assigned::ContainerFormat(value) => self.container_format = value,
            Assigned::MinDisk(value) => self.min_disk = value,
            Assigned::MinRam(value) => self.min_ram = value,
            Assigned::Size(value) => self.size = value,
            Assigned::VirtualSize(value) => self.virtual_size = value,
            Assigned::Checksum(value) => self.checksum = value,
            Assigned::OsHashAlgo(value) => self.os_hash_algo = value,
            Assigned::OsHashValue(value) => self.os_hash_value = value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::ImageId;

    #[test]
    fn what_did_not_change_is_not_written() {
        let image = Image::queued(ImageId::random(), Timestamp::UNIX_EPOCH);
        let change = ImageChange::between(&image, &image, Timestamp::UNIX_EPOCH);
        let nothing = ImageChange { owned_by: Some(None), ..ImageChange::touch(Timestamp::UNIX_EPOCH) };
        assert_eq!(change, nothing);
    }

    #[test]
    fn the_change_between_two_images_leads_from_one_to_the_other() {
        let before = Image {
            properties: [("a".into(), Some("1".into())), ("b".into(), Some("2".into()))].into(),
            tags: vec!["x".into(), "y".into()],
            ..Image::queued(ImageId::random(), Timestamp::UNIX_EPOCH)
        };
        let after = Image {
            name: Some("n".into()),
            status: Status::Saving,
            properties: [("b".into(), Some("3".into())), ("c".into(), Some("4".into()))].into(),
            tags: vec!["y".into(), "z".into()],
            ..before.clone()
        };
        let change = ImageChange::between(&before, &after, Timestamp::UNIX_EPOCH);
        assert_eq!(change.properties_removed, ["a"]);
        assert_eq!(change.tags_added, ["z"]);
        assert_eq!(change.status(), Some(Status::Saving));
        assert_eq!(before.changed(&change), after);
    }
}
