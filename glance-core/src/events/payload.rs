//! What events tell: the payloads of the Python server, key for key.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::schema;
use crate::image::{Image, Visibility};
use crate::member::Member;
use crate::metadefs::{Association, Namespace, Object, Property, Recorded, Tag};
use crate::moment::Moment;

/// What is told of an event. It serializes as in a message.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "each variant is what it is named after")]
#[non_exhaustive]
pub enum Payload {
    Image(Box<ImagePayload>),
    Send(SendPayload),
    Member(MemberPayload),
    Namespace(NamespacePayload),
    Object(ObjectPayload),
    Property(PropertyPayload),
    ResourceType(ResourceTypePayload),
    Tag(TagPayload),
    /// Why something failed.
    Text(String),
}

/// An image. Its hidden book-keeping is among the properties; its locations and its newer hash are not told.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is the one of `Image` with its name")]
pub struct ImagePayload {
    pub id: String,
    pub name: Option<String>,
    pub status: &'static str,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub min_disk: u32,
    pub min_ram: u32,
    pub protected: bool,
    pub checksum: Option<String>,
    pub owner: Option<String>,
    pub disk_format: Option<String>,
    pub container_format: Option<String>,
    pub size: Option<u64>,
    pub virtual_size: Option<u64>,
    /// Whether the visibility is public.
    pub is_public: bool,
    pub visibility: &'static str,
    pub properties: BTreeMap<String, Option<String>>,
    pub tags: Vec<String>,
    /// Whether it was deleted.
    pub deleted: bool,
    /// When it was deleted.
    pub deleted_at: Option<Moment>,
    /// Told where data goes to a store.
    #[serde(flatten)]
    pub imports: Option<ImportLists>,
    /// The store that data goes to, where stores have names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
}

/// How far an import into several stores has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportLists {
    /// Stores that are to get the data.
    pub os_glance_importing_to_stores: Vec<String>,
    /// Stores that did not get it.
    pub os_glance_failed_import: Vec<String>,
}

/// Data sent to somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SendPayload {
    /// How many bytes were sent.
    pub bytes_sent: u64,
    /// Whose data it is.
    pub image_id: String,
    /// The owner of the image.
    pub owner_id: Option<String>,
    /// The project of the caller.
    pub receiver_tenant_id: Option<String>,
    /// The caller.
    pub receiver_user_id: Option<String>,
}

/// A member of an image.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is the one of `Member` with its name")]
pub struct MemberPayload {
    pub image_id: String,
    /// The project that the image is shared with.
    pub member_id: String,
    pub status: &'static str,
    pub created_at: Moment,
    pub updated_at: Moment,
    /// Whether the share ended.
    pub deleted: bool,
    /// When it ended.
    pub deleted_at: Option<Moment>,
}

/// A namespace of metadata definitions.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is the one of `Namespace` with its name")]
pub struct NamespacePayload {
    /// Its name.
    pub namespace: String,
    /// Its name before.
    pub namespace_old: String,
    pub display_name: Option<String>,
    pub protected: Option<bool>,
    pub visibility: Option<&'static str>,
    pub owner: String,
    pub description: Option<String>,
    #[serde(flatten)]
    pub times: Times,
}

/// An object of a namespace.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is the one of `Object` with its name")]
pub struct ObjectPayload {
    #[serde(flatten)]
    pub named: InNamespace,
    pub properties: Vec<Value>,
    pub required: Vec<String>,
    pub description: Option<String>,
    #[serde(flatten)]
    pub times: Times,
}

/// A property of a namespace. When it was recorded is not told.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is the one of `Property` with its name")]
pub struct PropertyPayload {
    #[serde(flatten)]
    pub named: InNamespace,
    #[serde(flatten)]
    pub schema: Map<String, Value>,
    /// Whether it was deleted.
    pub deleted: bool,
    /// When it was deleted.
    pub deleted_at: Option<Moment>,
}

/// A resource type, as it is associated with a namespace.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is the one of `Association` with its name")]
pub struct ResourceTypePayload {
    #[serde(flatten)]
    pub named: InNamespace,
    pub prefix: Option<String>,
    pub properties_target: Option<String>,
    #[serde(flatten)]
    pub times: Times,
}

/// A tag of a namespace.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "a tag is nothing but its name")]
pub struct TagPayload {
    #[serde(flatten)]
    pub named: InNamespace,
    #[serde(flatten)]
    pub times: Times,
}

/// What a thing in a namespace is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InNamespace {
    /// The namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its name before.
    pub name_old: String,
}

