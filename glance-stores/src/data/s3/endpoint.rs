//! Where the server is, and under which URL it has a bucket.

use std::fmt;

use url::{Host, Url};

use super::config::{Addressing, S3ConfigError};

/// The region of requests to a server that has none.
const REGION: &str = "us-east-1";

/// The server of a store.
#[derive(Clone)]
pub(super) struct Endpoint {
    /// Without credentials, query and trailing slash.
    url: Url,
    /// How a location begins: its scheme, and what stands between that and the bucket.
    shown: (&'static str, String),
    region: Option<String>,
    addressing: Addressing,
}

impl Endpoint {
    /// Takes the URL of a server. Without a scheme it is `http`, which is what Python Glance makes of it in locations;
    /// hosts of Amazon are spoken to over TLS all the same.
    pub(super) fn parse(host: &str) -> Result<Self, S3ConfigError> {
        let with_scheme = if host.contains("://") { host.to_owned() } else { format!("http://{host}") };
        let mut url = Url::parse(with_scheme.trim_end_matches('/')).map_err(|_| S3ConfigError::Host)?;
        let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !bare || url.fragment().is_some() {
            return Err(S3ConfigError::Host);
        }
        let scheme = if url.scheme() == "https" { "s3+https" } else { "s3" };
        let shown = with_scheme.split_once("://").map_or("", |(_, rest)| rest).trim_matches('/').to_owned();
        if !host.contains("://") && amazon_region(&url).is_some() {
            // Of the two schemes a URL can be changed to either.
            let _ = url.set_scheme("https");
        }
        Ok(Self { url, shown: (scheme, shown), region: None, addressing: Addressing::Auto })
    }

    pub(super) fn in_region(self, region: &str) -> Self {
        Self { region: Some(region.to_owned()), ..self }
    }

    pub(super) fn addressed(self, addressing: Addressing) -> Self {
        Self { addressing, ..self }
    }

    /// The region that requests are signed for.
    pub(super) fn region(&self) -> &str {
        self.region.as_deref().or_else(|| amazon_region(&self.url)).unwrap_or(REGION)
    }

    /// The region a new bucket has to be told; `None` where it follows from the server.
    pub(super) fn region_of_new_bucket(&self) -> Option<&str> {
        Some(self.region()).filter(|region| *region != REGION)
    }

    /// Whether requests are protected on their way.
    pub(super) fn is_secure(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The scheme of a location, and what stands between that and the bucket.
    pub(super) fn location_parts(&self) -> (&'static str, &str) {
        (self.shown.0, &self.shown.1)
    }

    /// Whether `host`, from a location, is this server: names in any case, with or without the usual port.
    pub(super) fn is(&self, host: &str) -> bool {
        let usual = if self.is_secure() { ":443" } else { ":80" };
        let plain = |host: &str| host.to_ascii_lowercase().trim_end_matches(usual).to_owned();
        plain(host) == plain(&self.shown.1)
    }

    /// Whether there is a URL of `bucket` as buckets are to be addressed.
    pub(super) fn can_address(&self, bucket: &str) -> bool {
        self.addressing != Addressing::Virtual || (is_dns_label(bucket) && self.url.domain().is_some())
    }

    /// The URL of `bucket`.
    pub(super) fn bucket_url(&self, bucket: &str) -> Url {
        let mut url = self.server_url();
        match url.host() {
            Some(Host::Domain(name)) if self.is_virtual(bucket) => {
                let name = format!("{bucket}.{name}");
                // A DNS label before a host name is a host name.
                let _ = url.set_host(Some(&name));
            }
            _ => {
                if let Ok(mut path) = url.path_segments_mut() {
                    path.pop_if_empty().push(bucket);
                }
            }
        }
        url
    }

    fn is_virtual(&self, bucket: &str) -> bool {
        match self.addressing {
            Addressing::Virtual => true,
            Addressing::Path => false,
            // The certificates of Amazon are good for one label only, which a bucket with dots is not.
            Addressing::Auto => self.region.is_none() && amazon_region(&self.url).is_some() && is_dns_label(bucket),
        }
    }

    /// The URL of the server: the one of the region where the host is an older name of it and no region was set.
    fn server_url(&self) -> Url {
        let mut url = self.url.clone();
        if let (None, Some(region)) = (&self.region, amazon_region(&self.url)) {
            let china = if region.starts_with("cn-") { ".cn" } else { "" };
            let _ = url.set_host(Some(&format!("s3.{region}.amazonaws.com{china}")));
        }
        url
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str())
    }
}

/// The region in the name of a host of Amazon: `s3-<region>`, `s3.<region>` or `s3` alone, under `amazonaws.com`.
fn amazon_region(url: &Url) -> Option<&str> {
    let name = url.domain()?;
    let name = name.strip_suffix(".amazonaws.com").or_else(|| name.strip_suffix(".amazonaws.com.cn"))?;
    if name == "s3" {
        return Some(REGION);
    }
    let region = name.strip_prefix("s3-").or_else(|| name.strip_prefix("s3."))?;
    let plain = region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    (plain && region.matches('-').count() >= 2).then_some(region)
}

/// Whether `name` can stand in a URL as it is, as one part of the path.
pub(super) fn is_bucket_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty() && name.len() <= 255 && name.bytes().all(plain) && !matches!(name, "." | "..")
}

