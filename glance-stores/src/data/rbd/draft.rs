//! An image that is not finished, and how it goes if it never is.
//!
//! It is made under a name that no other put has (`<image id>.upload-<random>`), gets its protected snapshot
//! there, and then the image's own name, which the cluster gives once. So whatever is left of a put that
//! failed can be removed at any time and from any thread, however late the cluster answers: data that somebody
//! else brought in for the same image since has another name. What may have got the image's own name is left to
//! the journal.
//!
//! A process that is killed in the very last step of naming, when the cluster's directory of images has the own name
//! already, leaves the object `rbd_id.<draft's name>`, a few bytes that lead nowhere. It is in nobody's way, and stays: nothing
//! short of a listing of all objects of the pool would find it.

use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument as _;

use glance_core::image::ImageId;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::SNAPSHOT;
use super::error;
use super::ffi::{CephError, Closed, Cluster, Image, Mode, Progress, errno};
use super::remove::remove;
use super::upload::Pen;
use crate::data::claims::{Claim, TAKING_BACK};

/// Images can be cloned. The one feature every image has; the others are up to `rbd_default_features`.
const LAYERING: u64 = 1;
/// Between two attempts to take an image back.
const PAUSE: Duration = Duration::from_millis(500);

/// What the names of unfinished images of `id` begin with.
pub(super) fn prefix(id: ImageId) -> String {
    format!("{id}.upload-")
}

/// An image that is not finished. Dropped, it goes.
pub(super) struct Draft {
    pen: Arc<Pen>,
    /// `None` when there is nothing to remove any more.
    claim: Option<Claim>,
    /// The name that only this draft has.
    name: String,
    stage: Stage,
    runtime: Handle,
}

/// What there is in the cluster.
enum Stage {
    /// Nothing of ours.
    Absent,
    /// An image under the draft's name, or perhaps one; open unless that failed.
    Made(Option<Open>),
    /// One that is getting the image's own name, and has either.
    Naming,
    /// The image of this id has the image's own name.
    Named(String),
}

struct Open {
    image: Arc<Image>,
    /// Its id in the cluster.
    id: String,
    closed: Closed,
}

impl Draft {
    /// A draft of the claimed image, of which nothing is made yet. To be called in a runtime.
    pub(super) fn new(pen: Arc<Pen>, claim: Claim) -> Self {
        let name = prefix(claim.id) + ImageId::random().as_str();
        Self { pen, claim: Some(claim), name, stage: Stage::Absent, runtime: Handle::current() }
    }

    /// Makes the image and opens it. Blocks.
    ///
    /// # Errors
    ///
    /// [`errno::EXISTS`] if the image's own name is taken.
    pub(super) fn make(mut self, cluster: &'static Cluster, size: u64) -> Result<Self, CephError> {
        let pool = cluster.pool(&self.pen.pool)?;
        if pool.id_of(&self.own_name())?.is_some() {
            return Err(CephError::Call { call: "looking for an image", code: errno::EXISTS });
        }
        let features = cluster.setting("rbd_default_features").and_then(|set| set.parse().ok());
        let features = features.filter(|features| *features != 0).unwrap_or(LAYERING);
        if let Err(error) = pool.create(&self.name, size, features, self.pen.order) {
            self.stage = if error::unreachable(&error) { Stage::Made(None) } else { Stage::Absent };
            return Err(error);
        }
        self.stage = Stage::Made(None);
        let (image, closed) = pool.open(&self.name, None, Mode::Change)?;
        let id = image.id()?;
        self.stage = Stage::Made(Some(Open { image: Arc::new(image), id, closed }));
        Ok(self)
    }

    /// The image to be filled.
    pub(super) fn image(&self) -> Result<Arc<Image>, CephError> {
        match &self.stage {
            Stage::Made(Some(open)) => Ok(Arc::clone(&open.image)),
            _ => Err(CephError::Call { call: "an image that is not open", code: errno::NOT_CONNECTED }),
        }
    }

