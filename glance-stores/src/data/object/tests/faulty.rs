//! A backend with less to offer, and one that breaks.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::stream::BoxStream;
use object_store::{
    CopyOptions, Error, GetResult, ListResult, MultipartUpload, ObjectMeta, PutMode, PutMultipartOptions, PutOptions,
    PutPayload, PutResult, Result, UploadPart,
};

use super::*;

/// Objects in memory behind a backend with a fault.
#[derive(Debug)]
struct Faulty {
    objects: InMemory,
    fault: Fault,
    aborted: Arc<AtomicUsize>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// It cannot refuse to replace an object.
    NoConditionalPut,
    /// The part of this number is lost, counted from 1.
    LostPart(usize),
    /// It makes the object and then says that it failed.
    LostAnswer,
    /// It does not abort an upload in parts.
    NoAbort,
}

impl Faulty {
    fn store(fault: Fault) -> (BucketStore, Arc<AtomicUsize>) {
        let aborted = Arc::new(AtomicUsize::new(0));
        let objects = Self { objects: InMemory::new(), fault, aborted: Arc::clone(&aborted) };
        (BucketStore::new("test", Arc::new(objects), "test://bucket/").with_part_size(1000), aborted)
    }
}

fn lost() -> Error {
    Error::Generic { store: "faulty", source: "lost".into() }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("faulty")
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        if self.fault == Fault::NoConditionalPut && options.mode == PutMode::Create {
            return Err(Error::NotImplemented { operation: "conditional put".into(), implementer: "faulty".into() });
        }
        let put = self.objects.put_opts(path, payload, options).await;
        if self.fault == Fault::LostAnswer { Err(lost()) } else { put }
    }

    async fn put_multipart_opts(&self, path: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let upload = Mutex::new(self.objects.put_multipart_opts(path, options).await?);
        Ok(Box::new(FaultyUpload { upload, fault: self.fault, parts: 0, aborted: Arc::clone(&self.aborted) }))
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.objects.get_opts(path, options).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.objects.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.objects.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}

#[derive(Debug)]
struct FaultyUpload {
    upload: Mutex<Box<dyn MultipartUpload>>,
    fault: Fault,
    parts: usize,
    aborted: Arc<AtomicUsize>,
}

#[async_trait]
impl MultipartUpload for FaultyUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.parts += 1;
        if self.fault == Fault::LostPart(self.parts) {
            return Box::pin(async { Err(lost()) });
        }
        self.upload.get_mut().unwrap().put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let completed = self.upload.get_mut().unwrap().complete().await;
        if self.fault == Fault::LostAnswer { Err(lost()) } else { completed }
    }

    async fn abort(&mut self) -> Result<()> {
        self.aborted.fetch_add(1, Ordering::SeqCst);
        if self.fault == Fault::NoAbort {
            return Err(lost());
        }
        self.upload.get_mut().unwrap().abort().await
    }
}

mod without_conditional_put {
    use super::*;

    glance_core::store_conformance!(
        || ((), Faulty::store(Fault::NoConditionalPut).0),
        glance_core::conformance::store::nowhere_to_look
    );
}

#[tokio::test]
async fn a_lost_part_aborts_the_upload() {
    for part in [1, 2, 5] {
        let (store, aborted) = Faulty::store(Fault::LostPart(part));
        let id = ImageId::random();
        let put = store.write(id, Bytes::from(vec![7; 4500])).await;
        assert!(matches!(put, Err(StoreError::Failed { doing: "sending a part", .. })), "{put:?}");
        assert_eq!(aborted.load(Ordering::SeqCst), 1);
        store.write(id, Bytes::from_static(b"short")).await.unwrap();
    }
}

#[tokio::test]
async fn data_that_does_not_get_all_in_aborts_the_upload() {
    let (store, aborted) = Faulty::store(Fault::NoConditionalPut);
    let short = || stream_of(Bytes::from(vec![7; 4500]));
    store.put(ImageId::random(), Some(5000), short()).await.unwrap_err();
    assert_eq!(aborted.load(Ordering::SeqCst), 1);
    let stalled = short().chain(futures::stream::pending());
    let mut put = store.put(ImageId::random(), None, Box::pin(stalled));
    for _ in 0..50 {
        assert!(futures::poll!(&mut put).is_pending());
        tokio::task::yield_now().await;
    }
    drop(put);
    while aborted.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_object_made_in_spite_of_an_error_is_known_by_its_mark() {
    for len in [10, 4500] {
        let (store, _) = Faulty::store(Fault::LostAnswer);
        let (store, data) = (store.with_marks(), Bytes::from(vec![7; len]));
        let stored = store.write(ImageId::random(), data.clone()).await.unwrap();
        assert!(store.read(&stored.location, ByteRange::ALL).await.unwrap() == data);
    }
}

#[tokio::test]
async fn an_object_that_could_be_anybodys_is_left_to_discard() {
    for len in [10, 4500] {
        let (store, _) = Faulty::store(Fault::LostAnswer);
        let (id, data) = (ImageId::random(), Bytes::from(vec![7; len]));
        let put = store.write(id, data.clone()).await;
        assert!(matches!(put, Err(StoreError::LeftBehind { .. })), "{put:?}");
        let again = store.write(id, data.clone()).await;
        assert!(matches!(again, Err(StoreError::Exists { .. })), "{again:?}");
        store.discard(id).await.unwrap();
        let again = store.write(id, data).await;
        assert!(matches!(again, Err(StoreError::LeftBehind { .. })), "{again:?}");
    }
}

#[tokio::test]
async fn parts_that_cannot_be_aborted_are_left_to_discard() {
    let (store, aborted) = Faulty::store(Fault::NoAbort);
    let put = store.put(ImageId::random(), Some(5000), stream_of(Bytes::from(vec![7; 4500]))).await;
    assert!(matches!(put.as_ref().map_err(StoreError::reason), Err(StoreError::SizeMismatch { .. })), "{put:?}");
    assert!(matches!(put, Err(StoreError::LeftBehind { .. })), "{put:?}");
    assert!(aborted.load(Ordering::SeqCst) > 0);
}
