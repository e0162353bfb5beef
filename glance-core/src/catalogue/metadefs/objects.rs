//! Objects of a namespace.

use super::Metadefs;
use crate::error::Error;
use crate::metadefs::{Object, Recorded};

impl Metadefs<'_> {
    /// The objects of a namespace.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy.
    pub async fn objects(&self, namespace: &str) -> Result<Vec<Recorded<Object>>, Error> {
        let within = self.shown("get_metadef_objects", namespace, self.database().objects(namespace).await)?;
        let is_shown = self.allow("get_metadef_object", &within.namespace).is_ok();
        Ok(if is_shown { within.found } else { Vec::new() })
    }

    /// One object.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy.
    pub async fn object(&self, namespace: &str, name: &str) -> Result<Recorded<Object>, Error> {
        self.item(namespace, name).await
    }

    /// Records an object.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy; [`Error::Conflict`] if the name is taken.
    pub async fn add_object(&self, namespace: &str, object: Object) -> Result<Recorded<Object>, Error> {
        self.add_item(namespace, object).await
    }

    /// Records `to` in the place of the object called `name`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy; [`Error::Conflict`] if the new name is taken.
    pub async fn update_object(&self, namespace: &str, name: &str, to: Object) -> Result<Recorded<Object>, Error> {
        self.update_item(namespace, name, to).await
    }

    /// Deletes an object.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy or if the namespace is protected.
    pub async fn delete_object(&self, namespace: &str, name: &str) -> Result<(), Error> {
        self.delete_item::<Object>(namespace, name).await
    }
}
