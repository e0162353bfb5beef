//! What the two ends of a connection, bytes below hyper and requests above it, tell each other.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::Instant;

use super::framing::Violation;

/// The state of one connection.
#[derive(Debug)]
pub(super) struct Exchange {
    /// Heads handed to hyper whose responses are not finished.
    owed: AtomicUsize,
    /// When the last response was finished.
    settled: Mutex<Instant>,
    refused_head: OnceLock<Violation>,
    refused_body: OnceLock<Violation>,
}

impl Exchange {
    pub(super) fn new() -> Self {
        Self {
            owed: AtomicUsize::new(0),
            settled: Mutex::new(Instant::now()),
            refused_head: OnceLock::new(),
            refused_body: OnceLock::new(),
        }
    }

    /// Notes that hyper was handed a request head.
    pub(super) fn head_passed(&self) {
        self.owed.fetch_add(1, Ordering::Relaxed);
    }

    /// When the last response was finished; `None` while one is under way.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let settled = *self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        (self.owed.load(Ordering::Relaxed) == 0).then_some(settled)
    }

    /// Notes why no further request can be made out.
    pub(super) fn refuse_head(&self, why: Violation) {
        let _ = self.refused_head.set(why);
    }

    /// Notes what is wrong with the body of the request under way.
    pub(super) fn refuse_body(&self, why: Violation) {
        let _ = self.refused_body.set(why);
    }

    pub(super) fn refused_head(&self) -> Option<Violation> {
        self.refused_head.get().copied()
    }

    pub(super) fn refused_body(&self) -> Option<Violation> {
        self.refused_body.get().copied()
    }
}

/// A response that is owed until this is dropped.
#[derive(Debug)]
pub(super) struct Owed(pub(super) Arc<Exchange>);

impl Drop for Owed {
    fn drop(&mut self) {
        let mut settled = self.0.settled.lock().unwrap_or_else(PoisonError::into_inner);
        *settled = Instant::now();
        self.0.owed.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A response body that settles what is owed when hyper has taken all of it.
#[derive(Debug)]
pub(super) struct OwedBody {
    pub(super) body: Body,
    pub(super) _owed: Owed,
}

impl http_body::Body for OwedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
