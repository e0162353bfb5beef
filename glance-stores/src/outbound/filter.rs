//! Which URLs of users are asked for at all, whatever address they lead to.

use std::fmt;

use url::{Host, Url};

/// Lists of schemes, hosts and ports, as `[import_filtering_opts]` of Python Glance has them. Of each
/// pair, the list of what is refused counts only where that of what is allowed is empty; where both
/// are, everything goes.
///
/// Stricter than the original: the port counts also where the URL leaves it to the scheme, and a
/// host in another spelling is the same host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UrlFilter {
    schemes: Lists<String>,
    hosts: Lists<String>,
    ports: Lists<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Lists<T> {
    allowed: Vec<T>,
    disallowed: Vec<T>,
}

/// What about a URL a filter does not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the {0} of the URL is not allowed")]
pub struct Filtered(Part);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Scheme,
    Host,
    Port,
}

impl UrlFilter {
    /// The same filter with lists of schemes.
    #[must_use]
    pub fn schemes(mut self, allowed: &[String], disallowed: &[String]) -> Self {
        self.schemes = Lists::of(allowed, disallowed, |scheme| scheme.trim().to_ascii_lowercase());
        self
    }

    /// The same filter with lists of host names and addresses.
    #[must_use]
    pub fn hosts(mut self, allowed: &[String], disallowed: &[String]) -> Self {
        self.hosts = Lists::of(allowed, disallowed, |host| host_name(host.trim()));
        self
    }

    /// The same filter with lists of ports.
    #[must_use]
    pub fn ports(mut self, allowed: &[u16], disallowed: &[u16]) -> Self {
        self.ports = Lists::of(allowed, disallowed, |port| *port);
        self
    }

    /// Judges a URL: the one that is connected to, not another reading of the same text.
    ///
    /// # Errors
    ///
    /// [`Filtered`] if a list is against it.
    pub fn judge(&self, url: &Url) -> Result<(), Filtered> {
        let host = url.host_str().map(host_name).filter(|host| !host.is_empty()).ok_or(Filtered(Part::Host))?;
        let port = url.port_or_known_default().ok_or(Filtered(Part::Port))?;
        let parts = [
            (Part::Scheme, self.schemes.admit(&url.scheme().to_owned())),
            (Part::Host, self.hosts.admit(&host)),
            (Part::Port, self.ports.admit(&port)),
        ];
        parts.into_iter().find(|(_, admitted)| !admitted).map_or(Ok(()), |(part, _)| Err(Filtered(part)))
    }
}

impl<T: PartialEq> Lists<T> {
    fn of<U>(allowed: &[U], disallowed: &[U], read: impl Fn(&U) -> T) -> Self {
        Self { allowed: allowed.iter().map(&read).collect(), disallowed: disallowed.iter().map(&read).collect() }
    }

    fn admit(&self, item: &T) -> bool {
        if self.allowed.is_empty() { !self.disallowed.contains(item) } else { self.allowed.contains(item) }
    }
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self { allowed: Vec::new(), disallowed: Vec::new() }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "scheme",
            Self::Host => "host",
            Self::Port => "port",
        })
    }
}

/// One spelling of a host: lower-case ASCII, no dot at the end; an address as it is usually written,
/// without brackets, and an IPv4 address mapped into IPv6 as what it is.
pub(super) fn host_name(host: &str) -> String {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match Host::parse(host).or_else(|_| Host::parse(&format!("[{bare}]"))) {
        Ok(Host::Domain(name)) => name.trim_end_matches('.').to_owned(),
        Ok(Host::Ipv4(address)) => address.to_string(),
        Ok(Host::Ipv6(address)) => address.to_canonical().to_string(),
        Err(_) => host.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(filter: &UrlFilter, url: &str) -> Option<String> {
        filter.judge(&Url::parse(url).unwrap()).err().map(|filtered| filtered.to_string())
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn an_empty_filter_lets_everything_through() {
        assert_eq!(judge(&UrlFilter::default(), "http://host:1/x"), None);
        assert_eq!(judge(&UrlFilter::default(), "https://[::1]/"), None);
    }

    #[test]
    fn a_port_counts_also_where_it_is_implied() {
        let web = UrlFilter::default().ports(&[443], &[]);
        let denied = Some("the port of the URL is not allowed".to_owned());
        assert_eq!(judge(&web, "https://host/"), None);
        assert_eq!(judge(&web, "http://host:443/"), None);
        for url in ["http://host/", "http://host:/", "http://host:80/", "https://host:80/", "https://host:8443/"] {
            assert_eq!(judge(&web, url), denied, "{url}");
        }
        let most = UrlFilter::default().ports(&[], &[80]);
        assert_eq!(judge(&most, "http://host/"), denied);
        assert_eq!(judge(&most, "http://host:81/"), None);
    }

    #[test]
    fn a_host_in_any_spelling_is_that_host() {
        let filter = UrlFilter::default().hosts(&[], &owned(&["Bad.Example", "127.0.0.1", "[2001:DB8::1]"]));
        for url in [
            "http://bad.example/",
            "http://BAD.example./",
            "http://x:y@bad.example:81/",
            "http://%62ad.example/",
            "http://127.1/",
            "http://0x7f000001/",
            "http://[::ffff:127.0.0.1]/",
            "http://[2001:db8:0::1]/",
        ] {
            assert_eq!(judge(&filter, url).as_deref(), Some("the host of the URL is not allowed"), "{url}");
        }
        assert_eq!(judge(&filter, "http://good.example/bad.example"), None);
    }

    #[test]
    fn what_is_allowed_makes_what_is_refused_idle() {
        let filter = UrlFilter::default().schemes(&owned(&["HTTPS"]), &owned(&["https"]));
        assert_eq!(judge(&filter, "https://host/"), None);
        assert_eq!(judge(&filter, "http://host/").as_deref(), Some("the scheme of the URL is not allowed"));
        assert!(judge(&filter, "ftp://host/").is_some());
    }

    #[test]
    fn a_url_without_host_or_port_is_refused() {
        assert!(judge(&UrlFilter::default(), "file:///etc/passwd").is_some());
        assert!(judge(&UrlFilter::default(), "data:,x").is_some());
    }
}
