//! The digests of one upload, worked at on the runtime's blocking threads.

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::paired::Paired;
use super::{HashAlgorithm, Hasher};
use crate::store::BoxError;

/// Data shorter than this is hashed where it stands: handing it to another thread costs more.
const WORTH_A_THREAD: usize = 64 * 1024;

/// MD5 and a hash of the same data: together on one thread where that is cheaper, else beside each other.
#[derive(Debug)]
pub(crate) struct Lanes(Vec<Lane>);

impl Lanes {
    pub(crate) fn new(algorithm: HashAlgorithm) -> Self {
        // Other packages are optimised in every build, this one is not.
        let worth_it = algorithm == HashAlgorithm::Sha512 && !cfg!(debug_assertions);
        worth_it.then(Self::together).flatten().unwrap_or_else(|| Self::apart(algorithm))
    }

    /// `None` if this processor cannot.
    fn together() -> Option<Self> {
        Paired::new().map(|both| Self(vec![Lane::of(Work::Both(Box::new(both)))]))
    }

    fn apart(algorithm: HashAlgorithm) -> Self {
        Self(vec![Lane::new(HashAlgorithm::Md5), Lane::new(algorithm)])
    }

    /// Waits until the batch before is done, then begins this one.
    pub(crate) async fn push(&mut self, batch: &[Bytes]) -> Result<(), BoxError> {
        for lane in &mut self.0 {
            lane.push(batch).await?;
        }
        Ok(())
    }

    /// MD5 and the hash of all data, lower-case hex.
    pub(crate) async fn finish(self) -> Result<(String, String), BoxError> {
        let mut digests = Vec::with_capacity(2);
        for mut lane in self.0 {
            match lane.take().await? {
                Work::One(hasher) => digests.push(hasher.finish()),
                Work::Both(both) => return Ok(both.finish()),
            }
        }
        <[String; 2]>::try_from(digests).map(Into::into).map_err(|_| "a digest is missing".into())
    }
}

/// A digest whose work is done on the runtime's blocking threads, one batch at a time and in order.
///
/// At most one batch is being hashed while the next is collected, so a lane bounds the memory of
/// its upload, and two lanes over the same batches run beside each other.
#[derive(Debug)]
pub struct Lane {
    resting: Option<Work>,
    working: Option<JoinHandle<Work>>,
}

#[derive(Debug)]
enum Work {
    One(Box<Hasher>),
    Both(Box<Paired>),
}

impl Work {
    fn update(&mut self, batch: &[Bytes]) {
        for data in batch {
            match self {
                Self::One(hasher) => hasher.update(data),
                Self::Both(both) => both.update(data),
            }
        }
    }
}

impl Lane {
    /// A digest of nothing yet.
    #[must_use]
    pub fn new(algorithm: HashAlgorithm) -> Self {
        Self::of(Work::One(Box::new(Hasher::new(algorithm))))
    }

    fn of(work: Work) -> Self {
        Self { resting: Some(work), working: None }
    }

    /// Waits until the batch before is done, then begins this one.
    ///
    /// # Errors
    ///
    /// If a thread of the runtime failed.
    pub async fn push(&mut self, batch: &[Bytes]) -> Result<(), BoxError> {
        let mut work = self.take().await?;
        if batch.iter().map(Bytes::len).sum::<usize>() < WORTH_A_THREAD {
            work.update(batch);
            self.resting = Some(work);
        } else {
            let batch = batch.to_vec();
            self.working = Some(tokio::task::spawn_blocking(move || {
                work.update(&batch);
                work
            }));
        }
        Ok(())
    }

    /// The digest of all batches, lower-case hex.
    ///
    /// # Errors
    ///
    /// As [`Lane::push`].
    pub async fn finish(mut self) -> Result<String, BoxError> {
        Ok(match self.take().await? {
            Work::One(hasher) => hasher.finish(),
            Work::Both(both) => both.finish().1,
        })
    }

    async fn take(&mut self) -> Result<Work, BoxError> {
        match (self.working.take(), self.resting.take()) {
            (Some(working), _) => Ok(working.await?),
            (None, Some(work)) => Ok(work),
            (None, None) => Err("a digest was used after it failed".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn digests(mut lanes: Lanes, data: &[u8]) -> (String, String) {
        for batch in data.chunks(130_001) {
            lanes.push(&[Bytes::copy_from_slice(batch)]).await.unwrap();
        }
        lanes.finish().await.unwrap()
    }

    #[tokio::test]
    async fn batches_are_hashed_in_their_order_together_and_apart() {
        let data: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
        let expected = [HashAlgorithm::Md5, HashAlgorithm::Sha512].map(|algorithm| {
            let mut whole = Hasher::new(algorithm);
            whole.update(&data);
            whole.finish()
        });
        for lanes in Lanes::together().into_iter().chain([Lanes::apart(HashAlgorithm::Sha512)]) {
            assert_eq!(<[String; 2]>::from(digests(lanes, &data).await), expected);
        }
    }
}
