//! Who is asking.

mod trusted;

use std::net::IpAddr;

use glance_core::RequestContext;
use http::HeaderMap;

pub use trusted::TrustedHeaders;

/// How callers are known.
#[derive(Debug, Clone)]
pub enum Identity {
    /// Everybody who can reach the server has full rights, in the project of this id.
    None {
        /// The project that owns what callers create.
        project: String,
        /// The names by which the server may be called besides addresses and `localhost`; `None`:
        /// any name.
        names: Option<Vec<String>>,
    },
    /// An authenticating proxy in front says who it is.
    TrustedHeaders(TrustedHeaders),
}

/// Nobody vouches for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody confirmed who is asking")]
pub struct Unauthenticated;

impl Default for Identity {
    fn default() -> Self {
        Self::None { project: "default".to_owned(), names: Some(Vec::new()) }
    }
}

impl Identity {
    /// The caller behind a request with `headers` that `peer` sent.
    ///
    /// # Errors
    ///
    /// [`Unauthenticated`].
    pub fn context(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Result<RequestContext, Unauthenticated> {
        match self {
            Self::None { project, .. } => Ok(RequestContext::admin(project)),
            Self::TrustedHeaders(trusted) => trusted.context(headers, peer),
        }
    }

    /// Whether whoever reaches the server is believed, so that it matters how they got to it: a web
    /// page could have sent the browser of somebody who may.
    #[must_use]
    pub fn trusts_everybody(&self) -> bool {
        matches!(self, Self::None { .. })
    }

    /// Whether the server is to be reached as `host`, the name or address in a request's `Host`.
    ///
    /// Any web page can have its own name resolve to this machine; a browser then takes what the
    /// server answers for the page's own. So a server that believes everybody goes by names it knows.
    #[must_use]
    pub fn answers_to(&self, host: &str) -> bool {
        let Self::None { names: Some(names), .. } = self else { return true };
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        address.parse::<IpAddr>().is_ok()
            || name == "localhost"
            || name.ends_with(".localhost")
            || names.iter().any(|known| known.eq_ignore_ascii_case(&name))
    }

    /// Whether a client's `X-Openstack-Request-ID` counts: only where clients are known.
    #[must_use]
    pub fn keeps_request_ids(&self) -> bool {
        matches!(self, Self::TrustedHeaders(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_believes_everybody_goes_by_names_it_knows() {
        let known = Identity::None { project: "p".into(), names: Some(vec!["images.example".into()]) };
        for (host, answers) in [
            ("127.0.0.1", true),
            ("[::1]", true),
            ("10.1.2.3", true),
            ("localhost", true),
            ("LOCALHOST.", true),
            ("glance.localhost", true),
            ("Images.Example", true),
            ("rebound.example", false),
            ("localhost.example", false),
            ("127.0.0.1.example", false),
            ("", false),
        ] {
            assert_eq!(known.answers_to(host), answers, "{host}");
        }
        assert!(Identity::None { project: "p".into(), names: None }.answers_to("any.example"));
        let trusted = TrustedHeaders { peers: Vec::new(), allow_anonymous: false };
        assert!(Identity::TrustedHeaders(trusted).answers_to("any.example"));
    }
}
