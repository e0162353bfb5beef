//! Bringing data into an image.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::future::try_join_all;
use futures::stream::FuturesUnordered;
use glance_core::image::ImageId;
use glance_core::location::Location;
use glance_core::store::StoreError;

use super::connection::Connection;
use super::draft::{self, Draft};
use super::ffi::{CephError, Cluster, Image, Progress, errno};
use super::parts::{in_few_slices, without_zeros};
use super::read::Opened;
use super::remove::remove;
use super::room::Room;
use super::{KIND, SNAPSHOT, error};
use crate::data::claims::{Claim, Claims};
use crate::data::intake::Intake;

/// Bytes handed to the cluster at once, at most. Twice as many, half as often, are slower by a tenth.
const PIECE: u64 = 4 << 20;
/// Pieces on their way at the same time; one more is being collected.
const AT_ONCE: usize = 8;

/// Where images are made, and how.
pub(super) struct Pen {
    pub(super) connection: Arc<Connection>,
    pub(super) pool: String,
    pub(super) order: u8,
    pub(super) thin: bool,
    pub(super) claims: Arc<Claims>,
}

impl Pen {
    /// Writes all of the data as the image of `id`, and says how much it was.
    pub(super) async fn put(self: &Arc<Self>, id: ImageId, size: Option<u64>, data: Intake) -> Result<u64, StoreError> {
        self.taking_back_failures(id, async |claim| {
            let draft = self.make(claim, size).await?;
            let received = self.fill(&opened(&draft)?, size, data).await?;
            Self::finish(id, draft).await.map(|()| received)
        })
        .await
    }

    /// Makes what was opened at `from` the image of `id` as well.
    pub(super) async fn copy(self: &Arc<Self>, id: ImageId, source: Opened, from: &Location) -> Result<(), StoreError> {
        self.taking_back_failures(id, async |claim| {
            let draft = self.make(claim, Some(source.size)).await?;
            let copied = source.copy_to(&self.connection, opened(&draft)?).await;
            copied.map_err(error::at(from, "copying an image"))?;
            Self::finish(id, draft).await
        })
        .await
    }

    /// Runs `write` with a claim on the image, and waits for what it wrote to be taken back if it fails.
    async fn taking_back_failures<T>(
        &self,
        id: ImageId,
        write: impl AsyncFnOnce(Claim) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let claim = self.claims.claim(KIND, id).await?;
        let interest = claim.interest();
        match write(claim).await {
            Ok(written) => Ok(written),
            Err(failure) if interest.taken_back().await => Err(failure),
            Err(failure) => Err(failure.left_behind(KIND)),
        }
    }

    /// Removes the image of this name with its snapshot.
    pub(super) async fn remove(&self, name: String) -> Result<(), CephError> {
        let pool = self.pool.clone();
        let removing = move |cluster: &'static Cluster, progress: &Progress| {
            remove(&cluster.pool(&pool)?, &name, Some(SNAPSHOT), progress)
        };
        self.connection.call(removing).await
    }

    /// Removes all images of `id`, finished or not.
    pub(super) async fn discard(&self, id: ImageId) -> Result<(), CephError> {
        let pool = self.pool.clone();
        let listing = move |cluster: &'static Cluster, progress: &Progress| {
            cluster.pool(&pool)?.names_with(&draft::prefix(id), progress)
        };
        let drafts = self.connection.call(listing).await?;
        for name in drafts.into_iter().chain([id.to_string()]) {
            match self.remove(name).await {
                Err(error) if !error.is(errno::NOT_FOUND) => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    async fn make(self: &Arc<Self>, claim: Claim, size: Option<u64>) -> Result<Draft, StoreError> {
        let (id, draft) = (claim.id, Draft::new(Arc::clone(self), claim));
        let made = self.connection.call(move |cluster, _| draft.make(cluster, size.unwrap_or(0))).await;
        made.map_err(error::making(id, "creating an image"))
    }

    async fn finish(id: ImageId, draft: Draft) -> Result<(), StoreError> {
        draft.finish().await.map_err(error::making(id, "finishing an image"))
    }

    /// Takes all of the data in, and says how much it was.
    async fn fill(&self, image: &Arc<Image>, size: Option<u64>, mut data: Intake) -> Result<u64, StoreError> {
        let piece = PIECE.min(1 << self.order);
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
                self.resize(image, larger).await?;
            }
            if under_way.len() >= AT_ONCE {
                under_way.next().await.transpose().map_err(error::of("writing to an image"))?;
            }
            under_way.push(self.write_piece(image, at, batch));
            at = end;
        }
        while let Some(written) = under_way.next().await {
            written.map_err(error::of("writing to an image"))?;
        }
        if room.size != at {
            self.resize(image, at).await?;
        }
        self.connection.within("rbd_aio_flush", image.flush()).await.map_err(error::of("flushing an image"))?;
        Ok(at)
    }

    /// Writes what belongs at an offset, without its zeros where they are to be left out.
    fn write_piece(
        &self,
        image: &Arc<Image>,
        at: u64,
        batch: Vec<Bytes>,
    ) -> impl Future<Output = Result<(), CephError>> + Send + use<> {
        let writes = if self.thin { without_zeros(&batch, at) } else { vec![(at, batch)] };
        let connection = Arc::clone(&self.connection);
        // They begin here, not when they are waited for.
        let writes: Vec<_> = writes.into_iter().map(|(at, data)| image.write(at, in_few_slices(data))).collect();
        async move { connection.within("rbd_aio_writev", try_join_all(writes)).await.map(drop) }
    }

    async fn resize(&self, image: &Arc<Image>, size: u64) -> Result<(), StoreError> {
        let image = Arc::clone(image);
        let resized = self.connection.call(move |_, progress| image.resize(size, progress)).await;
        resized.map_err(error::of("resizing an image"))
    }
}

fn opened(draft: &Draft) -> Result<Arc<Image>, StoreError> {
    draft.image().map_err(error::of("writing to an image"))
}

fn data_end(at: u64, batch: &[Bytes]) -> u64 {
    at + batch.iter().map(Bytes::len).sum::<usize>() as u64
}
