//! Making one object in Swift: sent again where that may help, and compared with what arrived.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use glance_core::store::{ByteStream, StoreError};
use http::{HeaderValue, Method, StatusCode};

use super::part::{Kept, Part, Sent};
use super::{Upload, as_only_one};
use crate::data::pump::Ahead;
use crate::data::sending::Sending;
use crate::data::swift::auth::Grant;
use crate::data::swift::client::{KIND, at, drain, etag, may_pass, pause, refusal, unreachable};
use crate::outbound::{OutboundError, Payload, Request, Response};

/// How often an object is sent at most, besides what a call does for itself.
const ATTEMPTS: u32 = 4;
/// A server that refuses does so when it has seen the head of a request; there is no waiting for
/// its consent in HTTP/1.1 as we speak it. So the head is sent, and then nothing for a moment.
const MOMENT: Duration = Duration::from_millis(10);

const SENDING: &str = "sending data";

/// What comes of a request.
type Answer = Result<Response, OutboundError>;
/// An object whose data has been taken, until Swift has it.
pub(super) type Landing = BoxFuture<'static, Result<Sent, StoreError>>;

/// Which object is to be made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Object {
    /// The one of the image's name, which is marked, and replaces no other.
    Image,
    /// A segment, counted from 1, whose name nobody else uses.
    Segment(u64),
}

/// An object to be made.
#[derive(Clone)]
pub(super) struct Making {
    pub(super) upload: Arc<Upload>,
    pub(super) object: Object,
}

impl Making {
    /// Takes the object's data, of which `part` is the beginning. Its length is `length` if that is known.
    pub(super) async fn send(self, part: Part, data: &mut Ahead, length: Option<u64>) -> Result<Landing, StoreError> {
        if part.is_whole(data) {
            let (sent, kept) = part.in_memory().await?;
            return Ok(self.send_kept(sent, kept).boxed());
        }
        match self.upload.config.buffer_dir.clone() {
            None => self.send_through(part, data, length).await,
            Some(folder) => {
                let (sent, kept) = part.on_disk(data, &folder).await?;
                Ok(self.send_kept(sent, kept).boxed())
            }
        }
    }

    /// Sends data as often as need be.
    async fn send_kept(self, sent: Sent, kept: Kept) -> Result<Sent, StoreError> {
        self.may_be_there();
        for attempt in 1..=ATTEMPTS {
            let (making, kept, whole) = (self.clone(), kept.clone(), sent.clone());
            let ticket = self.upload.flight.ticket();
            let wanted = ticket.clone();
            let sending = async move {
                let request = |grant: &Grant| {
                    let request = making.request(grant, wanted.while_wanted(kept.read()), Some(whole.bytes));
                    match HeaderValue::try_from(&whole.md5) {
                        Ok(md5) => request.header(http::header::ETAG, md5),
                        Err(_) => request,
                    }
                };
                making.upload.swift.call(SENDING, request).await
            };
            let answer = ticket.see_through(sending).await.map_err(|error| match error {
                // The source has ended well: this is what was kept of it.
                StoreError::Source { source, .. } => StoreError::failed(KIND, "reading a buffer")(source),
                error => error,
            })?;
            if self.has_arrived(answer, &sent).await? {
                return Ok(sent);
            }
            tracing::info!(attempt, "data arrived changed in Swift");
            pause(attempt).await;
        }
        Err(changed())
    }

    /// Sends data as it comes: once more than its head has gone, there is no second attempt.
    async fn send_through(self, part: Part, data: &mut Ahead, length: Option<u64>) -> Result<Landing, StoreError> {
        let swift = &self.upload.swift;
        let mut grant = swift.tried_grant(&self.upload.container).await?;
        for attempt in 1..=ATTEMPTS {
            let sending = Sending::begin(|data| self.clone().send_once(Arc::clone(&grant), data, length));
            let answer = match offer(sending, &part).await {
                Ok(sending) => return self.go_on(sending, part, data).await,
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

    fn send_once(
        self,
        grant: Arc<Grant>,
        data: ByteStream,
        length: Option<u64>,
    ) -> impl Future<Output = Answer> + Send + 'static {
        let ticket = self.upload.flight.ticket();
        async move {
            let sending = self.upload.swift.send(self.request(&grant, data, length), &grant);
            let cut = || OutboundError::Source("the upload was given up".into());
            ticket.unless_cut(sending).await.unwrap_or_else(|| Err(cut()))
        }
    }

    async fn go_on(
        self,
        mut sending: Sending<Answer>,
        mut part: Part,
        data: &mut Ahead,
    ) -> Result<Landing, StoreError> {
        part.forget_head();
        while let Some(batch) = part.next(data).await? {
            if part.is_whole(data) {
                self.may_be_there();
            }
            sending = match sending.push(batch).await {
                Ok(sending) => sending,
                Err(answer) => return Err(self.refused(answer.map_err(unreachable(SENDING))?).await),
            };
        }
        let landing = async move {
            let answer = sending.end().await.map_err(unreachable(SENDING))?;
            let sent = part.end().await?;
            if self.has_arrived(answer, &sent).await? { Ok(sent) } else { Err(changed()) }
        };
        Ok(landing.boxed())
    }

    fn request(&self, grant: &Grant, data: ByteStream, length: Option<u64>) -> Request {
        let name = self.upload.name_of(self.object);
        let request = at(grant, Method::PUT, [self.upload.container.as_str(), &name])
            .payload(Payload::Stream(data, length))
            .header("content-type", HeaderValue::from_static("application/octet-stream"));
        if self.object == Object::Image { as_only_one(request, &self.upload.mark) } else { request }
    }

    /// From here on all of the object's data may have gone.
    fn may_be_there(&self) {
        if self.object == Object::Image {
            self.upload.begun.image.store(true, Ordering::Release);
        }
    }

    /// Whether what was sent whole is there as it was sent; if not, sending it again may help.
    async fn has_arrived(&self, answer: Response, sent: &Sent) -> Result<bool, StoreError> {
        match answer.status {
            status if status.is_success() => {
                let same = etag(&answer).is_some_and(|etag| etag.eq_ignore_ascii_case(&sent.md5));
                drain(answer).await;
                // There it is, and stands in its own way.
                if !same && self.object == Object::Image { Err(changed()) } else { Ok(same) }
            }
            StatusCode::UNPROCESSABLE_ENTITY => {
                drain(answer).await;
                Ok(false)
            }
            StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT if self.object == Object::Image => {
                drain(answer).await;
                // Of an attempt whose answer was lost: what is there is what was sent.
                let found = self.upload.demand_own().await?;
                if found.size == Some(sent.bytes) && found.etag.as_ref() == Some(&sent.md5) {
                    return Ok(true);
                }
                Err(changed())
            }
            _ => Err(self.refused(answer).await),
        }
    }

    async fn refused(&self, answer: Response) -> StoreError {
        let status = answer.status;
        drain(answer).await;
        // These alone say of all attempts that none made the object: an earlier one may have, and have been cut off
        // from its answer, whatever else a later one is refused for.
        if self.object == Object::Image && matches!(status, StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT) {
            self.upload.begun.image.store(false, Ordering::Release);
            return StoreError::Exists { store: KIND, id: self.upload.id };
        }
        refusal(SENDING, status)
    }
}

/// Sends the head, and gives the other side a moment to refuse.
async fn offer(sending: Sending<Answer>, part: &Part) -> Result<Sending<Answer>, Answer> {
    sending.push(part.head().to_vec()).await?.listen(MOMENT).await
}

fn changed() -> StoreError {
    StoreError::failed(KIND, SENDING)("the checksum of what arrived is another")
}
