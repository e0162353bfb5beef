//! The things that definitions are made of.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use jiff::Timestamp;
use serde_json::{Map, Value};

/// A thing as it is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded<T> {
    /// The thing.
    pub item: T,
    /// When it was recorded first.
    pub created_at: Timestamp,
    /// When it was last changed; `None` for what was loaded from a file and not changed since.
    pub updated_at: Option<Timestamp>,
}

impl<T> Deref for Recorded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.item
    }
}

impl Recorded<Namespace> {
    /// Whether this is the namespace that `seen` was, and the same callers may do the same with it: it has its owner,
    /// its visibility and its protection.
    #[must_use]
    pub fn is_guarded_as(&self, seen: &Self) -> bool {
        let guards = |known: &Self| (known.created_at, known.visibility, known.protected);
        self.name == seen.name && self.owner == seen.owner && guards(self) == guards(seen)
    }
}

/// A group of definitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// Its name, which no other has.
    pub name: String,
    /// What people call it.
    pub display_name: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// Who sees it. `None`, which files may leave it at, means the same as private.
    pub visibility: Option<NamespaceVisibility>,
    /// Whether it and its contents may not be deleted. `None`, which files may leave it at, means no.
    pub protected: Option<bool>,
    /// The project it belongs to.
    pub owner: String,
}

impl Namespace {
    /// Whether everybody sees it.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.visibility == Some(NamespaceVisibility::Public)
    }

    /// Whether it and its contents may not be deleted.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        self.protected == Some(true)
    }
}

/// Who sees a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NamespaceVisibility {
    /// Everybody.
    Public,
    /// Its owner.
    Private,
}

impl NamespaceVisibility {
    /// The visibility as the API and the database spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }
}

impl fmt::Display for NamespaceVisibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no visibility of a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the visibility of a namespace is public or private")]
pub struct UnknownVisibility;

impl FromStr for NamespaceVisibility {
    type Err = UnknownVisibility;

    fn from_str(text: &str) -> Result<Self, UnknownVisibility> {
        match text {
            "public" => Ok(Self::Public),
            "private" => Ok(Self::Private),
            _ => Err(UnknownVisibility),
        }
    }
}

/// Properties that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Its name, which no other object of the namespace has.
    pub name: String,
    /// What it is about.
    pub description: Option<String>,
    /// The properties that a resource must have which has any of them.
    pub required: Vec<String>,
    /// A schema for each property, by its name.
    pub properties: Map<String, Value>,
}

/// One property, and what its values look like.
#[derive(Debug, Clone, PartialEq)]
pub struct Property {
    /// Its name, which no other property of the namespace has.
    pub name: String,
    /// The part of a JSON schema that describes its values, as it was recorded. The API shows it as
    /// [`shown_fragment`](super::shown_fragment) does.
    pub schema: Map<String, Value>,
}

/// A word to label resources with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// The word, which no other tag of the namespace is.
    pub name: String,
}

/// A kind of resource, such as `OS::Glance::Image`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceType {
    /// Its name, which no other has.
    pub name: String,
    /// Whether it came from a file; otherwise a client made it up.
    pub protected: bool,
}

/// That a namespace is for resources of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Association {
    /// The name of the resource type.
    pub resource_type: String,
    /// What stands in front of every property name on such a resource.
    pub prefix: Option<String>,
    /// Which of the several sets of properties of such a resource is meant.
    pub properties_target: Option<String>,
}

/// A namespace with all that is in it, before it is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// The namespace.
    pub namespace: Namespace,
    /// What it is for.
    pub associations: Vec<Association>,
    /// Its properties.
    pub properties: Vec<Property>,
    /// Its objects.
    pub objects: Vec<Object>,
    /// Its tags.
    pub tags: Vec<Tag>,
}

/// What is recorded in a namespace: properties and objects by their names, the others in the order in which they were
/// recorded.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "each field is the kind of thing that it is named after")]
pub struct Contents {
    pub associations: Vec<Recorded<Association>>,
    pub properties: Vec<Recorded<Property>>,
    pub objects: Vec<Recorded<Object>>,
    pub tags: Vec<Recorded<Tag>>,
}

/// A recorded namespace with all that is recorded in it.
#[derive(Debug, Clone, PartialEq)]
pub struct WholeNamespace {
    /// The namespace.
    pub namespace: Recorded<Namespace>,
    /// What is in it.
    pub contents: Contents,
}

impl WholeNamespace {
    /// The namespace as a resource of the type `resource_type` knows it: every property name with the prefix of
    /// the association. Without an association or a prefix nothing changes.
    #[must_use]
    pub fn prefixed(mut self, resource_type: &str) -> Self {
        let association = self.contents.associations.iter().find(|known| known.resource_type == resource_type);
        let Some(prefix) = association.and_then(|known| known.prefix.clone()).filter(|prefix| !prefix.is_empty())
        else {
            return self;
        };
        for property in &mut self.contents.properties {
            property.item.name.insert_str(0, &prefix);
        }
        for object in &mut self.contents.objects {
            let plain = std::mem::take(&mut object.item.properties);
            object.item.properties =
                plain.into_iter().map(|(name, schema)| (format!("{prefix}{name}"), schema)).collect();
            object.item.required.iter_mut().for_each(|name| name.insert_str(0, &prefix));
        }
        self
    }

    /// The same without the times.
    #[must_use]
    pub fn into_definition(self) -> Definition {
        fn items<T>(recorded: Vec<Recorded<T>>) -> Vec<T> {
            recorded.into_iter().map(|one| one.item).collect()
        }
        Definition {
            namespace: self.namespace.item,
            associations: items(self.contents.associations),
            properties: items(self.contents.properties),
            objects: items(self.contents.objects),
            tags: items(self.contents.tags),
        }
    }
}

/// Things that go by a name.
pub trait Named {
    /// The name that tells it from others of its kind in the same place.
    fn name(&self) -> &str;
}

impl Named for Namespace {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for Object {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for Property {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for Tag {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for ResourceType {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for Association {
    fn name(&self) -> &str {
        &self.resource_type
    }
}
