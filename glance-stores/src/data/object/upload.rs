//! Bringing data into a bucket, and taking back what did not get there whole.
//!
//! An object may appear although whoever asked for it has gone. Therefore the last step of an
//! upload runs as a task of its own, which removes the object if nobody waits for it any more.

use std::sync::Arc;

use bytes::Bytes;
use glance_core::image::ImageId;
use glance_core::store::StoreError;
use object_store::path::Path;
use object_store::{Error, MultipartUpload, ObjectStore, ObjectStoreExt, PutMode, PutPayload, UploadPart};
use tokio::runtime::Handle;
use tokio::sync::OwnedMutexGuard;
use tokio::task::{JoinError, JoinSet};

use super::error;
use crate::data::intake::Intake;
use crate::data::naming::Naming;

/// Parts of one upload on their way at the same time; one more is being collected.
const AT_ONCE: usize = 2;
/// Parts an object may have: the limit of S3.
const PARTS: u64 = 10_000;

/// A bucket, and who is giving a name to something in it.
pub(super) struct Bucket {
    pub(super) kind: &'static str,
    pub(super) objects: Arc<dyn ObjectStore>,
    /// Held while an object of an image comes into being or goes again.
    naming: Naming,
}

impl Bucket {
    pub(super) fn new(kind: &'static str, objects: Arc<dyn ObjectStore>) -> Self {
        Self { kind, objects, naming: Naming::new() }
    }

    async fn refuse_double(&self, id: ImageId, path: &Path) -> Result<(), StoreError> {
        match self.objects.head(path).await {
            Ok(_) => Err(StoreError::Exists { store: self.kind, id }),
            Err(Error::NotFound { .. }) => Ok(()),
            Err(cause) => Err(error::of(self.kind, "looking at an object", cause)),
        }
    }

    pub(super) async fn discard(&self, id: ImageId, path: &Path) -> Result<(), StoreError> {
        let _naming = self.naming.lock(id).await;
        match self.objects.delete(path).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(cause) => Err(error::of(self.kind, "discarding an object", cause)),
        }
    }
}

/// One put.
pub(super) struct Upload {
    bucket: Arc<Bucket>,
    id: ImageId,
    path: Path,
}

impl Upload {
    pub(super) fn new(bucket: Arc<Bucket>, id: ImageId, path: Path) -> Self {
        Self { bucket, id, path }
    }

    /// Takes all of the data in and says how much it was.
    pub(super) async fn run(self, mut data: Intake, sizes: PartSizes) -> Result<u64, StoreError> {
        // A put that was given up may still be taking its object back.
        drop(self.bucket.naming.lock(self.id).await);
        self.bucket.refuse_double(self.id, &self.path).await?;
        let first = data.batch(sizes.of(0)).await?;
        let object = if first.iter().map(Bytes::len).sum::<usize>() < sizes.of(0) {
            Object::Whole(first.into_iter().collect())
        } else {
            Object::Parts(self.send(first, &mut data, sizes).await?)
        };
        let kind = self.bucket.kind;
        let made = tokio::spawn(self.make(object)).await;
        made.map_err(StoreError::failed(kind, "ending an upload"))??.keep();
        Ok(data.received())
    }

    async fn send(&self, first: Vec<Bytes>, data: &mut Intake, sizes: PartSizes) -> Result<Parts, StoreError> {
        let upload = self.bucket.objects.put_multipart(&self.path).await;
        let upload = upload.map_err(|cause| error::of(self.bucket.kind, "beginning an upload", cause))?;
        let mut parts = Parts { upload: Some(upload), runtime: Handle::current() };
        match self.send_all(&mut parts, first, data, sizes).await {
            Ok(()) => Ok(parts),
            Err(error) => {
                parts.abort().await;
                Err(error)
            }
        }
    }

    /// Sends the data part by part; what is on its way when that fails is called off.
    async fn send_all(
        &self,
        parts: &mut Parts,
        first: Vec<Bytes>,
        data: &mut Intake,
        sizes: PartSizes,
    ) -> Result<(), StoreError> {
        let mut sending = JoinSet::new();
        let mut part = first;
        for number in 1.. {
            while sending.len() >= AT_ONCE {
                self.sent(sending.join_next().await)?;
            }
            parts.put(part).map(|sent| sending.spawn(sent));
            part = data.batch(sizes.of(number)).await?;
            if part.is_empty() {
                break;
            }
        }
        while !sending.is_empty() {
            self.sent(sending.join_next().await)?;
        }
        Ok(())
    }

    fn sent(&self, sent: Option<Result<object_store::Result<()>, JoinError>>) -> Result<(), StoreError> {
        let (kind, doing) = (self.bucket.kind, "sending a part");
        let sent = sent.transpose().map_err(StoreError::failed(kind, doing))?;
        sent.unwrap_or(Ok(())).map_err(|cause| error::of(kind, doing, cause))
    }

