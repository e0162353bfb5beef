//! Metadata definitions. What has no value is left out.

mod contents;

use glance_core::catalogue::NamespacePage;
use glance_core::metadefs::{Association, Definition, Namespace, NamespaceVisibility, Recorded, WholeNamespace};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::api::v2::Links;
use glance_core::Moment;

pub(in crate::api) use contents::{
    AssociationView, AssociationsView, ObjectView, ObjectsView, PropertiesView, PropertyView, ResourceTypesView,
    TagView, TagsView,
};
use contents::{BareTag, fragments};

/// When something was made and changed.
#[derive(Serialize)]
struct Stamps {
    created_at: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<Moment>,
}

impl Stamps {
    fn of<T>(recorded: &Recorded<T>) -> Self {
        let moment = |time: Timestamp| Moment(time);
        Self { created_at: moment(recorded.created_at), updated_at: recorded.updated_at.map(moment) }
    }
}

/// A namespace without what is in it, but for what it is for.
#[derive(Serialize)]
pub(in crate::api) struct NamespaceView<'a> {
    namespace: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    visibility: &'static str,
    protected: bool,
    owner: &'a str,
    #[serde(flatten)]
    stamps: Stamps,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resource_type_associations: Vec<AssociationView<'a>>,
    #[serde(rename = "self")]
    path: String,
    schema: &'static str,
}

impl<'a> NamespaceView<'a> {
    pub(in crate::api) fn new(namespace: &'a Recorded<Namespace>, associations: &'a [Recorded<Association>]) -> Self {
        Self::with(namespace, associations.iter().map(AssociationView::new).collect())
    }

    fn with(namespace: &'a Recorded<Namespace>, associations: Vec<AssociationView<'a>>) -> Self {
        Self {
            namespace: &namespace.name,
            display_name: namespace.display_name.as_deref(),
            description: namespace.description.as_deref(),
            visibility: namespace.visibility.unwrap_or(NamespaceVisibility::Private).as_str(),
            protected: namespace.is_protected(),
            owner: &namespace.owner,
            stamps: Stamps::of(namespace),
            resource_type_associations: associations,
            path: Self::path(&namespace.name),
            schema: "/v2/schemas/metadefs/namespace",
        }
    }

    /// Where a namespace is found.
    pub(in crate::api) fn path(name: &str) -> String {
        format!("/v2/metadefs/namespaces/{name}")
    }
}

/// A page of namespaces, with the links that lead to the first page and to the next.
#[derive(Serialize)]
pub(in crate::api) struct NamespacesView<'a> {
    namespaces: Vec<NamespaceView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    schema: &'static str,
    first: String,
}

impl<'a> NamespacesView<'a> {
    pub(in crate::api) fn new(page: &'a NamespacePage, links: &Links) -> Self {
        let view = page.namespaces.iter().map(|listed| NamespaceView::new(&listed.namespace, &listed.associations));
        Self {
            namespaces: view.collect(),
            next: page.next.as_deref().map(|marker| links.next(marker)),
            schema: "/v2/schemas/metadefs/namespaces",
            first: links.first(),
        }
    }
}

/// A namespace with all that is in it.
#[derive(Serialize)]
pub(in crate::api) struct WholeNamespaceView<'a> {
    #[serde(flatten)]
    namespace: NamespaceView<'a>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    properties: Map<String, Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    objects: Vec<ObjectView<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<BareTag<'a>>,
}

impl<'a> WholeNamespaceView<'a> {
    pub(in crate::api) fn new(whole: &'a WholeNamespace) -> Self {
        let contents = &whole.contents;
        let name = &whole.namespace.name;
        Self {
            namespace: NamespaceView::new(&whole.namespace, &contents.associations),
            properties: fragments(contents.properties.iter().map(|property| &property.item)),
            objects: contents.objects.iter().map(|object| ObjectView::new(name, object)).collect(),
            // The newest first, as in their list.
            tags: contents.tags.iter().rev().map(|tag| BareTag { name: &tag.name }).collect(),
        }
    }

    /// A namespace as it was made: what is in it stands there as it was sent, without times and paths.
    pub(in crate::api) fn created(namespace: &'a Recorded<Namespace>, sent: &'a Definition) -> Self {
        let associations = sent.associations.iter().map(AssociationView::bare).collect();
        Self {
            namespace: NamespaceView::with(namespace, associations),
            properties: fragments(sent.properties.iter()),
            objects: sent.objects.iter().map(ObjectView::bare).collect(),
            tags: sent.tags.iter().map(|tag| BareTag { name: &tag.name }).collect(),
        }
    }
}
