//! The calls that Swift answers, each sent again while that may help.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use glance_core::store::{BoxError, StoreError};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use super::access::Access;
use super::auth::{Grant, Tokens};
use crate::outbound::{Client, OutboundError, Payload, Request, Response};

/// The kind of store, for errors.
pub(super) const KIND: &str = "swift";

/// The header with the mark of the upload that made an object of an image's name.
pub(super) const MARK: &str = "x-object-meta-glance-upload";

/// How often a request is sent at most while the other side is not reachable or overloaded.
const ATTEMPTS: u32 = 4;
/// The first pause between two attempts; each next one is three times as long.
const PAUSE: Duration = Duration::from_millis(100);
/// Bytes of a listing for each entry, at the most that Swift's limits allow.
const ENTRY: usize = 8 * 1024;
/// Bytes of an answer that nobody wants to read, up to which its connection is worth keeping.
const WORTH_KEEPING: usize = 64 * 1024;

/// One account in Swift.
#[derive(Debug)]
pub(super) struct Swift {
    http: Client,
    session: Arc<dyn Tokens>,
    page: usize,
}

/// What a look at an object shows.
#[derive(Debug)]
pub(super) struct Found {
    /// Bytes of its data; `None`, or 0, if it has more segments than Swift adds up.
    pub(super) size: Option<u64>,
    pub(super) etag: Option<String>,
    /// Container and prefix of its segments, if it is a dynamic large object.
    pub(super) manifest: Option<(String, String)>,
    /// Whether it is a static large object.
    pub(super) is_static: bool,
    /// Of the upload that made it, if that was one of ours.
    pub(super) mark: Option<String>,
}

/// An object in a listing.
#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) hash: String,
    pub(super) bytes: u64,
}

impl Swift {
    pub(super) fn new(http: Client, session: Arc<dyn Tokens>, page: usize) -> Self {
        Self { http, session, page }
    }

    /// Calls until an answer comes that another attempt would not better. A token that is not taken
    /// is renewed once.
    pub(super) async fn call(
        &self,
        doing: &'static str,
        request: impl Fn(&Grant) -> Request + Send + Sync,
    ) -> Result<Response, StoreError> {
        let mut grant = self.session.grant().await?;
        let (http, request) = (&self.http, &request);
        for renewed in [false, true] {
            let token = &grant;
            let once =
                move || async move { http.send(with_token(request(token), token)).await.map_err(unreachable(doing)) };
            let answer = patiently(doing, once).await?;
            if answer.status != StatusCode::UNAUTHORIZED || renewed {
                return Ok(answer);
            }
            drain(answer).await;
            grant = self.session.renewed(&grant).await?;
        }
        Err(StoreError::Denied { store: KIND })
    }

    /// A token that Swift has just taken, for a request that cannot be sent twice.
    pub(super) async fn tried_grant(&self, container: &str) -> Result<Arc<Grant>, StoreError> {
        self.has_container(container).await?;
        self.session.grant().await
    }

    /// Another token than the one that was refused.
    pub(super) async fn renewed(&self, refused: &Arc<Grant>) -> Result<Arc<Grant>, StoreError> {
        self.session.renewed(refused).await
    }

    /// Sends a request once.
    pub(super) async fn send(&self, request: Request, grant: &Grant) -> Result<Response, OutboundError> {
        self.http.send(with_token(request, grant)).await
    }

    /// Has the account go on with a token that nobody takes.
    #[cfg(test)]
    pub(super) async fn forge_token(&self) {
        self.session.forge().await;
    }

