//! Data to write, and sources that behave badly.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, Stream};

use crate::store::{BoxError, ByteStream};

/// One KiB, and one MiB.
pub(super) const KIB: usize = 1024;
pub(super) const MIB: usize = 1024 * KIB;

/// `len` bytes that neither repeat nor compress; the same for the same length.
pub(in super::super) fn noise(len: usize) -> Bytes {
    let mut state = 0x9E37_79B9_7F4A_7C15 ^ len as u64;
    let mut data = Vec::with_capacity(len + 8);
    while data.len() < len {
        // xorshift64, Marsaglia 2003
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        data.extend_from_slice(&state.to_le_bytes());
    }
    data.truncate(len);
    data.into()
}

/// The chunks of `data`, of `chunk` bytes each.
pub(super) fn chunks(data: &Bytes, chunk: usize) -> impl Iterator<Item = Bytes> + Send + use<> {
    let data = data.clone();
    (0..data.len()).step_by(chunk).map(move |at| data.slice(at..data.len().min(at + chunk)))
}

/// `data` in chunks, making room for other tasks between them as a network would.
pub(in super::super) fn trickle(data: &Bytes, chunk: usize) -> ByteStream {
    Box::pin(stream::iter(chunks(data, chunk)).then(|chunk| async {
        tokio::task::yield_now().await;
        Ok(chunk)
    }))
}

/// The first `good` chunks of `data`, then an error.
pub(in super::super) fn breaking(data: &Bytes, chunk: usize, good: usize) -> ByteStream {
    let error: BoxError = "the client is gone".into();
    Box::pin(stream::iter(chunks(data, chunk).take(good).map(Ok).chain([Err(error)])))
}

/// The first `good` chunks of `data`, then silence for ever.
pub(in super::super) fn stalling(data: &Bytes, chunk: usize, good: usize) -> (ByteStream, Arc<AtomicUsize>) {
    let (taken, count) = counted(stream::iter(chunks(data, chunk).take(good)));
    (Box::pin(taken.map(Ok).chain(stream::pending())), count)
}

/// `source`, and how many chunks have been taken from it.
pub(super) fn counted<S: Stream>(source: S) -> (impl Stream<Item = S::Item>, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let source = source.inspect(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    (source, count)
}
