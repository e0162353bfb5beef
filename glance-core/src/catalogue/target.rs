//! An image as policy rules see it.

use std::borrow::Cow;

use crate::database::SeenImage;
use crate::image::{Image, Visibility};
use crate::policy::{Target, Value};

/// An image, and the project that looks at it.
pub(super) struct ImageTarget<'a> {
    image: &'a Image,
    /// The caller's project where it looks at somebody else's shared image.
    member: Option<&'a str>,
}

impl<'a> ImageTarget<'a> {
    /// As the reference has it: whoever sees a shared image of another owner counts as a member,
    /// which only a member can be, or anybody if there is no owner. An owner who shares with itself
    /// stays the owner: it must not answer for the members.
    pub(super) fn new(seen: &'a SeenImage, project: Option<&'a str>) -> Self {
        let image = &seen.image;
        let seen_as_member = seen.membership.is_some() || image.owner.is_none();
        let shared = seen_as_member && image.visibility == Visibility::Shared;
        Self { image, member: project.filter(|project| shared && image.owner.as_deref() != Some(*project)) }
    }
}

const FIELDS: [&str; 22] = [
    "id",
    "image_id",
    "owner",
    "project_id",
    "member",
    "member_id",
    "name",
    "status",
    "visibility",
    "created_at",
    "updated_at",
    "min_disk",
    "min_ram",
    "protected",
    "os_hidden",
    "checksum",
    "os_hash_algo",
    "os_hash_value",
    "disk_format",
    "container_format",
    "size",
    "virtual_size",
];

impl Target for ImageTarget<'_> {
    fn get(&self, key: &str) -> Option<Value<'_>> {
        let image = self.image;
        Some(match key {
            "project_id" | "owner" => image.owner.as_deref().into(),
            "visibility" => image.visibility.as_str().into(),
            "member_id" | "member" => self.member.into(),
            "id" | "image_id" => image.id.as_str().into(),
            "name" => image.name.as_deref().into(),
            "status" => image.status.as_str().into(),
            "created_at" => image.created_at.to_string().into(),
            "updated_at" => image.updated_at.to_string().into(),
            "min_disk" => i64::from(image.min_disk).into(),
            "min_ram" => i64::from(image.min_ram).into(),
            "protected" => image.protected.into(),
            "os_hidden" => image.hidden.into(),
            "checksum" => image.checksum.as_deref().into(),
            "os_hash_algo" => image.os_hash_algo.as_deref().into(),
            "os_hash_value" => image.os_hash_value.as_deref().into(),
            "disk_format" => image.disk_format.as_deref().into(),
            "container_format" => image.container_format.as_deref().into(),
            "size" => bytes(image.size),
            "virtual_size" => bytes(image.virtual_size),
            "tags" => image.tags.as_slice().into(),
            _ => image.properties.get(key)?.as_deref().into(),
        })
    }

    fn keys(&self) -> Vec<Cow<'_, str>> {
        FIELDS
            .into_iter()
            .chain(["tags"])
            .map(Cow::Borrowed)
            .chain(self.image.properties.keys().map(|name| Cow::Borrowed(name.as_str())))
            .collect()
    }
}

fn bytes(number: Option<u64>) -> Value<'static> {
    number.and_then(|number| i64::try_from(number).ok()).into()
}
