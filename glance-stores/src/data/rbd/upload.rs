//! Bringing data into an image, and taking back one that was not finished.
//!
//! The image is made under its final name, which claims it in the whole cluster, and becomes data of an image
//! when it has its protected snapshot: without one it is unfinished, whoever looks. Up to then it belongs
//! to a [`Draft`]; dropped, that removes it again, in a task of its own.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::future::try_join_all;
use futures::stream::FuturesUnordered;
use glance_core::image::ImageId;
use glance_core::store::StoreError;
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use super::connection::Connection;
use super::ffi::{CephError, Closed, Cluster, Image, Mode, Progress, errno};
use super::parts::{in_few_slices, without_zeros};
use super::remove::{Lease, remove};
use super::room::Room;
use super::{KIND, SNAPSHOT, error};
use crate::data::claims::{Claim, Claims, TAKING_BACK};
use crate::data::intake::Intake;

/// Bytes handed to the cluster at once, at most: an object of the usual size.
const PIECE: u64 = 8 << 20;
/// Pieces on their way at the same time; one more is being collected.
const AT_ONCE: usize = 4;
/// Images can be cloned. The one feature every image has; the others are up to `rbd_default_features`.
const LAYERING: u64 = 1;
/// How often taking an image back is tried, and the longest pause between: about an hour in all.
const TRIES: u32 = 60;
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Where images are made, and how.
pub(super) struct Pen {
    pub(super) connection: Arc<Connection>,
    pub(super) pool: String,
    pub(super) order: u8,
    pub(super) thin: bool,
    pub(super) claims: Arc<Claims>,
}

impl Pen {
    /// Writes all of the data as the image of `id`; says the cluster's id and how much it was.
    pub(super) async fn put(self: &Arc<Self>, id: ImageId, size: Option<u64>, data: Intake) -> Result<u64, StoreError> {
        let claim = self.claims.claim(KIND, id).await?;
        match self.write(claim, size, data).await {
            Ok(received) => Ok(received),
            Err(failure) => match timeout(TAKING_BACK, self.claims.settled(id)).await {
                Ok(()) => Err(failure),
                Err(_) => Err(failure.left_behind(KIND)),
            },
        }
    }

    /// Removes the image of `id` with its snapshot.
    pub(super) async fn remove(&self, id: ImageId, lease: Lease) -> Result<(), CephError> {
        let (name, pool) = (id.to_string(), self.pool.clone());
        let removing = move |cluster: &'static Cluster, progress: &Progress| {
            remove(&cluster.pool(&pool)?, &name, Some(SNAPSHOT), lease, progress)
        };
        self.connection.call(removing).await
    }

    async fn write(self: &Arc<Self>, claim: Claim, size: Option<u64>, data: Intake) -> Result<u64, StoreError> {
        let (id, _interest) = (claim.id, claim.interest());
        let draft =
            Draft { pen: Arc::clone(self), claim: Some(claim), stage: Stage::Absent, runtime: Handle::current() };
        let made = self.connection.call(move |cluster, _| draft.make(cluster, size.unwrap_or(0))).await;
        let mut draft = made.map_err(error::making(id, "creating an image"))?;
        let received = draft.fill(size, data).await?;
        draft.finish().await.map_err(error::of("finishing an image"))?;
        Ok(received)
    }
}

/// An image that is not finished. Dropped, it goes.
struct Draft {
    pen: Arc<Pen>,
    /// `None` when there is nothing to remove any more.
    claim: Option<Claim>,
    stage: Stage,
    runtime: Handle,
}

/// What there is in the cluster.
enum Stage {
    /// Nothing of ours.
    Absent,
    /// Perhaps an image: the cluster did not say.
    Unsure,
    /// An image, open unless that failed.
    Made(Option<(Arc<Image>, Closed)>),
}

impl Stage {
    /// Waits until nothing of this process has the image open, which is in the way of removing it.
    async fn close(&mut self, deadline: Duration) {
        if let Self::Made(open) = self
            && let Some((image, closed)) = open.take()
        {
            drop(image);
            let _ = timeout(deadline, closed.wait()).await;
        }
    }
}

impl Draft {
    /// Makes the image and opens it. Blocks.
    fn make(mut self, cluster: &'static Cluster, size: u64) -> Result<Self, CephError> {
        let pool = cluster.pool(&self.pen.pool)?;
        let features = cluster.setting("rbd_default_features").and_then(|set| set.parse().ok());
        let features = features.filter(|features| *features != 0).unwrap_or(LAYERING);
        let name = self.name();
        if let Err(error) = pool.create(&name, size, features, self.pen.order) {
            self.stage = if error::unreachable(&error) { Stage::Unsure } else { Stage::Absent };
            return Err(error);
        }
        self.stage = Stage::Made(None);
        let (image, closed) = pool.open(&name, None, Mode::Change)?;
        self.stage = Stage::Made(Some((Arc::new(image), closed)));
        Ok(self)
    }

