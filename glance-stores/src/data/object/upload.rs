//! Bringing data into a bucket.
//!
//! An object may appear although no answer said so, or whoever asked for it has gone. Therefore the last step of an
//! upload is not cut off, and what it may have made is looked at before anything is said of it, or done to it: it bears
//! a mark that no other put has.

use std::sync::Arc;

use bytes::Bytes;
use glance_core::image::ImageId;
use glance_core::store::StoreError;
use object_store::path::Path;
use object_store::{Error, PutPayload};
use tokio::time::timeout_at;

use super::Copier;
use super::bucket::Bucket;
use super::error;
use super::leftover::{Leftover, Object};
use super::parts::Parts;
use super::sizes::PartSizes;
use crate::data::intake::Intake;
use crate::data::last_step::to_its_end;
use crate::data::unfinished::Draft;

/// Writes all of the data as the object `path` of an image, and says how much it was.
pub(super) async fn put(
    bucket: &Arc<Bucket>,
    id: ImageId,
    path: Path,
    mut data: Intake,
    sizes: PartSizes,
) -> Result<u64, StoreError> {
    let claim = bucket.claims.claim(bucket.kind, id).await?;
    let _interest = claim.interest();
    bucket.refuse_double(id, &path).await?;
    let first = data.batch(sizes.first()).await?;
    let draft = Draft::new(Leftover::new(bucket, id, path), claim);
    let draft = if sizes.fit_in_one(first.iter().map(Bytes::len).sum()) {
        draft.end(Some(first.into_iter().collect())).await?
    } else {
        draft.begin(None).await?.send(first, &mut data, sizes).await?.end(None).await?
    };
    draft.keep();
    Ok(data.received())
}

/// Makes a copy the object `path` of an image.
#[cfg(feature = "s3")]
pub(super) async fn copy(
    bucket: &Arc<Bucket>,
    id: ImageId,
    path: Path,
    copier: Arc<dyn Copier>,
) -> Result<(), StoreError> {
    let claim = bucket.claims.claim(bucket.kind, id).await?;
    let _interest = claim.interest();
    bucket.refuse_double(id, &path).await?;
    let parts = copier.parts();
    let draft = Draft::new(Leftover::new(bucket, id, path), claim).begin(Some(copier)).await?.copy(parts).await?;
    draft.end(None).await?.keep();
    Ok(())
}

impl Draft<Leftover> {
    fn kind(&self) -> &'static str {
        self.made.bucket.kind
    }

    /// Begins an upload in parts: one that nobody waits for any more has to be known to be aborted.
    async fn begin(mut self, copier: Option<Arc<dyn Copier>>) -> Result<Self, StoreError> {
        let (kind, doing) = (self.kind(), "beginning an upload");
        let beginning = async move {
            // As long as there is no answer, and where it is not that of the first attempt.
            self.made.strays = self.made.bucket.leftovers.is_some();
            let Leftover { bucket, path, mark, strays, .. } = &mut self.made;
            let begun = bucket.put_parts(path, mark, copier).await.map(|upload| Parts::new(bucket, upload));
            *strays &= mark.witness.is_unsure();
            match begun {
                Ok(parts) => {
                    self.made.parts = Some(parts);
                    Ok(self)
                }
                Err(cause) => Err(self.fail(kind, error::of(kind, doing, cause)).await),
            }
        };
        to_its_end(kind, doing, beginning).await
    }

    /// Sends the data in parts, of which the first has come.
    async fn send(mut self, first: Vec<Bytes>, data: &mut Intake, sizes: PartSizes) -> Result<Self, StoreError> {
        let kind = self.kind();
        let Some(parts) = &mut self.made.parts else { return Ok(self) };
        match parts.send(first, data, sizes).await {
            Ok(()) => Ok(self),
            Err(error) => Err(self.fail(kind, error).await),
        }
    }

    /// Has so many parts copied.
    #[cfg(feature = "s3")]
    async fn copy(mut self, count: u64) -> Result<Self, StoreError> {
        let kind = self.kind();
        let Some(parts) = &mut self.made.parts else { return Ok(self) };
        match parts.copy(count).await {
            Ok(()) => Ok(self),
            Err(error) => Err(self.fail(kind, error).await),
        }
    }

    /// Makes an object of `whole`, or of the parts that were sent.
    async fn end(mut self, whole: Option<PutPayload>) -> Result<Self, StoreError> {
        let kind = self.kind();
        let ending = async move {
            let mut made = match self.make(whole).await {
                Ok(()) => self,
                Err(error) => self.rescue(error).await?,
            };
            made.remove_strays().await;
            Ok(made)
        };
        to_its_end(kind, "ending an upload", ending).await
    }

    async fn make(&mut self, whole: Option<PutPayload>) -> Result<(), StoreError> {
        self.made.bucket.refuse_double(self.made.id, &self.made.path).await?;
        // From here on it may be there, whatever the answer.
        self.made.object = Object::Asked;
        match self.ask(whole).await {
            Ok(e_tag) => {
                (self.made.parts, self.made.object, self.made.mark.e_tag) = (None, Object::Made, e_tag);
                Ok(())
            }
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {
                Err(StoreError::Exists { store: self.kind(), id: self.made.id })
            }
            Err(cause) => Err(error::of(self.kind(), "ending an upload", cause)),
        }
    }

    /// Asks for the object, and gives what the backend calls it.
    async fn ask(&mut self, whole: Option<PutPayload>) -> object_store::Result<Option<String>> {
        let Leftover { bucket, path, mark, parts, object, .. } = &mut self.made;
        let made = match (whole, parts) {
            (_, Some(parts)) => mark.witness.of(parts.complete()).await.inspect_err(|cause| {
                if !error::is_refusal(cause) {
                    mark.witness.lost_an_answer();
                }
            }),
            (whole, None) => bucket.put(path, whole.unwrap_or_default(), mark).await.inspect_err(|cause| {
                if error::is_refusal(cause) && !mark.witness.is_unsure() {
                    *object = Object::Absent;
                }
            }),
        };
        made.map(|made| made.e_tag)
    }

    /// The image has its data now, so no other upload of it is meant to come to its end.
    async fn remove_strays(&mut self) {
        if self.made.strays
            && let Err(error) = self.made.bucket.remove_leftovers(&self.made.path).await
        {
            tracing::warn!(%error, "parts of an upload may stay behind");
        }
    }

    /// Finds out whether the data is there in spite of a failure, and takes back what there is if not.
    async fn rescue(mut self, error: StoreError) -> Result<Self, StoreError> {
        let (kind, until) = (self.kind(), self.leave());
        match timeout_at(until, self.made.came_about()).await {
            Ok(true) => Ok(self),
            _ => Err(self.fail(kind, error).await),
        }
    }
}
