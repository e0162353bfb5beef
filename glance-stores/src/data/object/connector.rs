//! The requests of [`object_store`], sent through the one client that connects out.
//!
//! What a backend answers is held to limits before anybody reads it: only the data of objects may be long. An answer
//! that is no success is reduced to its code, since its text may repeat what was sent.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use glance_core::store::ByteStream;
use http::header::CONTENT_RANGE;
use http::{HeaderMap, Method};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpResponseBody,
    HttpService,
};
use object_store::{ClientOptions, RetryConfig};
use std::time::Duration;

use super::error;
use super::refusal::{self, Refusal};
use super::witness::Witness;
use crate::outbound::{BadUrl, Client, OperatorUrl, OutboundError, Payload, Request, Response};

/// Bytes of an answer that is not the data of an object.
const ANSWER: usize = 2 << 20;
/// Bytes of an answer that is no success.
const REFUSAL: usize = 64 << 10;

/// Requests are repeated while the backend is busy or out of reach: three times, within 30 seconds.
pub(in crate::data) fn retries() -> RetryConfig {
    RetryConfig { max_retries: 3, retry_timeout: Duration::from_secs(30), ..RetryConfig::default() }
}

/// The client in the shape that [`object_store`] wants.
#[derive(Debug, Clone)]
pub(in crate::data) struct Outbound(pub(in crate::data) Client);

impl HttpConnector for Outbound {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Outbound {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let witness = request.extensions().get::<Witness>().cloned().or_else(Witness::of_task);
        let mut attempt = Attempt(witness);
        let answer = self.answer(request).await;
        if answer.as_ref().err().is_none_or(|error| error::was_not_begun(error)) {
            attempt.0 = None;
        }
        answer
    }
}

/// An attempt at a request. If it ends without a word, as it does when nobody waits for it any more, its witness hears
/// of it.
struct Attempt(Option<Witness>);

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(witness) = &self.0 {
            witness.lost_an_answer();
        }
    }
}

impl Outbound {
    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let method = request.method().clone();
        let answer = self.0.send(translated(request).await?).await.map_err(unsent)?;
        if !answer.status.is_success() {
            return refused(answer).await;
        }
        let mut head = http::Response::builder().status(answer.status);
        if let Some(headers) = head.headers_mut() {
            headers.clone_from(&answer.headers);
        }
        refuse_absurd_range(&answer.headers)?;
        let body = if method == Method::GET {
            HttpResponseBody::new(ObjectData(Mutex::new(answer.into_stream())))
        } else {
            answer.read(ANSWER).await.map_err(unsent)?.into()
        };
        head.body(body).map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))
    }
}

/// The same request for our client. Its data stays in the pieces it is in.
async fn translated(request: HttpRequest) -> Result<Request, HttpError> {
    let (head, body) = request.into_parts();
    let url = OperatorUrl::parse(&head.uri.to_string());
    let url = url.map_err(|error: BadUrl| HttpError::new(HttpErrorKind::Unknown, error))?;
    let mut request = Request::new(head.method, url).payload(payload(body).await?);
    for (name, value) in &head.headers {
        request = request.header(name, value.clone());
    }
    Ok(request)
}

async fn payload(mut body: HttpRequestBody) -> Result<Payload, HttpError> {
    let length = body.content_length();
    let mut pieces: Vec<Bytes> = Vec::new();
    while let Some(frame) = body.frame().await {
        pieces.extend(frame?.into_data().ok().filter(|piece| !piece.is_empty()));
    }
    Ok(match pieces.len() {
        0 => Payload::Empty,
        1 => Payload::Bytes(pieces.swap_remove(0)),
        _ => Payload::Stream(Box::pin(futures::stream::iter(pieces).map(Ok)), Some(length as u64)),
    })
}

fn unsent(error: OutboundError) -> HttpError {
    let kind = match &error {
        OutboundError::Connect(_) => HttpErrorKind::Connect,
        OutboundError::TimedOut => HttpErrorKind::Timeout,
        OutboundError::BrokenOff(_) => HttpErrorKind::Interrupted,
        _ => HttpErrorKind::Unknown,
    };
    HttpError::new(kind, error)
}

/// An answer that is no success: an error if it means more than its status says, else its status and code.
async fn refused(answer: Response) -> Result<HttpResponse, HttpError> {
    let status = answer.status;
    let headers = answer.headers.clone();
    let text = answer.read(REFUSAL).await.unwrap_or_default();
    let code = match refusal::code_in(&text) {
        "" => headers.get("x-ms-error-code").and_then(|code| code.to_str().ok()).unwrap_or_default(),
        code => code,
    };
    match Refusal::of(status, code) {
        Some(busy @ Refusal::Busy(_)) => Err(HttpError::new(HttpErrorKind::Request, busy)),
        Some(refusal) => Err(HttpError::new(HttpErrorKind::Unknown, refusal)),
        None => {
            let mut answer = http::Response::new(HttpResponseBody::from(Bytes::copy_from_slice(code.as_bytes())));
            *answer.status_mut() = status;
            *answer.headers_mut() = headers;
            Ok(answer)
        }
    }
}

/// [`object_store`] adds one to the last byte of a range, whatever it is.
fn refuse_absurd_range(headers: &HeaderMap) -> Result<(), HttpError> {
    let absurd = headers.get(CONTENT_RANGE).is_some_and(|range| {
        let range = range.to_str().unwrap_or_default();
        let last = range.split(['-', '/']).nth(1).unwrap_or_default();
        last.parse::<u64>().is_ok_and(|last| last == u64::MAX)
    });
    if absurd { Err(HttpError::new(HttpErrorKind::Decode, std::io::Error::other("an absurd range"))) } else { Ok(()) }
}

/// The data of an object as [`object_store`] wants it: behind a lock that is never taken, since it is to be shareable.
struct ObjectData(Mutex<ByteStream>);

impl Body for ObjectData {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let data = self.get_mut().0.get_mut().unwrap_or_else(PoisonError::into_inner);
        let chunk = data.as_mut().poll_next(cx);
        chunk.map(|chunk| {
            let chunk = chunk?.map_err(|error| HttpError::new_boxed(HttpErrorKind::Interrupted, error));
            Some(chunk.map(Frame::data))
        })
    }
}
