//! Tags of a namespace.

use std::collections::HashSet;

use super::{Metadefs, add, recorded, refuse_protected, set};
use crate::database::{ItemChange, MetadefChange, RepoError, TagQuery};
use crate::error::Error;
use crate::image::fits_three_bytes;
use crate::metadefs::{MAX_NAME, NewTags, Recorded, Tag};

impl Metadefs<'_> {
    /// The tags of a namespace that `query` asks for.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], also if there is no tag of the marker's name; [`Error::Forbidden`] by policy.
    pub async fn tags(&self, namespace: &str, query: &TagQuery) -> Result<Vec<Recorded<Tag>>, Error> {
        self.allowed("get_metadef_tags", namespace).await?;
        let marker = query.marker.as_deref().unwrap_or_default();
        self.database().metadef_tags(namespace, query).await.map_err(|error| no_tag(error, namespace, marker))
    }

    /// One tag.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy.
    pub async fn tag(&self, namespace: &str, name: &str) -> Result<Recorded<Tag>, Error> {
        self.allowed("get_metadef_tag", namespace).await?;
        self.database().metadef_tag(namespace, name).await.map_err(|error| no_tag(error, namespace, name))
    }

    /// Records a tag.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Invalid`] if the name is too long; [`Error::Forbidden`] by policy;
    /// [`Error::Conflict`] if there is such a tag.
    pub async fn add_tag(&self, namespace: &str, name: &str) -> Result<Recorded<Tag>, Error> {
        self.refuse_read_only()?;
        let seen = self.seen(namespace).await?;
        if name.chars().count() > MAX_NAME || !fits_three_bytes(name) {
            let why = format!("'name' is longer than {MAX_NAME} characters or holds some that no database here keeps");
            return Err(Error::Invalid(format!("Provided object does not match schema 'tag': {why}")));
        }
        self.allow("add_metadef_tag", &seen)?;
        let tag = recorded(Tag { name: name.to_owned() });
        let change = MetadefChange::Tag(namespace.to_owned(), ItemChange::Add(tag.clone()));
        self.change(change, || taken(namespace, name), || missing(namespace, name)).await?;
        Ok(tag)
    }

    /// Records several tags: behind those that are there if they are to be appended, otherwise in their place. An
    /// empty list changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy; [`Error::Conflict`] if a tag stands twice or is there
    /// already, and then none is recorded.
    pub async fn add_tags(&self, namespace: &str, tags: &NewTags, append: bool) -> Result<(), Error> {
        self.changeable("add_metadef_tags", namespace).await?;
        let mut names = HashSet::new();
        if let Some(twice) = tags.0.iter().find(|tag| !names.insert(&tag.name)) {
            return Err(Error::Conflict(taken(namespace, &twice.name)));
        }
        let in_namespace = |change| MetadefChange::Tag(namespace.to_owned(), change);
        let replaced = (!append && !tags.0.is_empty()).then(|| in_namespace(ItemChange::RemoveAll));
        let changes: Vec<_> =
            replaced.into_iter().chain(tags.0.iter().map(|tag| in_namespace(add(tag.clone())))).collect();
        self.database().change_metadefs(&changes).await.map_err(|error| match error {
            RepoError::Exists => Error::Conflict(format!("One of the tags already exists in namespace={namespace}.")),
            error => no_tag(error, namespace, ""),
        })
    }

    /// Renames a tag.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy; [`Error::Conflict`] if the new name is taken.
    pub async fn update_tag(&self, namespace: &str, name: &str, to: Tag) -> Result<Recorded<Tag>, Error> {
        self.changeable("modify_metadef_tag", namespace).await?;
        let present = to.name.clone();
        let change = MetadefChange::Tag(namespace.to_owned(), set(name, to));
        self.change(change, || taken(namespace, &present), || missing(namespace, name)).await?;
        self.database().metadef_tag(namespace, &present).await.map_err(|error| no_tag(error, namespace, &present))
    }

    /// Deletes a tag.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy or if the namespace is protected.
    pub async fn delete_tag(&self, namespace: &str, name: &str) -> Result<(), Error> {
        let seen = self.changeable("delete_metadef_tag", namespace).await?;
        self.database().metadef_tag(namespace, name).await.map_err(|error| no_tag(error, namespace, name))?;
        refuse_protected(&seen, "tag", name)?;
        let change = MetadefChange::Tag(namespace.to_owned(), ItemChange::Remove(name.to_owned()));
        self.remove(change, || missing(namespace, name)).await
    }
}

fn missing(namespace: &str, name: &str) -> String {
    format!("The metadata definition tag with name={name} was not found in namespace={namespace}.")
}

fn taken(namespace: &str, name: &str) -> String {
    format!("A metadata tag with name={name} already exists in namespace={namespace}.")
}

fn no_tag(error: RepoError, namespace: &str, name: &str) -> Error {
    match error {
        RepoError::NotFound => Error::NotFound(missing(namespace, name)),
        error => error.into(),
    }
}