    /// What is known of an object; `None` if there is none.
    pub(super) async fn head(&self, container: &str, object: &str) -> Result<Option<Found>, StoreError> {
        const DOING: &str = "looking at an object";
        let answer = self.call(DOING, |grant| at(grant, Method::HEAD, [container, object])).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(Found::of(&answer))),
            status => Err(refusal(DOING, status)),
        }
    }

    /// Whether there is a container of this name.
    pub(super) async fn has_container(&self, container: &str) -> Result<bool, StoreError> {
        const DOING: &str = "looking for the container";
        let answer = self.call(DOING, |grant| at(grant, Method::HEAD, [container])).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(false),
            status if status.is_success() => Ok(true),
            status => Err(refusal(DOING, status)),
        }
    }

    /// Makes a container, to which others have `access`.
    pub(super) async fn make_container(&self, container: &str, access: &Access) -> Result<(), StoreError> {
        const DOING: &str = "making the container";
        let made = self.call(DOING, |grant| access.on(at(grant, Method::PUT, [container]))).await?;
        succeed(DOING, made).await
    }

    /// Gives others `access` to a container and takes what they had before; false if there is none.
    pub(super) async fn set_access(&self, container: &str, access: &Access) -> Result<bool, StoreError> {
        const DOING: &str = "setting who may read";
        let set = self.call(DOING, |grant| access.on(at(grant, Method::POST, [container]))).await?;
        if set.status == StatusCode::NOT_FOUND {
            drain(set).await;
            return Ok(false);
        }
        succeed(DOING, set).await.map(|()| true)
    }

    /// Removes an object, and says whether there was one. A write of it that began earlier comes to
    /// nothing, even if it ends later: Swift goes by when they began.
    pub(super) async fn delete(&self, container: &str, object: &str) -> Result<bool, StoreError> {
        const DOING: &str = "deleting an object";
        let answer = self.call(DOING, |grant| at(grant, Method::DELETE, [container, object])).await?;
        if answer.status == StatusCode::NOT_FOUND {
            drain(answer).await;
            return Ok(false);
        }
        succeed(DOING, answer).await.map(|()| true)
    }

    /// Removes a static large object with its segments.
    pub(super) async fn delete_static(&self, container: &str, object: &str) -> Result<(), StoreError> {
        const DOING: &str = "deleting a large object";
        let whole = |grant: &Grant| {
            let url = grant.storage.below([container, object]).with_query([("multipart-manifest", "delete")]);
            Request::new(Method::DELETE, url).header("accept", HeaderValue::from_static("application/json"))
        };
        let answer = self.call(DOING, whole).await?;
        if !answer.status.is_success() {
            return Err(refusal(DOING, answer.status));
        }
        // It says 200 before it begins; what came of it stands in the text.
        let told = answer.read(ENTRY * self.page).await.map_err(unreachable(DOING))?;
        let told: Deleted = serde_json::from_slice(&told).map_err(StoreError::failed(KIND, DOING))?;
        if told.status.starts_with('2') || told.status.starts_with("404") {
            return Ok(());
        }
        Err(StoreError::failed(KIND, DOING)(format!("Swift answered {}", told.status)))
    }

    /// The next objects behind `marker` whose names begin with `prefix`, in their order; none behind
    /// the last one, or if there is no such container.
    pub(super) async fn list(&self, container: &str, prefix: &str, marker: &str) -> Result<Vec<Entry>, StoreError> {
        const DOING: &str = "listing segments";
        let limit = self.page.to_string();
        let page = |grant: &Grant| {
            let query = [("format", "json"), ("limit", &limit), ("prefix", prefix), ("marker", marker)];
            Request::new(Method::GET, grant.storage.below([container]).with_query(query))
        };
        let answer = self.call(DOING, page).await?;
        match answer.status {
            StatusCode::NOT_FOUND | StatusCode::NO_CONTENT => Ok(Vec::new()),
            StatusCode::OK => {
                let body = answer.read(ENTRY * self.page).await.map_err(unreachable(DOING))?;
                serde_json::from_slice(&body).map_err(StoreError::failed(KIND, DOING))
            }
            status => Err(refusal(DOING, status)),
        }
    }

    /// Opens an object, or the bytes of it from `first` up to and including `last`, provided it still has the checksum
    /// `etag`: else the answer is 412.
    pub(super) async fn open(
        &self,
        container: &str,
        object: &str,
        range: Option<(u64, u64)>,
        etag: Option<&str>,
    ) -> Result<Response, StoreError> {
        let range = range.map(|(first, last)| (http::header::RANGE, format!("bytes={first}-{last}")));
        let same = etag.map(|etag| (http::header::IF_MATCH, format!("\"{etag}\"")));
        let headers = range.into_iter().chain(same);
        let headers: Vec<_> =
            headers.filter_map(|(name, text)| Some((name, HeaderValue::try_from(text).ok()?))).collect();
        self.call("opening an object", |grant| {
            let request = at(grant, Method::GET, [container, object]);
            headers.iter().fold(request, |request, (name, value)| request.header(name.clone(), value.clone()))
        })
        .await
    }
}

