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
        Self::None { project: "default".to_owned() }
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
            Self::None { project } => Ok(RequestContext::admin(project)),
            Self::TrustedHeaders(trusted) => trusted.context(headers, peer),
        }
    }

    /// Whether whoever reaches the server is believed, so that it matters how they got to it: a web
    /// page could have sent the browser of somebody who may.
    #[must_use]
    pub fn trusts_everybody(&self) -> bool {
        matches!(self, Self::None { .. })
    }

    /// Whether a client's `X-Openstack-Request-ID` counts: only where clients are known.
    #[must_use]
    pub fn keeps_request_ids(&self) -> bool {
        matches!(self, Self::TrustedHeaders(_))
    }
}
