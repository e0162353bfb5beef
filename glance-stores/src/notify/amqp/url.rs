//! `transport_url`.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;

/// Brokers, and what is asked of them: `rabbit://user:pass@host:port,user:pass@host:port/vhost?option=value`.
///
/// It prints without users and passwords.
#[derive(Clone, PartialEq, Eq)]
pub struct TransportUrl {
    /// The brokers, any of which will do; at least one.
    pub hosts: Vec<Host>,
    /// The virtual host; `/` where none is named.
    pub virtual_host: String,
    /// Options of `[oslo_messaging_rabbit]` that the URL sets.
    pub options: Vec<(String, String)>,
}

/// One broker. Without a user and a password it is asked as `guest`.
#[derive(Clone, PartialEq, Eq)]
pub struct Host {
    /// Its name or address.
    pub name: String,
    /// Its port; `None`: 5672, or 5671 with TLS.
    pub port: Option<u16>,
    /// Who asks.
    pub user: String,
    /// The password. Never printed.
    pub password: String,
}

/// A text that is no usable `transport_url`. It never shows the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadTransportUrl(&'static str);

const GUEST: &str = "guest";

/// The longest name that AMQP has room for, in bytes.
const SHORT: usize = 255;

impl FromStr for TransportUrl {
    type Err = BadTransportUrl;

    fn from_str(text: &str) -> Result<Self, BadTransportUrl> {
        let (scheme, rest) = text.split_once("://").ok_or(BadTransportUrl("a transport URL begins with rabbit://"))?;
        if !matches!(scheme, "rabbit" | "kombu") {
            return Err(BadTransportUrl("only brokers that rabbit:// leads to are spoken to"));
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (places, rest) = rest.split_at(end);
        let rest = rest.split('#').next().unwrap_or_default();
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let virtual_host = decoded(path.strip_prefix('/').unwrap_or_default())?;
        if virtual_host.len() > SHORT {
            return Err(BadTransportUrl("the name of a virtual host has at most 255 bytes"));
        }
        let hosts: Result<Vec<_>, _> = places.split(',').filter(|place| !place.is_empty()).map(host).collect();
        let mut hosts = hosts?;
        if hosts.is_empty() {
            hosts.push(host("localhost")?);
        }
        Ok(Self {
            hosts,
            virtual_host: if virtual_host.is_empty() { "/".to_owned() } else { virtual_host },
            options: options(query)?,
        })
    }
}

impl TransportUrl {
    /// What a broker said, without passwords that it may have repeated.
    pub(super) fn masked(&self, text: &str) -> String {
        let passwords = self.hosts.iter().map(|host| host.password.as_str());
        let secret = passwords.filter(|password| !password.is_empty() && *password != GUEST);
        secret.fold(text.to_owned(), |text, password| text.replace(password, "****"))
    }
}

fn host(place: &str) -> Result<Host, BadTransportUrl> {
    let (who, place) = place.rsplit_once('@').map_or((None, place), |(who, place)| (Some(who), place));
    let (name, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (address, rest) = rest.split_once(']').ok_or(BadTransportUrl("an IPv6 address ends with ]"))?;
            (address, rest.strip_prefix(':').or(rest.is_empty().then_some("")))
        }
        None => place.split_once(':').map_or((place, Some("")), |(name, port)| (name, Some(port))),
    };
    let port = port.ok_or(BadTransportUrl("behind an address stands its port"))?;
    let port =
        if port.is_empty() { None } else { Some(port.parse().map_err(|_| BadTransportUrl("a port is a number"))?) };
    let (user, password) = match who {
        None => (GUEST.to_owned(), GUEST.to_owned()),
        Some(who) => {
            let (user, password) = who.split_once(':').unwrap_or((who, ""));
            (decoded(user)?, decoded(password)?)
        }
    };
    if !is_host(name) {
        return Err(BadTransportUrl("a host of the transport URL is no name or address"));
    }
    Ok(Host { name: name.to_owned(), port, user, password })
}

