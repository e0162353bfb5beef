//! Reads that run ahead of whoever takes the bytes, and the questions that come between.
//!
//! What is read counts only if the data was still there afterwards. So no byte is handed out before a question that
//! was put after its read has been answered; one put before, or still open, says nothing about it.

use bytes::Bytes;
use futures::future::RemoteHandle;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use glance_core::store::{BoxError, ByteStream};
use tracing::Instrument as _;

use super::error::of;
use super::ffi::CephError;

/// Reads under way, or done and not asked about yet.
pub(super) const AHEAD: usize = 16;
/// Pieces that one question answers for at most, if so many have been read by then.
const ASKED_FOR: usize = 4;
/// Questions that may be open at the same time.
const QUESTIONS: usize = 2;

/// What `reads` come to, in their order and up to the first error, each after a question of `ask`'s.
pub(super) fn ahead<R, A>(
    reads: impl Iterator<Item = R> + Send + 'static,
    ask: impl Fn() -> A + Send + 'static,
) -> ByteStream
where
    R: Future<Output = Result<Bytes, CephError>> + Send + 'static,
    A: Future<Output = Result<(), CephError>> + Send + 'static,
{
    let read = stream::iter(reads).map(by_itself).buffered(AHEAD).ready_chunks(ASKED_FOR);
    let answered = read.map(move |read| {
        let answer = ask();
        by_itself(async move {
            match answer.await {
                Ok(()) => read,
                Err(error) => vec![Err(error)],
            }
        })
    });
    until_an_error(answered.buffered(QUESTIONS).flat_map(stream::iter).boxed())
}

/// Has `work` go on while nobody looks: whoever takes the bytes may be busy with the ones before.
fn by_itself<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> RemoteHandle<T> {
    let (work, result) = work.remote_handle();
    tokio::spawn(work.in_current_span());
    result
}

/// Ends a stream after its first error.
fn until_an_error(stream: BoxStream<'static, Result<Bytes, CephError>>) -> ByteStream {
    let bytes = stream::unfold(Some(stream), |stream| async move {
        let mut stream = stream?;
        match stream.next().await? {
            Ok(bytes) => Some((Ok(bytes), Some(stream))),
            Err(error) => Some((Err(BoxError::from(of("reading an image")(error))), None)),
        }
    });
    Box::pin(bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::channel::{mpsc, oneshot};

    use super::super::ffi::errno;
    use super::*;

    const GONE: CephError = CephError::Call { call: "asking", code: errno::NOT_FOUND };

    /// A cluster that loses the image at a moment, and whose every read and question takes some moments.
    struct Cluster {
        moment: AtomicUsize,
        lost_at: usize,
    }

    impl Cluster {
        async fn has_it(&self, moments: usize) -> bool {
            for _ in 0..moments {
                self.moment.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
            self.moment.load(Ordering::SeqCst) < self.lost_at
        }

        /// A piece of ones, or of zeros if the image is gone when it is read.
        async fn read(self: Arc<Self>, number: usize) -> Result<Bytes, CephError> {
            let data = if self.has_it(number * 7 % 5).await { &[1; 9] } else { &[0; 9] };
            self.has_it(number % 3).await;
            Ok(Bytes::from_static(data))
        }

        async fn answer(self: Arc<Self>) -> Result<(), CephError> {
            let moments = self.moment.load(Ordering::SeqCst) % 4;
            let listed = self.has_it(moments).await;
            self.has_it(2).await;
            if listed { Ok(()) } else { Err(GONE) }
        }
    }

    #[tokio::test]
    async fn no_zeros_are_handed_out_whenever_the_image_goes() {
        const PIECES: usize = 60;
        let (mut whole, mut cut) = (0, 0);
        for lost_at in 0..500 {
            let cluster = Arc::new(Cluster { moment: AtomicUsize::new(0), lost_at });
            let asked = Arc::clone(&cluster);
            let reads = (0..PIECES).map(move |number| Arc::clone(&cluster).read(number));
            let given: Vec<_> = ahead(reads, move || Arc::clone(&asked).answer()).collect().await;
            let pieces = given.iter().flatten().count();
            assert!(given.iter().flatten().all(|piece| piece[..] == [1; 9]), "lost at {lost_at}");
            assert_eq!(pieces == PIECES, given.iter().all(Result::is_ok), "lost at {lost_at}");
            if pieces == PIECES { whole += 1 } else { cut += 1 }
        }
        assert!(whole > 50 && cut > 50, "{whole} came whole, {cut} cut");
    }

    type Answer = oneshot::Sender<Result<(), CephError>>;

    /// A stream, where to put what its reads come to, and the questions in their order.
    fn by_hand(pieces: usize) -> (ByteStream, Vec<oneshot::Sender<Bytes>>, mpsc::UnboundedReceiver<Answer>) {
        let (read, reads): (Vec<_>, Vec<_>) = (0..pieces).map(|_| oneshot::channel()).unzip();
        let reads = reads.into_iter().map(|read| async { read.await.map_err(|_| GONE) });
        let (put, questions) = mpsc::unbounded();
        let ask = move || {
            let (answer, answered) = oneshot::channel();
            put.unbounded_send(answer).unwrap();
            async { answered.await.unwrap_or(Err(GONE)) }
        };
        (ahead(reads, ask), read, questions)
    }

    /// What the stream gives without anything else happening.
    async fn given(stream: &mut ByteStream) -> Option<Result<Bytes, BoxError>> {
        for _ in 0..20 {
            if let Some(given) = stream.next().now_or_never() {
                return given;
            }
            tokio::task::yield_now().await;
        }
        None
    }

    #[tokio::test]
    async fn a_piece_waits_for_the_question_that_follows_its_read() {
        let (mut stream, mut reads, mut questions) = by_hand(2);
        let (second, first) = (reads.pop().unwrap(), reads.pop().unwrap());
        first.send(Bytes::from_static(b"first")).unwrap();
        assert!(given(&mut stream).await.is_none(), "nobody has answered");
        let about_first = questions.try_recv().unwrap();
        second.send(Bytes::from_static(b"second")).unwrap();
        assert!(given(&mut stream).await.is_none(), "nobody has answered");
        let about_second = questions.try_recv().unwrap();
        about_first.send(Ok(())).unwrap();
        assert_eq!(given(&mut stream).await.unwrap().unwrap(), "first");
        assert!(given(&mut stream).await.is_none(), "that answer came from before the second read");
        about_second.send(Err(GONE)).unwrap();
        assert!(given(&mut stream).await.unwrap().is_err());
        assert!(stream.next().await.is_none());
    }

    #[tokio::test]
    async fn one_question_answers_for_no_more_than_it_may() {
        let (mut stream, reads, mut questions) = by_hand(ASKED_FOR + 1);
        for read in reads {
            read.send(Bytes::from_static(b"read")).unwrap();
        }
        // All have been read when the stream is first looked at again.
        assert!(given(&mut stream).await.is_none());
        let mut put = 0;
        while let Ok(answer) = questions.try_recv() {
            answer.send(Ok(())).unwrap();
            put += 1;
            given(&mut stream).await;
        }
        assert!(put >= 2, "{put} questions");
    }
}
