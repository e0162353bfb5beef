//! Where the client believes the server to be.

use axum::extract::Request;
use http::header::{FORWARDED, HOST};
use http::{Extensions, HeaderMap, Uri};

use crate::http::OverTls;

/// Scheme, host and path prefix under which a client reached the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    scheme: String,
    host: String,
    prefix: String,
}

impl Origin {
    /// What the request says of itself and, where `proxied`, what a proxy in front says of it
    /// (`X-Forwarded-Proto`, `-Host`, `-Prefix`; without them `Forwarded`, RFC 7239).
    pub(super) fn of(headers: &HeaderMap, uri: &Uri, extensions: &Extensions, proxied: bool) -> Self {
        let host = text(headers, HOST.as_str()).or_else(|| Some(uri.authority()?.as_str()));
        let scheme = if extensions.get::<OverTls>().is_some() { "https" } else { "http" };
        let mut origin =
            Self { scheme: scheme.to_owned(), host: host.unwrap_or("localhost").to_owned(), prefix: String::new() };
        if proxied {
            origin.believe(headers);
        }
        origin
    }

    /// The name or address a client called the server by, without the port; `None` where it says none.
    pub(super) fn host_of(request: &Request) -> Option<&str> {
        let said = text(request.headers(), HOST.as_str()).or_else(|| Some(request.uri().authority()?.as_str()))?;
        let name = said.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        Some(name.map_or(said, |(name, _)| name))
    }

    fn believe(&mut self, headers: &HeaderMap) {
        let forwarded = text(headers, FORWARDED.as_str()).map(|all| all.split(',').next().unwrap_or_default());
        let said =
            |x_name: &str, name: &str| text(headers, x_name).or_else(|| parameter(forwarded?, name)).map(str::to_owned);
        // Links lead to nothing else, whatever a client makes a proxy pass on.
        if let Some(scheme) = said("x-forwarded-proto", "proto").filter(|scheme| matches!(&**scheme, "http" | "https"))
        {
            self.scheme = scheme;
        }
        if let Some(host) = said("x-forwarded-host", "host") {
            self.host = host;
        }
        if let Some(prefix) = text(headers, "x-forwarded-prefix") {
            prefix.clone_into(&mut self.prefix);
        }
    }

    /// The base of absolute links to resources: `http://host`.
    pub(super) fn host(&self) -> String {
        format!("{}://{}", self.scheme, self.host)
    }

    /// The base of the API as a whole: `http://host/prefix`.
    pub(super) fn application(&self) -> String {
        format!("{}://{}{}", self.scheme, self.host, self.prefix)
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim).filter(|value| !value.is_empty())
}

/// The value of `name` in one element of `Forwarded`.
fn parameter<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim());
    values.next().map(|value| value.trim_matches('"')).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn origin(headers: &[(&'static str, &'static str)], proxied: bool) -> String {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        Origin::of(&headers, &Uri::from_static("/v2/images"), &Extensions::new(), proxied).application()
    }

    #[test]
    fn proxies_are_believed_only_where_configured() {
        let headers = [
            ("host", "inner:9292"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "api.example"),
            ("x-forwarded-prefix", "/image"),
        ];
        assert_eq!(origin(&headers, false), "http://inner:9292");
        assert_eq!(origin(&headers, true), "https://api.example/image");
    }

    #[test]
    fn the_first_element_of_forwarded_counts() {
        let headers = [("host", "inner"), ("forwarded", "for=1.2.3.4;proto=https;Host=\"a.example\", proto=http")];
        assert_eq!(origin(&headers, true), "https://a.example");
        assert_eq!(origin(&[("x-forwarded-proto", "javascript")], true), "http://localhost");
        assert_eq!(origin(&[], true), "http://localhost");
    }
}
