//! A step of a put that may have its effect although nobody waits for it any more.

use std::pin::pin;
use tracing::Instrument as _;

use futures::future::{Either, select};
use glance_core::store::{BoxError, StoreError};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::claims::TAKING_BACK;

/// Runs a step in a task of its own, so that it is not cut off where nobody could say what came of it. If the caller
/// goes, it gets half of [`TAKING_BACK`] to come to its end; what it holds or returns is dropped then, and has the
/// rest to be taken back.
///
/// # Errors
///
/// Those of the step; [`StoreError::Failed`] if it panics.
pub(super) async fn to_its_end<T: Send + 'static>(
    store: &'static str,
    doing: &'static str,
    step: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    // Closed as soon as nobody waits any more.
    let (mut waiting, _waits) = oneshot::channel::<()>();
    let until_the_end = async move {
        match select(pin!(step), pin!(waiting.closed())).await {
            Either::Left((ended, _)) => ended,
            Either::Right(((), step)) => timeout(TAKING_BACK / 2, step)
                .await
                .unwrap_or_else(|_| Err(StoreError::failed(store, doing)("nobody waits for it"))),
        }
    };
    let ended = tokio::spawn(until_the_end.in_current_span());
    ended.await.map_err(|error| StoreError::failed(store, doing)(BoxError::from(error)))?
}
