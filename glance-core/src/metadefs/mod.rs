//! Metadata definitions: what the properties of images, volumes, flavours and other resources mean,
//! and which values they take.
//!
//! A namespace groups definitions of properties, objects (properties that belong together) and tags, and is
//! associated with the types of resources that they are for. An association may have a prefix that
//! stands in front of every property name on such a resource.

mod body;
mod check;
mod file;
mod fragment;
mod library;
mod record;
mod starter;

pub use body::{
    NewNamespace, NewTags, association_from_json, new_object_from_json, object_from_json, property_from_json,
    tag_from_json,
};
pub use check::{Finding, Problem, check};
pub use file::BadDefinition;
pub use fragment::shown as shown_fragment;
pub use library::{LoadMode, Loaded, definitions_for, export, load, unload};
pub use record::{
    Association, Contents, Definition, Named, Namespace, NamespaceVisibility, Object, Property, Recorded, ResourceType,
    Tag, UnknownVisibility, WholeNamespace,
};
pub use starter::STARTER;

/// The most characters of a name, a display name, a prefix or a target.
pub const MAX_NAME: usize = 80;
/// The most characters of a namespace's description.
pub const MAX_DESCRIPTION: usize = 500;
/// The most characters of an owner.
pub const MAX_OWNER: usize = 255;

/// The most things of a kind in one request: tags, properties, objects, associations.
pub const MAX_AT_ONCE: usize = 1_000;

/// Whether a caller sees `namespace`, before any policy is asked: public ones are seen by everybody, others by
/// their owner and by administrators.
#[must_use]
pub fn can_see(namespace: &Namespace, admin: bool, project: Option<&str>) -> bool {
    admin || namespace.is_public() || project == Some(namespace.owner.as_str())
}

#[cfg(test)]
mod tests;
