//! Holding data that is read to the checksum that its backend keeps of it.

use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use glance_core::store::{BoxError, ByteStream};
use sha2::{Digest, Sha256};

/// The SHA-256 of all data of an object. A connector that learns of it puts it among the extensions of the answer:
/// [`object_store`] repeats a request whose data breaks off, so only what comes out of it is the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::data) struct Checksum(pub(in crate::data) Vec<u8>);

/// The same data, which ends with an error before its last chunk if it is not what `expected` is the checksum of.
pub(super) fn held_to(expected: Checksum, data: ByteStream) -> ByteStream {
    let reading = Reading { data: Some(data), digest: Sha256::new(), expected, last: None };
    Box::pin(stream::unfold(Some(reading), |reading| async {
        let mut reading = reading?;
        match reading.next().await {
            Ok(chunk) => chunk.map(|chunk| (Ok(chunk), Some(reading))),
            Err(error) => Some((Err(error), None)),
        }
    }))
}

struct Reading {
    /// `None` when it has ended.
    data: Option<ByteStream>,
    digest: Sha256,
    expected: Checksum,
    /// What has come last: whoever has it takes the data for complete.
    last: Option<Bytes>,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>, BoxError> {
        while let Some(data) = &mut self.data {
            if let Some(chunk) = data.next().await.transpose()? {
                self.digest.update(&chunk);
                if let Some(before) = self.last.replace(chunk) {
                    return Ok(Some(before));
                }
            } else {
                self.data = None;
                if self.digest.finalize_reset().as_slice() != self.expected.0 {
                    return Err("the data is not what its backend has the checksum of".into());
                }
            }
        }
        Ok(self.last.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(chunks: &'static [&'static str], checksum_of: &str) -> (String, bool) {
        let data = stream::iter(chunks).map(|chunk| Ok(Bytes::from(*chunk)));
        let expected = Checksum(Sha256::digest(checksum_of).to_vec());
        let chunks: Vec<_> = held_to(expected, Box::pin(data)).collect().await;
        let whole = chunks.iter().all(Result::is_ok);
        (chunks.into_iter().flatten().map(|chunk| String::from_utf8_lossy(&chunk).into_owned()).collect(), whole)
    }

    #[tokio::test]
    async fn data_is_complete_only_with_its_checksum() {
        assert_eq!(read(&["ab", "", "c"], "abc").await, ("abc".into(), true));
        assert_eq!(read(&[], "").await, (String::new(), true));
        assert_eq!(read(&["ab", "c"], "abd").await, ("ab".into(), false));
        assert_eq!(read(&["abc"], "ab").await, (String::new(), false));
        assert_eq!(read(&[], "a").await, (String::new(), false));
    }

    #[tokio::test]
    async fn data_that_breaks_off_says_why() {
        let broken: ByteStream = Box::pin(stream::iter([Ok(Bytes::from("a")), Err(BoxError::from("gone"))]));
        let chunks: Vec<_> = held_to(Checksum(vec![]), broken).collect().await;
        assert!(matches!(&chunks[..], [Err(error)] if error.to_string() == "gone"));
    }
}
