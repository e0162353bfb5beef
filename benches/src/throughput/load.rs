//! Doing the work and taking the time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use glance_core::digest::{HashAlgorithm, Hasher};
use glance_core::image::ImageId;
use glance_core::location::Location;
use glance_core::store::{BoxError, ByteRange, Store};
use rustix::time::{ClockId, clock_gettime};
use tokio::task::JoinSet;

use super::data::Source;
use super::{Mix, Options};

/// Fast, and not what is measured.
const DIGEST: HashAlgorithm = HashAlgorithm::Sha256;

/// What was done, and what it took.
#[derive(Debug, Default)]
pub(super) struct Measured {
    pub(super) reads: Vec<Duration>,
    pub(super) writes: Vec<Duration>,
    pub(super) elapsed: Duration,
    /// Of all threads of the process, data generation included.
    pub(super) cpu: Duration,
}

/// A store under load.
pub(super) struct Load {
    work: Arc<Work>,
    mix: Mix,
    count: u64,
    duration: Option<Duration>,
    concurrency: u16,
    stored: Option<Stored>,
}

/// What was in the store before.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) location: Location,
    pub(super) size: u64,
    pub(super) digest: String,
}

impl Stored {
    /// Reads it all.
    pub(super) async fn at(store: &dyn Store, location: Location) -> Result<Self, BoxError> {
        let mut stream = store.get(&location, ByteRange::ALL).await?.stream;
        let (mut hasher, mut size) = (Hasher::new(DIGEST), 0);
        while let Some(chunk) = stream.next().await {
            let chunk = chunk?;
            hasher.update(&chunk);
            size += chunk.len() as u64;
        }
        Ok(Self { location, size, digest: hasher.finish() })
    }
}

impl Load {
    /// With `stored`, that is read and nothing written.
    pub(super) fn new(store: Arc<dyn Store>, source: Source, stored: Option<Stored>, options: &Options) -> Self {
        let &Options { count, duration, verify, concurrency, .. } = options;
        let mix = if stored.is_some() { Mix::READ } else { options.mix };
        let work = Arc::new(Work { store, source, verify, written: Mutex::default() });
        Self { work, mix, count, duration, concurrency, stored }
    }

    /// Checks the store, writes what is going to be read, and then does the work against the clock.
    pub(super) async fn run(&self) -> Result<Measured, BoxError> {
        let present = self.present().await?;
        let (present, next) = (Arc::new(present), Arc::new(AtomicU64::new(0)));
        let (begun, cpu) = (Instant::now(), cpu_time());
        let mut workers = JoinSet::new();
        for _ in 0..self.concurrency {
            let turns = Turns {
                next: Arc::clone(&next),
                count: if self.duration.is_some() { u64::MAX } else { self.count },
                until: self.duration.map(|duration| begun + duration),
            };
            workers.spawn(Arc::clone(&self.work).run(self.mix, turns, Arc::clone(&present)));
        }
        let mut measured = Measured::default();
        while let Some(worker) = workers.join_next().await {
            let done = worker??;
            measured.reads.extend(done.reads);
            measured.writes.extend(done.writes);
        }
        Ok(Measured { elapsed: begun.elapsed(), cpu: cpu_time().saturating_sub(cpu), ..measured })
    }

    /// What there is to be read, the first of it looked at.
    async fn present(&self) -> Result<Vec<Present>, BoxError> {
        if let Some(Stored { location, digest, .. }) = self.stored.clone() {
            return Ok(vec![Present { number: 0, location, digest: Some(digest) }]);
        }
        let sample = self.work.write(0).await?;
        self.work.read(&sample, true).await?;
        let mut present = vec![sample];
        for number in 1..usize::from(self.concurrency) {
            if self.mix.reads > 0 {
                present.push(self.work.write(number).await?);
            }
        }
        Ok(present)
    }

    /// Deletes all that was written.
    pub(super) async fn remove(&self) -> Result<(), BoxError> {
        let written = std::mem::take(&mut *self.work.written());
        for at in written {
            self.work.store.delete(&at).await?;
        }
        Ok(())
    }
}

/// The numbers of the operations, dealt out to whoever is free.
struct Turns {
    next: Arc<AtomicU64>,
    count: u64,
    until: Option<Instant>,
}

impl Iterator for Turns {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        if self.until.is_some_and(|until| Instant::now() >= until) {
            return None;
        }
        Some(self.next.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < self.count)
    }
}

/// An image in the store: which data it has, and where.
struct Present {
    number: usize,
    location: Location,
    /// Known where reads are verified.
    digest: Option<String>,
}

struct Work {
    store: Arc<dyn Store>,
    source: Source,
    verify: bool,
    written: Mutex<Vec<Location>>,
}

impl Work {
    async fn run(self: Arc<Self>, mix: Mix, turns: Turns, present: Arc<Vec<Present>>) -> Result<Measured, BoxError> {
        let mut measured = Measured::default();
        for turn in turns {
            let number = usize::try_from(turn)?;
            let begun = Instant::now();
            if mix.is_read(turn) {
                self.read(&present[number % present.len()], self.verify).await?;
                measured.reads.push(begun.elapsed());
            } else {
                self.put(number).await?;
                measured.writes.push(begun.elapsed());
            }
        }
        Ok(measured)
    }

    async fn put(&self, number: usize) -> Result<Location, BoxError> {
        let size = self.source.size();
        let stored = self.store.put(ImageId::random(), Some(size), self.source.stream(number)).await?;
        self.written().push(stored.location.clone());
        Ok(stored.location)
    }

    /// Writes data to be read, and remembers what it was.
    async fn write(&self, number: usize) -> Result<Present, BoxError> {
        let location = self.put(number).await?;
        let digest = (self.verify || number == 0).then(|| {
            let mut hasher = Hasher::new(DIGEST);
            self.source.chunks(number).for_each(|chunk| hasher.update(&chunk));
            hasher.finish()
        });
        Ok(Present { number, location, digest })
    }

    /// Reads all of an image, counts the bytes, and checks them if `verify` says so.
    async fn read(&self, image: &Present, verify: bool) -> Result<(), BoxError> {
        let mut stream = self.store.get(&image.location, ByteRange::ALL).await?.stream;
        let mut hasher = verify.then(|| Hasher::new(DIGEST));
        let mut received = 0;
        while let Some(chunk) = stream.next().await {
            let chunk = chunk?;
            received += chunk.len() as u64;
            if let Some(hasher) = &mut hasher {
                hasher.update(&chunk);
            }
        }
        if received != self.source.size() {
            return Err(format!("{received} bytes of image {} came back", image.number).into());
        }
        match (hasher.map(Hasher::finish), &image.digest) {
            (Some(found), Some(expected)) if found != *expected => {
                Err(format!("other bytes of image {} came back than were written", image.number).into())
            }
            _ => Ok(()),
        }
    }

    fn written(&self) -> MutexGuard<'_, Vec<Location>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Processor time of all threads of this process, in user and kernel code.
pub(crate) fn cpu_time() -> Duration {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(used).unwrap_or_default()
}
