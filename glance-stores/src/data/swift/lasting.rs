//! Tokens for an upload that may outlive its caller's: a trust of Keystone's takes its place when it is about to end.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use glance_core::store::StoreError;
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::auth::{Grant, Tokens, ends_within, failed};
use super::client::KIND;
use crate::keystone::{self, KeystoneError, Trust, Trusts};

/// How long Keystone is left alone after it could not be asked.
const PAUSE: Duration = Duration::from_secs(30);

/// The token of a caller and, shortly before it ends, those of a trust. The trust is made as soon as a token is wanted: when
/// the next one is wanted, the data in between may have taken longer than the caller's token lasts, and nobody could make a
/// trust with it any more. Where there can be no trust, the caller's token is all there is.
#[derive(Debug)]
pub(super) struct Lasting {
    own: Arc<Grant>,
    trusts: Arc<Trusts>,
    /// How long before its end a token is replaced.
    expire_soon: Duration,
    stage: Mutex<Stage>,
}

#[derive(Debug)]
enum Stage {
    /// There is no trust yet; if a moment is given, nobody asks for one before it.
    New(Option<Instant>),
    /// The trust, which ends with this, and when the caller's own token does.
    Trusted(Box<Trust>, Timestamp),
    /// There is no trust to be had.
    Alone,
}

impl Lasting {
    pub(super) fn new(own: Arc<Grant>, trusts: Arc<Trusts>, expire_soon: Duration) -> Self {
        Self { own, trusts, expire_soon, stage: Mutex::new(Stage::New(None)) }
    }

    /// Sees to a trust, if there is none and there may be one.
    async fn settle(&self, stage: &mut Stage) {
        match stage {
            Stage::New(not_before) if not_before.is_none_or(|moment| moment <= Instant::now()) => {}
            _ => return,
        }
        match self.trust().await {
            Ok((trust, until)) => *stage = Stage::Trusted(Box::new(trust), until),
            Err(error) => {
                // What the reference server does then as well: the caller's token may suffice.
                tracing::info!(error = &*error as &dyn Error, "an upload has no token but its caller's");
                *stage = if error.is_outage() { Stage::New(Some(Instant::now() + PAUSE)) } else { Stage::Alone };
            }
        }
    }

    /// Makes a trust, and says when the caller's token ends. In a task of its own: a trust that is made while nobody waits for
    /// it any more is dropped there, and so revoked.
    async fn trust(&self) -> Result<(Trust, Timestamp), Arc<KeystoneError>> {
        let (own, trusts) = (Arc::clone(&self.own), Arc::clone(&self.trusts));
        let making = async move {
            let token = trusts.inspect(&own.token).await?;
            Ok::<_, Arc<KeystoneError>>((trusts.create(&own.token, &token).await?, token.expires_at))
        };
        let made = tokio::spawn(making.in_current_span()).await;
        made.unwrap_or_else(|error| Err(Arc::new(KeystoneError::Nonsense(error.into()))))
    }

    fn of_trust(&self, granted: &keystone::Grant) -> Arc<Grant> {
        let Grant { storage, endpoints, .. } = &*self.own;
        let (storage, endpoints) = (storage.clone(), endpoints.clone());
        Arc::new(Grant { token: granted.token.clone(), storage, endpoints, expires: granted.expires })
    }
}

#[async_trait]
impl Tokens for Lasting {
    async fn grant(&self) -> Result<Arc<Grant>, StoreError> {
        let mut stage = self.stage.lock().await;
        self.settle(&mut stage).await;
        match &*stage {
            Stage::Trusted(trust, own_ends) if ends_within(self.expire_soon, Some(*own_ends)) => {
                Ok(self.of_trust(&*trust.grant().await.map_err(no_token)?))
            }
            _ => Ok(Arc::clone(&self.own)),
        }
    }

    async fn renewed(&self, refused: &Arc<Grant>) -> Result<Arc<Grant>, StoreError> {
        let stage = self.stage.lock().await;
        let Stage::Trusted(trust, _) = &*stage else { return Err(StoreError::Denied { store: KIND }) };
        let granted = trust.grant().await.map_err(no_token)?;
        if granted.token != refused.token {
            return Ok(self.of_trust(&granted));
        }
        Ok(self.of_trust(&*trust.renewed(&granted).await.map_err(no_token)?))
    }
}

