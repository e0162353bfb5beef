//! A caller of the registry as Swift knows it: a token, and the account it is for.

use std::sync::Arc;

use async_trait::async_trait;
use glance_core::RequestContext;
use glance_core::store::StoreError;
use http::HeaderValue;

use super::auth::{Grant, Tokens, is_at};
use super::client::KIND;
use super::config::Endpoint;
use crate::keystone;
use crate::outbound::OperatorUrl;

/// Who calls, and where Swift is for them. The token is shown to no server that the operator or the catalogue does not
/// name, whatever a location says.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// Marked as sensitive: it does not print.
    token: HeaderValue,
    /// The storage URL of new data, as the catalogue spells it; `None` if that has none.
    storage: Option<String>,
    endpoints: Vec<OperatorUrl>,
}

impl Caller {
    /// `None` for a call without a token.
    pub(super) fn of(context: &RequestContext, endpoint: &Endpoint) -> Option<Self> {
        let token = keystone::token_header(context.auth_token.as_deref()?)?;
        let catalog = context.service_catalog.clone().unwrap_or_default();
        let storage = endpoint.storage(&catalog).map(str::to_owned);
        Some(Self { token, storage, endpoints: endpoint.all(&catalog) })
    }

    /// The storage URL of the caller's account.
    pub(super) fn storage(&self) -> Option<&str> {
        self.storage.as_deref()
    }

    /// The caller's token for the account at `storage`; `None` if Swift is not there.
    pub(super) fn grant(&self, storage: &str) -> Option<Grant> {
        let storage = OperatorUrl::parse(storage).ok().filter(|url| is_at(&self.endpoints, url))?;
        Some(Grant { token: self.token.clone(), storage, endpoints: self.endpoints.clone(), expires: None })
    }
}

/// The one token of a caller.
#[derive(Debug)]
pub(super) struct OneToken(pub(super) Arc<Grant>);

#[async_trait]
impl Tokens for OneToken {
    async fn grant(&self) -> Result<Arc<Grant>, StoreError> {
        Ok(Arc::clone(&self.0))
    }

    async fn renewed(&self, _: &Arc<Grant>) -> Result<Arc<Grant>, StoreError> {
        Err(StoreError::Denied { store: KIND })
    }
}

/// The token of the server's own account, in the account of somebody else.
#[derive(Debug)]
pub(super) struct Elsewhere {
    pub(super) own: Arc<dyn Tokens>,
    pub(super) storage: OperatorUrl,
}

impl Elsewhere {
    fn there(&self, grant: &Grant) -> Result<Arc<Grant>, StoreError> {
        grant.elsewhere(&self.storage).map(Arc::new).ok_or_else(|| {
            tracing::warn!("data lies on a server that the catalogue of the server's own account does not name");
            StoreError::Denied { store: KIND }
        })
    }
}

#[async_trait]
impl Tokens for Elsewhere {
    async fn grant(&self) -> Result<Arc<Grant>, StoreError> {
        self.there(&*self.own.grant().await?)
    }

    async fn renewed(&self, refused: &Arc<Grant>) -> Result<Arc<Grant>, StoreError> {
        self.there(&*self.own.renewed(refused).await?)
    }
}

#[cfg(test)]
mod tests {
    use glance_core::context::ServiceCatalog;
    use serde_json::json;

    use super::*;

    fn context() -> RequestContext {
        let at = |interface: &str, url: &str| json!({ "interface": interface, "region": "one", "url": url });
        let catalog: ServiceCatalog = serde_json::from_value(json!([
            { "type": "object-store", "endpoints": [
                at("public", "https://swift.example/v1/AUTH_mine"), at("internal", "http://10.0.0.1:8080/v1/AUTH_mine"),
            ] },
            { "type": "image", "endpoints": [at("public", "https://glance.example")] },
        ]))
        .unwrap();
        let mut context = RequestContext::new("u", "mine", ["member"]);
        (context.auth_token, context.service_catalog) = (Some("canary".to_owned()), Some(Arc::new(catalog)));
        context
    }

    #[test]
    fn the_catalogue_says_where_new_data_goes_unless_the_operator_does() {
        let storage = |endpoint: &Endpoint| Caller::of(&context(), endpoint).unwrap().storage().map(str::to_owned);
        let default = Endpoint::default();
        assert_eq!(storage(&default).as_deref(), Some("https://swift.example/v1/AUTH_mine"));
        let elsewhere = Endpoint { region: Some("two".to_owned()), ..Endpoint::default() };
        assert_eq!(storage(&elsewhere), None);
        let fixed = Endpoint { fixed: Some("http://fixed/v1".to_owned()), ..elsewhere };
        assert_eq!(storage(&fixed).as_deref(), Some("http://fixed/v1"));
        assert!(Caller::of(&RequestContext { auth_token: None, ..context() }, &default).is_none());
    }

    #[test]
    fn a_token_goes_to_servers_of_the_catalogue_alone() {
        let caller = Caller::of(&context(), &Endpoint::default()).unwrap();
        for (storage, shown) in [
            ("https://swift.example/v1/AUTH_mine", true),
            ("https://swift.example/v1/AUTH_theirs", true),
            ("http://10.0.0.1:8080/v1/AUTH_theirs", true),
            ("http://swift.example/v1/AUTH_mine", false),
            ("https://swift.example:8443/v1/AUTH_mine", false),
            ("https://glance.example/v1/AUTH_mine", false),
            ("https://evil.example/v1/AUTH_mine", false),
            ("https://swift.example@evil.example/v1/AUTH_mine", false),
        ] {
            assert_eq!(caller.grant(storage).is_some(), shown, "{storage}");
        }
    }

    #[test]
    fn no_token_is_printed() {
        let caller = Caller::of(&context(), &Endpoint::default()).unwrap();
        let grant = caller.grant("https://swift.example/v1/AUTH_mine");
        assert!(!format!("{caller:?} {grant:?}").contains("canary"));
    }
}
