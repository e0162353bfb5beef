//! A bucket, and whose the objects in it are.

use std::sync::Arc;

use glance_core::image::ImageId;
use glance_core::store::StoreError;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, Error, GetOptions, MultipartUpload, ObjectStore, ObjectStoreExt, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult,
};

use super::witness::Witness;
use super::{Begin, Copier, Leftovers, error};
use crate::data::claims::Claims;

/// Under this name the metadata of an object holds the mark of the put that made it. Azure takes letters and
/// digits alone.
const MARK: &str = "glanceupload";

/// A bucket, and what this process is writing to it.
#[derive(Clone)]
pub(super) struct Bucket {
    pub(super) kind: &'static str,
    pub(super) objects: Arc<dyn ObjectStore>,
    /// Where parts that became no object outlive their upload.
    pub(super) leftovers: Option<Arc<dyn Leftovers>>,
    /// Whether objects carry the mark of their put.
    pub(super) marks: bool,
    /// Whether the backend may refuse to make an object because of parts that are none yet, as Azure does, which
    /// keeps them whatever becomes of their upload. Elsewhere that refusal may mean an upload of somebody else.
    pub(super) parts_count: bool,
    pub(super) claims: Arc<Claims>,
}

/// What tells the object of one put from all others. By default that of a new one.
pub(super) struct Mark {
    text: String,
    /// What the backend called the object when it had made it.
    pub(super) e_tag: Option<String>,
    pub(super) witness: Witness,
}

/// What lies under a name, as one put sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    Own,
    /// Somebody else's.
    Other,
    /// An object that does not say whose it is.
    Nameless,
}

impl Default for Mark {
    fn default() -> Self {
        Self { text: uuid::Uuid::new_v4().simple().to_string(), e_tag: None, witness: Witness::default() }
    }
}

impl Bucket {
    pub(super) async fn refuse_double(&self, id: ImageId, path: &Path) -> Result<(), StoreError> {
        match self.objects.head(path).await {
            Ok(_) => Err(StoreError::Exists { store: self.kind, id }),
            Err(Error::NotFound { .. }) => Ok(()),
            Err(cause) => Err(error::of(self.kind, "looking at an object", cause)),
        }
    }

    /// Looks what lies under a name.
    pub(super) async fn look(&self, path: &Path, mark: &Mark) -> object_store::Result<Found> {
        let found = match self.objects.get_opts(path, GetOptions { head: true, ..GetOptions::default() }).await {
            Err(Error::NotFound { .. }) => return Ok(Found::Nothing),
            found => found?,
        };
        let marked = found.attributes.get(&Attribute::Metadata(MARK.into())).map(AsRef::as_ref);
        Ok(match marked {
            Some(marked) if marked == mark.text => Found::Own,
            None if mark.e_tag.is_some() && mark.e_tag == found.meta.e_tag => Found::Own,
            None if !self.marks && mark.e_tag.is_none() => Found::Nameless,
            _ => Found::Other,
        })
    }

    /// Makes an object, unless there is one.
    pub(super) async fn put(&self, path: &Path, data: PutPayload, mark: &Mark) -> object_store::Result<PutResult> {
        let made = self.put_as(PutMode::Create, path, data.clone(), mark).await;
        if self.needs_no_condition(&made, path, mark).await {
            return self.put_as(PutMode::Overwrite, path, data, mark).await;
        }
        made
    }

    async fn put_as(
        &self,
        mode: PutMode,
        path: &Path,
        data: PutPayload,
        mark: &Mark,
    ) -> object_store::Result<PutResult> {
        let mut options = PutOptions { mode, attributes: self.attributes(mark), ..PutOptions::default() };
        options.extensions.insert(mark.witness.clone());
        self.objects.put_opts(path, data, options).await
    }

    /// Whether an object may be made although the backend did not make it on condition that there is none: it knows no
    /// conditions, or takes parts without an object for one. That there is none was asked a moment ago.
    async fn needs_no_condition<T>(&self, made: &object_store::Result<T>, path: &Path, mark: &Mark) -> bool {
        match made {
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) if self.parts_count => {
                matches!(self.look(path, mark).await, Ok(Found::Nothing))
            }
            Err(cause) => error::is_unknown_request(cause),
            Ok(_) => false,
        }
    }

    /// Begins an upload in parts, of data that is to be sent or that a copier has the backend copy.
    pub(super) async fn put_parts(
        &self,
        path: &Path,
        mark: &Mark,
        copier: Option<Arc<dyn Copier>>,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        if let Some(copier) = copier {
            return copier.begin(Begin { path, mark: (MARK, &mark.text), witness: &mark.witness }).await;
        }
        let mut options = PutMultipartOptions { attributes: self.attributes(mark), ..PutMultipartOptions::default() };
        options.extensions.insert(mark.witness.clone());
        self.objects.put_multipart_opts(path, options).await
    }

    fn attributes(&self, mark: &Mark) -> Attributes {
        let mut attributes = Attributes::new();
        if self.marks {
            attributes.insert(Attribute::Metadata(MARK.into()), mark.text.clone().into());
        }
        attributes
    }

    /// Removes whatever there is of an image.
    pub(super) async fn discard(&self, id: ImageId, path: &Path) -> Result<(), StoreError> {
        self.claims.settled(id).await;
        // First, so that no object comes of them any more.
        self.remove_leftovers(path).await?;
        match self.objects.delete(path).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(cause) => Err(error::of(self.kind, "discarding an object", cause)),
        }
    }

    /// Removes parts where aborting their upload did not, and says whether they are gone.
    pub(super) async fn aborted_parts_are_gone(&self, path: &Path) -> bool {
        if !self.parts_count {
            return true;
        }
        let removed = self.remove_leftovers(path).await;
        if let Err(error) = &removed {
            tracing::warn!(%error, "parts of an upload that came to nothing are still there");
        }
        removed.is_ok()
    }

    /// Removes parts that became no object, where they outlive their upload.
    pub(super) async fn remove_leftovers(&self, path: &Path) -> Result<(), StoreError> {
        match &self.leftovers {
            Some(leftovers) => leftovers.remove(path).await,
            None => Ok(()),
        }
    }
}
