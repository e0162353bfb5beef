//! Proxies that an operator puts between this server and the URLs of users.
//!
//! The environment (`http_proxy` and the like) is not asked. With a proxy, it is the proxy that
//! resolves the name a second time, so the address that is judged here need not be the one that is
//! reached: the proxy is to be set up so that it keeps away from what must not be reached. A name
//! that cannot be resolved here is refused, unless the operator lists it.

use std::fmt;
use std::sync::Arc;

use http::{HeaderValue, Uri};
use url::Url;

use super::request::basic_authentication;

/// The proxies, by the scheme of the URLs that are asked for through them.
#[derive(Clone, Default)]
pub struct Proxies {
    http: Option<Arc<Proxy>>,
    https: Option<Arc<Proxy>>,
}

/// One proxy.
pub(super) struct Proxy {
    /// Where it is, without credentials.
    pub(super) uri: Uri,
    /// How this side shows itself to it.
    pub(super) authorization: Option<HeaderValue>,
}

/// What was given is no proxy. It may hold credentials, so it is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be pairs of http or https and a proxy such as http://10.0.0.1:3128")]
pub struct BadProxy;

impl Proxies {
    /// The same proxies, and one for URLs of `scheme`: `host:port` or `http://[user:password@]host:port`.
    ///
    /// # Errors
    ///
    /// [`BadProxy`] if that is no `http` or `https` URL scheme or no such proxy.
    pub fn with(mut self, scheme: &str, proxy: &str) -> Result<Self, BadProxy> {
        let proxy = Some(Arc::new(Proxy::parse(proxy)?));
        match scheme.to_ascii_lowercase().as_str() {
            "http" => self.http = proxy,
            "https" => self.https = proxy,
            _ => return Err(BadProxy),
        }
        Ok(self)
    }

    pub(super) fn of(&self, scheme: &str) -> Option<&Proxy> {
        if scheme == "https" { self.https.as_deref() } else { self.http.as_deref() }
    }
}

impl Proxy {
    fn parse(text: &str) -> Result<Self, BadProxy> {
        let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let mut url = Url::parse(&text).map_err(|_| BadProxy)?;
        let plain = url.scheme() == "http" && url.has_host() && url.path() == "/" && url.query().is_none();
        let authorization = basic_authentication(&url);
        // Neither can fail for a URL with a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let uri = url.as_str().parse().map_err(|_| BadProxy)?;
        if plain { Ok(Self { uri, authorization }) } else { Err(BadProxy) }
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies").field("http", &self.http).field("https", &self.https).finish()
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({})", self.uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_host_and_a_port() {
        let proxies = Proxies::default().with("http", "10.0.0.1:3128").unwrap();
        let proxies = proxies.with("HTTPS", "http://user:secret@proxy.example:8080").unwrap();
        assert_eq!(proxies.of("http").unwrap().uri, "http://10.0.0.1:3128/");
        assert_eq!(proxies.of("https").unwrap().uri, "http://proxy.example:8080/");
        assert!(proxies.of("https").unwrap().authorization.is_some());
        assert!(!format!("{proxies:?}").contains("secret"));
    }

    #[test]
    fn what_is_no_proxy_is_refused() {
        for (scheme, proxy) in [
            ("ftp", "10.0.0.1:3128"),
            ("http", ""),
            ("http", "https://10.0.0.1:3128"),
            ("http", "socks5://10.0.0.1"),
            ("http", "http://host/path"),
            ("http", "host:99999"),
        ] {
            assert_eq!(Proxies::default().with(scheme, proxy).err(), Some(BadProxy), "{scheme} {proxy}");
        }
    }
}
