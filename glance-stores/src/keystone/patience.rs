//! Asking again while there is hope.

use std::sync::Arc;
use std::time::Duration;

use super::error::KeystoneError;

/// The first pause between two attempts; each next one is three times as long.
const PAUSE: Duration = Duration::from_millis(100);

/// Asks `once`, and up to `retries` times more as long as the question may be answered a moment later.
///
/// # Errors
///
/// The last failure.
pub(super) async fn patiently<T, F>(retries: u32, once: impl Fn() -> F) -> Result<T, Arc<KeystoneError>>
where
    F: Future<Output = Result<T, Arc<KeystoneError>>>,
{
    let mut pause = PAUSE;
    for _ in 0..retries {
        match once().await {
            Err(error) if error.may_pass() => tracing::debug!(%error, "Keystone is asked again"),
            outcome => return outcome,
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(3);
    }
    once().await
}
