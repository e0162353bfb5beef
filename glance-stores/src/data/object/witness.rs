//! What became of the attempts at a request that [`object_store`] repeats by itself.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

tokio::task_local! {
    /// The witness of the requests that a task makes. Some of those of [`object_store`] take no extensions.
    static OF_TASK: Witness;
}

/// Goes along with a request, and is told of each attempt that may have had its effect although no answer said so. The
/// answer to a later attempt does not tell: it may refuse to replace what an earlier one made.
#[derive(Debug, Clone, Default)]
pub(in crate::data) struct Witness(Arc<AtomicBool>);

impl Witness {
    /// Has the witness go along with all requests that come of `requests`.
    pub(super) async fn of<T>(&self, requests: impl Future<Output = T>) -> T {
        OF_TASK.scope(self.clone(), requests).await
    }

    /// The witness of the requests of this task.
    #[cfg(feature = "cloud")]
    pub(super) fn of_task() -> Option<Self> {
        OF_TASK.try_with(Clone::clone).ok()
    }

    /// An attempt may have had its effect.
    pub(super) fn lost_an_answer(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether any attempt may have had its effect unseen.
    pub(super) fn is_unsure(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
