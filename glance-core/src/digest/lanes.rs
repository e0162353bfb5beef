//! The digests of one upload, worked at on the runtime's blocking threads.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::paired::Paired;
use super::{HashAlgorithm, Hasher, Stopwatch};
use crate::store::BoxError;

/// Data shorter than this is hashed where it stands: handing it to another thread costs more.
const WORTH_A_THREAD: usize = 64 * 1024;

/// MD5 and a hash of the same data: together on one thread where that is cheaper, else beside each other.
#[derive(Debug)]
pub(crate) struct Lanes(Vec<Lane>);

impl Lanes {
    /// Digests of nothing yet, whose work `spent` adds up.
    pub(crate) fn new(algorithm: HashAlgorithm, spent: &Stopwatch) -> Self {
        // Other packages are optimised in every build, this one is not.
        let worth_it = algorithm == HashAlgorithm::Sha512 && !cfg!(debug_assertions);
        worth_it.then(|| Self::together(spent)).flatten().unwrap_or_else(|| Self::apart(algorithm, spent))
    }

    /// `None` if this processor cannot.
    fn together(spent: &Stopwatch) -> Option<Self> {
        Paired::new().map(|both| Self(vec![Lane::of(Work::Both(Box::new(both)), spent.clone())]))
    }

    fn apart(algorithm: HashAlgorithm, spent: &Stopwatch) -> Self {
        let lane = |algorithm| Lane::of(Work::One(Box::new(Hasher::new(algorithm))), spent.clone());
        Self(vec![lane(HashAlgorithm::Md5), lane(algorithm)])
    }

    /// Waits until there is room for the batch, which is hashed in its turn.
    pub(crate) async fn push(&mut self, batch: &[Bytes]) -> Result<(), BoxError> {
        for lane in &mut self.0 {
            lane.push(batch).await?;
        }
        Ok(())
    }

    /// MD5 and the hash of all data, lower-case hex.
    pub(crate) async fn finish(self) -> Result<(String, String), BoxError> {
        let mut digests = Vec::with_capacity(2);
        for lane in self.0 {
            match lane.end().await? {
                Work::One(hasher) => digests.push(hasher.finish()),
                Work::Both(both) => return Ok(both.finish()),
            }
        }
        <[String; 2]>::try_from(digests).map(Into::into).map_err(|_| "a digest is missing".into())
    }
}

/// A digest whose work is done on the runtime's blocking threads, in the order of the batches.
///
/// At most one batch is being hashed and two wait their turn, so a lane bounds the memory of its upload. A
/// thread that has one waiting goes on with it at once, and one that has none goes home, so that
/// uploads that wait for their clients hold no threads.
#[derive(Debug)]
pub struct Lane {
    track: Arc<Track>,
    /// A permit for each batch that may be on the track.
    room: Arc<Semaphore>,
}

/// Batches that one lane may hold.
const ON_TRACK: u32 = 3;

/// What the lane and its thread share.
#[derive(Debug)]
struct Track {
    turn: Mutex<Turn>,
    spent: Stopwatch,
}

#[derive(Debug)]
struct Turn {
    /// `None` while a thread has it, which takes what waits when it has done what it does.
    resting: Option<Work>,
    waiting: VecDeque<Batch>,
}

/// Data to be hashed. It gives its room back when that is done.
#[derive(Debug)]
struct Batch {
    data: Vec<Bytes>,
    _room: OwnedSemaphorePermit,
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

impl Track {
    /// Begins the batch, or has it wait for the thread that works on another.
    fn add(self: &Arc<Self>, batch: Batch, room: &Arc<Semaphore>) {
        let mut turn = self.turn();
        let Some(mut work) = turn.resting.take() else { return turn.waiting.push_back(batch) };
        if batch.data.iter().map(Bytes::len).sum::<usize>() < WORTH_A_THREAD {
            self.spent.time(|| work.update(&batch.data));
            turn.resting = Some(work);
        } else {
            let run = Run { track: Arc::clone(self), room: Arc::clone(room), arrived: false };
            tokio::task::spawn_blocking(move || run.through(work, batch));
        }
    }

