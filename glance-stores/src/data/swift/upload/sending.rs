//! A request whose data is still coming while it is sent.

use std::pin::Pin;

use bytes::Bytes;
use futures::{StreamExt, stream};
use glance_core::store::{BoxError, ByteStream};
use tokio::sync::mpsc;

use crate::outbound::{OutboundError, Response};

/// What comes of a request.
pub(super) type Answer = Result<Response, OutboundError>;
type Answering<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// A request under way. Dropped before its end, it is broken off, and Swift keeps nothing of it.
pub(super) struct Sending<'a> {
    data: mpsc::Sender<Piece>,
    answer: Answering<'a>,
}

enum Piece {
    Data(Vec<Bytes>),
    /// Tells an end from a sender that is gone: in chunks, half of the data would look whole.
    End,
}

impl<'a> Sending<'a> {
    /// Begins the request that `request` makes of its data.
    pub(super) fn begin<F>(request: impl FnOnce(ByteStream) -> F) -> Self
    where
        F: Future<Output = Answer> + Send + 'a,
    {
        let (data, pieces) = mpsc::channel(1);
        Self { data, answer: Box::pin(request(body(pieces))) }
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
