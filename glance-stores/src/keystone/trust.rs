//! Trusts: how a service goes on for a user when the user's token has ended.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tracing::Instrument as _;

use super::credentials::{Credentials, Login, Scope, tokens_of, trusts_of};
use super::error::KeystoneError;
use super::grant::Grant;
use super::session::Session;
use super::token::Token;
use super::{LONGEST, token};
use crate::outbound::{Client, Payload, Request, Response};

/// When a trust ends that nobody revokes, because the process died.
const LONGEST_TRUST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A service that users trust.
#[derive(Debug)]
pub struct Trusts {
    http: Client,
    login: Login,
    service: Session,
}

/// What a user lets the service do: all that the token could which it was made with. It is revoked when it is dropped.
#[derive(Debug)]
pub struct Trust {
    id: String,
    http: Client,
    session: Arc<Session>,
    login: Login,
    runtime: Handle,
}

impl Trusts {
    /// A service that logs in so; `None` if it does with an application credential, which takes no trusts.
    #[must_use]
    pub fn new(http: Client, login: Login) -> Option<Self> {
        match login.credentials {
            Credentials::Password(..) => Some(Self { service: Session::new(http.clone(), login.clone()), http, login }),
            Credentials::Application(..) => None,
        }
    }

    /// What a token is good for. Its holder may ask that.
    ///
    /// # Errors
    ///
    /// [`KeystoneError`].
    pub async fn inspect(&self, subject: &HeaderValue) -> Result<Token, KeystoneError> {
        let url = tokens_of(&self.login.address).with_query([("nocatalog", "1")]);
        let request = Request::new(Method::GET, url)
            .header("x-auth-token", subject.clone())
            .header("x-subject-token", subject.clone());
        let answer = self.http.send(request).await?;
        let answer = expect(answer, StatusCode::OK)?;
        Token::read(&answer.read(LONGEST).await?)
    }

    /// A trust of the user whose token this is, for the project and the roles it is for.
    ///
    /// # Errors
    ///
    /// [`KeystoneError`]: also where users may make no trusts with such a token.
    pub async fn create(&self, subject: &HeaderValue, of: &Token) -> Result<Trust, Arc<KeystoneError>> {
        let service = self.service.grant().await?;
        let body = Bytes::from(terms(of, &service.user, Timestamp::now()).to_string());
        let request = Request::new(Method::POST, trusts_of(&self.login.address))
            .header("x-auth-token", subject.clone())
            .header("content-type", HeaderValue::from_static("application/json"))
            .payload(Payload::Bytes(body));
        let answer = self.http.send(request).await.map_err(KeystoneError::from)?;
        let answer = expect(answer, StatusCode::CREATED)?;
        let body = answer.read(LONGEST).await.map_err(KeystoneError::from)?;
        let told: Told = serde_json::from_slice(&body).map_err(|error| token::without_quotes(&error))?;
        let id = told.trust.id;
        let login = Login { scope: Scope::Trust(id.clone()), ..self.login.clone() };
        let session = Arc::new(Session::new(self.http.clone(), login.clone()));
        tracing::debug!("a user trusts this server for as long as an upload takes");
        Ok(Trust { id, http: self.http.clone(), session, login, runtime: Handle::current() })
    }
}

impl Trust {
    /// A token of the user's that is good for a while.
    ///
    /// # Errors
    ///
    /// As [`Session::grant`].
    pub async fn grant(&self) -> Result<Arc<Grant>, Arc<KeystoneError>> {
        self.session.grant().await
    }

    /// Another one than `refused`.
    ///
    /// # Errors
    ///
    /// As [`Session::grant`].
    pub async fn renewed(&self, refused: &Arc<Grant>) -> Result<Arc<Grant>, Arc<KeystoneError>> {
        self.session.renewed(refused).await
    }
}

impl Drop for Trust {
    fn drop(&mut self) {
        let url = trusts_of(&self.login.address).below([self.id.as_str()]);
        let (http, session) = (self.http.clone(), Arc::clone(&self.session));
        let revoking = async move {
            let revoked = async {
                let grant = session.grant().await?;
                let request = Request::new(Method::DELETE, url).header("x-auth-token", grant.token.clone());
                let answer = http.send(request).await.map_err(|error| Arc::new(error.into()))?;
                expect(answer, StatusCode::NO_CONTENT).map_err(Arc::new)
            };
            if let Err(error) = revoked.await {
                tracing::warn!(%error, "a trust cannot be revoked; it ends within a week");
            }
        };
        self.runtime.spawn(revoking.in_current_span());
    }
}

#[derive(Deserialize)]
struct Told {
    trust: Made,
}

#[derive(Deserialize)]
struct Made {
    id: String,
}

/// What the trust is for. Keystone takes no two trusts of the same people for the same project that end at the same
/// moment, not even where one is revoked (a unique key of its table): so the end has the microseconds of the beginning,
/// and uploads of one user that begin within a second each get theirs.
fn terms(of: &Token, trustee: &str, now: Timestamp) -> Value {
    let until = now.checked_add(LONGEST_TRUST).unwrap_or(now);
    let roles: Vec<_> = of.roles.iter().map(|name| json!({ "name": name })).collect();
    json!({ "trust": {
        "trustor_user_id": of.user.id,
        "trustee_user_id": trustee,
        "project_id": of.project.as_ref().map(|project| &project.id),
        "impersonation": true,
        "roles": roles,
        "expires_at": format!("{until:.6}"),
    } })
}

fn expect(answer: Response, wanted: StatusCode) -> Result<Response, KeystoneError> {
    match answer.status {
        status if status == wanted => Ok(answer),
        status => Err(KeystoneError::Status(status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trust_is_for_what_the_token_is_for() {
        let token = Token::read(
            json!({ "token": {
                "user": { "id": "alice" }, "project": { "id": "mine" }, "expires_at": "2026-01-01T00:00:00Z",
                "roles": [{ "id": "1", "name": "Member" }, { "id": "2", "name": "reader" }],
            } })
            .to_string()
            .as_bytes(),
        )
        .unwrap();
        let now: Timestamp = "2026-01-01T00:00:00.123456789Z".parse().unwrap();
        assert_eq!(
            terms(&token, "glance", now)["trust"],
            json!({
                "trustor_user_id": "alice", "trustee_user_id": "glance", "project_id": "mine", "impersonation": true,
                "roles": [{ "name": "Member" }, { "name": "reader" }], "expires_at": "2026-01-08T00:00:00.123456Z",
            })
        );
    }
}