fn no_token(error: Arc<keystone::KeystoneError>) -> StoreError {
    failed("renewing a token")(error)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use http::HeaderValue;
    use jiff::SignedDuration;

    use super::*;
    use crate::keystone::{Credentials, Domain, Key, Login, Scope, User};
    use crate::outbound::testing::{Head, Reply, Web};
    use crate::outbound::{Client, Deadlines, OperatorUrl, Tls};

    const SOON: Duration = Duration::from_secs(60);

    /// A Keystone of one caller, whose token ends in so many seconds.
    struct Keystone {
        web: Web,
        away: Arc<AtomicBool>,
    }

    impl Keystone {
        async fn new(seconds: i64) -> Self {
            let away = Arc::new(AtomicBool::new(false));
            let (is_away, tokens) = (Arc::clone(&away), AtomicUsize::new(0));
            let ends = Timestamp::now() + SignedDuration::from_secs(seconds);
            let answer = move |head: &Head| {
                if is_away.load(Ordering::SeqCst) {
                    return Reply::new("500 Away", "", b"");
                }
                let token = format!(
                    r#"{{"token": {{"user": {{"id": "u"}}, "project": {{"id": "p"}}, "expires_at": "{ends}", "catalog": []}}}}"#
                );
                match (head.method(), head.target()) {
                    ("GET", _) => Reply::new("200 OK", "", token.as_bytes()),
                    ("DELETE", _) => Reply::new("204 No Content", "", b""),
                    (_, target) if target.ends_with("/trusts") => {
                        Reply::new("201 Created", "", br#"{"trust": {"id": "t"}}"#)
                    }
                    _ => {
                        let number = tokens.fetch_add(1, Ordering::SeqCst);
                        let header = format!("X-Subject-Token: new-{number}\r\n");
                        Reply::new("201 Created", &header, br#"{"token": {"user": {"id": "s"}}}"#)
                    }
                }
            };
            Self { web: Web::new(answer).await, away }
        }

        fn lasting(&self) -> Lasting {
            let url = |path: &str| OperatorUrl::parse(&self.web.url(path)).unwrap();
            let user = User::Name("glance".to_owned(), Domain::default());
            let credentials = Credentials::Password(user, Key::new("k"));
            let login = Login { address: url("/v3"), credentials, scope: Scope::Own };
            let trusts = Trusts::new(Client::new(&Tls::default(), Deadlines::default()).unwrap(), login).unwrap();
            let token = HeaderValue::from_static("own");
            let own = Grant { token, storage: url("/v1"), endpoints: Vec::new(), expires: None };
            Lasting::new(Arc::new(own), Arc::new(trusts), SOON)
        }

        fn trusts(&self) -> usize {
            let of_trust = |head: &Head| head.method() == "POST" && head.target().ends_with("/trusts");
            self.web.requests().iter().filter(|head| of_trust(head)).count()
        }
    }

    #[tokio::test]
    async fn a_trust_is_there_before_the_callers_token_ends_and_used_when_it_does() {
        let keystone = Keystone::new(3600).await;
        let lasting = keystone.lasting();
        let own = lasting.grant().await.unwrap();
        assert_eq!((own.token.clone(), keystone.trusts()), (HeaderValue::from_static("own"), 1));
        // Swift does not take it any more, and there are others.
        assert_ne!(lasting.renewed(&own).await.unwrap().token, own.token);
        let keystone = Keystone::new(30).await;
        let lasting = keystone.lasting();
        assert_ne!(lasting.grant().await.unwrap().token, own.token);
        lasting.grant().await.unwrap();
        assert_eq!(keystone.trusts(), 1);
    }

    #[tokio::test]
    async fn an_outage_ends_trusts_for_a_while_and_no_longer() {
        let keystone = Keystone::new(30).await;
        let lasting = keystone.lasting();
        let grant = async || lasting.grant().await.unwrap().token.clone();
        keystone.away.store(true, Ordering::SeqCst);
        assert_eq!(grant().await, "own");
        keystone.away.store(false, Ordering::SeqCst);
        assert_eq!(grant().await, "own");
        tokio::time::pause();
        tokio::time::advance(PAUSE).await;
        tokio::time::resume();
        assert_ne!(grant().await, "own");
    }

    #[tokio::test]
    async fn a_call_that_is_broken_off_ends_no_trusts() {
        let keystone = Keystone::new(30).await;
        let lasting = keystone.lasting();
        let mut grant = Box::pin(lasting.grant());
        assert!(futures::poll!(&mut grant).is_pending());
        drop(grant);
        assert_ne!(lasting.grant().await.unwrap().token, "own");
    }
}
