//! Data on its way into a request: known one batch ahead, and handed over as the request takes it.

use bytes::Bytes;
use futures::{StreamExt, stream};
use glance_core::store::{BoxError, ByteStream, StoreError};
use tokio::sync::mpsc;

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

/// What goes to the [`body`] of a request.
pub(super) enum Piece {
    Data(Vec<Bytes>),
    /// Tells an end from a sender that is gone: in chunks, half of the data would look whole.
    End,
}

/// The body of a request, and where its data is handed on. It breaks off if that goes before [`Piece::End`].
///
/// One batch waits to be taken, besides the one that is being sent.
pub(super) fn body() -> (mpsc::Sender<Piece>, ByteStream) {
    let (data, pieces) = mpsc::channel(1);
    (data, stream_of(pieces))
}

fn stream_of(pieces: mpsc::Receiver<Piece>) -> ByteStream {
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

    #[tokio::test]
    async fn a_body_whose_sender_has_gone_does_not_look_complete() {
        for complete in [true, false] {
            let (sender, body) = body();
            let feeding = async {
                sender.send(Piece::Data(vec![Bytes::from_static(b"a")])).await.unwrap();
                if complete {
                    sender.send(Piece::End).await.unwrap();
                }
                drop(sender);
            };
            let ((), taken) = futures::join!(feeding, body.try_collect::<Vec<_>>());
            assert_eq!(taken.is_ok(), complete);
        }
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
