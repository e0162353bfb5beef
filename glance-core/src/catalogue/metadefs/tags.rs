//! Tags of a namespace.

use std::collections::HashSet;

use super::items::{missing, taken};
use super::{Metadefs, no_namespace, recorded};
use crate::database::{ItemChange, MetadefChange, TagQuery};
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
        let read = self.database().metadef_tags(namespace, query).await;
        let marker = query.marker.as_deref().unwrap_or_default();
        self.shown("get_metadef_tags", namespace, read)?.found.ok_or_else(|| missing::<Tag>(namespace, marker))
    }

    /// One tag.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy.
    pub async fn tag(&self, namespace: &str, name: &str) -> Result<Recorded<Tag>, Error> {
        self.item(namespace, name).await
    }

    /// Records a tag.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Invalid`] if the name is too long; [`Error::Forbidden`] by policy;
    /// [`Error::Conflict`] if there is such a tag.
    pub async fn add_tag(&self, namespace: &str, name: &str) -> Result<Recorded<Tag>, Error> {
        self.refuse_read_only()?;
        self.seen(namespace).await?;
        if name.chars().count() > MAX_NAME || !fits_three_bytes(name) {
            let why = format!("'name' is longer than {MAX_NAME} characters or holds some that no database here keeps");
            return Err(Error::Invalid(format!("Provided object does not match schema 'tag': {why}")));
        }
        self.add_item(namespace, Tag { name: name.to_owned() }).await
    }

    /// Records several tags: behind those that are there if they are to be appended, otherwise in their place. An
    /// empty list changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy; [`Error::Conflict`] if a tag stands twice or is there
    /// already, and then none is recorded.
    pub async fn add_tags(&self, namespace: &str, tags: &NewTags, append: bool) -> Result<(), Error> {
        let seen = self.changeable("add_metadef_tags", namespace).await?;
        let mut names = HashSet::new();
        if let Some(twice) = tags.0.iter().find(|tag| !names.insert(&tag.name)) {
            return Err(Error::Conflict(taken::<Tag>(namespace, &twice.name)));
        }
        let in_namespace = |change| MetadefChange::Tag(namespace.to_owned(), change);
        let replaced = (!append && !tags.0.is_empty()).then(|| in_namespace(ItemChange::RemoveAll));
        let added: Vec<_> = tags.0.iter().map(|tag| recorded(tag.clone())).collect();
        let changes = added.iter().map(|tag| in_namespace(ItemChange::Add(tag.clone())));
        let exists = || format!("One of the tags already exists in namespace={namespace}.");
        let changes = replaced.into_iter().chain(changes);
        self.change(&seen, changes, exists, || no_namespace(namespace).to_string()).await?;
        for tag in &added {
            self.tell_added(namespace, tag);
        }
        Ok(())
    }

    /// Renames a tag.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy; [`Error::Conflict`] if the new name is taken.
    pub async fn update_tag(&self, namespace: &str, name: &str, to: Tag) -> Result<Recorded<Tag>, Error> {
        self.update_item(namespace, name, to).await
    }

    /// Deletes a tag.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy or if the namespace is protected.
    pub async fn delete_tag(&self, namespace: &str, name: &str) -> Result<(), Error> {
        self.delete_item::<Tag>(namespace, name).await
    }
}
