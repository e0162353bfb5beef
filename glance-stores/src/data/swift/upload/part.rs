//! One object on its way to Swift: its checksum, and what is needed to send it again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use glance_core::digest::{HashAlgorithm, Lane};
use glance_core::store::{ByteStream, StoreError};
use http::{HeaderValue, Method, StatusCode};

use super::Upload;
use super::buffer::Buffer;
use super::feed::{Feed, size_of};
use super::sending::{Answer, Sending};
use crate::data::swift::auth::Grant;
use crate::data::swift::client::{KIND, at, drain, etag, may_pass, pause, refusal, unreachable};
use crate::outbound::{Payload, Request, Response};

/// Bytes of an object that are kept until it is clear that Swift takes it.
const HEAD: u64 = 1024 * 1024;
/// How often an object is sent at most.
const ATTEMPTS: u32 = 4;
/// A server that refuses does so when it has seen the head of a request; there is no waiting for
/// its consent in HTTP/1.1 as we speak it. So the head is sent, and then nothing for a moment.
const MOMENT: Duration = Duration::from_millis(10);

const SENDING: &str = "sending data";
const HASHING: &str = "hashing data";

/// The beginning of an object's data; all of it, if it is short.
pub(super) struct Part {
    head: Vec<Bytes>,
    /// Bytes taken so far.
    taken: u64,
    /// Bytes it may have.
    limit: u64,
    sum: Lane,
}

/// An object that Swift has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) bytes: u64,
    pub(super) md5: String,
}

impl Part {
    /// Takes the beginning of the next object of at most `limit` bytes.
    pub(super) async fn begin(feed: &mut Feed, limit: u64) -> Result<Self, StoreError> {
        let mut part = Self { head: Vec::new(), taken: 0, limit, sum: Lane::new(HashAlgorithm::Md5) };
        while part.taken < HEAD {
            let Some(batch) = part.next(feed).await? else { break };
            part.head.extend(batch);
        }
        Ok(part)
    }

    /// Whether its data ends where it has been taken to.
    pub(super) fn is_whole(&self, feed: &Feed) -> bool {
        self.taken >= self.limit || feed.has_ended()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.taken == 0
    }

    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    async fn next(&mut self, feed: &mut Feed) -> Result<Option<Vec<Bytes>>, StoreError> {
        if self.taken >= self.limit {
            return Ok(None);
        }
        let Some(batch) = feed.next().await? else { return Ok(None) };
        self.taken += size_of(&batch);
        self.sum.push(&batch).await.map_err(StoreError::failed(KIND, HASHING))?;
        Ok(Some(batch))
    }

    async fn end(self) -> Result<Sent, StoreError> {
        let md5 = self.sum.finish().await.map_err(StoreError::failed(KIND, HASHING))?;
        Ok(Sent { bytes: self.taken, md5 })
    }
}

/// How an object is to be made.
pub(super) struct Making<'a> {
    pub(super) upload: &'a Upload,
    pub(super) object: &'a str,
    /// Whether an object of that name is left as it is.
    pub(super) only_new: bool,
}