    /// Makes the snapshot that says that all is there, and gives the image its own name.
    ///
    /// # Errors
    ///
    /// [`errno::EXISTS`] if somebody else was faster.
    pub(super) async fn finish(mut self) -> Result<(), CephError> {
        let (image, pen) = (self.image()?, Arc::clone(&self.pen));
        let snapshot = pen.connection.call(move |_, progress| {
            image.create_snapshot(SNAPSHOT)?;
            progress.next_step()?;
            image.protect_snapshot(SNAPSHOT)
        });
        snapshot.await?;
        let id = self.stage.close(pen.connection.deadline()).await;
        let id = id.ok_or(CephError::Call { call: "an image that is not open", code: errno::NOT_CONNECTED })?;
        let named = pen.connection.call(move |cluster, _| self.named(cluster, id)).await;
        named.map(|mut draft| draft.claim = None)
    }

    /// Gives the image of this id its own name. Blocks.
    fn named(mut self, cluster: &'static Cluster, id: String) -> Result<Self, CephError> {
        let pool = cluster.pool(&self.pen.pool)?;
        self.stage = Stage::Naming;
        let own = self.own_name();
        if let Err(error) = pool.rename(&self.name, &own) {
            // An answer, and the name does not lead to this image: so it is not on its way there any more.
            if !error::unreachable(&error) && pool.id_of(&own).is_ok_and(|named| named != Some(id)) {
                self.stage = Stage::Made(None);
            }
            return Err(error);
        }
        self.stage = Stage::Named(id);
        Ok(self)
    }

    fn own_name(&self) -> String {
        self.claim.as_ref().map(|claim| claim.id.to_string()).unwrap_or_default()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let Some(claim) = self.claim.take() else { return };
        claim.leave();
        match std::mem::replace(&mut self.stage, Stage::Absent) {
            Stage::Absent => {}
            // Whether the name is given is not known, and by the time it is, it may be another's.
            Stage::Naming => claim.left_behind(),
            stage => {
                let leftover = Leftover { pen: Arc::clone(&self.pen), name: std::mem::take(&mut self.name), stage };
                self.runtime.spawn(leftover.take_back(claim).in_current_span());
            }
        }
    }
}

impl Stage {
    /// Waits until nothing of this process has the image open, which is in the way of removing it. Returns its
    /// id if it was open.
    async fn close(&mut self, deadline: Duration) -> Option<String> {
        let Self::Made(open) = self else { return None };
        let Open { image, id, closed } = open.take()?;
        drop(image);
        let _ = timeout(deadline, closed.wait()).await;
        Some(id)
    }
}

/// An image that nobody will finish.
struct Leftover {
    pen: Arc<Pen>,
    name: String,
    stage: Stage,
}

impl Leftover {
    /// Removes what there is, as far as the cluster lets it in a short time.
    async fn take_back(mut self, claim: Claim) {
        let until = match self.stage {
            // After that, whoever gave up the put may have the image written by somebody else.
            Stage::Named(_) => claim.until(),
            // Nobody else minds, and perhaps nobody else knows: a thread may have made it a moment ago.
            _ => Instant::now() + TAKING_BACK,
        };
        let gone = Instant::now() < until && timeout_at(until, self.remove(claim.id)).await.is_ok();
        if !gone {
            tracing::warn!(image = %claim.id, "an upload that came to nothing may have left data in the cluster");
            claim.left_behind();
        }
    }

    async fn remove(&mut self, id: ImageId) {
        self.stage.close(self.pen.connection.deadline()).await;
        loop {
            match self.attempt(id).await {
                Ok(()) => return,
                Err(error) if error.is(errno::NOT_FOUND) => return,
                Err(error) => tracing::debug!(image = %id, %error, "an upload that came to nothing is still there"),
            }
            sleep(PAUSE).await;
        }
    }

    async fn attempt(&self, id: ImageId) -> Result<(), CephError> {
        let Stage::Named(ours) = &self.stage else { return self.pen.remove(self.name.clone()).await };
        let (ours, name, pool) = (ours.clone(), id.to_string(), self.pen.pool.clone());
        let removing = move |cluster: &'static Cluster, progress: &Progress| {
            let pool = cluster.pool(&pool)?;
            if pool.id_of(&name)? != Some(ours) {
                return Ok(());
            }
            progress.next_step()?;
            remove(&pool, &name, Some(SNAPSHOT), progress)
        };
        self.pen.connection.call(removing).await
    }
}
