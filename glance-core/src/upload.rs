//! What image data passes on its way into a store: size guard, quota, digests and inspection.
//!
//! One reference-counted buffer serves all of them. Data is collected into batches; while the store
//! writes a batch, both digests work on it on threads of their own, and the next ones are collected.
//! A handful of batches is held at most, whatever the size of the image.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::stream::{self, StreamExt};

use crate::digest::Lanes;
use crate::error::Error;
use crate::image::inspect::{Inspector, Verdict};
use crate::store::{BoxError, ByteStream};

/// Bytes a batch has at least, unless the data ends.
///
/// Large enough that handing a batch to another thread costs nothing beside hashing it, small enough
/// that many uploads at once need little memory.
const BATCH: usize = 256 << 10;

/// Room for one more look at how much has come, before the bytes go on: `reserve(total)` makes sure
/// that the project may hold `total` bytes of this image.
pub(crate) type Reserve = Box<dyn Fn(u64) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send>> + Send + Sync>;

/// What the data turned out to be, once all of it has passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digests {
    pub(crate) size: u64,
    pub(crate) checksum: String,
    pub(crate) hash: String,
    pub(crate) virtual_size: Option<u64>,
}

/// The bounds that data is held to.
pub(crate) struct Bounds {
    /// Length announced, in bytes.
    pub(crate) announced: Option<u64>,
    /// Longest data of one image, in bytes.
    pub(crate) cap: u64,
    pub(crate) reserve: Reserve,
}

/// The end of an upload, for whoever waits on the other side of the store: what became of the data,
/// or why it was refused.
///
/// A store only learns that its source broke off; the reason is kept here.
#[derive(Clone, Default)]
pub(crate) struct Outcome(Arc<Mutex<Option<Result<Digests, Error>>>>);

impl Outcome {
    pub(crate) fn take(&self) -> Option<Result<Digests, Error>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn set(&self, outcome: Result<Digests, Error>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(outcome);
    }
}

/// The data as it goes on to the store, and where its digests will be found when it has ended.
pub(crate) fn digested(
    data: ByteStream,
    digests: Lanes,
    inspector: Box<dyn Inspector>,
    bounds: Bounds,
) -> (ByteStream, Outcome) {
    let outcome = Outcome::default();
    let passing = Passing {
        data: Some(data),
        received: 0,
        digests: Some(digests),
        inspector: Some(inspector),
        bounds,
        outcome: outcome.clone(),
    };
    let batches = stream::unfold(Some(passing), |state| async {
        let mut passing = state?;
        match passing.next_batch().await {
            Ok(Some(batch)) => Some((Ok(batch), Some(passing))),
            Ok(None) => None,
            Err(error) => {
                let told = error.to_string();
                passing.outcome.set(Err(error));
                Some((Err(BoxError::from(told)), None))
            }
        }
    });
    let chunks = batches.flat_map(|batch| match batch {
        Ok(batch) => stream::iter(batch.into_iter().map(Ok).collect::<Vec<_>>()),
        Err(error) => stream::iter(vec![Err(error)]),
    });
    (Box::pin(chunks), outcome)
}

struct Passing {
    data: Option<ByteStream>,
    received: u64,
    digests: Option<Lanes>,
    inspector: Option<Box<dyn Inspector>>,
    bounds: Bounds,
    outcome: Outcome,
}

impl Passing {
    /// The next batch, hashed and inspected or about to be; `None` when all has passed and was found
    /// to be content.
    async fn next_batch(&mut self) -> Result<Option<Vec<Bytes>>, Error> {
        let batch = self.collect().await?;
        if batch.is_empty() {
            self.finish().await?;
            return Ok(None);
        }
        (self.bounds.reserve)(self.received).await?;
        if let Some(inspector) = &mut self.inspector {
            for data in &batch {
                inspector.look_at(data);
            }
        }
        if let Some(digests) = &mut self.digests {
            digests.push(&batch).await.map_err(lost)?;
        }
        Ok(Some(batch))
    }