/// When a thing was recorded, changed and deleted.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is the time it is named after")]
pub struct Times {
    pub created_at: Moment,
    /// The time of its making where it was never changed. (The Python server tells the present time then.)
    pub updated_at: Moment,
    pub deleted: bool,
    pub deleted_at: Option<Moment>,
}

impl ImagePayload {
    pub(super) fn of(image: &Image) -> Self {
        Self {
            id: image.id.to_string(),
            name: image.name.clone(),
            status: image.status.as_str(),
            created_at: Moment(image.created_at),
            updated_at: Moment(image.updated_at),
            min_disk: image.min_disk,
            min_ram: image.min_ram,
            protected: image.protected,
            checksum: image.checksum.clone(),
            owner: image.owner.clone(),
            disk_format: image.disk_format.clone(),
            container_format: image.container_format.clone(),
            size: image.size,
            virtual_size: image.virtual_size,
            is_public: image.visibility == Visibility::Public,
            visibility: image.visibility.as_str(),
            properties: image.properties.clone(),
            tags: image.tags.clone(),
            deleted: false,
            deleted_at: None,
            imports: None,
            backend: None,
        }
    }

    pub(super) fn deleted(self, at: Timestamp) -> Self {
        Self { deleted: true, deleted_at: Some(Moment(at)), ..self }
    }
}

impl From<ImagePayload> for Payload {
    fn from(image: ImagePayload) -> Self {
        Self::Image(Box::new(image))
    }
}

impl ImportLists {
    pub(super) fn of(image: &Image) -> Self {
        let list = |name| match image.properties.get(name).and_then(Option::as_deref) {
            Some(text) if !text.is_empty() => text.split(',').map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        Self {
            os_glance_importing_to_stores: list("os_glance_importing_to_stores"),
            os_glance_failed_import: list("os_glance_failed_import"),
        }
    }
}

impl Payload {
    /// A member, whose share ended at `deleted` if it did.
    pub(crate) fn member(member: &Member, deleted: Option<Timestamp>) -> Self {
        Self::Member(MemberPayload {
            image_id: member.image_id.to_string(),
            member_id: member.project.clone(),
            status: member.status.as_str(),
            created_at: Moment(member.created_at),
            updated_at: Moment(member.updated_at),
            deleted: deleted.is_some(),
            deleted_at: deleted.map(Moment),
        })
    }

    /// A namespace that was called `old` before.
    pub(crate) fn namespace(namespace: &Recorded<Namespace>, old: &str, deleted: Option<Timestamp>) -> Self {
        Self::Namespace(NamespacePayload {
            namespace: namespace.name.clone(),
            namespace_old: old.to_owned(),
            display_name: namespace.display_name.clone(),
            protected: namespace.protected,
            visibility: namespace.visibility.map(crate::metadefs::NamespaceVisibility::as_str),
            owner: namespace.owner.clone(),
            description: namespace.description.clone(),
            times: Times::of(namespace, deleted),
        })
    }

    pub(crate) fn object(named: InNamespace, object: &Recorded<Object>, deleted: Option<Timestamp>) -> Self {
        Self::Object(ObjectPayload {
            named,
            properties: object.properties.iter().map(|(name, schema)| schema::of_object(name, schema)).collect(),
            required: object.required.clone(),
            description: object.description.clone(),
            times: Times::of(object, deleted),
        })
    }

    pub(crate) fn property(named: InNamespace, property: &Recorded<Property>, deleted: Option<Timestamp>) -> Self {
        Self::Property(PropertyPayload {
            named,
            schema: schema::told(&property.schema),
            deleted: deleted.is_some(),
            deleted_at: deleted.map(Moment),
        })
    }

    pub(crate) fn resource_type(
        namespace: &str,
        association: &Recorded<Association>,
        deleted: Option<Timestamp>,
    ) -> Self {
        Self::ResourceType(ResourceTypePayload {
            named: InNamespace::unchanged(namespace, &association.resource_type),
            prefix: association.prefix.clone(),
            properties_target: association.properties_target.clone(),
            times: Times::of(association, deleted),
        })
    }

    pub(crate) fn tag(named: InNamespace, tag: &Recorded<Tag>, deleted: Option<Timestamp>) -> Self {
        Self::Tag(TagPayload { named, times: Times::of(tag, deleted) })
    }
}

impl InNamespace {
    /// What has the name it had.
    pub(crate) fn unchanged(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned(), name_old: name.to_owned() }
    }
}

impl Times {
    fn of<T>(recorded: &Recorded<T>, deleted: Option<Timestamp>) -> Self {
        Self {
            created_at: Moment(recorded.created_at),
            updated_at: Moment(recorded.updated_at.unwrap_or(recorded.created_at)),
            deleted: deleted.is_some(),
            deleted_at: deleted.map(Moment),
        }
    }
}
