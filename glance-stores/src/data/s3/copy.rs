//! Copying inside the server: an upload in parts, each of which the server takes from another object.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt;
use glance_core::store::StoreError;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use object_store::aws::AmazonS3;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{Error, MultipartUpload, PutPayload, PutResult, UploadPart};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::KIND;
use super::location::Place;
use super::requests::{Ask, Bucket};
use crate::data::object::refusal::Refusal;
use crate::data::object::{Begin, Copier};

/// Bytes of a part: few enough that the server answers before it is given up, and below the 5 GiB it copies at once.
const STRETCH: u64 = 128 << 20;
/// Parts an object may have.
const PARTS: u64 = 10_000;
/// What stands in the name of a source as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// An object that is to be copied.
pub(super) struct Source {
    pub(super) objects: Arc<AmazonS3>,
    pub(super) bucket: Arc<Bucket>,
    /// Bucket and key, as a header says them.
    name: HeaderValue,
    size: u64,
    stretch: u64,
}

impl Source {
    /// The object at `place`, of `size` bytes, to be copied to `bucket`; `None` if no header can name it.
    pub(super) fn new(objects: Arc<AmazonS3>, bucket: Arc<Bucket>, place: &Place<'_>, size: u64) -> Option<Self> {
        let name = format!("/{}/{}", place.bucket, utf8_percent_encode(place.key, PLAIN));
        let stretch = STRETCH.max(size.div_ceil(PARTS));
        Some(Self { objects, bucket, name: HeaderValue::try_from(name).ok()?, size, stretch })
    }

    /// The same source, copied in other parts.
    #[cfg(test)]
    pub(super) fn in_parts_of(self, stretch: u64) -> Self {
        Self { stretch, ..self }
    }
}

#[async_trait]
impl Copier for Source {
    fn parts(&self) -> u64 {
        self.size.div_ceil(self.stretch)
    }

    async fn begin(&self, begin: Begin<'_>) -> object_store::Result<Box<dyn MultipartUpload>> {
        let name = HeaderName::try_from(format!("x-amz-meta-{}", begin.mark.0)).map_err(failed)?;
        let headers = HeaderMap::from_iter([(name, HeaderValue::try_from(begin.mark.1).map_err(failed)?)]);
        let mut url = self.bucket.object_url(begin.path.as_ref());
        url.set_query(Some("uploads="));
        let ask = Ask { headers, witness: Some(begin.witness.clone()), ..Ask::new(Method::POST, url) };
        let Initiated { upload_id } = read(self.bucket.send("beginning a copy", ask).await)?;
        Ok(Box::new(Copy {
            objects: Arc::clone(&self.objects),
            bucket: Arc::clone(&self.bucket),
            path: begin.path.clone(),
            source: self.name.clone(),
            rest: 0..self.size,
            stretch: self.stretch,
            upload_id,
            parts: Arc::default(),
        }))
    }
}

/// An upload under way. What it is given for the data of a part is not looked at: a part is the next stretch of the
/// source.
struct Copy {
    objects: Arc<AmazonS3>,
    bucket: Arc<Bucket>,
    path: Path,
    source: HeaderValue,
    /// The bytes that nobody was asked for yet.
    rest: Range<u64>,
    stretch: u64,
    upload_id: String,
    /// What the server calls the parts that are there.
    parts: Arc<Mutex<Vec<Option<PartId>>>>,
}

impl std::fmt::Debug for Copy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Copy").field("rest", &self.rest).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Initiated {
    upload_id: String,
}

#[derive(Deserialize)]
struct Copied {
    #[serde(rename = "ETag")]
    e_tag: String,
}

#[async_trait]
impl MultipartUpload for Copy {
    fn put_part(&mut self, _: PutPayload) -> UploadPart {
        let bytes = self.rest.start..self.rest.end.min(self.rest.start + self.stretch);
        self.rest.start = bytes.end;
        let parts = Arc::clone(&self.parts);
        let number = push(&parts);
        let (bucket, source) = (Arc::clone(&self.bucket), self.source.clone());
        let mut url = self.bucket.object_url(self.path.as_ref());
        url.query_pairs_mut().extend_pairs([("partNumber", &(number + 1).to_string()), ("uploadId", &self.upload_id)]);
        let copied = async move {
            let range = HeaderValue::try_from(format!("bytes={}-{}", bytes.start, bytes.end - 1)).map_err(failed)?;
            let headers = HeaderMap::from_iter([
                (HeaderName::from_static("x-amz-copy-source"), source),
                (HeaderName::from_static("x-amz-copy-source-range"), range),
            ]);
            let ask = Ask { headers, ..Ask::new(Method::PUT, url) };
            let Copied { e_tag } = read(bucket.send("copying a part", ask).await)?;
            lock(&parts)[number] = Some(PartId { content_id: e_tag });
            Ok(())
        };
        copied.boxed()
    }

    async fn complete(&mut self) -> object_store::Result<PutResult> {
        let parts: Option<Vec<PartId>> = lock(&self.parts).clone().into_iter().collect();
        let parts = parts.filter(|_| self.rest.is_empty()).ok_or_else(|| failed("a part is missing"))?;
        self.objects.complete_multipart(&self.path, &self.upload_id, parts).await
    }

    async fn abort(&mut self) -> object_store::Result<()> {
        self.objects.abort_multipart(&self.path, &self.upload_id).await
    }
}

/// Makes room for one more part, and says which it is, counted from 0.
fn push(parts: &Mutex<Vec<Option<PartId>>>) -> usize {
    let mut parts = lock(parts);
    parts.push(None);
    parts.len() - 1
}

fn lock(parts: &Mutex<Vec<Option<PartId>>>) -> std::sync::MutexGuard<'_, Vec<Option<PartId>>> {
    parts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a good answer says. The server may find out behind the head of the answer that it cannot do it.
fn read<T: for<'de> Deserialize<'de>>(answer: Result<(StatusCode, Bytes), StoreError>) -> object_store::Result<T> {
    match answer {
        Ok((status, answer)) if status.is_success() => quick_xml::de::from_reader(answer.as_ref()).map_err(failed),
        Ok((status, _)) => Err(failed(format!("the server answers {status}"))),
        Err(denied @ StoreError::Denied { .. }) => {
            Err(Error::PermissionDenied { path: String::new(), source: denied.into() })
        }
        Err(StoreError::Unsupported { .. }) => {
            Err(Error::NotImplemented { operation: "copying".into(), implementer: KIND.into() })
        }
        Err(StoreError::Full { .. }) => Err(failed(Refusal::Full)),
        Err(error) => Err(failed(error)),
    }
}

fn failed(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Generic { store: KIND, source: cause.into() }
}
