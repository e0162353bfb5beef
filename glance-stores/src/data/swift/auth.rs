//! Logging in: from an account to a token, and to where its data lies.
//!
//! A token is kept until shortly before it expires, or until Swift does not take it any more. However
//! many requests find that out at once, one logs in and the others get what it got.

use std::sync::Arc;
use std::time::Duration;

use glance_core::store::StoreError;
use http::{HeaderValue, Method};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::account::{Account, Credentials, Domain, Key, Protocol};
use super::client::{KIND, patiently, refusal, unreachable};
use super::config::Endpoint;
use crate::outbound::{Client, OperatorUrl, Payload, Request, Response};

/// The longest answer that is read: catalogues are long.
const LONGEST: usize = 4 * 1024 * 1024;

/// What logging in gave.
#[derive(Debug)]
pub(super) struct Grant {
    /// Marked as sensitive: it does not print.
    pub(super) token: HeaderValue,
    /// The account's storage URL.
    pub(super) storage: OperatorUrl,
    expires: Option<Timestamp>,
}

/// One account and its token.
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

    /// A token that is good for a while.
    pub(super) async fn grant(&self) -> Result<Arc<Grant>, StoreError> {
        let mut kept = self.grant.lock().await;
        match kept.as_ref().filter(|grant| !self.expires_soon(grant)) {
            Some(grant) => Ok(Arc::clone(grant)),
            None => Ok(Arc::clone(kept.insert(self.log_in().await?))),
        }
    }

    /// Another token than `refused`.
    pub(super) async fn renewed(&self, refused: &Arc<Grant>) -> Result<Arc<Grant>, StoreError> {
        let mut kept = self.grant.lock().await;
        if let Some(grant) = kept.as_ref().filter(|grant| !Arc::ptr_eq(grant, refused)) {
            return Ok(Arc::clone(grant));
        }
        *kept = None;
        Ok(Arc::clone(kept.insert(self.log_in().await?)))
    }

    #[cfg(test)]
    pub(super) async fn forge(&self) {
        let storage = self.grant().await.unwrap().storage.clone();
        let forged = Grant { token: HeaderValue::from_static("forged"), storage, expires: None };
        *self.grant.lock().await = Some(Arc::new(forged));
    }

    fn expires_soon(&self, grant: &Grant) -> bool {
        let early = SignedDuration::try_from(self.expire_soon).unwrap_or(SignedDuration::MAX);
        let soon = Timestamp::now().checked_add(early).unwrap_or(Timestamp::MAX);
        grant.expires.is_some_and(|expires| expires <= soon)
    }

    async fn log_in(&self) -> Result<Arc<Grant>, StoreError> {
        const DOING: &str = "logging in to Swift";
        let (url, body) = self.request()?;
        let answer = patiently(DOING, async || {
            let mut request = Request::new(if body.is_some() { Method::POST } else { Method::GET }, url.clone());
            if let Some(body) = &body {
                let json = HeaderValue::from_static("application/json");
                request = request.header("content-type", json).payload(Payload::Bytes(body.clone().into()));
            } else if let Credentials::User { name, key } = &self.account.credentials {
                request = request.header("x-auth-user", header(name)?).header("x-auth-key", header(key.expose())?);
            }
            self.http.send(request).await.map_err(unreachable(DOING))
        })
        .await?;
        if !answer.status.is_success() {
            return Err(refusal(DOING, answer.status));
        }
        let grant = if body.is_some() { self.of_keystone(answer).await? } else { self.of_v1(&answer)? };
        tracing::debug!("logged in to Swift");
        Ok(Arc::new(grant))
    }

    /// Where to log in, and what to send there; nothing for the old way, which has headers.
    fn request(&self) -> Result<(OperatorUrl, Option<String>), StoreError> {
        let address = OperatorUrl::parse(&self.account.address()).map_err(failed("reading the auth address"))?;
        if self.account.protocol == Protocol::V1 {
            return Ok((address, None));
        }
        let versioned = address.expose().path().ends_with("/v3");
        let path = (!versioned).then_some("v3").into_iter().chain(["auth", "tokens"]);
        Ok((address.below(path), Some(identity(&self.account).to_string())))
    }

    async fn of_keystone(&self, answer: Response) -> Result<Grant, StoreError> {
        let token = answer.header("x-subject-token").map(header);
        let token = token.ok_or_else(|| failed("logging in to Swift")("Keystone's answer has no token"))??;
        let body = answer.read(LONGEST).await.map_err(unreachable("reading the catalogue"))?;
        let told: Told = serde_json::from_slice(&body).map_err(failed("reading the catalogue"))?;
        let expires = told.token.expires_at.as_deref().and_then(|text| text.parse().ok());
        let storage = match &self.endpoint.fixed {
            Some(fixed) => fixed,
            None => told.token.endpoint(&self.endpoint).ok_or_else(|| {
                failed("reading the catalogue")("it has no endpoint of this service type, interface and region")
            })?,
        };
        Ok(Grant { token, storage: storage_url(storage)?, expires })
    }

    fn of_v1(&self, answer: &Response) -> Result<Grant, StoreError> {
        const DOING: &str = "logging in to Swift";
        let token = answer.header("x-auth-token").map(header);
        let token = token.ok_or_else(|| failed(DOING)("the answer has no token"))??;
        let storage = self.endpoint.fixed.as_deref().or_else(|| answer.header("x-storage-url"));
        let storage = storage_url(storage.ok_or_else(|| failed(DOING)("the answer has no storage URL"))?)?;
        let seconds = answer.header("x-auth-token-expires").and_then(|seconds| seconds.parse().ok());
        let expires = seconds.and_then(|seconds| Timestamp::now().checked_add(SignedDuration::from_secs(seconds)).ok());
        Ok(Grant { token, storage, expires })
    }
}