#[derive(Deserialize)]
struct Deleted {
    #[serde(rename = "Response Status")]
    status: String,
}

impl Found {
    pub(super) fn of(answer: &Response) -> Self {
        let manifest = answer.header("x-object-manifest").map(|text| percent_decode_str(text).decode_utf8_lossy());
        let manifest = manifest.and_then(|text| {
            text.trim_start_matches('/')
                .split_once('/')
                .map(|(container, prefix)| (container.to_owned(), prefix.to_owned()))
        });
        Self {
            size: answer.content_length(),
            etag: etag(answer),
            manifest,
            is_static: answer.header("x-static-large-object").is_some_and(|text| text.eq_ignore_ascii_case("true")),
            mark: answer.header(MARK).map(str::to_owned),
        }
    }
}

/// The checksum of an answer, without the quotes that large objects have around theirs.
pub(super) fn etag(answer: &Response) -> Option<String> {
    answer.header(http::header::ETAG).map(|text| text.trim_matches('"').to_owned())
}

/// A request to an object or container of the account.
pub(super) fn at<'a>(grant: &Grant, method: Method, names: impl IntoIterator<Item = &'a str>) -> Request {
    Request::new(method, grant.storage.below(names)).payload(Payload::Empty)
}

fn with_token(request: Request, grant: &Grant) -> Request {
    request.header(HeaderName::from_static("x-auth-token"), grant.token.clone())
}

/// Waits for the answer to something that may be done twice, and asks again while the other side
/// is not reachable or says that it has too much to do.
pub(super) async fn patiently<F, A>(doing: &'static str, once: F) -> Result<Response, StoreError>
where
    F: Fn() -> A + Send + Sync,
    A: Future<Output = Result<Response, StoreError>> + Send,
{
    for attempt in 1..ATTEMPTS {
        match once().await {
            Ok(answer) if !may_pass(answer.status) => return Ok(answer),
            Ok(answer) => tracing::debug!(doing, attempt, status = answer.status.as_u16(), "Swift is asked again"),
            Err(StoreError::Unavailable { source, .. }) => {
                tracing::debug!(doing, attempt, error = %source, "Swift is asked again");
            }
            Err(error) => return Err(error),
        }
        pause(attempt).await;
    }
    once().await
}

/// Waits longer before each further attempt, and not all waiters equally long.
pub(super) async fn pause(attempt: u32) {
    let longest = PAUSE * 3_u32.saturating_pow(attempt.saturating_sub(1).min(4));
    let jitter = RandomState::new().hash_one(attempt) % 256;
    tokio::time::sleep(longest / 2 + longest * u32::try_from(jitter).unwrap_or_default() / 512).await;
}

/// Whether the same request may meet with more luck a little later.
pub(super) fn may_pass(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 498 | 500 | 502 | 503 | 504)
}

/// What a status that is none of the expected ones means.
pub(super) fn refusal(doing: &'static str, status: StatusCode) -> StoreError {
    let source = || BoxError::from(format!("Swift answered {}", status.as_u16()));
    match status.as_u16() {
        401 | 403 => {
            tracing::warn!(doing, status = status.as_u16(), "Swift does not allow it");
            StoreError::Denied { store: KIND }
        }
        413 | 507 => StoreError::Full { store: KIND },
        _ if may_pass(status) => StoreError::Unavailable { store: KIND, doing, source: source() },
        _ => StoreError::Failed { store: KIND, doing, source: source() },
    }
}

/// What no answer means.
pub(super) fn unreachable(doing: &'static str) -> impl FnOnce(OutboundError) -> StoreError {
    move |error| match error {
        OutboundError::Source(source) => StoreError::Source { store: KIND, source },
        error if error.is_transient() => StoreError::Unavailable { store: KIND, doing, source: error.into() },
        error => StoreError::Failed { store: KIND, doing, source: error.into() },
    }
}

async fn succeed(doing: &'static str, answer: Response) -> Result<(), StoreError> {
    let status = answer.status;
    drain(answer).await;
    if status.is_success() { Ok(()) } else { Err(refusal(doing, status)) }
}

/// Reads what nobody wants to know, so that the connection can be used again.
pub(super) async fn drain(answer: Response) {
    let _ = answer.read(WORTH_KEEPING).await;
}
