//! The requests on buckets that [`object_store`] has no call for: is there one, make one, and which uploads in it never
//! came to their end.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use glance_core::store::{BoxError, StoreError};
use http::{HeaderMap, Method, StatusCode};
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::{HttpClient, HttpRequest, HttpRequestBody};
use object_store::path::Path;
use object_store::{Error, RetryConfig};
use serde::Deserialize;
use url::Url;

use super::KIND;
use super::config::S3Config;
use crate::data::object::connector::{Outbound, retries};
use crate::data::object::witness::Witness;
use crate::data::object::{Leftovers, error};
use crate::outbound::Client;

/// Uploads in one page of a listing: an answer stays far below what is read of one.
const PAGE: &str = "500";
/// Pages that are asked for of one object's uploads.
const PAGES: usize = 200;

/// Requests on the bucket of a store.
pub(super) struct Bucket {
    client: HttpClient,
    credential: AwsCredential,
    region: String,
    /// What a new bucket is told of the region.
    new_in: Option<String>,
    url: Url,
}

/// A request.
#[derive(Clone)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Who is to know of attempts that may have had their effect unseen.
    pub(super) witness: Option<Witness>,
}

impl Ask {
    /// One with neither headers nor body.
    pub(super) fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new(), witness: None }
    }
}

/// An upload that has not come to its end.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OpenUpload {
    pub(super) key: String,
    upload_id: String,
}

/// One page of open uploads.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OpenUploads {
    #[serde(default)]
    pub(super) upload: Vec<OpenUpload>,
    #[serde(default)]
    is_truncated: bool,
    next_key_marker: Option<String>,
    next_upload_id_marker: Option<String>,
}

impl Bucket {
    pub(super) fn new(config: &S3Config, client: Client) -> Self {
        Self {
            client: HttpClient::new(Outbound(client)),
            credential: config.credential(),
            region: config.endpoint.region().to_owned(),
            new_in: config.endpoint.region_of_new_bucket().map(str::to_owned),
            url: config.endpoint.bucket_url(&config.bucket),
        }
    }

    /// Whether the bucket exists.
    pub(super) async fn exists(&self) -> Result<bool, StoreError> {
        let doing = "looking at the bucket";
        match self.send(doing, Ask::new(Method::HEAD, self.url.clone())).await? {
            (StatusCode::NOT_FOUND, _) => Ok(false),
            (status, _) if status.is_success() => Ok(true),
            (status, _) => Err(unexpected(doing, status)),
        }
    }

    /// Makes the bucket. That somebody else was faster is no failure.
    pub(super) async fn create(&self) -> Result<(), StoreError> {
        let doing = "making the bucket";
        let body = self.new_in.as_ref().map_or_else(String::new, |region| {
            format!(
                "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                 <LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
            )
        });
        match self.send(doing, Ask { body: body.into(), ..Ask::new(Method::PUT, self.url.clone()) }).await? {
            (status, _) if status.is_success() || status == StatusCode::CONFLICT => Ok(()),
            (status, _) => Err(unexpected(doing, status)),
        }
    }

    /// The uploads to `key` that are open, at most a page of them, and whether there may be more behind `after`.
    pub(super) async fn open_uploads(&self, key: &str, after: Option<(&str, &str)>) -> Result<OpenUploads, StoreError> {
        let doing = "listing uploads";
        let mut url = self.url.clone();
        url.query_pairs_mut().extend_pairs([("max-uploads", PAGE), ("prefix", key), ("uploads", "")]);
        if let Some((key, upload)) = after {
            url.query_pairs_mut().extend_pairs([("key-marker", key), ("upload-id-marker", upload)]);
        }
        match self.send(doing, Ask::new(Method::GET, url)).await? {
            (status, answer) if status.is_success() => {
                quick_xml::de::from_reader(answer.as_ref()).map_err(StoreError::failed(KIND, doing))
            }
            (status, _) => Err(unexpected(doing, status)),
        }
    }

