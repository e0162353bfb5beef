//! Questions to Keystone, asked by the account that may.

use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode};
use serde::de::DeserializeOwned;

use super::LimitsConfig;
use crate::keystone::credentials::identity_of;
use crate::keystone::patience::patiently;
use crate::keystone::{Grant, KeystoneError, LONGEST, Session, token};
use crate::outbound::{Client, OperatorUrl, Request, Response};

/// Keystone, as one account asks it about limits.
#[derive(Debug)]
pub(super) struct Asking {
    http: Client,
    session: Session,
}

impl Asking {
    pub(super) fn new(http: Client, config: &LimitsConfig) -> Self {
        Self { session: Session::new(http.clone(), config.login.clone()), http }
    }

    /// The answer to `GET <identity API><path>?<query>`; `None` where there is no such thing.
    ///
    /// # Errors
    ///
    /// [`KeystoneError`].
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        config: &LimitsConfig,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Option<T>, Arc<KeystoneError>> {
        let mut grant = patiently(config.retries, || self.session.grant()).await?;
        for renewed in [false, true] {
            let mut url = identity_of(&address(config, &grant), path);
            if !query.is_empty() {
                url = url.with_query(query.iter().copied());
            }
            let answer = patiently(config.retries, || self.once(&grant, &url)).await?;
            match answer.status {
                StatusCode::OK => return read(answer).await.map(Some).map_err(Arc::new),
                StatusCode::NOT_FOUND => return Ok(None),
                StatusCode::UNAUTHORIZED if !renewed => grant = self.session.renewed(&grant).await?,
                status => return Err(Arc::new(KeystoneError::AccountRefused(status))),
            }
        }
        Err(Arc::new(KeystoneError::AccountRefused(StatusCode::UNAUTHORIZED)))
    }

    async fn once(&self, grant: &Grant, url: &OperatorUrl) -> Result<Response, Arc<KeystoneError>> {
        let request = Request::new(Method::GET, url.clone())
            .header("x-auth-token", grant.token.clone())
            .header("accept", HeaderValue::from_static("application/json"));
        let answer = self.http.send(request).await.map_err(KeystoneError::from)?;
        match answer.status.as_u16() {
            200 | 401 | 403 | 404 => Ok(answer),
            _ => Err(Arc::new(KeystoneError::Status(answer.status))),
        }
    }
}

/// Where to ask: where the operator says, else what the catalogue says, else where the account logs in.
fn address(config: &LimitsConfig, grant: &Grant) -> OperatorUrl {
    let found = || {
        let of = |interface: &String| grant.catalog.endpoint("identity", interface, config.region.as_deref());
        config.interfaces.iter().find_map(of).and_then(|url| OperatorUrl::parse(url).ok())
    };
    config.address.clone().or_else(found).unwrap_or_else(|| config.login.address.clone())
}

async fn read<T: DeserializeOwned>(answer: Response) -> Result<T, KeystoneError> {
    let body = answer.read(LONGEST).await?;
    serde_json::from_slice(&body).map_err(|error| token::without_quotes(&error))
}
