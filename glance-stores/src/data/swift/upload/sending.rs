//! A request whose data is still coming while it is sent.

use std::pin::Pin;

use bytes::Bytes;
use futures::{StreamExt, stream};
use glance_core::store::{BoxError, ByteStream};
use tokio::sync::{OwnedMutexGuard, mpsc};
use tokio::task::JoinError;

use crate::outbound::{OutboundError, Response};

/// What comes of a request.
pub(super) type Answer = Result<Response, OutboundError>;
type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A request under way. Dropped before the end of its data, it is broken off, and Swift keeps
/// nothing of it; dropped later, it still runs to its answer.
pub(super) struct Sending {
    data: mpsc::Sender<Piece>,
    answer: Answering,
}

enum Piece {
    Data(Vec<Bytes>),
    /// Tells an end from a sender that is gone: in chunks, half of the data would look whole.
    End,
}

impl Sending {
    /// Begins the request that `request` makes of its data; `in_flight` is held until its answer.
    pub(super) fn begin<F>(in_flight: OwnedMutexGuard<()>, request: impl FnOnce(ByteStream) -> F) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let (data, pieces) = mpsc::channel(1);
        let request = request(body(pieces));
        let running = tokio::spawn(async move {
            let answer = request.await;
            drop(in_flight);
            answer
        });
        let lost = |error: JoinError| OutboundError::Source(error.into());
        Self { data, answer: Box::pin(async move { running.await.unwrap_or_else(|error| Err(lost(error))) }) }
    }

    /// Hands on a batch.
    ///
    /// # Errors
    ///
    /// The answer, if it came before the data was wanted.
    pub(super) async fn push(&mut self, batch: Vec<Bytes>) -> Result<(), Answer> {
        self.hand_on(Piece::Data(batch)).await
    }

    async fn hand_on(&mut self, piece: Piece) -> Result<(), Answer> {
        tokio::select! {
            biased;
            answer = &mut self.answer => return Err(answer),
            sent = self.data.send(piece) => if sent.is_ok() { return Ok(()) },
        }
        Err((&mut self.answer).await)
    }

    /// Gives the other side a moment to refuse what it has seen so far.
    ///
    /// # Errors
    ///
    /// The answer, if there is one.
    pub(super) async fn listen(&mut self, moment: std::time::Duration) -> Result<(), Answer> {
        match tokio::time::timeout(moment, &mut self.answer).await {
            Ok(answer) => Err(answer),
            Err(_) => Ok(()),
        }
    }

    /// Ends the data and waits for the answer.
    pub(super) async fn end(mut self) -> Answer {
        match self.hand_on(Piece::End).await {
            Ok(()) => self.answer.await,
            Err(answer) => answer,
        }
    }
}

fn body(pieces: mpsc::Receiver<Piece>) -> ByteStream {
    let batches = stream::unfold(Some(pieces), |pieces| async {
        let mut pieces = pieces?;
        match pieces.recv().await {
            Some(Piece::Data(batch)) => Some((Ok(batch), Some(pieces))),
            Some(Piece::End) => None,
            None => Some((Err(BoxError::from("the upload was given up")), None)),
        }
    });
    Box::pin(batches.flat_map(|batch| match batch {
        Ok(batch) => stream::iter(batch.into_iter().map(Ok).collect::<Vec<_>>()),
        Err(error) => stream::iter(vec![Err(error)]),
    }))
}
