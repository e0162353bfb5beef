//! Parts that are no object yet.

use std::sync::Arc;
use tracing::Instrument as _;

use bytes::Bytes;
use glance_core::store::StoreError;
use object_store::{Error, MultipartUpload, PutResult};
use tokio::task::{JoinError, JoinSet};

use super::bucket::Bucket;
use super::error;
use super::sizes::PartSizes;
use crate::data::intake::Intake;

/// Parts that the backend copies at the same time.
#[cfg(feature = "s3")]
const COPIED_AT_ONCE: usize = 4;

/// An upload in parts. Whoever has one ends or aborts it.
pub(super) struct Parts {
    bucket: Arc<Bucket>,
    upload: Box<dyn MultipartUpload>,
    /// Those on their way.
    sending: JoinSet<object_store::Result<()>>,
}

impl Parts {
    pub(super) fn new(bucket: &Arc<Bucket>, upload: Box<dyn MultipartUpload>) -> Self {
        Self { bucket: Arc::clone(bucket), upload, sending: JoinSet::new() }
    }

    /// Sends the data, of which the `first` part has come, part by part.
    pub(super) async fn send(
        &mut self,
        first: Vec<Bytes>,
        data: &mut Intake,
        sizes: PartSizes,
    ) -> Result<(), StoreError> {
        let mut part = first;
        for number in 1.. {
            while self.sending.len() >= sizes.at_once(number) {
                let sent = self.sending.join_next().await;
                self.sent(sent)?;
            }
            self.sending.spawn(self.upload.put_part(part.into_iter().collect()).in_current_span());
            part = data.batch(sizes.of(number)).await?;
            if part.is_empty() {
                break;
            }
        }
        self.all_sent().await
    }

    /// Has so many parts copied by an upload that copies.
    #[cfg(feature = "s3")]
    pub(super) async fn copy(&mut self, count: u64) -> Result<(), StoreError> {
        for _ in 0..count {
            while self.sending.len() >= COPIED_AT_ONCE {
                let sent = self.sending.join_next().await;
                self.sent(sent)?;
            }
            self.sending.spawn(self.upload.put_part(object_store::PutPayload::default()).in_current_span());
        }
        self.all_sent().await
    }

    async fn all_sent(&mut self) -> Result<(), StoreError> {
        while !self.sending.is_empty() {
            let sent = self.sending.join_next().await;
            self.sent(sent)?;
        }
        Ok(())
    }

    fn sent(&self, sent: Option<Result<object_store::Result<()>, JoinError>>) -> Result<(), StoreError> {
        let (kind, doing) = (self.bucket.kind, "sending a part");
        let sent = sent.transpose().map_err(StoreError::failed(kind, doing))?;
        sent.unwrap_or(Ok(())).map_err(|cause| error::of(kind, doing, cause))
    }

    /// Makes them an object.
    pub(super) async fn complete(&mut self) -> object_store::Result<PutResult> {
        self.upload.complete().await
    }

    /// Removes them, and says whether they are gone. They are not where they became an object.
    pub(super) async fn abort(&mut self) -> bool {
        // A part that arrives behind the abort would stay.
        if self.bucket.parts_count {
            // Here, no other answer than its own says that it will not.
            while self.sending.join_next().await.is_some() {}
        }
        self.sending.shutdown().await;
        match self.upload.abort().await {
            Ok(()) | Err(Error::NotFound { .. }) => true,
            Err(cause) => {
                let error = error::of(self.bucket.kind, "aborting an upload", cause);
                tracing::warn!(%error, "parts of an upload that came to nothing are still there");
                false
            }
        }
    }
}
