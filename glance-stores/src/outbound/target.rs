//! Where a request goes, and who said so.

use std::fmt;

use url::Url;

/// What was given is no `http` or `https` URL with a host. It may hold credentials, so it is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an http or https URL with a host")]
pub struct BadUrl;

/// A URL that the operator configured, or that a service the operator trusts named: its address is
/// not judged. Prints scheme, host and port, since paths, queries and credentials may be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct OperatorUrl(Url);

/// A URL that came from a user: every address it leads to is judged before it is connected to.
/// Prints its scheme alone.
#[derive(Clone, PartialEq, Eq)]
pub struct UserUrl(Url);

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To what the operator configured.
    Operator(OperatorUrl),
    /// To what a user named.
    User(UserUrl),
}

fn parsed(url: &str) -> Result<Url, BadUrl> {
    let url = Url::parse(url).map_err(|_| BadUrl)?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() { Ok(url) } else { Err(BadUrl) }
}

impl OperatorUrl {
    /// Takes a URL that is known to be one of the two schemes and to have a host.
    pub(super) fn new(url: Url) -> Self {
        Self(url)
    }

    /// Takes a URL from a source that the operator answers for.
    ///
    /// # Errors
    ///
    /// [`BadUrl`].
    pub fn parse(url: &str) -> Result<Self, BadUrl> {
        parsed(url).map(Self)
    }

    /// This URL with `segments`, percent-encoded, behind its path; an empty query.
    #[must_use]
    pub fn below<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Self {
        let mut url = self.0.clone();
        url.set_query(None);
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        Self(url)
    }

    /// This URL with the query `pairs`, form-encoded.
    #[must_use]
    pub fn with_query<'a>(&self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut url = self.0.clone();
        url.query_pairs_mut().clear().extend_pairs(pairs);
        Self(url)
    }

    /// The URL itself, credentials included.
    #[must_use]
    pub fn expose(&self) -> &Url {
        &self.0
    }
}

impl UserUrl {
    /// Takes a URL that is known to be one of the two schemes and to have a host.
    pub(super) fn new(url: Url) -> Self {
        Self(url)
    }

    /// Takes a URL from anybody.
    ///
    /// # Errors
    ///
    /// [`BadUrl`].
    pub fn parse(url: &str) -> Result<Self, BadUrl> {
        parsed(url).map(Self)
    }

    /// The URL itself, credentials included.
    #[must_use]
    pub fn expose(&self) -> &Url {
        &self.0
    }
}

impl Target {
    pub(super) fn url(&self) -> &Url {
        match self {
            Self::Operator(OperatorUrl(url)) | Self::User(UserUrl(url)) => url,
        }
    }
}

impl From<OperatorUrl> for Target {
    fn from(url: OperatorUrl) -> Self {
        Self::Operator(url)
    }
}

impl From<UserUrl> for Target {
    fn from(url: UserUrl) -> Self {
        Self::User(url)
    }
}

impl fmt::Debug for OperatorUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OperatorUrl({}/…)", self.0.origin().ascii_serialization())
    }
}

impl fmt::Debug for UserUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserUrl({}://…)", self.0.scheme())
    }
}
