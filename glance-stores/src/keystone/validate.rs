//! Asking Keystone about the tokens of others.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, StatusCode};

use super::credentials::{Login, tokens_of};
use super::error::KeystoneError;
use super::grant::Grant;
use super::patience::patiently;
use super::session::Session;
use super::token::Token;
use super::{LONGEST, token};
use crate::outbound::{Client, OperatorUrl, Request, Response};

/// The longest token that is asked about, in bytes. Fernet and JWS tokens are far shorter.
const LONGEST_TOKEN: usize = 8 * 1024;

/// How Keystone is asked about tokens.
#[derive(Debug, Clone)]
pub struct KeystoneConfig {
    /// The account that asks: Keystone tells only those who may look at tokens of others.
    pub login: Login,
    /// Which of Keystone's endpoints is asked, as its catalogue has them (`internal`). Where it has none, the
    /// address of the login is asked.
    pub interface: String,
    /// The region of that endpoint; `None`: any.
    pub region: Option<String>,
    /// Whether the catalogue of a token's holder is wanted.
    pub with_catalog: bool,
    /// How often a question is asked again while Keystone cannot be reached or is overloaded.
    pub retries: u32,
    /// How long one question may take, with all attempts.
    pub patience: Duration,
}

/// Keystone, as one account asks it.
#[derive(Debug)]
pub struct Keystone {
    http: Client,
    session: Session,
    config: KeystoneConfig,
}

impl Keystone {
    /// Keystone as `config` says. Nothing is asked yet.
    #[must_use]
    pub fn new(http: Client, config: KeystoneConfig) -> Self {
        Self { session: Session::new(http.clone(), config.login.clone()), http, config }
    }

    /// What `token` is good for; `None` if it is no token, or not any more.
    ///
    /// With `allow_expired`, also one that ended a while ago, as long as Keystone still knows it
    /// (`allow_expired_window`).
    ///
    /// # Errors
    ///
    /// [`KeystoneError`] if Keystone did not say. Nothing may be concluded about the token.
    pub async fn validate(&self, token: &str, allow_expired: bool) -> Result<Option<Token>, Arc<KeystoneError>> {
        let asked = tokio::time::timeout(self.config.patience, self.ask(token, allow_expired)).await;
        asked.unwrap_or_else(|_| Err(Arc::new(KeystoneError::TooSlow)))
    }

    async fn ask(&self, token: &str, allow_expired: bool) -> Result<Option<Token>, Arc<KeystoneError>> {
        let Some(subject) = token::header(token).filter(|header| header.len() <= LONGEST_TOKEN) else {
            return Ok(None);
        };
        let mut grant = patiently(self.config.retries, || self.session.grant()).await?;
        for renewed in [false, true] {
            let answer = patiently(self.config.retries, || self.asked_once(&grant, &subject, allow_expired)).await?;
            match answer.status {
                StatusCode::OK => return read(answer).await.map(Some).map_err(Arc::new),
                StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST => return Ok(None),
                StatusCode::UNAUTHORIZED if !renewed => grant = self.session.renewed(&grant).await?,
                status => return Err(Arc::new(KeystoneError::AccountRefused(status))),
            }
        }
        Err(Arc::new(KeystoneError::AccountRefused(StatusCode::UNAUTHORIZED)))
    }

    async fn asked_once(
        &self,
        grant: &Grant,
        subject: &HeaderValue,
        allow_expired: bool,
    ) -> Result<Response, Arc<KeystoneError>> {
        let mut url = tokens_of(&self.address(grant));
        let query = [("allow_expired", allow_expired), ("nocatalog", !self.config.with_catalog)];
        let query: Vec<_> = query.into_iter().filter(|(_, wanted)| *wanted).map(|(name, _)| (name, "1")).collect();
        if !query.is_empty() {
            url = url.with_query(query);
        }
        let request = Request::new(Method::GET, url)
            .header("x-auth-token", grant.token.clone())
            .header("x-subject-token", subject.clone())
            .header("accept", HeaderValue::from_static("application/json"))
            // Without it Keystone refuses tokens of restricted application credentials, for lack of
            // somebody who looks at what they are restricted to.
            .header("openstack-identity-access-rules", HeaderValue::from_static("1.0"));
        let answer = self.http.send(request).await.map_err(KeystoneError::from)?;
        match answer.status.as_u16() {
            200 | 400 | 401 | 403 | 404 => Ok(answer),
            _ => Err(Arc::new(KeystoneError::Status(answer.status))),
        }
    }

    /// Where to ask: what the catalogue says, else where the account logs in.
    fn address(&self, grant: &Grant) -> OperatorUrl {
        let found = grant.catalog.endpoint("identity", &self.config.interface, self.config.region.as_deref());
        let found = found.and_then(|url| OperatorUrl::parse(url).ok());
        found.unwrap_or_else(|| self.config.login.address.clone())
    }
}

async fn read(answer: Response) -> Result<Token, KeystoneError> {
    Token::read(&answer.read(LONGEST).await?)
}