fn failed<E: Into<glance_core::store::BoxError>>(doing: &'static str) -> impl FnOnce(E) -> StoreError {
    StoreError::failed(KIND, doing)
}

/// A secret as a header, which does not print.
fn header(text: &str) -> Result<HeaderValue, StoreError> {
    let mut value = HeaderValue::from_bytes(text.as_bytes()).map_err(failed("putting credentials into a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn storage_url(text: &str) -> Result<OperatorUrl, StoreError> {
    OperatorUrl::parse(text).map_err(failed("reading the storage URL"))
}

/// What Keystone is sent.
fn identity(account: &Account) -> Value {
    match &account.credentials {
        Credentials::Application { id, secret } => json!({ "auth": { "identity": {
            "methods": ["application_credential"],
            "application_credential": { "id": id, "secret": secret.expose() },
        } } }),
        Credentials::User { name, key } => of_user(account, name, key),
    }
}

fn of_user(account: &Account, name: &str, key: &Key) -> Value {
    let (project, user) = name.split_once(':').unwrap_or(("", name));
    json!({ "auth": {
        "identity": { "methods": ["password"], "password": { "user": {
            "name": user, "password": key.expose(), "domain": domain(&account.user_domain),
        } } },
        "scope": { "project": { "name": project, "domain": domain(&account.project_domain) } },
    } })
}

fn domain(domain: &Domain) -> Value {
    match domain {
        Domain::Id(id) => json!({ "id": id }),
        Domain::Name(name) => json!({ "name": name }),
    }
}

#[derive(Deserialize)]
struct Told {
    token: Token,
}

#[derive(Deserialize)]
struct Token {
    expires_at: Option<String>,
    #[serde(default)]
    catalog: Vec<Service>,
}

#[derive(Deserialize)]
struct Service {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    endpoints: Vec<CatalogueEndpoint>,
}

#[derive(Deserialize)]
struct CatalogueEndpoint {
    interface: String,
    region: Option<String>,
    region_id: Option<String>,
    url: String,
}

impl Token {
    fn endpoint(&self, wanted: &Endpoint) -> Option<&str> {
        let of_type = self.catalog.iter().filter(|service| service.kind == wanted.service_type);
        of_type.flat_map(|service| &service.endpoints).find(|endpoint| endpoint.is(wanted)).map(|e| e.url.as_str())
    }
}

impl CatalogueEndpoint {
    fn is(&self, wanted: &Endpoint) -> bool {
        let regions = [self.region_id.as_deref(), self.region.as_deref()];
        let here = wanted.region.as_deref().is_none_or(|region| regions.contains(&Some(region)));
        here && self.interface == wanted.interface.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::swift::config::Interface;

    fn token() -> Token {
        let endpoint = |interface: &str, region: &str, url: &str| json!({ "interface": interface, "region": region, "region_id": region, "url": url });
        let told = json!({ "expires_at": "2026-01-01T00:00:00.000000Z", "catalog": [
            { "type": "identity", "endpoints": [endpoint("public", "one", "http://keystone")] },
            { "type": "object-store", "endpoints": [
                endpoint("admin", "one", "http://admin"), endpoint("public", "one", "http://one"),
                endpoint("public", "two", "http://two"),
            ] },
        ] });
        serde_json::from_value(told).unwrap()
    }

    #[test]
    fn an_endpoint_is_found_by_type_interface_and_region() {
        let found = |interface, region: Option<&str>| {
            let wanted = Endpoint { interface, region: region.map(str::to_owned), ..Endpoint::default() };
            token().endpoint(&wanted).map(str::to_owned)
        };
        assert_eq!(found(Interface::Public, None).as_deref(), Some("http://one"));
        assert_eq!(found(Interface::Public, Some("two")).as_deref(), Some("http://two"));
        assert_eq!(found(Interface::Admin, Some("one")).as_deref(), Some("http://admin"));
        assert_eq!(found(Interface::Internal, None), None);
        assert_eq!(found(Interface::Public, Some("three")), None);
    }

    #[test]
    fn keystone_is_told_the_project_and_both_domains() {
        let credentials = Credentials::User { name: "service:glance".to_owned(), key: Key::new("k") };
        let account =
            Account { user_domain: Domain::Name("users".to_owned()), ..Account::new("https://a", credentials) };
        let sent = identity(&account);
        assert_eq!(sent["auth"]["scope"]["project"], json!({ "name": "service", "domain": { "id": "default" } }));
        let user = &sent["auth"]["identity"]["password"]["user"];
        assert_eq!(*user, json!({ "name": "glance", "password": "k", "domain": { "name": "users" } }));
    }
}