fn is_host(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
    !name.is_empty() && name.bytes().all(allowed)
}

fn options(query: &str) -> Result<Vec<(String, String)>, BadTransportUrl> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name)?, decoded(value)?))
        })
        .collect()
}

fn decoded(text: &str) -> Result<String, BadTransportUrl> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| BadTransportUrl("the transport URL is not text once it is decoded"))
}

impl fmt::Debug for TransportUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportUrl")
            .field("hosts", &self.hosts)
            .field("virtual_host", &self.virtual_host)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("name", &self.name).field("port", &self.port).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> TransportUrl {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn brokers_are_read_from_a_url() {
        type Read<'a> = (&'a [(&'a str, Option<u16>, &'a str, &'a str)], &'a str);
        let cases: [(&str, Read<'_>); 9] = [
            ("rabbit://", (&[("localhost", None, "guest", "guest")], "/")),
            ("rabbit:///images", (&[("localhost", None, "guest", "guest")], "images")),
            ("rabbit://h", (&[("h", None, "guest", "guest")], "/")),
            ("rabbit://u:p@h:1/", (&[("h", Some(1), "u", "p")], "/")),
            ("kombu://u:p@h:1//", (&[("h", Some(1), "u", "p")], "/")),
            ("rabbit://u%40d:p%2Fq%3A@h:1/a%2Fb", (&[("h", Some(1), "u@d", "p/q:")], "a/b")),
            ("rabbit://u@d:p@h:1/v", (&[("h", Some(1), "u@d", "p")], "v")),
            ("rabbit://a:b@one:1,c:d@two:2/v", (&[("one", Some(1), "a", "b"), ("two", Some(2), "c", "d")], "v")),
            ("rabbit://u:p@[::1]:5673/", (&[("::1", Some(5673), "u", "p")], "/")),
        ];
        for (text, (hosts, virtual_host)) in cases {
            let url = read(text);
            let read: Vec<_> = url
                .hosts
                .iter()
                .map(|host| (host.name.as_str(), host.port, host.user.as_str(), host.password.as_str()))
                .collect();
            assert_eq!((&read[..], url.virtual_host.as_str()), (hosts, virtual_host), "{text}");
        }
    }

    #[test]
    fn options_stand_behind_the_place() {
        let url = read("rabbit://h/v?ssl=1&ssl_ca_file=%2Fca.pem");
        assert_eq!(url.options, [("ssl".into(), "1".into()), ("ssl_ca_file".into(), "/ca.pem".into())]);
        assert_eq!(url.virtual_host, "v");
    }

    #[test]
    fn nonsense_is_refused_without_being_shown() {
        for text in [
            "",
            "canary",
            "kafka://u:canary@h",
            "amqp://u:canary@h",
            "rabbit://u:canary@h:port",
            "rabbit://u:canary@h:99999",
            "rabbit://u:canary@[::1",
            "rabbit://u:canary@[::1]x",
            "rabbit://u:canary@h h",
            "rabbit://u:canary%ff@h",
            "rabbit://u:canary@",
        ] {
            let error = text.parse::<TransportUrl>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("canary"), "{text}: {error}");
        }
        let long = format!("rabbit://h/{}", "v".repeat(256));
        assert!(long.parse::<TransportUrl>().is_err());
    }

    #[test]
    fn what_a_broker_repeats_is_masked() {
        let url = read("rabbit://u:can%2Fary@h,v:other@i");
        assert_eq!(url.masked("no can/ary here, nor other"), "no **** here, nor ****");
        assert_eq!(read("rabbit://h").masked("user guest refused"), "user guest refused");
    }

    #[test]
    fn a_url_prints_no_password() {
        let printed = format!("{:?}", read("rabbit://user:canary@h:1/v?password=canary"));
        assert!(!printed.contains("canary") && !printed.contains("user"), "{printed}");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in r"(rabbit://)?[a-z:@,/%\[\]?&=#0-9é]{0,40}") {
            let _ = text.parse::<TransportUrl>();
        }
    }
}
