//! A request that goes on beside whoever has data for it.

use bytes::Bytes;
use glance_core::store::ByteStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use super::pump::{Piece, body};

/// A request under way whose data is still coming, and whose answer is an `A`. Dropped before the end
/// of its data, the request is broken off; dropped later, it still runs to its answer.
///
/// It holds a batch that waits to be taken, besides the one that is being sent.
pub(super) struct Sending<A> {
    data: mpsc::Sender<Piece>,
    request: JoinHandle<A>,
}

impl<A: Send + 'static> Sending<A> {
    /// Begins the request that `request` makes of its data.
    pub(super) fn begin<F>(request: impl FnOnce(ByteStream) -> F) -> Self
    where
        F: Future<Output = A> + Send + 'static,
    {
        let (data, body) = body();
        Self { data, request: tokio::spawn(request(body).in_current_span()) }
    }

    /// Hands on a batch.
    ///
    /// # Errors
    ///
    /// The answer, if it came before the data was wanted.
    pub(super) async fn push(self, batch: Vec<Bytes>) -> Result<Self, A> {
        self.hand_on(Piece::Data(batch)).await
    }

    /// Gives the other side a moment to refuse what it has seen so far.
    ///
    /// # Errors
    ///
    /// The answer, if there is one.
    pub(super) async fn listen(mut self, moment: std::time::Duration) -> Result<Self, A> {
        match tokio::time::timeout(moment, answer(&mut self.request)).await {
            Ok(answer) => Err(answer),
            Err(_) => Ok(self),
        }
    }

    /// Ends the data and waits for the answer.
    pub(super) async fn end(self) -> A {
        match self.hand_on(Piece::End).await {
            Ok(mut ended) => answer(&mut ended.request).await,
            Err(answer) => answer,
        }
    }

    async fn hand_on(mut self, piece: Piece) -> Result<Self, A> {
        let taken = tokio::select! {
            biased;
            answer = answer(&mut self.request) => return Err(answer),
            sent = self.data.send(piece) => sent.is_ok(),
        };
        if taken { Ok(self) } else { Err(answer(&mut self.request).await) }
    }
}

async fn answer<A>(request: &mut JoinHandle<A>) -> A {
    match request.await {
        Ok(answer) => answer,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and whoever waits ends with it.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::TryStreamExt;
    use glance_core::store::BoxError;

    /// A request that takes all of its data, and answers what came.
    async fn all(data: ByteStream) -> Result<Vec<u8>, BoxError> {
        data.try_fold(Vec::new(), async |all, chunk| Ok([all, chunk.to_vec()].concat())).await
    }

    fn batch(text: &'static str) -> Vec<Bytes> {
        vec![Bytes::from_static(text.as_bytes())]
    }

    #[tokio::test]
    async fn a_request_carries_what_is_handed_to_it() {
        let sending = Sending::begin(all).push(batch("ab")).await.ok().unwrap();
        let answer = sending.push(batch("c")).await.ok().unwrap().end().await;
        assert_eq!(answer.unwrap(), b"abc");
    }

    #[tokio::test]
    async fn a_request_whose_sender_has_gone_does_not_look_complete() {
        let (told, answer) = tokio::sync::oneshot::channel();
        let sending = Sending::begin(|data| async move { told.send(all(data).await).unwrap() });
        drop(sending.push(batch("a")).await.ok().unwrap());
        answer.await.unwrap().unwrap_err();
    }

    #[tokio::test]
    async fn an_answer_that_comes_early_takes_the_place_of_the_data() {
        let mut sending = Sending::begin(|data| async move { drop(data) });
        for _ in 0..3 {
            sending = match sending.push(batch("a")).await {
                Ok(sending) => sending,
                Err(()) => return,
            };
        }
        panic!("nobody takes the data");
    }
}
