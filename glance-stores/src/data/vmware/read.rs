//! Reading a file of a datastore, or a part of it.

use std::ops::Range;

use bytes::Bytes;
use futures::{StreamExt, stream};
use glance_core::store::{BoxError, ByteRange, ByteStream, Reading, StoreError, stream_of};
use http::header::CONTENT_RANGE;
use http::{HeaderValue, Method, StatusCode};

use super::KIND;
use super::error::Failure;
use super::location::DatastoreFile;
use super::vsphere::Vsphere;
use super::xml::BadAnswer;
use crate::outbound::Response;

/// Opens a file; `None` if it is not there.
pub(super) async fn open(
    vsphere: &Vsphere,
    file: &DatastoreFile,
    range: ByteRange,
) -> Result<Option<Reading>, StoreError> {
    let failed = |failure: Failure| failure.doing("opening a file");
    if range == ByteRange::ALL {
        let Some(answer) = vsphere.ask(Method::GET, file, None).await.map_err(failed)? else { return Ok(None) };
        let size = answer.content_length().ok_or(BadAnswer("it does not say how long the file is"));
        let size = size.map_err(|bad| failed(bad.into()))?;
        let stream = part(answer.into_stream(), 0, size);
        return Ok(Some(Reading { size, range: 0..size, stream, file: None }));
    }
    let Some(size) = vsphere.length(file).await.map_err(failed)? else { return Ok(None) };
    let range = range.within(size).ok_or(StoreError::OutOfRange { store: KIND, size })?;
    if range.is_empty() {
        return Ok(Some(Reading { size, range, stream: stream_of(Bytes::new()), file: None }));
    }
    let wanted = HeaderValue::try_from(format!("bytes={}-{}", range.start, range.end - 1));
    let wanted = wanted.map_err(StoreError::failed(KIND, "opening a file"))?;
    let Some(answer) = vsphere.ask(Method::GET, file, Some(&wanted)).await.map_err(failed)? else { return Ok(None) };
    let before = before(&answer, &range, size).map_err(|bad| failed(bad.into()))?;
    let stream = part(answer.into_stream(), before, range.end - range.start);
    Ok(Some(Reading { size, range, stream, file: None }))
}

/// How many bytes an answer has in front of `range`: none, or all, where the server does not
/// honour ranges.
fn before(answer: &Response, range: &Range<u64>, size: u64) -> Result<u64, BadAnswer> {
    if answer.status == StatusCode::PARTIAL_CONTENT {
        let expected = format!("bytes {}-{}/{size}", range.start, range.end - 1);
        let given = answer.header(CONTENT_RANGE).map(str::trim);
        return if given == Some(expected.as_str()) { Ok(0) } else { Err(BadAnswer("it is another part of the file")) };
    }
    if answer.content_length() == Some(size) { Ok(range.start) } else { Err(BadAnswer("the file has changed")) }
}

/// `len` bytes of `data` behind the first `skip`. An end before that is an error.
fn part(data: ByteStream, skip: u64, len: u64) -> ByteStream {
    Box::pin(stream::unfold(Some((data, skip, len)), |state| async {
        let (mut data, mut skip, len) = state.filter(|(_, _, len)| *len > 0)?;
        loop {
            let mut chunk = match data.next().await {
                Some(Ok(chunk)) => chunk,
                Some(Err(error)) => return Some((Err(error), None)),
                None => return Some((Err(BoxError::from("the file ends early")), None)),
            };
            let behind = cut(&mut chunk, skip);
            skip -= behind;
            if !chunk.is_empty() {
                let wanted = usize::try_from(len).unwrap_or(usize::MAX);
                chunk.truncate(wanted);
                let left = len - chunk.len() as u64;
                return Some((Ok(chunk), Some((data, skip, left))));
            }
        }
    }))
}

/// Cuts up to `skip` bytes off the front of a chunk, and says how many.
fn cut(chunk: &mut Bytes, skip: u64) -> u64 {
    let count = usize::try_from(skip).unwrap_or(usize::MAX).min(chunk.len());
    drop(chunk.split_to(count));
    count as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{FutureExt, TryStreamExt};
    use proptest::prelude::*;

    fn source(chunks: &[Vec<u8>]) -> ByteStream {
        Box::pin(stream::iter(chunks.to_vec()).map(|chunk| Ok(Bytes::from(chunk))))
    }

    async fn read(data: ByteStream) -> Result<Vec<u8>, BoxError> {
        Ok(data.try_collect::<Vec<Bytes>>().await?.concat())
    }

    proptest! {
        #[test]
        fn a_part_is_cut_out_of_any_chunks(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..9), skip in 0..30u64, len in 0..30u64
        ) {
            let all = chunks.concat();
            let read = read(part(source(&chunks), skip, len)).now_or_never().unwrap();
            let (from, to) = (usize::try_from(skip).unwrap(), usize::try_from(skip + len).unwrap());
            match all.get(from.min(all.len())..to) {
                Some(expected) if len == 0 || from <= all.len() => prop_assert_eq!(read.unwrap(), expected),
                _ if len == 0 => prop_assert!(read.unwrap().is_empty()),
                _ => prop_assert!(read.is_err()),
            }
        }
    }
}
