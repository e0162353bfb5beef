//! Logging in: from an account to a token, and to where its data lies.
//!
//! A token is kept until shortly before it expires, or until Swift does not take it any more. However
//! many requests find that out at once, one logs in and the others get what it got.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use glance_core::context::ServiceCatalog;
use glance_core::store::StoreError;
use http::{HeaderValue, Method};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use super::account::{Account, Credentials, Protocol};
use super::client::{KIND, patiently, refusal, unreachable};
use super::config::Endpoint;
use crate::keystone::{self, Application, KeystoneError, Login, Project, Scope, User};
use crate::outbound::{Client, OperatorUrl, Request, Response};

const DOING: &str = "logging in to Swift";

/// What logging in gave.
#[derive(Debug)]
pub(super) struct Grant {
    /// Marked as sensitive: it does not print.
    pub(super) token: HeaderValue,
    /// The account's storage URL.
    pub(super) storage: OperatorUrl,
    /// Where else Swift is, as the holder of the token is told: nobody else is shown it.
    pub(super) endpoints: Vec<OperatorUrl>,
    pub(super) expires: Option<Timestamp>,
}

/// Where the tokens for an account in Swift come from.
#[async_trait]
pub(super) trait Tokens: fmt::Debug + Send + Sync {
    /// A token that is good for a while, as far as anybody can see to that.
    async fn grant(&self) -> Result<Arc<Grant>, StoreError>;

    /// Another token than `refused`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Denied`] if there is no other.
    async fn renewed(&self, refused: &Arc<Grant>) -> Result<Arc<Grant>, StoreError>;

    /// Goes on with a token that nobody takes.
    #[cfg(test)]
    async fn forge(&self) {}
}

/// One account of the operator's and its token.
#[derive(Debug)]
pub(super) struct Session {
    http: Client,
    account: Account,
    endpoint: Endpoint,
    expire_soon: Duration,
    grant: Mutex<Option<Arc<Grant>>>,
}

impl Session {
    pub(super) fn new(http: Client, account: Account, endpoint: Endpoint, expire_soon: Duration) -> Self {
        Self { http, account, endpoint, expire_soon, grant: Mutex::new(None) }
    }

    async fn log_in(&self) -> Result<Arc<Grant>, StoreError> {
        let address = OperatorUrl::parse(&self.account.address()).map_err(failed("reading the auth address"))?;
        let grant = match (self.account.protocol, &self.account.credentials) {
            (Protocol::V1, Credentials::User { name, key }) => {
                let (name, key) = (header(name)?, header(key.expose())?);
                let request = || {
                    let request = Request::new(Method::GET, address.clone());
                    request.header("x-auth-user", name.clone()).header("x-auth-key", key.clone())
                };
                let answer = self.answer(&request).await?;
                if !answer.status.is_success() {
                    return Err(refusal(DOING, answer.status));
                }
                self.of_v1(&answer)?
            }
            (Protocol::V1, Credentials::Application { .. }) => {
                return Err(failed(DOING)("Swift itself knows no application credentials"));
            }
            (Protocol::Keystone, _) => {
                let login = login(&self.account, address);
                self.of_keystone(self.answer(&|| login.request()).await?).await?
            }
        };
        tracing::debug!("logged in to Swift");
        Ok(Arc::new(grant))
    }

    async fn answer(&self, request: &(dyn Fn() -> Request + Send + Sync)) -> Result<Response, StoreError> {
        patiently(DOING, async || self.http.send(request()).await.map_err(unreachable(DOING))).await
    }

    async fn of_keystone(&self, answer: Response) -> Result<Grant, StoreError> {
        let status = answer.status;
        let keystone::Grant { token, expires, catalog, .. } =
            keystone::Grant::read(answer).await.map_err(|error| match error {
                KeystoneError::AccountRefused(_) | KeystoneError::Status(_) => refusal(DOING, status),
                KeystoneError::Unreachable(error) => unreachable("reading the catalogue")(error),
                error => failed("reading the catalogue")(error),
            })?;
        let storage = self.endpoint.storage(&catalog).ok_or_else(|| {
            failed("reading the catalogue")("it has no endpoint of this service type, interface and region")
        })?;
        let endpoints = self.endpoint.all(&catalog);
        Ok(Grant { token, storage: storage_url(storage)?, endpoints, expires })
    }

    fn of_v1(&self, answer: &Response) -> Result<Grant, StoreError> {
        let token = answer.header("x-auth-token").map(header);
        let token = token.ok_or_else(|| failed(DOING)("the answer has no token"))??;
        let storage = self.endpoint.fixed.as_deref().or_else(|| answer.header("x-storage-url"));
        let storage = storage_url(storage.ok_or_else(|| failed(DOING)("the answer has no storage URL"))?)?;
        let seconds = answer.header("x-auth-token-expires").and_then(|seconds| seconds.parse().ok());
        let expires = seconds.and_then(|seconds| Timestamp::now().checked_add(SignedDuration::from_secs(seconds)).ok());
        Ok(Grant { token, endpoints: vec![storage.clone()], storage, expires })
    }
}