fn is_dns_label(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (3..=63).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('-') && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(host: &str, region: Option<&str>, addressing: Addressing, bucket: &str) -> (String, String) {
        let endpoint = Endpoint::parse(host).unwrap().addressed(addressing);
        let endpoint = match region {
            Some(region) => endpoint.in_region(region),
            None => endpoint,
        };
        (endpoint.bucket_url(bucket).to_string(), endpoint.region().to_owned())
    }

    #[test]
    fn a_bucket_has_the_url_that_boto3_uses() {
        use Addressing::{Auto, Path, Virtual};
        let cases = [
            ("http://h:9000", None, Auto, "glance", "http://h:9000/glance", "us-east-1"),
            ("https://h/at/", Some("r-1"), Path, "glance", "https://h/at/glance", "r-1"),
            ("https://h", None, Virtual, "glance", "https://glance.h/", "us-east-1"),
            ("http://10.0.0.1", None, Auto, "glance", "http://10.0.0.1/glance", "us-east-1"),
            (
                "https://s3-eu-west-1.amazonaws.com",
                None,
                Auto,
                "b-b",
                "https://b-b.s3.eu-west-1.amazonaws.com/",
                "eu-west-1",
            ),
            (
                "https://s3-eu-west-1.amazonaws.com",
                None,
                Auto,
                "b.b",
                "https://s3.eu-west-1.amazonaws.com/b.b",
                "eu-west-1",
            ),
            (
                "https://s3-eu-west-1.amazonaws.com",
                None,
                Path,
                "b-b",
                "https://s3.eu-west-1.amazonaws.com/b-b",
                "eu-west-1",
            ),
            (
                "https://s3-eu-west-1.amazonaws.com",
                Some("x"),
                Auto,
                "b-b",
                "https://s3-eu-west-1.amazonaws.com/b-b",
                "x",
            ),
            (
                "s3.eu-north-1.amazonaws.com",
                None,
                Auto,
                "b-b",
                "https://b-b.s3.eu-north-1.amazonaws.com/",
                "eu-north-1",
            ),
            (
                "https://s3-cn-north-1.amazonaws.com.cn",
                None,
                Path,
                "b-b",
                "https://s3.cn-north-1.amazonaws.com.cn/b-b",
                "cn-north-1",
            ),
        ];
        for (host, region, addressing, bucket, expected, signed_for) in cases {
            let found = url(host, region, addressing, bucket);
            assert_eq!(found, (expected.to_owned(), signed_for.to_owned()), "{host} {region:?} {addressing:?}");
        }
    }

    #[test]
    fn only_the_bare_url_of_a_server_is_taken() {
        for bad in [
            "",
            "http://",
            "ftp://h",
            "http://user@h",
            "http://u:p@h",
            "http://h/?q",
            "http://h/#f",
            "https://[",
            "s3://h",
        ] {
            assert_eq!(Endpoint::parse(bad).map(drop), Err(S3ConfigError::Host), "{bad}");
        }
    }

    #[test]
    fn a_server_is_known_by_its_name() {
        let endpoint = Endpoint::parse("https://S3.example:443/").unwrap();
        assert_eq!(endpoint.location_parts(), ("s3+https", "S3.example:443"));
        assert!(endpoint.is("s3.example") && endpoint.is("s3.EXAMPLE:443"));
        assert!(!endpoint.is("s3.example:80") && !endpoint.is("evil.example") && !endpoint.is("s3.example/other"));
    }
}
