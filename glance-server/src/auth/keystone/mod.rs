//! Callers whom Keystone vouches for, by their tokens.
//!
//! No identity header of a request is read: all that is believed is what Keystone says of its token,
//! and of the token of a service that calls on somebody's behalf. What Keystone says is kept for a
//! while ([`KeystoneOptions::cache_time`]), which also is how long a revoked token goes on being good.

mod access_rules;
mod known;
mod lookups;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use glance_core::RequestContext;
use glance_core::context::ServiceCatalog;
use glance_stores::keystone::{Keystone, KeystoneError, Token};

use self::known::{Known, Lookup, Moment, Verdict};
use self::lookups::Lookups;
use super::flights::Flights;
use super::headers::Headers;
use super::{Asked, AuthError, anonymous};

/// What an operator decides about tokens, beside whom to ask.
#[derive(Debug, Clone)]
pub struct KeystoneOptions {
    /// How long Keystone's word counts (`token_cache_time`); `None`: every request asks.
    pub cache_time: Option<Duration>,
    /// The roles of services that may act for users (`service_token_roles`).
    pub service_roles: Vec<String>,
    /// Whether a service token counts only with one of them (`service_token_roles_required`).
    pub service_roles_required: bool,
    /// Whether requests without a good token go on as nobody's (`delay_auth_decision`), which then is up to
    /// `allow_anonymous`. A bad service token then is as good as none; else it spoils the request.
    pub delay: bool,
    /// Whether nobody may read (`allow_anonymous_access`).
    pub allow_anonymous: bool,
    /// The type of this service in the access rules of application credentials (`service_type`); without, tokens
    /// that have such rules are refused.
    pub service_type: Option<String>,
    /// Where clients learn to log in (`www_authenticate_uri`).
    pub public_uri: Option<String>,
}

/// What Keystone says of callers.
#[derive(Debug)]
pub struct KeystoneAuth {
    keystone: Keystone,
    options: KeystoneOptions,
    known: Mutex<Known>,
    flights: Flights<Lookup, Result<Verdict, Arc<KeystoneError>>>,
    lookups: Lookups,
}

/// What came of a service token.
enum Service {
    Absent,
    Bad,
    Good { token: Arc<Token>, may_use_expired: bool },
}

impl KeystoneAuth {
    /// Callers as `keystone` tells of them.
    #[must_use]
    pub fn new(keystone: Keystone, options: KeystoneOptions) -> Self {
        let known = Mutex::new(Known::new(options.cache_time));
        Self { keystone, options, known, flights: Flights::default(), lookups: Lookups::default() }
    }

    pub(crate) fn lookups(&self) -> &Lookups {
        &self.lookups
    }

    pub(super) fn public_uri(&self) -> Option<&str> {
        self.options.public_uri.as_deref()
    }

    pub(super) async fn context(&self, asked: &Asked<'_>) -> Result<RequestContext, AuthError> {
        let headers = Headers(asked.headers);
        let user = headers.first(&["x-auth-token", "x-storage-token"]).ok_or(AuthError::Unauthenticated)?;
        let service = headers.first(&["x-service-token"]).ok_or(AuthError::Unauthenticated)?;
        let service = self.service(service.as_deref()).await?;
        let may_use_expired = matches!(service, Service::Good { may_use_expired: true, .. });
        let spoiled = matches!(service, Service::Bad) && !self.options.delay;
        if let Some(text) = user
            && let Verdict::Good(token) = self.verdict(&text, may_use_expired).await?
            && self.allows(&token, asked, may_use_expired)
            && !spoiled
        {
            return Ok(context_of(&token, text, &service));
        }
        if self.options.delay && self.options.allow_anonymous {
            return Ok(anonymous());
        }
        Err(AuthError::Unauthenticated)
    }

    async fn service(&self, text: Option<&str>) -> Result<Service, AuthError> {
        let Some(text) = text else { return Ok(Service::Absent) };
        let Verdict::Good(token) = self.verdict(text, false).await? else { return Ok(Service::Bad) };
        // As keystonemiddleware compares them: with their case.
        let has_role = token.roles.iter().any(|role| self.options.service_roles.contains(role));
        if self.options.service_roles_required && !has_role {
            tracing::debug!("a service token has none of the roles of services");
            return Ok(Service::Bad);
        }
        Ok(Service::Good { token, may_use_expired: has_role })
    }

    /// What is known of a token, or is found out by asking.
    async fn verdict(&self, text: &str, allow_expired: bool) -> Result<Verdict, AuthError> {
        let lookup = Lookup::of(text, allow_expired);
        let found = self.known().get(&lookup, Moment::now());
        let verdict = if let Some(verdict) = found {
            self.lookups.remembered.inc();
            verdict
        } else {
            self.lookups.asked.inc();
            let answered = self.flights.share(lookup.clone(), self.ask(text, lookup)).await;
            if answered.is_err() {
                self.lookups.failed.inc();
            }
            answered.map_err(AuthError::unavailable)?
        };
        Ok(verdict.unless_ended(allow_expired, Moment::now()))
    }

    async fn ask(&self, text: &str, lookup: Lookup) -> Result<Verdict, Arc<KeystoneError>> {
        // The token may be revoked while Keystone answers.
        let asked = Moment::now();
        let verdict = match self.keystone.validate(text, lookup.allow_expired).await? {
            Some(token) => Verdict::Good(Arc::new(token)),
            None => Verdict::Bad,
        };
        self.known().put(lookup, verdict.clone(), asked);
        Ok(verdict)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the application credential behind the token, if there is one, may be used for this request. What a
    /// service asks on the way of a request that was allowed elsewhere stands in no rule, as keystonemiddleware
    /// has it; here only a service with one of the roles of services is believed to be one.
    fn allows(&self, token: &Token, asked: &Asked<'_>, for_service: bool) -> bool {
        let Some(rules) = &token.access_rules else { return true };
        let Some(service) = &self.options.service_type else {
            tracing::warn!(
                "a token with access rules is refused: [keystone_authtoken] service_type is not set, so they cannot be \
                 looked at"
            );
            return false;
        };
        for_service || rules.iter().any(|rule| access_rules::covers(rule, service, asked.method, asked.path))
    }
}

/// The caller whose `token`, as text, this is.
fn context_of(token: &Token, text: String, service: &Service) -> RequestContext {
    let mut context = RequestContext {
        user_id: Some(token.user.id.clone()),
        project_id: token.project.as_ref().map(|project| project.id.clone()),
        roles: lower(&token.roles),
        domain_id: token.domain.as_ref().map(|domain| domain.id.clone()),
        user_domain_id: token.user.domain.as_ref().map(|domain| domain.id.clone()),
        project_domain_id: token.project.as_ref().and_then(|project| Some(project.domain.as_ref()?.id.clone())),
        system_scope: token.system.then(|| "all".to_owned()),
        is_admin_project: token.is_admin_project,
        auth_token: Some(text),
        service_catalog: Some(Arc::clone(&token.catalog)).filter(|catalog: &Arc<ServiceCatalog>| !catalog.is_empty()),
        ..RequestContext::default()
    };
    if let Service::Good { token, .. } = service {
        context.service_user_id = Some(token.user.id.clone());
        context.service_project_id = token.project.as_ref().map(|project| project.id.clone());
        context.service_roles = lower(&token.roles);
    }
    context
}

fn lower(roles: &[String]) -> Vec<String> {
    roles.iter().map(|role| role.to_lowercase()).collect()
}