#[async_trait]
impl Tokens for Session {
    async fn grant(&self) -> Result<Arc<Grant>, StoreError> {
        let mut kept = self.grant.lock().await;
        match kept.as_ref().filter(|grant| !ends_within(self.expire_soon, grant.expires)) {
            Some(grant) => Ok(Arc::clone(grant)),
            None => Ok(Arc::clone(kept.insert(self.log_in().await?))),
        }
    }

    async fn renewed(&self, refused: &Arc<Grant>) -> Result<Arc<Grant>, StoreError> {
        let mut kept = self.grant.lock().await;
        if let Some(grant) = kept.as_ref().filter(|grant| grant.token != refused.token) {
            return Ok(Arc::clone(grant));
        }
        *kept = None;
        Ok(Arc::clone(kept.insert(self.log_in().await?)))
    }

    #[cfg(test)]
    async fn forge(&self) {
        let storage = self.grant().await.unwrap().storage.clone();
        let token = HeaderValue::from_static("forged");
        let forged = Grant { token, storage, endpoints: Vec::new(), expires: None };
        *self.grant.lock().await = Some(Arc::new(forged));
    }
}

/// Whether something that expires then does so within `early` from now; what never expires does not.
pub(super) fn ends_within(early: Duration, expires: Option<Timestamp>) -> bool {
    let early = SignedDuration::try_from(early).unwrap_or(SignedDuration::MAX);
    let soon = Timestamp::now().checked_add(early).unwrap_or(Timestamp::MAX);
    expires.is_some_and(|expires| expires <= soon)
}

impl Grant {
    /// The same token for another account; `None` if that is not where Swift is.
    pub(super) fn elsewhere(&self, storage: &OperatorUrl) -> Option<Self> {
        let (token, endpoints) = (self.token.clone(), self.endpoints.clone());
        is_at(&endpoints, storage).then(|| Self { token, endpoints, storage: storage.clone(), expires: self.expires })
    }
}

/// Whether a URL leads to one of the servers that these lead to.
pub(super) fn is_at(endpoints: &[OperatorUrl], url: &OperatorUrl) -> bool {
    endpoints.iter().any(|known| known.expose().origin() == url.expose().origin())
}

impl Endpoint {
    /// The storage URL of whoever was given this catalogue.
    pub(super) fn storage<'a>(&'a self, catalog: &'a ServiceCatalog) -> Option<&'a str> {
        let found = || catalog.endpoint(&self.service_type, self.interface.as_str(), self.region.as_deref());
        self.fixed.as_deref().or_else(found)
    }

    /// Wherever Swift is: what was written while another interface or region was configured is there still.
    pub(super) fn all(&self, catalog: &ServiceCatalog) -> Vec<OperatorUrl> {
        let urls = self.fixed.as_deref().into_iter().chain(catalog.endpoints(&self.service_type));
        urls.filter_map(|url| OperatorUrl::parse(url).ok()).collect()
    }
}

pub(super) fn failed<E: Into<glance_core::store::BoxError>>(doing: &'static str) -> impl FnOnce(E) -> StoreError {
    StoreError::failed(KIND, doing)
}

/// A secret as a header, which does not print.
pub(super) fn header(text: &str) -> Result<HeaderValue, StoreError> {
    let mut value = HeaderValue::from_bytes(text.as_bytes()).map_err(failed("putting credentials into a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

pub(super) fn storage_url(text: &str) -> Result<OperatorUrl, StoreError> {
    OperatorUrl::parse(text).map_err(failed("reading the storage URL"))
}

/// What Keystone is told.
pub(super) fn login(account: &Account, address: OperatorUrl) -> Login {
    let (credentials, scope) = match &account.credentials {
        Credentials::Application { id, secret } => {
            (keystone::Credentials::Application(Application::Id(id.clone()), secret.clone()), Scope::Own)
        }
        Credentials::User { name, key } => {
            let (project, user) = name.split_once(':').unwrap_or(("", name));
            let user = User::Name(user.to_owned(), account.user_domain.clone());
            let project = Project::Name(project.to_owned(), account.project_domain.clone());
            (keystone::Credentials::Password(user, key.clone()), Scope::Project(project))
        }
    };
    Login { address, credentials, scope }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::swift::account::{Domain, Key};

    #[test]
    fn keystone_is_told_the_project_and_both_domains() {
        let credentials = Credentials::User { name: "service:glance".to_owned(), key: Key::new("k") };
        let account =
            Account { user_domain: Domain::Name("users".to_owned()), ..Account::new("https://a", credentials) };
        let told = login(&account, OperatorUrl::parse("https://a").unwrap());
        let user = User::Name("glance".to_owned(), Domain::Name("users".to_owned()));
        assert_eq!(told.credentials, keystone::Credentials::Password(user, Key::new("k")));
        let project = Project::Name("service".to_owned(), Domain::Id("default".to_owned()));
        assert_eq!(told.scope, Scope::Project(project));
    }
}
