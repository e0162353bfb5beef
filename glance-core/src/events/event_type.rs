//! The kinds of events, and lists of those that nobody wants.

use std::fmt;

macro_rules! event_types {
    ($($variant:ident = $name:literal: $what:literal,)*) => {
        /// What an event tells of.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum EventType {
            $(#[doc = concat!("`", $name, "`: ", $what, ".")] $variant,)*
        }

        impl EventType {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name in messages, such as `image.create`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

event_types! {
    ImageCreate = "image.create": "an image was registered",
    ImageUpdate = "image.update": "the record of an image was saved",
    ImageDelete = "image.delete": "an image was deleted",
    ImagePrepare = "image.prepare": "data of an image is about to go to a store",
    ImageUpload = "image.upload": "a store has the data of an image; as an error: it does not, and why",
    ImageActivate = "image.activate": "data made an image active",
    ImageSend = "image.send": "data of an image was sent to somebody",
    MemberCreate = "image.member.create": "an image was shared",
    MemberUpdate = "image.member.update": "a member answered",
    MemberDelete = "image.member.delete": "a share ended",
    NamespaceCreate = "metadef_namespace.create": "a namespace was recorded",
    NamespaceUpdate = "metadef_namespace.update": "a namespace was changed",
    NamespaceDelete = "metadef_namespace.delete": "a namespace was deleted with all that was in it",
    NamespaceDeleteObjects = "metadef_namespace.delete_objects": "all objects of a namespace were deleted",
    NamespaceDeleteProperties = "metadef_namespace.delete_properties": "all properties of a namespace were deleted",
    NamespaceDeleteTags = "metadef_namespace.delete_tags": "all tags of a namespace were deleted",
    ObjectCreate = "metadef_object.create": "an object was recorded",
    ObjectUpdate = "metadef_object.update": "an object was changed",
    ObjectDelete = "metadef_object.delete": "an object was deleted",
    PropertyCreate = "metadef_property.create": "a property definition was recorded",
    PropertyUpdate = "metadef_property.update": "a property definition was changed",
    PropertyDelete = "metadef_property.delete": "a property definition was deleted",
    ResourceTypeCreate = "metadef_resource_type.create": "a resource type was associated with a namespace",
    ResourceTypeDelete = "metadef_resource_type.delete": "such an association ended",
    TagCreate = "metadef_tag.create": "a tag was recorded",
    TagUpdate = "metadef_tag.update": "a tag was renamed",
    TagDelete = "metadef_tag.delete": "a tag was deleted",
}

impl EventType {
    /// Whether `name`, an item of `disabled_notifications`, means this kind: by its full name, or by a group it is in.
    ///
    /// A group is what stands before any of the dots: `image` holds all of images and members,
    /// `image.member` what concerns members. The Python server looks at the first dot alone, so that its
    /// documented `image.member` disables nothing there.
    #[must_use]
    pub fn is_meant_by(self, name: &str) -> bool {
        self.as_str().strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_name_kinds_and_groups() {
        let meant = |name: &str| EventType::ALL.iter().filter(|kind| kind.is_meant_by(name)).count();
        for (name, count) in [
            ("image", 10),
            ("image.member", 3),
            ("image.member.create", 1),
            ("image.create", 1),
            ("image.", 0),
            ("imag", 0),
            ("member", 0),
            ("metadef_namespace", 6),
            ("metadef_namespace.delete", 1),
            ("metadef_tag", 3),
            ("", 0),
        ] {
            assert_eq!(meant(name), count, "{name}");
        }
    }
}
