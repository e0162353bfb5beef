//! Blocks that became no blob. Azure forgets them after a week, and has no request that removes them.
//!
//! So a blob of none of them is made, which nothing can be in the place of, and deleted: with any blob, the blocks that
//! are none of it go.

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use glance_core::store::{BoxError, StoreError};
use http::header::{CONTENT_LENGTH, ETAG, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use object_store::Error;
use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential};
use object_store::client::{HttpRequest, HttpRequestBody, HttpResponse, HttpService};
use object_store::path::Path;
use url::Url;

use super::KIND;
use crate::data::object::connector::Outbound;
use crate::data::object::{Leftovers, error};

const DOING: &str = "removing blocks";
/// What a list has for each block, and bytes in front of the first one, at most.
const BLOCK: &[u8] = b"<Block>";
const HEAD: usize = 4096;
/// A blob without blocks.
const NONE: &[u8] = b"<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList/>";

/// The blocks in a container.
pub(super) struct Blocks {
    pub(super) client: Outbound,
    pub(super) account: String,
    pub(super) credential: AzureCredential,
    pub(super) container: Url,
}

impl Blocks {
    /// `None` if the key is none.
    pub(super) fn of(client: Outbound, account: &str, key: &str, container: Url) -> Option<Self> {
        let credential = AzureCredential::AccessKey(AzureAccessKey::try_new(key).ok()?);
        Some(Self { client, account: account.to_owned(), credential, container })
    }

    fn url(&self, path: &Path, query: &str) -> Url {
        let mut url = self.container.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.as_ref().split('/'));
        }
        url.set_query(Some(query).filter(|query| !query.is_empty()));
        url
    }

    /// Whether there are any that could become this blob.
    async fn are_there(&self, path: &Path) -> Result<bool, StoreError> {
        let answer =
            self.ask(Method::GET, self.url(path, "comp=blocklist&blocklisttype=uncommitted"), None, b"").await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(false),
            status if status.is_success() => names_a_block(answer).await,
            status => Err(unexpected(status)),
        }
    }

    /// Whether there is a blob.
    async fn is_made(&self, path: &Path) -> Result<bool, StoreError> {
        match self.ask(Method::HEAD, self.url(path, ""), None, b"").await?.status() {
            StatusCode::NOT_FOUND => Ok(false),
            status if status.is_success() => Ok(true),
            status => Err(unexpected(status)),
        }
    }

    /// Makes an empty blob and gives what Azure calls it; `None` if there is a blob.
    async fn make_empty(&self, path: &Path) -> Result<Option<HeaderValue>, StoreError> {
        let new = (IF_NONE_MATCH, HeaderValue::from_static("*"));
        let answer = self.ask(Method::PUT, self.url(path, "comp=blocklist"), Some(new), NONE).await?;
        match answer.status() {
            StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => Ok(None),
            status if status.is_success() => match answer.headers().get(ETAG) {
                Some(e_tag) => Ok(Some(e_tag.clone())),
                None => Err(StoreError::failed(KIND, DOING)("the service does not say what it made")),
            },
            status => Err(unexpected(status)),
        }
    }

    async fn ask(
        &self,
        method: Method,
        url: Url,
        condition: Option<(HeaderName, HeaderValue)>,
        body: &'static [u8],
    ) -> Result<HttpResponse, StoreError> {
        let request = http::Request::builder().method(method).uri(url.as_str()).header(CONTENT_LENGTH, body.len());
        let request = request.body(HttpRequestBody::from(Bytes::from_static(body)));
        let mut request: HttpRequest = request.map_err(StoreError::failed(KIND, DOING))?;
        request.headers_mut().extend(condition);
        let signer = AzureAuthorizer::new(&self.credential, &self.account);
        signer.try_authorize(&mut request).map_err(|cause| error::of(KIND, DOING, cause))?;
        let answer = self.client.call(request).await;
        let answer =
            answer.map_err(|cause| error::of(KIND, DOING, Error::Generic { store: KIND, source: cause.into() }))?;
        match answer.status() {
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Err(StoreError::Denied { store: KIND }),
            _ => Ok(answer),
        }
    }
}

/// Whether a list of blocks has one. What is in front of the first is short; the rest is not waited for.
async fn names_a_block(answer: HttpResponse) -> Result<bool, StoreError> {
    let (mut list, mut head) = (answer.into_body().bytes_stream(), Vec::new());
    while let Some(piece) = list.next().await {
        head.extend_from_slice(&piece.map_err(StoreError::failed(KIND, DOING))?);
        if head.windows(BLOCK.len()).any(|tag| tag == BLOCK) {
            return Ok(true);
        }
        if head.len() > HEAD {
            return Err(StoreError::failed(KIND, DOING)("the service lists blocks in a way of its own"));
        }
    }
    Ok(false)
}

fn unexpected(status: StatusCode) -> StoreError {
    StoreError::Failed { store: KIND, doing: DOING, source: BoxError::from(format!("the service answers {status}")) }
}

#[async_trait]
impl Leftovers for Blocks {
    async fn remove(&self, path: &Path) -> Result<(), StoreError> {
        if !self.are_there(path).await? {
            return Ok(());
        }
        let Some(e_tag) = self.make_empty(path).await? else {
            // Beside a blob, blocks are not to be had without it.
            return if self.is_made(path).await? { Ok(()) } else { Err(unexpected(StatusCode::CONFLICT)) };
        };
        let answer = self.ask(Method::DELETE, self.url(path, ""), Some((IF_MATCH, e_tag)), b"").await?;
        match answer.status() {
            // Somebody else's by now, or gone.
            StatusCode::NOT_FOUND | StatusCode::PRECONDITION_FAILED => Ok(()),
            status if status.is_success() => Ok(()),
            status => Err(unexpected(status)),
        }
    }
}
