//! Identity headers as Glance's context filter reads them, from proxies the operator lists.

use std::net::IpAddr;
use std::sync::Arc;

use glance_core::RequestContext;
use glance_core::context::ServiceCatalog;
use http::HeaderMap;

use super::headers::{Headers, list};
use super::{Unauthenticated, anonymous};
use crate::config::Network;

/// Identity that an authenticating proxy establishes and hands over in headers.
#[derive(Debug, Clone)]
pub struct TrustedHeaders {
    /// Whose headers are believed. What others send in them is as good as nothing.
    pub peers: Vec<Network>,
    /// Whether callers whom nobody vouches for may read (`allow_anonymous_access`).
    pub allow_anonymous: bool,
}

impl TrustedHeaders {
    pub(super) fn context(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Result<RequestContext, Unauthenticated> {
        let peer_counts = peer.is_some_and(|peer| self.peers.iter().any(|network| network.contains(peer)));
        match peer_counts.then(|| confirmed(&Headers(headers))).flatten() {
            Some(context) => Ok(context),
            None if self.allow_anonymous => Ok(anonymous()),
            None => Err(Unauthenticated),
        }
    }
}

/// The caller, if the headers confirm one and none of them says two things.
fn confirmed(headers: &Headers<'_>) -> Option<RequestContext> {
    if headers.one("x-identity-status")? != Some("Confirmed") {
        return None;
    }
    let is_admin_project = headers.one("x-is-admin-project")?;
    Some(RequestContext {
        user_id: headers.first(&["x-user-id", "x-user"])?,
        project_id: headers.first(&["x-project-id", "x-tenant-id", "x-tenant"])?,
        roles: list(headers.first(&["x-roles", "x-role"])?),
        domain_id: headers.first(&["x-domain-id", "x-domain-name"])?,
        user_domain_id: headers.first(&["x-user-domain-id"])?,
        project_domain_id: headers.first(&["x-project-domain-id"])?,
        system_scope: headers.first(&["openstack-system-scope"])?,
        is_admin_project: is_admin_project.is_none_or(|value| value.eq_ignore_ascii_case("true")),
        service_user_id: headers.first(&["x-service-user-id"])?,
        service_project_id: headers.first(&["x-service-project-id"])?,
        service_roles: list(headers.first(&["x-service-roles"])?),
        auth_token: headers.first(&["x-auth-token", "x-storage-token"])?,
        service_catalog: catalog(headers.one("x-service-catalog")?),
        request_id: None,
        read_only: false,
    })
}

/// What the proxy says of the cloud; one that says nothing sensible is as good as one that says nothing.
fn catalog(text: Option<&str>) -> Option<Arc<ServiceCatalog>> {
    let read = serde_json::from_str(text?);
    read.inspect_err(|_| tracing::warn!("a proxy sent an X-Service-Catalog that is no catalogue")).ok().map(Arc::new)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    const PROXY: &str = "127.0.0.1";

    fn ask(peer: &str, headers: &[(&'static str, &'static str)]) -> Result<RequestContext, Unauthenticated> {
        ask_of(&TrustedHeaders { peers: vec!["127.0.0.0/8".parse().unwrap()], allow_anonymous: false }, peer, headers)
    }

    fn ask_of(
        trusted: &TrustedHeaders,
        peer: &str,
        headers: &[(&'static str, &'static str)],
    ) -> Result<RequestContext, Unauthenticated> {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        trusted.context(&headers, Some(peer.parse().unwrap()))
    }

    #[test]
    fn a_listed_proxy_says_who_is_asking() {
        let context = ask(
            PROXY,
            &[
                ("x-identity-status", "Confirmed"),
                ("x-user-id", "u"),
                ("x-tenant-id", "old"),
                ("x-project-id", "p"),
                ("x-roles", " Member, READER,,"),
                ("x-service-roles", "Service"),
                ("openstack-system-scope", "all"),
            ],
        )
        .unwrap();
        assert_eq!((context.user_id.as_deref(), context.project_id.as_deref()), (Some("u"), Some("p")));
        assert_eq!(
            (context.roles, context.service_roles),
            (vec!["member".into(), "reader".into()], vec!["service".into()])
        );
        assert_eq!(context.system_scope.as_deref(), Some("all"));
        assert!(context.is_admin_project && !context.read_only);
    }

    #[test]
    fn older_names_count_where_the_newer_are_missing() {
        let headers = [("x-identity-status", "Confirmed"), ("x-user", "u"), ("x-tenant", "t"), ("x-role", "admin")];
        let context = ask(PROXY, &headers).unwrap();
        assert_eq!((context.user_id.as_deref(), context.project_id.as_deref()), (Some("u"), Some("t")));
        assert_eq!(context.roles, ["admin"]);
    }

    #[test]
    fn strangers_are_not_believed() {
        let headers = [("x-identity-status", "Confirmed"), ("x-roles", "admin"), ("x-project-id", "p")];
        assert!(ask(PROXY, &headers).is_ok());
        assert!(ask("::ffff:127.0.0.1", &headers).is_ok());
        for peer in ["10.0.0.1", "::1"] {
            assert_eq!(ask(peer, &headers), Err(Unauthenticated), "{peer}");
        }
    }

    #[test]
    fn only_the_exact_word_confirms() {
        for status in ["confirmed", "Invalid", "Confirmed, Invalid", ""] {
            assert_eq!(ask(PROXY, &[("x-identity-status", status), ("x-roles", "admin")]), Err(Unauthenticated));
        }
        assert_eq!(ask(PROXY, &[("x-roles", "admin")]), Err(Unauthenticated));
    }

    #[test]
    fn a_header_that_says_two_things_says_nothing() {
        for twice in [
            [("x-identity-status", "Confirmed"), ("x-roles", "reader"), ("x-roles", "admin")],
            [("x-identity-status", "Confirmed"), ("x-project-id", "mine"), ("x-project-id", "yours")],
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in twice {
                headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            assert!(confirmed(&Headers(&headers)).is_none());
        }
    }

    #[test]
    fn anonymous_callers_read_at_most() {
        let trusted = TrustedHeaders { peers: Vec::new(), allow_anonymous: true };
        let headers = [("x-identity-status", "Confirmed"), ("x-roles", "admin"), ("x-project-id", "p")];
        let context = ask_of(&trusted, PROXY, &headers).unwrap();
        assert!(context.read_only && context.roles.is_empty() && context.project_id.is_none());
    }
}
