//! Resource types, and what namespaces are for.

use super::{Metadefs, no_namespace, recorded, refuse_protected};
use crate::catalogue::create::now;
use crate::database::{ItemChange, MetadefChange};
use crate::error::Error;
use crate::events::{EventType, Payload};
use crate::metadefs::{Association, Recorded, ResourceType};

impl Metadefs<'_> {
    /// All resource types.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] or [`Error::NotFound`] by policy.
    pub async fn resource_types(&self) -> Result<Vec<Recorded<ResourceType>>, Error> {
        self.allow_call("list_metadef_resource_types")?;
        Ok(self.database().resource_types().await?)
    }

    /// What a namespace is for.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy.
    pub async fn associations(&self, namespace: &str) -> Result<Vec<Recorded<Association>>, Error> {
        let read = self.database().associations(namespace).await;
        let within = self.shown("list_metadef_resource_types", namespace, read)?;
        let is_shown = self.allow("get_metadef_resource_type", &within.namespace).is_ok();
        Ok(if is_shown { within.found } else { Vec::new() })
    }

    /// Associates a resource type with a namespace. A type that is new is made.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy; [`Error::Conflict`] if they are associated.
    pub async fn associate(&self, namespace: &str, new: Association) -> Result<Recorded<Association>, Error> {
        let seen = self.changeable("add_metadef_resource_type_association", namespace).await?;
        let association = recorded(new);
        let change = MetadefChange::Association(namespace.to_owned(), ItemChange::Add(association.clone()));
        let exists = || {
            let name = &association.resource_type;
            format!("The metadata definition resource-type {name} is associated with namespace={namespace} already.")
        };
        self.change(&seen, [change], exists, || no_namespace(namespace).to_string()).await?;
        let events = &self.registry.events;
        events.info(EventType::ResourceTypeCreate, || Payload::resource_type(namespace, &association, None));
        Ok(association)
    }

    /// Ends the association of a resource type with a namespace. The type stays.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy or if the namespace is protected.
    pub async fn dissociate(&self, namespace: &str, resource_type: &str) -> Result<(), Error> {
        self.refuse_read_only()?;
        let read = self.database().associations(namespace).await;
        let within = self.shown("remove_metadef_resource_type_association", namespace, read)?;
        let missing = || format!("Failed to find resource type {resource_type} to delete");
        let association = within.found.iter().find(|known| known.resource_type == resource_type);
        let association = association.ok_or_else(|| Error::NotFound(missing()))?;
        refuse_protected(&within.namespace, "resource-type-association", resource_type)?;
        let change = MetadefChange::Association(namespace.to_owned(), ItemChange::Remove(resource_type.to_owned()));
        self.remove(&within.namespace, change, missing).await?;
        let events = &self.registry.events;
        events.info(EventType::ResourceTypeDelete, || Payload::resource_type(namespace, association, Some(now())));
        Ok(())
    }
}
