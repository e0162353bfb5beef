//! What is in namespaces.

use glance_core::metadefs::{Association, Object, Property, Recorded, ResourceType, Tag, shown_fragment};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{NamespaceView, Stamps};

/// An object.
#[derive(Serialize)]
pub(in crate::api) struct ObjectView<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    required: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<Map<String, Value>>,
    #[serde(flatten)]
    stamps: Option<Stamps>,
    #[serde(rename = "self", skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<&'static str>,
}

impl<'a> ObjectView<'a> {
    pub(in crate::api) fn new(namespace: &str, object: &'a Recorded<Object>) -> Self {
        Self {
            stamps: Some(Stamps::of(object)),
            path: Some(format!("{}/objects/{}", NamespaceView::path(namespace), object.name)),
            schema: Some("/v2/schemas/metadefs/object"),
            required: Some(&object.item.required),
            properties: Some(shown_fragments(&object.item.properties)),
            ..Self::bare(&object.item)
        }
    }

    pub(super) fn bare(object: &'a Object) -> Self {
        Self {
            name: &object.name,
            required: Some(object.required.as_slice()).filter(|required| !required.is_empty()),
            description: object.description.as_deref(),
            properties: Some(shown_fragments(&object.properties)).filter(|properties| !properties.is_empty()),
            stamps: None,
            path: None,
            schema: None,
        }
    }

    /// The answer to `body`: what was not sent is not shown, although it is recorded as empty.
    pub(in crate::api) fn limited_to(self, body: &Map<String, Value>) -> Self {
        Self {
            required: self.required.filter(|_| body.contains_key("required")),
            properties: self.properties.filter(|_| body.contains_key("properties")),
            ..self
        }
    }
}

/// The objects of a namespace.
#[derive(Serialize)]
pub(in crate::api) struct ObjectsView<'a> {
    objects: Vec<ObjectView<'a>>,
    schema: &'static str,
}

impl<'a> ObjectsView<'a> {
    pub(in crate::api) fn new(namespace: &str, objects: &'a [Recorded<Object>]) -> Self {
        let objects = objects.iter().map(|object| ObjectView::new(namespace, object)).collect();
        // Without the slash in front, as the Python server has it.
        Self { objects, schema: "v2/schemas/metadefs/objects" }
    }
}

/// A property on its own.
#[derive(Serialize)]
#[serde(transparent)]
pub(in crate::api) struct PropertyView(Map<String, Value>);

impl PropertyView {
    pub(in crate::api) fn new(property: &Property) -> Self {
        let mut fragment = shown_fragment(&property.schema);
        fragment.insert("name".to_owned(), property.name.clone().into());
        Self(fragment)
    }
}

/// The properties of a namespace.
#[derive(Serialize)]
pub(in crate::api) struct PropertiesView {
    properties: Map<String, Value>,
}

impl PropertiesView {
    pub(in crate::api) fn new(properties: &[Recorded<Property>]) -> Self {
        Self { properties: fragments(properties.iter().map(|property| &property.item)) }
    }
}

/// A tag.
#[derive(Serialize)]
pub(in crate::api) struct TagView<'a> {
    name: &'a str,
    #[serde(flatten)]
    stamps: Stamps,
}

impl<'a> TagView<'a> {
    pub(in crate::api) fn new(tag: &'a Recorded<Tag>) -> Self {
        Self { name: &tag.item.name, stamps: Stamps::of(tag) }
    }
}

#[derive(Serialize)]
pub(super) struct BareTag<'a> {
    pub(super) name: &'a str,
}

/// Several tags, which show no times.
#[derive(Serialize)]
pub(in crate::api) struct TagsView<'a> {
    tags: Vec<BareTag<'a>>,
}

impl<'a> TagsView<'a> {
    pub(in crate::api) fn new(tags: impl Iterator<Item = &'a Tag>) -> Self {
        Self { tags: tags.map(|tag| BareTag { name: &tag.name }).collect() }
    }
}

/// That a namespace is for a resource type.
#[derive(Serialize)]
pub(in crate::api) struct AssociationView<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties_target: Option<&'a str>,
    #[serde(flatten)]
    stamps: Option<Stamps>,
}

impl<'a> AssociationView<'a> {
    pub(in crate::api) fn new(association: &'a Recorded<Association>) -> Self {
        Self { stamps: Some(Stamps::of(association)), ..Self::bare(&association.item) }
    }

    pub(super) fn bare(association: &'a Association) -> Self {
        Self {
            name: &association.resource_type,
            prefix: association.prefix.as_deref(),
            properties_target: association.properties_target.as_deref(),
            stamps: None,
        }
    }
}

/// What a namespace is for.
#[derive(Serialize)]
pub(in crate::api) struct AssociationsView<'a> {
    resource_type_associations: Vec<AssociationView<'a>>,
}

impl<'a> AssociationsView<'a> {
    pub(in crate::api) fn new(associations: &'a [Recorded<Association>]) -> Self {
        Self { resource_type_associations: associations.iter().map(AssociationView::new).collect() }
    }
}

#[derive(Serialize)]
struct ResourceTypeView<'a> {
    name: &'a str,
    #[serde(flatten)]
    stamps: Stamps,
}

/// All resource types.
#[derive(Serialize)]
pub(in crate::api) struct ResourceTypesView<'a> {
    resource_types: Vec<ResourceTypeView<'a>>,
}

impl<'a> ResourceTypesView<'a> {
    pub(in crate::api) fn new(types: &'a [Recorded<ResourceType>]) -> Self {
        let view =
            |known: &'a Recorded<ResourceType>| ResourceTypeView { name: &known.item.name, stamps: Stamps::of(known) };
        Self { resource_types: types.iter().map(view).collect() }
    }
}

/// Properties by their names, as the API shows their schemas.
pub(super) fn fragments<'a>(properties: impl Iterator<Item = &'a Property>) -> Map<String, Value> {
    properties.map(|property| (property.name.clone(), Value::Object(shown_fragment(&property.schema)))).collect()
}

fn shown_fragments(fragments: &Map<String, Value>) -> Map<String, Value> {
    let shown = |fragment: &Value| fragment.as_object().map(|fragment| Value::Object(shown_fragment(fragment)));
    fragments.iter().filter_map(|(name, fragment)| Some((name.clone(), shown(fragment)?))).collect()
}
