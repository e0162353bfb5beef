//! The data of a request, and whether it still moves.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use glance_core::store::BoxError;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use super::error::OutboundError;
use super::request::Payload;

/// When the other side last took something, and what became of the request's data.
pub(super) struct Activity(Mutex<State>);

struct State {
    last: Instant,
    /// The other side would take more than there is: it keeps nobody waiting.
    starved: bool,
    failure: Option<BoxError>,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State { last: Instant::now(), starved: false, failure: None }))
    }

    fn note(&self, starved: bool) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (state.last, state.starved) = (Instant::now(), starved);
    }

    fn fail(&self, failure: BoxError) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).failure = Some(failure);
    }

    /// Why the request's data broke off, if it did.
    pub(super) fn take_source_error(&self) -> Option<OutboundError> {
        let failure = self.0.lock().unwrap_or_else(PoisonError::into_inner).failure.take();
        failure.map(OutboundError::Source)
    }

    /// Ends when the other side has kept us waiting for `idle`.
    pub(super) async fn ceases_for(&self, idle: Duration) {
        loop {
            let until = {
                let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                let since = if state.starved { Instant::now() } else { state.last };
                since + idle
            };
            if until <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }
}

/// A request's data as the connection takes it.
pub(super) struct RequestBody {
    payload: Payload,
    activity: Arc<Activity>,
}

impl RequestBody {
    pub(super) fn new(payload: Payload, activity: Arc<Activity>) -> Self {
        Self { payload, activity }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let body = &mut *self;
        let chunk = match &mut body.payload {
            Payload::Empty => Poll::Ready(None),
            Payload::Bytes(data) => {
                let data = std::mem::take(data);
                Poll::Ready((!data.is_empty()).then_some(Ok(data)))
            }
            Payload::Stream(data, _) => data.as_mut().poll_next(cx),
        };
        body.activity.note(chunk.is_pending());
        chunk.map(|chunk| match chunk? {
            Ok(data) => {
                if let Payload::Stream(_, Some(left)) = &mut body.payload {
                    *left = left.saturating_sub(data.len() as u64);
                }
                Some(Ok(Frame::data(data)))
            }
            Err(error) => {
                let told = error.to_string();
                body.activity.fail(error);
                Some(Err(told.into()))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        match &self.payload {
            Payload::Empty => true,
            Payload::Bytes(data) => data.is_empty(),
            Payload::Stream(..) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.payload {
            Payload::Empty => SizeHint::with_exact(0),
            Payload::Bytes(data) => SizeHint::with_exact(data.len() as u64),
            Payload::Stream(_, Some(length)) => SizeHint::with_exact(*length),
            Payload::Stream(_, None) => SizeHint::default(),
        }
    }
}
