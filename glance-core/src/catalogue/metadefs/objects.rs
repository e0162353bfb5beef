//! Objects of a namespace.

use super::{Metadefs, add, refuse_protected, set};
use crate::database::{ItemChange, MetadefChange, RepoError};
use crate::error::Error;
use crate::metadefs::{Object, Recorded};

impl Metadefs<'_> {
    /// The objects of a namespace.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy.
    pub async fn objects(&self, namespace: &str) -> Result<Vec<Recorded<Object>>, Error> {
        let seen = self.allowed("get_metadef_objects", namespace).await?;
        if self.allow("get_metadef_object", &seen).is_err() {
            return Ok(Vec::new());
        }
        self.database().objects(namespace).await.map_err(|error| no_object(error, namespace, ""))
    }

    /// One object.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy.
    pub async fn object(&self, namespace: &str, name: &str) -> Result<Recorded<Object>, Error> {
        self.allowed("get_metadef_object", namespace).await?;
        self.database().object(namespace, name).await.map_err(|error| no_object(error, namespace, name))
    }

    /// Records an object.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy; [`Error::Conflict`] if the name is taken.
    pub async fn add_object(&self, namespace: &str, object: Object) -> Result<Recorded<Object>, Error> {
        self.changeable("add_metadef_object", namespace).await?;
        let name = object.name.clone();
        let change = MetadefChange::Object(namespace.to_owned(), add(object));
        self.change(change, || taken(namespace, &name), || missing(namespace, &name)).await?;
        self.database().object(namespace, &name).await.map_err(|error| no_object(error, namespace, &name))
    }

    /// Records `to` in the place of the object called `name`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy; [`Error::Conflict`] if the new name is taken.
    pub async fn update_object(&self, namespace: &str, name: &str, to: Object) -> Result<Recorded<Object>, Error> {
        self.changeable("modify_metadef_object", namespace).await?;
        let present = to.name.clone();
        let change = MetadefChange::Object(namespace.to_owned(), set(name, to));
        self.change(change, || taken(namespace, &present), || missing(namespace, name)).await?;
        self.database().object(namespace, &present).await.map_err(|error| no_object(error, namespace, &present))
    }

    /// Deletes an object.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy or if the namespace is protected.
    pub async fn delete_object(&self, namespace: &str, name: &str) -> Result<(), Error> {
        let seen = self.changeable("delete_metadef_object", namespace).await?;
        self.database().object(namespace, name).await.map_err(|error| no_object(error, namespace, name))?;
        refuse_protected(&seen, "object", name)?;
        let change = MetadefChange::Object(namespace.to_owned(), ItemChange::Remove(name.to_owned()));
        self.remove(change, || missing(namespace, name)).await
    }
}

fn missing(namespace: &str, name: &str) -> String {
    format!("The metadata definition object with name={name} was not found in namespace={namespace}.")
}

fn taken(namespace: &str, name: &str) -> String {
    format!("A metadata definition object with name={name} already exists in namespace={namespace}.")
}

fn no_object(error: RepoError, namespace: &str, name: &str) -> Error {
    match error {
        RepoError::NotFound => Error::NotFound(missing(namespace, name)),
        error => error.into(),
    }
}
