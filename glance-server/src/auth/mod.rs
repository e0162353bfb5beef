//! Who is asking.
//!
//! Each way of knowing callers reads what it goes by and nothing else: with Keystone, for one, no
//! identity header that a client sends is ever looked at.

mod basic;
mod fake;
mod flights;
mod headers;
mod keystone;
mod trusted;

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;

use glance_core::RequestContext;
use http::{HeaderMap, HeaderValue, Method};

pub use basic::{BadUsers, BasicAuth, Grant, UserFiles};
pub use keystone::{KeystoneAuth, KeystoneOptions};
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
    /// Callers say it themselves: `X-Auth-Token: user:project:roles`.
    Fake {
        /// Whether callers who say nothing may read (`allow_anonymous_access`).
        allow_anonymous: bool,
    },
    /// Keystone vouches for their tokens.
    Keystone(Arc<KeystoneAuth>),
    /// They have a name and a password here.
    Basic(Arc<BasicAuth>),
}

/// What of a request says who sent it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its path, in the spelling that the router sees.
    pub path: &'a str,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Who is at the other end of the connection, if that is known.
    pub peer: Option<IpAddr>,
}

/// Nobody vouches for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody confirmed who is asking")]
pub struct Unauthenticated;

/// Why it is not known who is asking.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// Nobody vouches for the caller.
    #[error("nobody confirmed who is asking")]
    Unauthenticated,
    /// Too many wrong passwords came from there.
    #[error("too many wrong passwords")]
    Throttled {
        /// When it makes sense to try again.
        seconds: u64,
    },
    /// Whoever could vouch for the caller cannot be asked now.
    #[error("it cannot be found out now who is asking")]
    Unavailable(#[source] Arc<dyn Error + Send + Sync>),
}

impl AuthError {
    fn unavailable<E: Error + Send + Sync + 'static>(cause: Arc<E>) -> Self {
        Self::Unavailable(cause)
    }
}

impl From<Unauthenticated> for AuthError {
    fn from(_: Unauthenticated) -> Self {
        Self::Unauthenticated
    }
}

fn keystone_at(uri: &str) -> String {
    format!("Keystone uri=\"{uri}\"")
}

/// A caller whom nobody knows, and who may read what takes no role.
fn anonymous() -> RequestContext {
    RequestContext { read_only: true, is_admin_project: true, ..RequestContext::default() }
}

impl Default for Identity {
    fn default() -> Self {
        Self::None { project: "default".to_owned(), names: Some(Vec::new()) }
    }
}

impl Identity {
    /// The caller behind a request.
    ///
    /// # Errors
    ///
    /// [`AuthError`].
    pub async fn context(&self, asked: Asked<'_>) -> Result<RequestContext, AuthError> {
        match self {
            Self::None { project, .. } => Ok(RequestContext::admin(project)),
            Self::TrustedHeaders(trusted) => Ok(trusted.context(asked.headers, asked.peer)?),
            Self::Fake { allow_anonymous } => Ok(fake::context(asked.headers, *allow_anonymous)?),
            Self::Keystone(keystone) => keystone.context(&asked).await,
            Self::Basic(basic) => basic.context(asked.headers, asked.peer).await,
        }
    }

    /// What a 401 says about how to do better (`WWW-Authenticate`).
    #[must_use]
    pub fn challenge(&self) -> Option<HeaderValue> {
        let challenge = match self {
            // Without a parameter where nobody said where: `auth_url` may be of no use to clients, or none of their
            // business.
            Self::Keystone(keystone) => keystone.public_uri().map_or("Keystone".to_owned(), keystone_at),
            Self::Basic(_) => "Basic realm=\"glance\", charset=\"UTF-8\"".to_owned(),
            _ => return None,
        };
        HeaderValue::try_from(challenge).ok()
    }

    /// Whether a browser brings by itself what is believed: nothing at all, or a password that was typed in earlier.
    /// Then any web page could have sent the browser of somebody who may.
    #[must_use]
    pub fn believes_browsers(&self) -> bool {
        matches!(self, Self::None { .. } | Self::Basic(_))
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
        !matches!(self, Self::None { .. })
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
