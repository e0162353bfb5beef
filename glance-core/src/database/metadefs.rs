//! The trait behind which metadata definitions are kept.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Direction, RepoError, Viewer};
use crate::metadefs::{
    Association, Namespace, NamespaceVisibility, Object, Property, Recorded, ResourceType, Tag, WholeNamespace,
};

/// Metadata definitions. Things are named as clients name them: a namespace by its name, what is in it by both names.
///
/// Objects and properties are listed by their names, as the Python server lists them; whatever else names no
/// order, in the order in which it was recorded.
#[async_trait]
pub trait MetadefRepo: fmt::Debug + Send + Sync + 'static {
    /// The namespaces `query` asks for, in its order, at most `query.limit` of them.
    ///
    /// # Errors
    ///
    /// [`RepoError::NotFound`] if there is no namespace with the name of the marker.
    async fn namespaces(&self, query: &NamespaceQuery) -> Result<Vec<ListedNamespace>, RepoError>;

    /// One namespace, whoever may see it.
    ///
    /// # Errors
    ///
    /// [`RepoError::NotFound`].
    async fn namespace(&self, name: &str) -> Result<Recorded<Namespace>, RepoError>;

    /// One namespace with all that is in it, as it was at one moment.
    ///
    /// # Errors
    ///
    /// [`RepoError::NotFound`].
    async fn whole_namespace(&self, name: &str) -> Result<WholeNamespace, RepoError>;

    /// What a namespace is for.
    ///
    /// # Errors
    ///
    /// [`RepoError::NotFound`] if there is no such namespace.
    async fn associations(&self, namespace: &str) -> Result<Within<Vec<Recorded<Association>>>, RepoError>;

    /// The objects of a namespace.
    ///
    /// # Errors
    ///
    /// [`RepoError::NotFound`] if there is no such namespace.
    async fn objects(&self, namespace: &str) -> Result<Within<Vec<Recorded<Object>>>, RepoError>;

    /// One object; `None` if the namespace has none of that name.
    ///
    /// # Errors
    ///
    /// [`RepoError::NotFound`] if there is no such namespace.
    async fn object(&self, namespace: &str, name: &str) -> Result<Within<Option<Recorded<Object>>>, RepoError>;

    /// The properties of a namespace.
    ///
    /// # Errors
    ///
    /// [`RepoError::NotFound`] if there is no such namespace.
    async fn properties(&self, namespace: &str) -> Result<Within<Vec<Recorded<Property>>>, RepoError>;

    /// One property; `None` if the namespace has none of that name.
    ///
    /// # Errors
    ///
    /// [`RepoError::NotFound`] if there is no such namespace.
    async fn property(&self, namespace: &str, name: &str) -> Result<Within<Option<Recorded<Property>>>, RepoError>;

    /// The tags of a namespace that `query` asks for, in its order; `None` if it has no tag with the name of the marker.
    ///
    /// # Errors
    ///
    /// [`RepoError::NotFound`] if there is no such namespace.
    async fn metadef_tags(
        &self,
        namespace: &str,
        query: &TagQuery,
    ) -> Result<Within<Option<Vec<Recorded<Tag>>>>, RepoError>;

    /// One tag; `None` if the namespace has none of that name.
    ///
    /// # Errors
    ///
    /// [`RepoError::NotFound`] if there is no such namespace.
    async fn metadef_tag(&self, namespace: &str, name: &str) -> Result<Within<Option<Recorded<Tag>>>, RepoError>;

    /// All resource types.
    ///
    /// # Errors
    ///
    /// [`RepoError::Failed`].
    async fn resource_types(&self) -> Result<Vec<Recorded<ResourceType>>, RepoError>;

    /// Makes `changes`, one after the other: all of them or none.
    ///
    /// # Errors
    ///
    /// [`RepoError::NotFound`] if a change is about something that is not there; [`RepoError::Exists`] if one
    /// takes a name that is taken; [`RepoError::Changed`] as [`MetadefChange::Expect`] says.
    async fn change_metadefs(&self, changes: &[MetadefChange]) -> Result<(), RepoError>;
}

/// What was found in a namespace, and the namespace as it was at the same moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Within<T> {
    /// The namespace.
    pub namespace: Recorded<Namespace>,
    /// What was found in it.
    pub found: T,
}

/// One change to metadata definitions.
#[derive(Debug, Clone, PartialEq)]
pub enum MetadefChange {
    /// Changes nothing, and stands before changes that the caller allowed because of what it saw: they are made only
    /// if the namespace of that name still [is guarded](Recorded::is_guarded_as) as the one here. Otherwise they fail
    /// with [`RepoError::Changed`], or with [`RepoError::NotFound`] if there is none.
    Expect(Recorded<Namespace>),
    /// About a namespace. To remove it removes all that is in it.
    Namespace(ItemChange<Namespace>),
    /// About an object of the namespace.
    Object(String, ItemChange<Object>),
    /// About a property of the namespace.
    Property(String, ItemChange<Property>),
    /// About a tag of the namespace.
    Tag(String, ItemChange<Tag>),
    /// About an association of the namespace, which goes by the name of the resource type. To add one makes the
    /// type, unprotected, if there is none.
    Association(String, ItemChange<Association>),
    /// About a resource type.
    ResourceType(ItemChange<ResourceType>),
}

/// One change to things of a kind.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemChange<T> {
    /// Records one more.
    Add(Recorded<T>),
    /// Records `to` in the place of the one called `name`, which keeps the time it was made, at `at`.
    Set {
        /// The present name.
        name: String,
        /// What it shall be.
        to: T,
        /// The time of the change.
        at: Timestamp,
    },
    /// Removes the one with this name.
    Remove(String),
    /// Removes all of them.
    RemoveAll,
}

/// Which namespaces to list, and in what order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceQuery {
    /// Who lists: public namespaces, those of the project, or all for an administrator.
    pub viewer: Viewer,
    /// Only those recorded with this visibility.
    pub visibility: Option<NamespaceVisibility>,
    /// Only those that are for one of these resource types.
    pub resource_types: Option<Vec<String>>,
    /// The first key, and the direction of all. Behind it come the time of creation and the order of recording. A
    /// value that is absent counts as lower than every other.
    pub sort: (NamespaceSortKey, Direction),
    /// Lists only what comes after the namespace of this name in the order.
    pub marker: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// A namespace in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedNamespace {
    /// The namespace.
    pub namespace: Recorded<Namespace>,
    /// What it is for.
    pub associations: Vec<Recorded<Association>>,
}

/// What namespaces may be ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the field of `Namespace` with its name")]
pub enum NamespaceSortKey {
    Name,
    DisplayName,
    Description,
    Visibility,
    Protected,
    Owner,
    CreatedAt,
    UpdatedAt,
}

/// Which tags to list, and in what order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagQuery {
    /// The first key, and the direction of all. Behind it come the time of creation and the order of recording.
    pub sort: (TagSortKey, Direction),
    /// Lists only what comes after the tag of this name in the order.
    pub marker: Option<String>,
    /// At most so many; `None` for all.
    pub limit: Option<usize>,
}

/// What tags may be ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the field with its name")]
pub enum TagSortKey {
    Name,
    CreatedAt,
    UpdatedAt,
}