    /// What waits; where nothing does, the work comes to rest.
    fn next(&self, work: Work) -> Option<(Work, Batch)> {
        let mut turn = self.turn();
        if let Some(batch) = turn.waiting.pop_front() {
            return Some((work, batch));
        }
        turn.resting = Some(work);
        None
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        // It is whole after any of the changes made under the lock.
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread on its way along the track. If it never arrives, nobody waits for it.
struct Run {
    track: Arc<Track>,
    room: Arc<Semaphore>,
    arrived: bool,
}

impl Run {
    fn through(mut self, mut work: Work, mut batch: Batch) {
        loop {
            self.track.spent.time(|| work.update(&batch.data));
            // The room is given back behind the work, so that who has all of the room finds the work at rest.
            match self.track.next(work) {
                Some(next) => (work, batch) = next,
                None => break,
            }
        }
        self.arrived = true;
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if !self.arrived {
            self.room.close();
        }
    }
}

impl Lane {
    /// A digest of nothing yet.
    #[must_use]
    pub fn new(algorithm: HashAlgorithm) -> Self {
        Self::of(Work::One(Box::new(Hasher::new(algorithm))), Stopwatch::default())
    }

    fn of(work: Work, spent: Stopwatch) -> Self {
        let track = Arc::new(Track { turn: Mutex::new(Turn { resting: Some(work), waiting: VecDeque::new() }), spent });
        Self { track, room: Arc::new(Semaphore::new(ON_TRACK as usize)) }
    }

    /// Waits until there is room for the batch, which is hashed in its turn.
    ///
    /// # Errors
    ///
    /// If a thread of the runtime failed.
    pub async fn push(&mut self, batch: &[Bytes]) -> Result<(), BoxError> {
        let room = Arc::clone(&self.room).acquire_owned().await?;
        self.track.add(Batch { data: batch.to_vec(), _room: room }, &self.room);
        Ok(())
    }

    /// The digest of all batches, lower-case hex.
    ///
    /// # Errors
    ///
    /// As [`Lane::push`].
    pub async fn finish(self) -> Result<String, BoxError> {
        Ok(match self.end().await? {
            Work::One(hasher) => hasher.finish(),
            Work::Both(both) => both.finish().1,
        })
    }

    async fn end(self) -> Result<Work, BoxError> {
        let _all = self.room.acquire_many(ON_TRACK).await?;
        self.track.turn().resting.take().ok_or_else(|| "a digest was used after it failed".into())
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
        let spent = Stopwatch::default();
        let mut before = spent.elapsed();
        for lanes in Lanes::together(&spent).into_iter().chain([Lanes::apart(HashAlgorithm::Sha512, &spent)]) {
            assert_eq!(<[String; 2]>::from(digests(lanes, &data).await), expected);
            assert!(spent.elapsed() > before, "work that nobody counts");
            before = spent.elapsed();
        }
    }

    #[tokio::test]
    async fn batches_that_come_faster_than_they_are_hashed_keep_their_order() {
        let batches: Vec<Bytes> =
            (0..200_u8).map(|n| vec![n; WORTH_A_THREAD / (1 + usize::from(n) % 3)].into()).collect();
        let mut lane = Lane::new(HashAlgorithm::Sha256);
        let mut whole = Hasher::new(HashAlgorithm::Sha256);
        for batch in &batches {
            lane.push(std::slice::from_ref(batch)).await.unwrap();
            whole.update(batch);
        }
        assert_eq!(lane.finish().await.unwrap(), whole.finish());
    }

    #[tokio::test]
    async fn a_thread_that_never_arrives_is_not_waited_for() {
        let mut lane = Lane::new(HashAlgorithm::Sha256);
        let track = Arc::clone(&lane.track);
        let work = track.turn().resting.take();
        drop(Run { track: Arc::clone(&track), room: Arc::clone(&lane.room), arrived: false });
        drop(work);
        assert!(lane.push(&[Bytes::from_static(b"x")]).await.is_err());
        assert!(lane.finish().await.is_err());
    }
}
