//! Staying logged in.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::credentials::Login;
use super::error::KeystoneError;
use super::grant::Grant;
use crate::outbound::Client;

/// How long before its end a token is replaced.
const EARLY: SignedDuration = SignedDuration::from_secs(30);

/// How long logging in may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long an account that was refused is not tried again: Keystone may lock accounts that go on trying, and
/// strangers decide how often a token is wanted.
const REFUSED_FOR: Duration = Duration::from_secs(5);

/// One account and its token, which is replaced shortly before it ends and when it is refused.
///
/// However many want one at once, one logs in and the others get what it got, also if that is an
/// error: during an outage nobody waits for as many attempts as there are others.
#[derive(Debug)]
pub struct Session {
    http: Client,
    login: Login,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    grant: Option<Arc<Grant>>,
    failure: Option<(Instant, Arc<KeystoneError>)>,
}

impl Session {
    /// A session that begins when a token is wanted.
    #[must_use]
    pub fn new(http: Client, login: Login) -> Self {
        Self { http, login, kept: Mutex::default() }
    }

    /// A token that is good for a while.
    ///
    /// # Errors
    ///
    /// [`KeystoneError`] if logging in fails.
    pub async fn grant(&self) -> Result<Arc<Grant>, Arc<KeystoneError>> {
        self.other_than(None).await
    }

    /// Another token than `refused`.
    ///
    /// # Errors
    ///
    /// As [`Session::grant`].
    pub async fn renewed(&self, refused: &Arc<Grant>) -> Result<Arc<Grant>, Arc<KeystoneError>> {
        self.other_than(Some(refused)).await
    }

    async fn other_than(&self, refused: Option<&Arc<Grant>>) -> Result<Arc<Grant>, Arc<KeystoneError>> {
        let asked = Instant::now();
        let mut kept = self.kept.lock().await;
        let is_good = |grant: &&Arc<Grant>| {
            !ends_soon(grant, Timestamp::now()) && !refused.is_some_and(|refused| Arc::ptr_eq(refused, grant))
        };
        if let Some(grant) = kept.grant.as_ref().filter(is_good) {
            return Ok(Arc::clone(grant));
        }
        let still_counts = |(failed, failure): &&(Instant, Arc<KeystoneError>)| match **failure {
            KeystoneError::AccountRefused(_) => asked.saturating_duration_since(*failed) < REFUSED_FOR,
            _ => *failed >= asked,
        };
        if let Some((_, failure)) = kept.failure.as_ref().filter(still_counts) {
            return Err(Arc::clone(failure));
        }
        let outcome = tokio::time::timeout(PATIENCE, self.log_in()).await.unwrap_or(Err(KeystoneError::TooSlow));
        *kept = match &outcome {
            Ok(grant) => Kept { grant: Some(Arc::clone(grant)), failure: None },
            Err(_) => Kept::default(),
        };
        outcome.map_err(|error| {
            let error = Arc::new(error);
            kept.failure = Some((Instant::now(), Arc::clone(&error)));
            error
        })
    }

    async fn log_in(&self) -> Result<Arc<Grant>, KeystoneError> {
        let answer = self.http.send(self.login.request()).await?;
        let grant = Grant::read(answer).await?;
        tracing::debug!("logged in to Keystone");
        Ok(Arc::new(grant))
    }
}

fn ends_soon(grant: &Grant, now: Timestamp) -> bool {
    let soon = now.checked_add(EARLY).unwrap_or(Timestamp::MAX);
    grant.expires.is_some_and(|expires| expires <= soon)
}
