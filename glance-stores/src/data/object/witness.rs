//! What became of the attempts at a request that [`object_store`] repeats by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Goes along with a request, and is told of each attempt that may have had its effect although no answer said so. The
/// answer to a later attempt does not tell: it may refuse to replace what an earlier one made.
#[derive(Debug, Clone, Default)]
pub(in crate::data) struct Witness(Arc<AtomicBool>);

impl Witness {
    /// An attempt may have had its effect.
    pub(super) fn lost_an_answer(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether any attempt may have had its effect unseen.
    pub(super) fn is_unsure(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
