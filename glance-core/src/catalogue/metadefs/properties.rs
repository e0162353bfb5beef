//! Properties of a namespace.

use super::{Metadefs, add, refuse_protected, set};
use crate::database::{ItemChange, MetadefChange, RepoError};
use crate::error::Error;
use crate::metadefs::{Property, Recorded};

impl Metadefs<'_> {
    /// The properties of a namespace.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy.
    pub async fn properties(&self, namespace: &str) -> Result<Vec<Recorded<Property>>, Error> {
        self.allowed("get_metadef_properties", namespace).await?;
        self.database().properties(namespace).await.map_err(|error| no_property(error, namespace, ""))
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
        let seen = self.allowed("get_metadef_property", namespace).await?;
        let name = match resource_type {
            None => name.to_owned(),
            Some(resource_type) => {
                self.allow("get_metadef_resource_type", &seen)?;
                self.bare_name(namespace, name, resource_type).await?
            }
        };
        let name = name.as_str();
        self.database().property(namespace, name).await.map_err(|error| no_property(error, namespace, name))
    }

    /// The name without the prefix of the association.
    async fn bare_name(&self, namespace: &str, name: &str, resource_type: &str) -> Result<String, Error> {
        let associations =
            self.database().associations(namespace).await.map_err(|error| no_property(error, namespace, name))?;
        let association = associations.into_iter().find(|known| known.resource_type == resource_type);
        let association = association.ok_or_else(|| {
            Error::NotFound(format!("The resource type {resource_type} is not associated with namespace={namespace}."))
        })?;
        let prefix = association.item.prefix.unwrap_or_default();
        match name.strip_prefix(&prefix) {
            Some(bare) if !prefix.is_empty() => Ok(bare.to_owned()),
            _ => Err(Error::NotFound(format!(
                "Property {name} does not start with the expected resource type association prefix of '{prefix}'."
            ))),
        }
    }

    /// Records a property.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy; [`Error::Conflict`] if the name is taken.
    pub async fn add_property(&self, namespace: &str, property: Property) -> Result<Recorded<Property>, Error> {
        self.changeable("add_metadef_property", namespace).await?;
        let name = property.name.clone();
        let change = MetadefChange::Property(namespace.to_owned(), add(property));
        self.change(change, || taken(namespace, &name), || missing(namespace, &name)).await?;
        self.database().property(namespace, &name).await.map_err(|error| no_property(error, namespace, &name))
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
        self.changeable("modify_metadef_property", namespace).await?;
        let present = to.name.clone();
        let change = MetadefChange::Property(namespace.to_owned(), set(name, to));
        self.change(change, || taken(namespace, &present), || missing(namespace, name)).await?;
        self.database().property(namespace, &present).await.map_err(|error| no_property(error, namespace, &present))
    }

    /// Deletes a property.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy or if the namespace is protected.
    pub async fn delete_property(&self, namespace: &str, name: &str) -> Result<(), Error> {
        let seen = self.changeable("remove_metadef_property", namespace).await?;
        self.database().property(namespace, name).await.map_err(|error| no_property(error, namespace, name))?;
        refuse_protected(&seen, "property", name)?;
        let change = MetadefChange::Property(namespace.to_owned(), ItemChange::Remove(name.to_owned()));
        self.remove(change, || missing(namespace, name)).await
    }
}

fn missing(namespace: &str, name: &str) -> String {
    format!("The metadata definition property with name={name} was not found in namespace={namespace}.")
}

fn taken(namespace: &str, name: &str) -> String {
    format!("A metadata definition property with name={name} already exists in namespace={namespace}.")
}

fn no_property(error: RepoError, namespace: &str, name: &str) -> Error {
    match error {
        RepoError::NotFound => Error::NotFound(missing(namespace, name)),
        error => error.into(),
    }
}