    /// Makes the data an object, unless the image has one.
    async fn make(self, object: Object) -> Result<Made, StoreError> {
        let naming = self.bucket.naming.lock(self.id).await;
        if let Err(error) = self.bucket.refuse_double(self.id, &self.path).await {
            object.give_up().await;
            return Err(error);
        }
        // From here on it may be there, whatever the answer: a failure takes it back like a put
        // that was given up.
        let (bucket, id, path) = (Arc::clone(&self.bucket), self.id, self.path.clone());
        let made = Made { upload: Some((self, naming)), runtime: Handle::current() };
        match object.complete(&bucket, &path).await {
            Ok(()) => Ok(made),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {
                made.keep();
                Err(StoreError::Exists { store: bucket.kind, id })
            }
            Err(cause) => Err(error::of(bucket.kind, "ending an upload", cause)),
        }
    }
}

/// Data that has all come.
enum Object {
    Whole(PutPayload),
    Parts(Parts),
}

impl Object {
    async fn complete(self, bucket: &Bucket, path: &Path) -> object_store::Result<()> {
        match self {
            Self::Parts(parts) => parts.complete().await,
            Self::Whole(data) => {
                let made = bucket.objects.put_opts(path, data.clone(), PutMode::Create.into()).await;
                match made {
                    // That nothing is there was asked a moment ago.
                    Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => {
                        bucket.objects.put(path, data).await.map(drop)
                    }
                    made => made.map(drop),
                }
            }
        }
    }

    async fn give_up(self) {
        if let Self::Parts(parts) = self {
            parts.abort().await;
        }
    }
}

/// Parts that are no object yet. Dropped, they are removed.
struct Parts {
    upload: Option<Box<dyn MultipartUpload>>,
    runtime: Handle,
}

impl Parts {
    fn put(&mut self, part: Vec<Bytes>) -> Option<UploadPart> {
        self.upload.as_mut().map(|upload| upload.put_part(part.into_iter().collect()))
    }

    async fn complete(mut self) -> object_store::Result<()> {
        let Some(upload) = &mut self.upload else { return Ok(()) };
        upload.complete().await?;
        self.upload = None;
        Ok(())
    }

    async fn abort(mut self) {
        if let Some(upload) = self.upload.take() {
            abort(upload).await;
        }
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        if let Some(upload) = self.upload.take() {
            self.runtime.spawn(abort(upload));
        }
    }
}

async fn abort(mut upload: Box<dyn MultipartUpload>) {
    if let Err(cause) = upload.abort().await {
        tracing::warn!(error = %cause, "parts of an upload that came to nothing stay behind");
    }
}

/// An object that may have come into being. Unless it is kept, it goes again, and until then
/// nobody else makes one of the same name.
struct Made {
    upload: Option<(Upload, OwnedMutexGuard<()>)>,
    runtime: Handle,
}

impl Made {
    fn keep(mut self) {
        self.upload = None;
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let Some((upload, naming)) = self.upload.take() else { return };
        self.runtime.spawn(async move {
            match upload.bucket.objects.delete(&upload.path).await {
                Ok(()) | Err(Error::NotFound { .. }) => {}
                Err(cause) => tracing::warn!(error = %cause, "an object that came to nothing stays behind"),
            }
            drop(naming);
        });
    }
}

/// How long parts are.
#[derive(Debug, Clone, Copy)]
pub(super) struct PartSizes {
    /// Bytes of a part, unless it has to be more.
    pub(super) smallest: usize,
    /// Bytes of all of the data, if known.
    pub(super) size: Option<u64>,
}

impl PartSizes {
    /// Bytes of a part, counted from 0: all the same where the size is known. Where it is not, they
    /// grow so slowly that 10,000 parts of 8 MiB and more make 430 GiB.
    fn of(self, number: u64) -> usize {
        let (times, least) = match self.size {
            Some(size) => (1, size.div_ceil(PARTS)),
            None => (1 + number / (PARTS / 10), 0),
        };
        let sized = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        self.smallest.saturating_mul(sized(times)).max(sized(least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_fits_into_the_parts_an_object_may_have() {
        const MIB: u64 = 1 << 20;
        for size in [0, 1, 8 * MIB, 80_000 * MIB, 80_000 * MIB + 1, 10_000_000 * MIB + 7] {
            let sizes = PartSizes { smallest: 8 << 20, size: Some(size) };
            assert!(sizes.of(0) as u64 >= 8 * MIB);
            assert!(sizes.of(0) as u64 * PARTS >= size, "{size} bytes");
            assert_eq!(sizes.of(0), sizes.of(9999));
        }
        let unknown = PartSizes { smallest: 8 << 20, size: None };
        let total: u64 = (0..PARTS).map(|number| unknown.of(number) as u64).sum();
        assert_eq!(total / (1 << 30), 429);
    }
}
