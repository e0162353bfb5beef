//! Data held to the length that was told: what comes short or goes on ends with an error.

use std::ops::Range;

use bytes::Bytes;
use futures::{StreamExt, stream};
use glance_core::store::{BoxError, ByteStream};

/// Why data is not what was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum WrongLength {
    #[error("the data ended {missing} bytes short")]
    Short { missing: u64 },
    #[error("the data goes on behind its end")]
    Long,
}

/// `data`, which has `len` bytes and no more.
pub(super) fn all(data: ByteStream, len: u64) -> ByteStream {
    exact(data, 0, len, true)
}

/// A part of `data`, for servers that send all of it; what comes before the part is thrown away as it comes, and
/// nothing behind it is read.
pub(super) fn slice(data: ByteStream, range: Range<u64>) -> ByteStream {
    exact(data, range.start, range.end - range.start, false)
}

/// What is still to be passed over, and to be handed on.
struct Cut {
    data: ByteStream,
    skip: u64,
    left: u64,
    to_the_end: bool,
}

fn exact(data: ByteStream, skip: u64, left: u64, to_the_end: bool) -> ByteStream {
    let cut = Cut { data, skip, left, to_the_end };
    Box::pin(stream::unfold(Some(cut), |cut| async move {
        let mut cut = cut?;
        let chunk = cut.next().await?;
        let cut = chunk.is_ok().then_some(cut);
        Some((chunk, cut))
    }))
}

impl Cut {
    async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        loop {
            if self.left == 0 && !self.to_the_end {
                return None;
            }
            let mut chunk = match self.data.next().await {
                Some(Ok(chunk)) => chunk,
                Some(Err(error)) => return Some(Err(error)),
                None if self.left == 0 => return None,
                None => return Some(Err(WrongLength::Short { missing: self.left }.into())),
            };
            let _ = chunk.split_to(spend(&mut self.skip, chunk.len()));
            if chunk.is_empty() {
                continue;
            }
            if self.to_the_end && chunk.len() as u64 > self.left {
                return Some(Err(WrongLength::Long.into()));
            }
            return Some(Ok(chunk.split_to(spend(&mut self.left, chunk.len()))));
        }
    }
}

/// Takes up to `len` bytes off `budget`: how many.
fn spend(budget: &mut u64, len: usize) -> usize {
    let spent = usize::try_from(*budget).map_or(len, |budget| budget.min(len));
    *budget -= spent as u64;
    spent
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, TryStreamExt};
    use proptest::prelude::*;

    use super::*;

    /// `data` in chunks of `chunk` bytes, with empty ones between.
    fn source(data: &[u8], chunk: usize) -> ByteStream {
        let chunks: Vec<_> =
            data.chunks(chunk).flat_map(|chunk| [Bytes::copy_from_slice(chunk), Bytes::new()]).collect();
        Box::pin(stream::iter(chunks.into_iter().map(Ok)))
    }

    fn collect(data: ByteStream) -> Result<Vec<u8>, String> {
        let chunks: Result<Vec<Bytes>, _> = data.try_collect().now_or_never().unwrap();
        chunks.map(|chunks| chunks.concat()).map_err(|error| error.to_string())
    }

    #[test]
    fn data_of_another_length_ends_with_an_error() {
        assert_eq!(collect(all(source(b"12345", 2), 5)), Ok(b"12345".to_vec()));
        assert_eq!(collect(all(source(b"", 2), 0)), Ok(Vec::new()));
        assert_eq!(collect(all(source(b"12345", 2), 7)), Err("the data ended 2 bytes short".to_owned()));
        for len in [0, 3, 4] {
            assert_eq!(collect(all(source(b"12345", 2), len)), Err("the data goes on behind its end".to_owned()));
        }
        assert_eq!(collect(slice(source(b"12345", 2), 3..7)), Err("the data ended 2 bytes short".to_owned()));
    }

    #[test]
    fn nothing_behind_a_slice_is_read() {
        let broken = stream::iter([Ok(Bytes::from_static(b"123")), Err("not to be read".into())]);
        assert_eq!(collect(slice(Box::pin(broken), 1..3)), Ok(b"23".to_vec()));
    }

    proptest! {
        #[test]
        fn a_slice_is_what_it_says(len in 0..200_usize, chunk in 1..50_usize, from in 0..200_usize, to in 0..200_usize) {
            let data: Vec<u8> = (0..=255).take(len).collect();
            let (from, to) = (from.min(to).min(len), to.min(len));
            let read = collect(slice(source(&data, chunk), from as u64..to as u64));
            prop_assert_eq!(read, Ok(data[from..to].to_vec()));
        }
    }
}