    /// The URL of an object.
    pub(super) fn object_url(&self, key: &str) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(key.split('/'));
        }
        url
    }

    async fn abort(&self, upload: &OpenUpload) -> Result<(), StoreError> {
        let doing = "removing parts";
        let mut url = self.object_url(&upload.key);
        url.query_pairs_mut().append_pair("uploadId", &upload.upload_id);
        match self.send(doing, Ask::new(Method::DELETE, url)).await? {
            // Somebody else may have removed them by now.
            (status, _) if status.is_success() || status == StatusCode::NOT_FOUND => Ok(()),
            (status, _) => Err(unexpected(doing, status)),
        }
    }

    async fn abort_all(&self, key: &str) -> Result<(), StoreError> {
        let mut after: Option<(String, String)> = None;
        for _ in 0..PAGES {
            let markers = after.as_ref().map(|(key, upload)| (key.as_str(), upload.as_str()));
            let page = self.open_uploads(key, markers).await?;
            // Others may have keys that only begin the same.
            for upload in page.upload.iter().filter(|upload| upload.key == key) {
                self.abort(upload).await?;
            }
            after = page.next_key_marker.zip(page.next_upload_id_marker);
            if !page.is_truncated || after.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Sends a request until it is answered, as often as it may be sent.
    pub(super) async fn send(&self, doing: &'static str, ask: Ask) -> Result<(StatusCode, Bytes), StoreError> {
        let RetryConfig { max_retries, .. } = retries();
        let mut pause = Duration::from_millis(100);
        for left in (0..=max_retries).rev() {
            match self.send_once(doing, ask.clone()).await {
                Err(StoreError::Unavailable { .. }) if left > 0 => tokio::time::sleep(pause).await,
                sent => return sent,
            }
            pause *= 2;
        }
        Err(unexpected(doing, StatusCode::SERVICE_UNAVAILABLE))
    }

    async fn send_once(&self, doing: &'static str, ask: Ask) -> Result<(StatusCode, Bytes), StoreError> {
        let request = http::Request::builder().method(ask.method).uri(ask.url.as_str());
        let request = request.body(HttpRequestBody::from(ask.body));
        let mut request: HttpRequest = request.map_err(StoreError::failed(KIND, doing))?;
        request.headers_mut().extend(ask.headers);
        if let Some(witness) = ask.witness {
            request.extensions_mut().insert(witness);
        }
        let signer = AwsAuthorizer::new(&self.credential, "s3", &self.region);
        signer.try_authorize(&mut request, None).map_err(|cause| error::of(KIND, doing, cause))?;
        let answer = self.client.execute(request).await.map_err(|cause| unanswered(doing, cause))?;
        let status = answer.status();
        if matches!(status, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED) {
            return Err(StoreError::Denied { store: KIND });
        }
        let answer = answer.into_body().bytes().await.map_err(|cause| unanswered(doing, cause))?;
        Ok((status, answer))
    }
}

fn unanswered(doing: &'static str, cause: object_store::client::HttpError) -> StoreError {
    error::of(KIND, doing, Error::Generic { store: "S3", source: cause.into() })
}

fn unexpected(doing: &'static str, status: StatusCode) -> StoreError {
    StoreError::Failed { store: KIND, doing, source: BoxError::from(format!("the server answers {status}")) }
}

#[async_trait]
impl Leftovers for Bucket {
    async fn remove(&self, path: &Path) -> Result<(), StoreError> {
        match self.abort_all(path.as_ref()).await {
            // Nothing is gained by asking again: the operator has to allow it, or to have the bucket forget them.
            Err(error @ (StoreError::Denied { .. } | StoreError::Unsupported { .. })) => {
                tracing::warn!(%error, "parts of an upload that came to nothing may stay behind");
                Ok(())
            }
            removed => removed,
        }
    }
}
