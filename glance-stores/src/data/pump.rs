//! Data on its way into a request: known one batch ahead, and handed over as the request takes it.

use bytes::Bytes;
use futures::{StreamExt, stream};
use glance_core::store::{BoxError, ByteStream, StoreError};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::intake::Intake;

/// Bytes of a batch.
const BATCH: u64 = 256 * 1024;

/// Data known one batch ahead: the last batch is not given out before the data has ended well, so
/// that no server ever sees the whole of data that turns out to be broken.
pub(super) struct Ahead {
    data: Intake,
    segment: u64,
    /// Bytes that have been taken from the data.
    at: u64,
    next: Vec<Bytes>,
}

impl Ahead {
    /// Begins to read. No batch reaches over the end of a segment of `segment` bytes.
    pub(super) async fn open(data: Intake, segment: u64) -> Result<Self, StoreError> {
        let mut opened = Self { data, segment, at: 0, next: Vec::new() };
        opened.next = opened.fetch().await?;
        Ok(opened)
    }

    /// The next batch; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Bytes>>, StoreError> {
        if self.next.is_empty() {
            return Ok(None);
        }
        let following = self.fetch().await?;
        Ok(Some(std::mem::replace(&mut self.next, following)))
    }

    /// Whether all of the data has been given out.
    pub(super) fn has_ended(&self) -> bool {
        self.next.is_empty()
    }

    /// How many bytes came in all.
    pub(super) fn received(&self) -> u64 {
        self.data.received()
    }

    async fn fetch(&mut self) -> Result<Vec<Bytes>, StoreError> {
        let left = self.segment - self.at % self.segment;
        let batch = self.data.batch(usize::try_from(left.min(BATCH)).unwrap_or(usize::MAX)).await?;
        self.at += size_of(&batch);
        Ok(batch)
    }
}

/// Bytes of a batch.
pub(super) fn size_of(batch: &[Bytes]) -> u64 {
    batch.iter().map(Bytes::len).sum::<usize>() as u64
}

/// A request under way whose data is still coming, and whose answer is an `A`. Dropped before the end
/// of its data, the request is broken off; dropped later, it still runs to its answer.
///
/// It holds a batch that waits to be taken, besides the one that is being sent.
pub(super) struct Sending<A> {
    data: mpsc::Sender<Piece>,
    request: JoinHandle<A>,
}

enum Piece {
    Data(Vec<Bytes>),
    /// Tells an end from a sender that is gone: in chunks, half of the data would look whole.
    End,
}

impl<A: Send + 'static> Sending<A> {
    /// Begins the request that `request` makes of its data.
    pub(super) fn begin<F>(request: impl FnOnce(ByteStream) -> F) -> Self
    where
        F: Future<Output = A> + Send + 'static,
    {
        let (data, pieces) = mpsc::channel(1);
        Self { data, request: tokio::spawn(request(body(pieces))) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use futures::TryStreamExt;

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

    #[tokio::test]
    async fn the_last_batch_is_held_back_until_the_data_has_ended() {
        let (sender, source) = futures::channel::mpsc::unbounded::<Result<Bytes, BoxError>>();
        let chunk = |len: u64| Ok(Bytes::from(vec![7; usize::try_from(len).unwrap()]));
        sender.unbounded_send(chunk(2 * BATCH)).unwrap();
        let mut ahead = Ahead::open(Intake::new("test", Box::pin(source), None), u64::MAX).await.unwrap();
        assert_eq!(size_of(&ahead.next().await.unwrap().unwrap()), BATCH);
        assert!(futures::poll!(Box::pin(ahead.next())).is_pending());
        drop(sender);
        assert_eq!(size_of(&ahead.next().await.unwrap().unwrap()), BATCH);
        assert!(ahead.has_ended());
    }
}
