//! Image data at URLs on the web, `http` and `https`, only read.
//!
//! Locations come from users, so every request goes out as a [`UserUrl`]: the client's guard and
//! filter decide where it may lead. Data arrives as the server sends it, whatever its content
//! encoding. A reading holds one connection and at most about half a MiB of its data.

mod answer;
mod error;

use std::time::Duration;

use async_trait::async_trait;
use glance_core::image::ImageId;
use glance_core::location::Location;
use glance_core::store::{ByteRange, ByteStream, Capabilities, Reading, Store, StoreError, Stored, stream_of};
use http::header::{ACCEPT_ENCODING, RANGE};
use http::{HeaderValue, Method, StatusCode};

use self::answer::Opened;
use super::exact;
use crate::outbound::{Client, OutboundError, Request, Response, UserUrl};

const KIND: &str = "http";

/// Most requests that one call makes of redirects, the first included. As Python Glance has it.
const REQUESTS: usize = 5;
/// How long a server, and those it redirects to, may take to begin an answer.
const TO_ANSWER: Duration = Duration::from_secs(30);

/// What no data is longer than. Servers refuse larger numbers in a range, or count them anew.
const LONGEST: u64 = i64::MAX as u64;

/// A store of whatever lies on the web.
#[derive(Debug, Clone)]
pub struct HttpStore {
    client: Client,
}

impl HttpStore {
    /// A store that reads through `client`.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Asks for what lies at a location, through redirects.
    async fn ask(&self, method: Method, at: &Location, range: Option<HeaderValue>) -> Result<Response, StoreError> {
        let url = url(at).ok_or_else(|| StoreError::BadLocation { store: KIND, location: at.clone() })?;
        let request = Request::new(method, url).header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let request = match range {
            Some(range) => request.header(RANGE, range),
            None => request,
        };
        let answer = self.client.follow(request, REQUESTS);
        match tokio::time::timeout(TO_ANSWER, answer).await {
            Ok(answer) => answer.map_err(error::of("asking for data")),
            Err(_) => Err(error::of("asking for data")(OutboundError::TimedOut)),
        }
    }

    /// The length as the server tells it to whoever does not ask for data; `None` if it does not.
    async fn announced(&self, at: &Location) -> Result<Option<u64>, StoreError> {
        let answer = self.ask(Method::HEAD, at, None).await?;
        match answer.status {
            StatusCode::OK => Ok(answer.content_length()),
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(error::of_status(answer.status, at)),
            // Servers that take no HEAD, and URLs that are signed for GET.
            _ => Ok(None),
        }
    }

    /// The length as a server tells it to whoever asks for the first byte.
    async fn probed(&self, at: &Location) -> Result<u64, StoreError> {
        let answer = self.ask(Method::GET, at, Some(HeaderValue::from_static("bytes=0-0"))).await?;
        match Opened::of(answer, at)? {
            Opened::Whole(answer) => answer.content_length(),
            Opened::Part(part, _) => part.size,
            Opened::Behind(size) => size,
        }
        .ok_or_else(|| error::odd("the server does not say how long the data is"))
    }

    /// Opens all of the data.
    async fn whole(&self, at: &Location) -> Result<Reading, StoreError> {
        let Opened::Whole(answer) = Opened::of(self.ask(Method::GET, at, None).await?, at)? else {
            return Err(error::odd("the server answered with a part of the data"));
        };
        let size = self.size_of(&answer, at).await?;
        Ok(Reading { size, range: 0..size, stream: exact::all(answer.into_stream(), size), file: None })
    }

    /// Opens a part of the data that a server can be asked for: of one byte at least.
    async fn part(&self, at: &Location, range: ByteRange) -> Result<Reading, StoreError> {
        match Opened::of(self.ask(Method::GET, at, Some(header(range)?)).await?, at)? {
            Opened::Part(part, answer) => {
                let size = match part.size {
                    Some(size) => size,
                    None => self.size(at).await?,
                };
                let range = range.within(size).filter(|range| part.covers(range));
                let range = range.ok_or_else(|| error::odd("the server answered with another part of the data"))?;
                let stream = exact::all(answer.into_stream(), range.end - range.start);
                Ok(Reading { size, range, stream, file: None })
            }
            Opened::Whole(answer) => {
                let size = self.size_of(&answer, at).await?;
                let range = range.within(size).ok_or(StoreError::OutOfRange { store: KIND, size })?;
                let stream = exact::slice(answer.into_stream(), range.clone());
                Ok(Reading { size, range, stream, file: None })
            }
            Opened::Behind(size) => {
                let size = match size {
                    Some(size) => size,
                    None => self.size(at).await?,
                };
                // Else there is such a part, and the server would not have it.
                let behind = range.within(size).is_none();
                Err(if behind {
                    StoreError::OutOfRange { store: KIND, size }
                } else {
                    error::odd("the server refused a part that the data has")
                })
            }
        }
    }

    /// The length of all the data, of which `answer` is the beginning.
    async fn size_of(&self, answer: &Response, at: &Location) -> Result<u64, StoreError> {
        match answer.content_length() {
            Some(size) => Ok(size),
            None => self.size(at).await,
        }
    }
}

/// Where a location leads; `None` if it is none on the web. A URL parser takes more spellings of a
/// scheme than there are, so it is asked second.
fn url(at: &Location) -> Option<UserUrl> {
    let web = ["http", "https"].iter().any(|scheme| at.scheme().eq_ignore_ascii_case(scheme));
    UserUrl::parse(at.expose()).ok().filter(|_| web)
}

/// A range of one byte at least, as a request says it: both ends are counted in.
fn header(range: ByteRange) -> Result<HeaderValue, StoreError> {
    let last = range.end.map(|end| end.saturating_sub(1)).filter(|last| *last < LONGEST);
    let last = last.map(|last| last.to_string()).unwrap_or_default();
    HeaderValue::try_from(format!("bytes={}-{last}", range.start)).map_err(StoreError::failed(KIND, "asking for data"))
}

#[async_trait]
impl Store for HttpStore {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { write: false, delete: false }
    }

    /// What is read with the credentials in the URL, if any, is nobody's but theirs who know it.
    fn is_for_clients(&self, _: ImageId, at: &Location) -> bool {
        self.holds(at)
    }

    fn holds(&self, at: &Location) -> bool {
        url(at).is_some()
    }

    async fn put(&self, _: ImageId, _: Option<u64>, _: ByteStream) -> Result<Stored, StoreError> {
        Err(StoreError::Unsupported { store: KIND, operation: "writing" })
    }

    async fn get(&self, at: &Location, range: ByteRange) -> Result<Reading, StoreError> {
        if range == ByteRange::ALL {
            return self.whole(at).await;
        }
        let any = range.start < LONGEST && range.end.is_none_or(|end| range.start < end);
        if any {
            return self.part(at, range).await;
        }
        // No request asks for no bytes.
        let size = self.size(at).await?;
        let range = range.within(size).ok_or(StoreError::OutOfRange { store: KIND, size })?;
        Ok(Reading { size, range, stream: stream_of(bytes::Bytes::new()), file: None })
    }

    async fn size(&self, at: &Location) -> Result<u64, StoreError> {
        match self.announced(at).await? {
            Some(size) => Ok(size),
            None => self.probed(at).await,
        }
    }

    async fn delete(&self, _: &Location) -> Result<(), StoreError> {
        Err(StoreError::Unsupported { store: KIND, operation: "deleting" })
    }

    async fn discard(&self, _: ImageId) -> Result<(), StoreError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