    async fn collect(&mut self) -> Result<Vec<Bytes>, Error> {
        let mut batch = Vec::new();
        let mut length = 0;
        while length < BATCH {
            let Some(data) = &mut self.data else { break };
            match data.next().await {
                None => self.data = None,
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(chunk)) => {
                    length += chunk.len();
                    self.received += chunk.len() as u64;
                    self.guard()?;
                    batch.push(chunk);
                }
                Some(Err(error)) => return Err(Error::Interrupted(error.to_string())),
            }
        }
        Ok(batch)
    }

    fn guard(&self) -> Result<(), Error> {
        if self.received > self.bounds.cap {
            return Err(Error::OverLimit(format!(
                "image data is longer than the maximum of {} bytes",
                self.bounds.cap
            )));
        }
        match self.bounds.announced {
            Some(announced) if self.received > announced => Err(mismatch(announced, self.received)),
            _ => Ok(()),
        }
    }

    async fn finish(&mut self) -> Result<(), Error> {
        if let Some(announced) = self.bounds.announced
            && announced != self.received
        {
            return Err(mismatch(announced, self.received));
        }
        let (Some(digests), Some(inspector)) = (self.digests.take(), self.inspector.take()) else {
            return Ok(());
        };
        let virtual_size = match inspector.verdict() {
            Verdict::Content { virtual_size } => virtual_size,
            Verdict::Refused(found) => return Err(Error::BadData(found)),
        };
        let (checksum, hash) = digests.finish().await.map_err(lost)?;
        self.outcome.set(Ok(Digests { size: self.received, checksum, hash, virtual_size }));
        Ok(())
    }
}

fn mismatch(announced: u64, received: u64) -> Error {
    Error::Invalid(if received < announced {
        format!("image data ended after {received} bytes, {announced} were announced")
    } else {
        format!("image data is longer than the {announced} bytes that were announced")
    })
}

/// A hashing thread is lost only when the runtime shuts down.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn lost(error: BoxError) -> Error {
    Error::Unavailable(format!("hashing was broken off: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{HashAlgorithm, Stopwatch};
    use crate::image::inspect::NoInspection;

    fn bounds(announced: Option<u64>, cap: u64) -> Bounds {
        Bounds { announced, cap, reserve: Box::new(|_| Box::pin(async { Ok(()) })) }
    }

    fn chunks(lengths: &[usize]) -> ByteStream {
        Box::pin(stream::iter(lengths.iter().map(|length| Ok(Bytes::from(vec![7; *length]))).collect::<Vec<_>>()))
    }

    async fn pass(data: ByteStream, bounds: Bounds) -> (usize, Option<Result<Digests, Error>>) {
        let lanes = Lanes::new(HashAlgorithm::Sha256, &Stopwatch::default());
        let (mut stream, outcome) = digested(data, lanes, Box::new(NoInspection), bounds);
        let mut passed = 0;
        while let Some(Ok(chunk)) = stream.next().await {
            passed += chunk.len();
        }
        (passed, outcome.take())
    }

    #[tokio::test]
    async fn all_data_passes_and_is_hashed() {
        let (passed, outcome) = pass(chunks(&[1, 0, 2_000_000, 5, 700_000]), bounds(Some(2_700_006), 1 << 30)).await;
        let digests = outcome.unwrap().unwrap();
        assert_eq!((passed, digests.size), (2_700_006, 2_700_006));
        let mut md5 = crate::digest::Hasher::new(HashAlgorithm::Md5);
        md5.update(&vec![7; 2_700_006]);
        assert_eq!(digests.checksum, md5.finish());
    }

    #[tokio::test]
    async fn empty_data_is_data() {
        let (_, outcome) = pass(chunks(&[]), bounds(None, 10)).await;
        assert_eq!(outcome.unwrap().unwrap().checksum, "d41d8cd98f00b204e9800998ecf8427e");
    }

    #[tokio::test]
    async fn longer_shorter_and_too_long_data_is_refused() {
        for (data, bounds) in [(chunks(&[5, 6]), bounds(Some(10), 100)), (chunks(&[5]), bounds(Some(10), 100))] {
            assert!(matches!(pass(data, bounds).await.1, Some(Err(Error::Invalid(_)))));
        }
        assert!(matches!(pass(chunks(&[5, 6]), bounds(None, 10)).await.1, Some(Err(Error::OverLimit(_)))));
    }

    #[tokio::test]
    async fn a_broken_source_is_told_from_bad_data() {
        let broken: ByteStream = Box::pin(stream::iter([Ok(Bytes::from("x")), Err(BoxError::from("gone"))]));
        assert!(matches!(pass(broken, bounds(None, 10)).await.1, Some(Err(Error::Interrupted(_)))));
    }
}
