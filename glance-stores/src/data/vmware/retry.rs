//! Asking again, a limited number of times and for a limited time.

use std::time::Duration;

use tokio::time::Instant;

use super::error::Failure;

/// The first pause; each is twice as long as the one before.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(5);
/// After this time nothing is asked again.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often something may still be asked again.
pub(super) struct Retries {
    left: u32,
    pause: Duration,
    until: Instant,
}

impl Retries {
    pub(super) fn new(count: u32) -> Self {
        Self { left: count, pause: PAUSE, until: Instant::now() + PATIENCE }
    }

    /// Counts a try; `failure` is why there was one more than enough.
    pub(super) fn take(&mut self, failure: Failure) -> Result<(), Failure> {
        if self.left == 0 || Instant::now() >= self.until {
            return Err(failure);
        }
        self.left -= 1;
        Ok(())
    }

    /// Counts a try and waits before it.
    pub(super) async fn pause(&mut self, failure: Failure) -> Result<(), Failure> {
        self.take(failure)?;
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST);
        Ok(())
    }
}
