//! The URLs of images in S3.
//!
//! ```text
//! s3+https://<host>/<bucket>/<image id>                         written; `s3://` if the server is spoken to in the clear
//! s3+https://<access key>:<secret key>@<host>/<bucket>/<key>    read, and written for Python Glance up to 2026.1
//! ```
//!
//! Credentials in a URL are never used, nor is its host connected to: requests go to the configured server, as the
//! configured account. Only bucket and key count, as in the driver of Python Glance since 2026.2.

use glance_core::location::Location;

use super::config::S3Config;
use super::endpoint::is_bucket_name;

/// The schemes of S3 locations.
const SCHEMES: &[&str] = &["s3", "s3+http", "s3+https"];

/// What a location says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// The server's name, with its port and path if it has them.
    pub(super) host: &'a str,
    pub(super) bucket: &'a str,
    pub(super) key: &'a str,
}

impl<'a> Place<'a> {
    /// Reads a location from its end: a secret key may hold slashes.
    pub(super) fn of(at: &'a Location) -> Option<Self> {
        let (scheme, rest) = at.expose().split_once("://")?;
        if !SCHEMES.contains(&scheme) || rest.contains("://") {
            return None;
        }
        let (rest, key) = rest.trim_matches('/').rsplit_once('/')?;
        let (rest, bucket) = rest.rsplit_once('/')?;
        let host = match rest.rsplit_once('@') {
            Some((credentials, host)) if credentials.contains(':') => host,
            Some(_) => return None,
            None => rest,
        };
        let whole = !host.is_empty() && is_bucket_name(bucket) && is_key(key);
        whole.then_some(Self { host, bucket, key })
    }
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && !key.contains('@') && !key.chars().any(char::is_control)
}

/// Where `key` lies in the configured bucket, without credentials.
pub(super) fn plain(config: &S3Config, bucket: &str, key: &str) -> Location {
    let (scheme, host) = config.endpoint.location_parts();
    Location::new(format!("{scheme}://{host}/{bucket}/{key}"))
}

/// The location of `key` as it is handed out.
pub(super) fn written(config: &S3Config, key: &str) -> Location {
    if !config.credentials_in_locations {
        return plain(config, &config.bucket, key);
    }
    let (scheme, host) = config.endpoint.location_parts();
    let S3Config { access_key, secret_key, bucket, .. } = config;
    Location::new(format!("{scheme}://{access_key}:{secret_key}@{host}/{bucket}/{key}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3f2e1a5c-0000-4000-8000-0000000000ff";

    fn config(host: &str) -> S3Config {
        S3Config::new(host, "glance", "AKIA", "se/cr+et=").unwrap()
    }

    #[test]
    fn a_location_is_written_as_python_glance_writes_it() {
        let old = |host| written(&config(host).credentials_in_locations(true), ID);
        let new = |host| written(&config(host), ID);
        assert_eq!(new("https://s3.example").expose(), format!("s3+https://s3.example/glance/{ID}"));
        assert_eq!(new("https://s3.example:9000/").expose(), format!("s3+https://s3.example:9000/glance/{ID}"));
        assert_eq!(new("http://s3.example:9000").expose(), format!("s3://s3.example:9000/glance/{ID}"));
        assert_eq!(new("s3.example").expose(), format!("s3://s3.example/glance/{ID}"));
        assert_eq!(old("https://s3.example").expose(), format!("s3+https://AKIA:se/cr+et=@s3.example/glance/{ID}"));
        assert_eq!(old("http://s3.example").expose(), format!("s3://AKIA:se/cr+et=@s3.example/glance/{ID}"));
    }

    #[test]
    fn both_forms_are_read() {
        let urls = [
            format!("s3://s3.example/glance/{ID}"),
            format!("s3+http://s3.example/glance/{ID}"),
            format!("s3+https://s3.example/glance/{ID}/"),
            format!("s3+https://AKIA:secret@s3.example/glance/{ID}"),
            format!("s3+https://AKIA:se/cr/et+=@s3.example/glance/{ID}"),
        ];
        for url in urls {
            let at = Location::new(url);
            assert_eq!(
                Place::of(&at),
                Some(Place { host: "s3.example", bucket: "glance", key: ID }),
                "{}",
                at.expose()
            );
        }
        let deep = Location::new(format!("s3://h:1/a/b/glance/{ID}"));
        assert_eq!(Place::of(&deep).map(|place| place.host), Some("h:1/a/b"));
    }

    #[test]
    fn what_is_no_location_is_not_read() {
        for url in [
            "",
            "s3://",
            "s3://h",
            "s3://h/b",
            "s3://h/b/",
            "s3:///b/k",
            "s3://h//k",
            "s3://a:s@https://h/b/k",
            "s3://AKIA@h/b/k",
            "s3+ftp://h/b/k",
            "http://h/b/k",
            "s3://h/../k",
            "s3://h/b?x/k",
            "s3://h/b%2f/k",
            "s3://h/b/k\n",
        ] {
            assert_eq!(Place::of(&Location::new(url)), None, "{url}");
        }
    }
}