impl Making<'_> {
    /// Sends an object whose length is `length` if it is known.
    pub(super) async fn send(&self, part: Part, feed: &mut Feed, length: Option<u64>) -> Result<Sent, StoreError> {
        if part.is_whole(feed) {
            let head = part.head.clone();
            let sent = part.end().await?;
            let data = move || -> ByteStream { Box::pin(stream::iter(head.clone().into_iter().map(Ok))) };
            return self.send_kept(sent, data).await;
        }
        match &self.upload.config.buffer_dir {
            None => self.send_through(part, feed, length).await,
            Some(folder) => {
                let buffer = Buffer::new(folder).await.map_err(StoreError::failed(KIND, "making a buffer"))?;
                let sent = fill(&buffer, part, feed).await?;
                self.send_kept(sent, move || buffer.read()).await
            }
        }
    }

    /// Sends data that can be had as often as need be.
    async fn send_kept<D>(&self, sent: Sent, data: D) -> Result<Sent, StoreError>
    where
        D: Fn() -> ByteStream + Send + Sync + 'static,
    {
        let swift = Arc::clone(&self.upload.swift);
        let (names, only_new, whole) = (self.names(), self.only_new, sent.clone());
        let sending = async move {
            let request = |grant: &Grant| {
                let request = request(grant, &names, only_new, data(), Some(whole.bytes));
                match HeaderValue::try_from(&whole.md5) {
                    Ok(md5) => request.header(http::header::ETAG, md5),
                    Err(_) => request,
                }
            };
            swift.call(SENDING, request).await
        };
        let answer = self.upload.to_its_end(sending).await.map_err(|error| match error {
            // The source has ended well: this is the buffer.
            StoreError::Source { source, .. } => StoreError::failed(KIND, "reading a buffer")(source),
            error => error,
        })?;
        self.judged(answer, sent).await
    }

    /// Sends data as it comes: once more than its head has gone, there is no second attempt.
    async fn send_through(&self, part: Part, feed: &mut Feed, length: Option<u64>) -> Result<Sent, StoreError> {
        let swift = &self.upload.swift;
        let mut grant = swift.tried_grant(&self.upload.container).await?;
        for attempt in 1..=ATTEMPTS {
            let (token, account) = (Arc::clone(&grant), Arc::clone(swift));
            let in_flight = Arc::clone(&self.upload.in_flight).lock_owned().await;
            let (names, only_new) = (self.names(), self.only_new);
            let mut sending = Sending::begin(in_flight, move |data| async move {
                let request = request(&token, &names, only_new, data, length);
                account.send(request, &token).await
            });
            let answer = match offer(&mut sending, &part.head).await {
                Ok(()) => return self.go_on(sending, part, feed).await,
                Err(answer) => answer,
            };
            match answer {
                Ok(answer) if answer.status == StatusCode::UNAUTHORIZED && attempt == 1 => {
                    grant = swift.renewed(&grant).await?;
                }
                Ok(answer) if may_pass(answer.status) && attempt < ATTEMPTS => pause(attempt).await,
                Ok(answer) => return Err(self.refused(answer).await),
                Err(error) if error.is_transient() && attempt < ATTEMPTS => pause(attempt).await,
                Err(error) => return Err(unreachable(SENDING)(error)),
            }
        }
        Err(StoreError::Denied { store: KIND })
    }

    async fn go_on(&self, mut sending: Sending, mut part: Part, feed: &mut Feed) -> Result<Sent, StoreError> {
        part.head = Vec::new();
        while let Some(batch) = part.next(feed).await? {
            if let Err(answer) = sending.push(batch).await {
                return Err(self.refused(answer.map_err(unreachable(SENDING))?).await);
            }
        }
        let answer = sending.end().await.map_err(unreachable(SENDING))?;
        let sent = part.end().await?;
        self.judged(answer, sent).await
    }

    fn names(&self) -> [String; 2] {
        [self.upload.container.clone(), self.object.to_owned()]
    }

    /// What the answer to an object that was sent whole means.
    async fn judged(&self, answer: Response, sent: Sent) -> Result<Sent, StoreError> {
        match answer.status {
            status if status.is_success() => {
                let same = etag(&answer).is_some_and(|etag| etag.eq_ignore_ascii_case(&sent.md5));
                drain(answer).await;
                let differs = || StoreError::failed(KIND, SENDING)("the checksum of what arrived is another");
                if same { Ok(sent) } else { Err(differs()) }
            }
            // Of an attempt whose answer was lost: what is there is what was sent. As long as nobody knows, it counts
            // as somebody else's, who would lose it.
            StatusCode::PRECONDITION_FAILED if self.has(&sent).await.unwrap_or(false) => Ok(sent),
            _ => Err(self.refused(answer).await),
        }
    }

    async fn has(&self, sent: &Sent) -> Result<bool, StoreError> {
        let found = self.upload.swift.head(&self.upload.container, self.object).await?;
        Ok(found.is_some_and(|found| found.size == Some(sent.bytes) && found.etag.as_ref() == Some(&sent.md5)))
    }

    async fn refused(&self, answer: Response) -> StoreError {
        let status = answer.status;
        drain(answer).await;
        match status {
            StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT if self.only_new => {
                StoreError::Exists { store: KIND, id: self.upload.id }
            }
            status => refusal(SENDING, status),
        }
    }
}

fn request(grant: &Grant, names: &[String; 2], only_new: bool, data: ByteStream, length: Option<u64>) -> Request {
    let request = at(grant, Method::PUT, names.iter().map(String::as_str)).payload(Payload::Stream(data, length));
    let request = request.header("content-type", HeaderValue::from_static("application/octet-stream"));
    if only_new { request.header(http::header::IF_NONE_MATCH, HeaderValue::from_static("*")) } else { request }
}

/// Sends the head, and gives the other side a moment to refuse.
async fn offer(sending: &mut Sending, head: &[Bytes]) -> Result<(), Answer> {
    sending.push(head.to_vec()).await?;
    sending.listen(MOMENT).await
}

async fn fill(buffer: &Buffer, mut part: Part, feed: &mut Feed) -> Result<Sent, StoreError> {
    let mut batch = Some(std::mem::take(&mut part.head));
    while let Some(data) = batch {
        buffer.push(data).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::StorageFull => StoreError::Full { store: KIND },
            _ => StoreError::failed(KIND, "filling a buffer")(error),
        })?;
        batch = part.next(feed).await?;
    }
    part.end().await
}
