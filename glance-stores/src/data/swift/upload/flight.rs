//! Requests of one upload that wait for their answers.

use std::sync::Arc;
use tracing::Instrument as _;

use futures::StreamExt;
use glance_core::store::{BoxError, ByteStream, StoreError};
use tokio::sync::watch;

use crate::data::swift::client::KIND;

/// The requests of an upload that make objects, be there anybody who waits for them or not: what one of them
/// makes can only be removed when it is made. Clones share it.
#[derive(Clone)]
pub(super) struct Flight(Arc<watch::Sender<Stage>>);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Wanted,
    GivenUp,
    Cut,
}

/// Held by a request until its answer.
#[derive(Clone)]
pub(super) struct Ticket(watch::Receiver<Stage>);

impl Flight {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::channel(Stage::Wanted).0))
    }

    /// For a request that begins now.
    pub(super) fn ticket(&self) -> Ticket {
        Ticket(self.0.subscribe())
    }

    /// Gives the upload up: breaks off the requests whose data has not all gone, and waits for the answers of
    /// the others.
    pub(super) async fn landed(&self) {
        self.0.send_replace(Stage::GivenUp);
        self.0.closed().await;
    }

    /// Breaks off all requests, whatever comes of them.
    pub(super) fn cut(&self) {
        self.0.send_replace(Stage::Cut);
    }
}

impl Ticket {
    /// Data that breaks off when the upload is given up.
    pub(super) fn while_wanted(&self, data: ByteStream) -> ByteStream {
        let stage = self.0.clone();
        Box::pin(data.map(move |chunk| match *stage.borrow() {
            Stage::Wanted => chunk,
            _ => Err(BoxError::from("the upload was given up")),
        }))
    }

    /// Waits for an answer, or until the request is cut; `None` then.
    pub(super) async fn unless_cut<A>(mut self, answer: impl Future<Output = A>) -> Option<A> {
        let cut = async {
            // The other end goes when nobody is left who could cut anything.
            if self.0.wait_for(|stage| *stage == Stage::Cut).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            answer = answer => Some(answer),
            () = cut => None,
        }
    }

    /// Does something even if nobody waits for it any more.
    pub(super) async fn see_through<T: Send + 'static>(
        self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        const DOING: &str = "sending data";
        let done =
            tokio::spawn(self.unless_cut(work).in_current_span()).await.map_err(StoreError::failed(KIND, DOING))?;
        done.ok_or_else(|| StoreError::failed(KIND, DOING)("the upload was given up"))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[tokio::test]
    async fn an_upload_that_is_given_up_waits_for_its_requests() {
        let flight = Flight::new();
        let (answer, answered) = tokio::sync::oneshot::channel();
        let mut request = Box::pin(
            flight.ticket().see_through(async { answered.await.map_err(StoreError::failed(KIND, "waiting")) }),
        );
        assert!(futures::poll!(&mut request).is_pending());
        drop(request);
        let mut landed = Box::pin(flight.landed());
        assert!(futures::poll!(&mut landed).is_pending());
        answer.send(()).unwrap();
        landed.await;
    }

    #[tokio::test]
    async fn data_of_an_upload_that_is_given_up_breaks_off() {
        let flight = Flight::new();
        let ticket = flight.ticket();
        let chunks = futures::stream::repeat_with(|| Ok(Bytes::from_static(b"x")));
        let mut data = ticket.while_wanted(Box::pin(chunks));
        data.next().await.unwrap().unwrap();
        assert!(futures::poll!(Box::pin(flight.landed())).is_pending());
        data.next().await.unwrap().unwrap_err();
    }

    #[tokio::test]
    async fn a_request_that_never_ends_can_be_cut() {
        let flight = Flight::new();
        let request = tokio::spawn(flight.ticket().see_through(std::future::pending::<Result<(), StoreError>>()));
        flight.cut();
        request.await.unwrap().unwrap_err();
        flight.landed().await;
    }
}