    fn name(&self) -> String {
        self.claim.as_ref().map(|claim| claim.id.to_string()).unwrap_or_default()
    }

    fn image(&self) -> Result<Arc<Image>, CephError> {
        match &self.stage {
            Stage::Made(Some((image, _))) => Ok(Arc::clone(image)),
            _ => Err(CephError::Call { call: "an image that is not open", code: errno::NOT_CONNECTED }),
        }
    }

    /// Takes all of the data in, and says how much it was.
    async fn fill(&mut self, size: Option<u64>, mut data: Intake) -> Result<u64, StoreError> {
        let writing = error::of("writing to an image");
        let image = self.image().map_err(writing)?;
        let piece = PIECE.min(1 << self.pen.order);
        let piece_len = usize::try_from(piece).unwrap_or(usize::MAX);
        let (mut room, mut at) = (Room::of(size), 0);
        let mut under_way = FuturesUnordered::new();
        loop {
            let batch = data.batch(piece_len).await?;
            if batch.is_empty() {
                break;
            }
            let end = data_end(at, &batch);
            if let Some(larger) = room.for_bytes(end) {
                self.resize(&image, larger).await?;
            }
            if under_way.len() >= AT_ONCE {
                under_way.next().await.transpose().map_err(error::of("writing to an image"))?;
            }
            under_way.push(self.write_piece(&image, at, batch));
            at = end;
        }
        while let Some(written) = under_way.next().await {
            written.map_err(error::of("writing to an image"))?;
        }
        if room.size != at {
            self.resize(&image, at).await?;
        }
        self.pen.connection.within("rbd_aio_flush", image.flush()).await.map_err(error::of("flushing an image"))?;
        Ok(at)
    }

    /// Writes what belongs at an offset, without its zeros where they are to be left out.
    fn write_piece(
        &self,
        image: &Arc<Image>,
        at: u64,
        batch: Vec<Bytes>,
    ) -> impl Future<Output = Result<(), CephError>> + Send + use<> {
        let writes = if self.pen.thin { without_zeros(&batch, at) } else { vec![(at, batch)] };
        let connection = Arc::clone(&self.pen.connection);
        // They begin here, not when they are waited for.
        let writes: Vec<_> = writes.into_iter().map(|(at, data)| image.write(at, in_few_slices(data))).collect();
        async move { connection.within("rbd_aio_writev", try_join_all(writes)).await.map(drop) }
    }

    async fn resize(&self, image: &Arc<Image>, size: u64) -> Result<(), StoreError> {
        let image = Arc::clone(image);
        let resized = self.pen.connection.call(move |_, progress| image.resize(size, progress)).await;
        resized.map_err(error::of("resizing an image"))
    }

    /// Makes the snapshot that says that all is there, and lets the image go.
    async fn finish(mut self) -> Result<(), CephError> {
        let image = self.image()?;
        let snapshot = self.pen.connection.call(move |_, progress| {
            image.create_snapshot(SNAPSHOT)?;
            progress.step();
            image.protect_snapshot(SNAPSHOT)
        });
        snapshot.await?;
        self.stage.close(self.pen.connection.deadline()).await;
        self.claim = None;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let Some(claim) = self.claim.take() else { return };
        let stage = std::mem::replace(&mut self.stage, Stage::Absent);
        if !matches!(stage, Stage::Absent) {
            claim.leave();
            let leftover = Leftover { pen: Arc::clone(&self.pen), claim, stage };
            self.runtime.spawn(leftover.take_back());
        }
    }
}

/// An image that nobody will finish, and whose name is not free before it is gone.
struct Leftover {
    pen: Arc<Pen>,
    claim: Claim,
    stage: Stage,
}

impl Leftover {
    /// Removes what there is, and tries again for a while if it cannot be.
    async fn take_back(mut self) {
        self.stage.close(self.pen.connection.deadline()).await;
        let lease = if matches!(self.stage, Stage::Unsure) { Lease::IfUnfinished } else { Lease::Ours };
        for attempt in 0..TRIES {
            match self.pen.remove(self.claim.id, lease).await {
                Ok(()) => return,
                Err(error) if error.is(errno::NOT_FOUND) => return,
                Err(error) => {
                    let image = self.claim.id;
                    tracing::warn!(%image, %error, attempt, "an upload that came to nothing is still there");
                }
            }
            sleep(Duration::from_secs(1 << attempt.min(6)).min(LONGEST_PAUSE)).await;
        }
    }
}

fn data_end(at: u64, batch: &[Bytes]) -> u64 {
    at + batch.iter().map(Bytes::len).sum::<usize>() as u64
}
