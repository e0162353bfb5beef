//! Properties of a namespace.

use super::items::missing;
use super::{Metadefs, gone};
use crate::database::Within;
use crate::error::Error;
use crate::metadefs::{Association, Property, Recorded};

impl Metadefs<'_> {
    /// The properties of a namespace.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy.
    pub async fn properties(&self, namespace: &str) -> Result<Vec<Recorded<Property>>, Error> {
        let read = self.database().properties(namespace).await;
        Ok(self.shown("get_metadef_properties", namespace, read)?.found)
    }

    /// One property. Where `resource_type` is named, `name` is what the property is called on such a resource: with
    /// the prefix of the association.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], also if the type is not associated or the name has not its prefix;
    /// [`Error::Forbidden`] by policy.
    pub async fn property(
        &self,
        namespace: &str,
        name: &str,
        resource_type: Option<&str>,
    ) -> Result<Recorded<Property>, Error> {
        let Some(resource_type) = resource_type else { return self.item(namespace, name).await };
        let whole = self.database().whole_namespace(namespace).await.map_err(|error| gone(error, namespace))?;
        let read = Ok(Within { namespace: whole.namespace, found: whole.contents });
        let Within { namespace: seen, found } = self.shown("get_metadef_property", namespace, read)?;
        self.allow("get_metadef_resource_type", &seen)?;
        let name = bare_name(&found.associations, namespace, name, resource_type)?;
        let property = found.properties.into_iter().find(|known| known.name == name);
        property.ok_or_else(|| missing::<Property>(namespace, name))
    }

    /// Records a property.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy; [`Error::Conflict`] if the name is taken.
    pub async fn add_property(&self, namespace: &str, property: Property) -> Result<Recorded<Property>, Error> {
        self.add_item(namespace, property).await
    }

    /// Records `to` in the place of the property called `name`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy; [`Error::Conflict`] if the new name is taken.
    pub async fn update_property(
        &self,
        namespace: &str,
        name: &str,
        to: Property,
    ) -> Result<Recorded<Property>, Error> {
        self.update_item(namespace, name, to).await
    }

    /// Deletes a property.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy or if the namespace is protected.
    pub async fn delete_property(&self, namespace: &str, name: &str) -> Result<(), Error> {
        self.delete_item::<Property>(namespace, name).await
    }
}

/// The name without the prefix of the association with `resource_type`.
fn bare_name<'a>(
    associations: &[Recorded<Association>],
    namespace: &str,
    name: &'a str,
    resource_type: &str,
) -> Result<&'a str, Error> {
    let association = associations.iter().find(|known| known.resource_type == resource_type).ok_or_else(|| {
        Error::NotFound(format!("The resource type {resource_type} is not associated with namespace={namespace}."))
    })?;
    let prefix = association.prefix.as_deref().unwrap_or_default();
    name.strip_prefix(prefix).filter(|_| !prefix.is_empty()).ok_or_else(|| {
        Error::NotFound(format!(
            "Property {name} does not start with the expected resource type association prefix of '{prefix}'."
        ))
    })
}
