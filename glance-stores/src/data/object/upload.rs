//! Bringing data into a bucket, and taking back what did not get there whole.
//!
//! An object may appear although whoever asked for it has gone. Therefore the last step of an
//! upload runs as a task of its own, which removes the object if nobody waits for it any more.

use std::sync::Arc;

use bytes::Bytes;
use glance_core::image::ImageId;
use glance_core::store::StoreError;
use object_store::path::Path;
use object_store::{Error, MultipartUpload, ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use tokio::runtime::Handle;
use tokio::sync::OwnedMutexGuard;
use tokio::task::{JoinError, JoinSet};

use super::{Leftovers, error};
use crate::data::intake::Intake;
use crate::data::naming::Naming;

/// Bytes of one upload that are in memory at once, as far as there are more than two parts of them: one on its way and
/// one being collected.
const MEMORY: usize = 40 << 20;
/// Parts an object may have: the limit of S3.
const PARTS: u64 = 10_000;

/// A bucket, and who is giving a name to something in it.
pub(super) struct Bucket {
    pub(super) kind: &'static str,
    pub(super) objects: Arc<dyn ObjectStore>,
    /// Where parts that became no object outlive their upload.
    pub(super) leftovers: Option<Arc<dyn Leftovers>>,
    /// Held while an object of an image comes into being or goes again.
    naming: Naming,
}

impl Bucket {
    pub(super) fn new(
        kind: &'static str,
        objects: Arc<dyn ObjectStore>,
        leftovers: Option<Arc<dyn Leftovers>>,
    ) -> Self {
        Self { kind, objects, leftovers, naming: Naming::new() }
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
            Ok(()) | Err(Error::NotFound { .. }) => {}
            Err(cause) => return Err(error::of(self.kind, "discarding an object", cause)),
        }
        match &self.leftovers {
            Some(leftovers) => leftovers.remove(path).await,
            None => Ok(()),
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
        let first = data.batch(sizes.first()).await?;
        let object = if sizes.fit_in_one(first.iter().map(Bytes::len).sum()) {
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
        let mut parts = self.begin().await?;
        match self.send_all(&mut parts, first, data, sizes).await {
            Ok(()) => Ok(parts),
            Err(error) => {
                parts.abort().await;
                Err(error)
            }
        }
    }

    /// Begins an upload in a task of its own: one that nobody waits for any more has to be known to be aborted.
    async fn begin(&self) -> Result<Parts, StoreError> {
        let (bucket, path) = (Arc::clone(&self.bucket), self.path.clone());
        let begun = tokio::spawn(async move { bucket.objects.put_multipart(&path).await.map(Parts::of) }).await;
        let begun = begun.map_err(StoreError::failed(self.bucket.kind, "beginning an upload"))?;
        begun.map_err(|cause| error::of(self.bucket.kind, "beginning an upload", cause))
    }

    /// Sends the data part by part.
    async fn send_all(
        &self,
        parts: &mut Parts,
        first: Vec<Bytes>,
        data: &mut Intake,
        sizes: PartSizes,
    ) -> Result<(), StoreError> {
        let mut part = first;
        for number in 1.. {
            while parts.sending.len() >= sizes.at_once(number) {
                self.sent(parts.sending.join_next().await)?;
            }
            parts.put(part);
            part = data.batch(sizes.of(number)).await?;
            if part.is_empty() {
                break;
            }
        }
        while !parts.sending.is_empty() {
            self.sent(parts.sending.join_next().await)?;
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
                if needs_no_condition(&made, bucket, path).await {
                    return bucket.objects.put(path, data).await.map(drop);
                }
                made.map(drop)
            }
        }
    }

    async fn give_up(self) {
        if let Self::Parts(parts) = self {
            parts.abort().await;
        }
    }
}

/// Whether an object may be made although the backend did not make it on condition that there is none: it knows no
/// conditions, or takes parts without an object for one, as Azure may. That there is none was asked a moment ago.
async fn needs_no_condition<T>(made: &object_store::Result<T>, bucket: &Bucket, path: &Path) -> bool {
    match made {
        Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {
            matches!(bucket.objects.head(path).await, Err(Error::NotFound { .. }))
        }
        Err(cause) => error::is_unknown_request(cause),
        Ok(_) => false,
    }
}

/// Parts that are no object yet. Dropped, they are removed.
struct Parts {
    upload: Option<Box<dyn MultipartUpload>>,
    /// Those on their way.
    sending: JoinSet<object_store::Result<()>>,
    runtime: Handle,
}

impl Parts {
    fn of(upload: Box<dyn MultipartUpload>) -> Self {
        Self { upload: Some(upload), sending: JoinSet::new(), runtime: Handle::current() }
    }

    fn put(&mut self, part: Vec<Bytes>) {
        if let Some(upload) = &mut self.upload {
            let sent = upload.put_part(part.into_iter().collect());
            self.sending.spawn(sent);
        }
    }

    async fn complete(mut self) -> object_store::Result<()> {
        let Some(upload) = &mut self.upload else { return Ok(()) };
        upload.complete().await?;
        self.upload = None;
        Ok(())
    }

    async fn abort(mut self) {
        if let Some(aborted) = self.take() {
            aborted.await;
        }
    }

    /// What remains to be done to remove the parts.
    fn take(&mut self) -> Option<impl Future<Output = ()> + Send + use<>> {
        let (upload, sending) = (self.upload.take()?, std::mem::take(&mut self.sending));
        Some(abort(upload, sending))
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        if let Some(aborted) = self.take() {
            self.runtime.spawn(aborted);
        }
    }
}

async fn abort(mut upload: Box<dyn MultipartUpload>, mut sending: JoinSet<object_store::Result<()>>) {
    // A part that arrives behind the abort would stay.
    sending.shutdown().await;
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

/// How data is cut into parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct PartSizes {
    /// Bytes of a part, unless it has to be more.
    pub(super) smallest: usize,
    /// Data of fewer bytes goes in one request if that is known beforehand.
    pub(super) whole_below: usize,
    /// Parts on their way at the same time, if memory allows.
    pub(super) parallel: usize,
    /// Bytes of all of the data, if known.
    pub(super) size: Option<u64>,
}

impl PartSizes {
    /// Bytes to collect before anything is sent. If all of the data goes in one request, its end is looked for.
    fn first(&self) -> usize {
        self.whole().map_or_else(|| self.of(0), |size| size + 1)
    }

    /// Whether data of which `first` bytes are the first piece is complete with them, and goes in one request.
    fn fit_in_one(&self, first: usize) -> bool {
        first == 0 || self.whole().is_some() || (self.size.is_none() && first < self.of(0))
    }

    /// The length of data that is known to go in one request.
    fn whole(&self) -> Option<usize> {
        let limit = self.whole_below.min(MEMORY);
        self.size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size < limit)
    }

    /// How many parts may be on their way while the part of this number is collected.
    fn at_once(&self, number: u64) -> usize {
        (MEMORY / self.of(number)).saturating_sub(1).clamp(1, self.parallel.max(1))
    }

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

    const SIZES: PartSizes = PartSizes { smallest: 8 << 20, whole_below: 8 << 20, parallel: 10, size: None };

    #[test]
    fn memory_limits_the_parts_on_their_way() {
        let at_once = |smallest: usize, parallel| PartSizes { smallest, parallel, ..SIZES }.at_once(0);
        assert_eq!((at_once(5 << 20, 10), at_once(8 << 20, 10), at_once(10 << 20, 10)), (7, 4, 3));
        assert_eq!((at_once(8 << 20, 2), at_once(8 << 20, 0), at_once(1 << 30, 10)), (2, 1, 1));
    }

    #[test]
    fn known_data_below_the_threshold_goes_in_one_request() {
        let sizes = |size| PartSizes { whole_below: 20 << 20, size, ..SIZES };
        assert!(sizes(Some((20 << 20) - 1)).fit_in_one((20 << 20) - 1));
        assert!(!sizes(Some(20 << 20)).fit_in_one(8 << 20));
        assert!(sizes(Some(0)).fit_in_one(0));
        assert!(sizes(None).fit_in_one((8 << 20) - 1) && !sizes(None).fit_in_one(8 << 20));
        let always_parts = PartSizes { whole_below: 0, size: Some(7), ..SIZES };
        assert!(!always_parts.fit_in_one(7) && always_parts.fit_in_one(0));
        let more_than_memory = PartSizes { whole_below: 1 << 30, size: Some(100 << 20), ..SIZES };
        assert!(!more_than_memory.fit_in_one(8 << 20));
    }

    #[test]
    fn data_fits_into_the_parts_an_object_may_have() {
        const MIB: u64 = 1 << 20;
        for size in [0, 1, 8 * MIB, 80_000 * MIB, 80_000 * MIB + 1, 10_000_000 * MIB + 7] {
            let sizes = PartSizes { size: Some(size), ..SIZES };
            assert!(sizes.of(0) as u64 >= 8 * MIB);
            assert!(sizes.of(0) as u64 * PARTS >= size, "{size} bytes");
            assert_eq!(sizes.of(0), sizes.of(9999));
        }
        let unknown = SIZES;
        let total: u64 = (0..PARTS).map(|number| unknown.of(number) as u64).sum();
        assert_eq!(total / (1 << 30), 429);
    }
}
