//! Location URLs of objects in Swift, letter for letter as Glance writes them.
//!
//! | written | means |
//! | --- | --- |
//! | `swift+config://<reference>/<container>/<object>` | an account of the configuration |
//! | `swift+http(s)://<user>:<key>@<auth address>/<container>/<object>` | an account by its credentials |
//! | `swift+http(s)://<address>/<container>/<object>` | no credentials: the address alone says whose it is |
//!
//! `swift://` is read as `swift+https://`.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::account::Key;

/// What Python's `quote` leaves as it is.
const UNQUOTED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-').remove(b'~').remove(b'/');

/// Where an object lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) owner: Owner,
    pub(super) container: String,
    pub(super) object: String,
}

/// Whose object it is.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Owner {
    /// An account that the configuration calls so.
    Reference(String),
    /// Who has these credentials at this auth address.
    User { address: String, user: String, key: Key },
    /// Whoever owns the account at this storage URL, or logs in at this auth address otherwise.
    Bare { address: String },
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reference(_) => "Reference",
            Self::User { .. } => "User",
            Self::Bare { .. } => "Bare",
        })
    }
}

impl Place {
    /// Reads a URL; `None` if it is none of Swift's.
    pub(super) fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let http = match scheme {
            "swift+config" => return Self::of_reference(rest),
            "swift+http" => "http://",
            "swift" | "swift+https" => "https://",
            _ => return None,
        };
        let (credentials, rest) = apart(rest)?;
        // In an address it would be a second scheme; a key may begin with two slashes.
        if rest.contains("://") {
            return None;
        }
        let (address, container, object) = ends(rest)?;
        let address = format!("{http}{}", address.trim_matches('/'));
        let owner = match credentials {
            None => Owner::Bare { address },
            Some(credentials) => {
                let (user, key) = user_and_key(credentials)?;
                Owner::User { address, user, key: Key::new(key) }
            }
        };
        Some(Self { owner, container, object })
    }

    fn of_reference(rest: &str) -> Option<Self> {
        let (reference, container, object) = ends(rest)?;
        let reference = Some(reference).filter(|reference| !reference.is_empty() && !reference.contains('/'))?;
        Some(Self { owner: Owner::Reference(reference.to_owned()), container, object })
    }

    /// The URL, credentials included.
    pub(super) fn url(&self) -> String {
        let Self { owner, container, object } = self;
        let container = container.trim_matches('/');
        let (address, credentials) = match owner {
            Owner::Reference(reference) => return format!("swift+config://{reference}/{container}/{object}"),
            Owner::Bare { address } => (address, String::new()),
            Owner::User { address, user, key } => (address, format!("{}:{}@", quoted(user), quoted(key.expose()))),
        };
        let (scheme, rest) = match address.strip_prefix("http://") {
            Some(rest) => ("swift+http", rest),
            None => ("swift+https", address.strip_prefix("https://").unwrap_or(address)),
        };
        format!("{scheme}://{credentials}{}/{container}/{object}", rest.trim_matches('/'))
    }
}

/// Credentials, if there are any, and what follows them. Both may hold slashes: they are not quoted.
fn apart(rest: &str) -> Option<(Option<&str>, &str)> {
    let names = rest.rmatch_indices('/').nth(1).map_or(0, |(at, _)| at);
    match rest[..names].rfind('@') {
        None => Some((None, rest)),
        Some(at) if rest[..at].contains('@') => None,
        Some(at) => Some((Some(&rest[..at]), &rest[at + 1..])),
    }
}

/// What stands before container and object, and those two.
fn ends(path: &str) -> Option<(&str, String, String)> {
    let (path, object) = path.rsplit_once('/')?;
    let (path, container) = path.rsplit_once('/')?;
    // Dots would change the path of a request.
    let valid = |name: &str| !matches!(name, "" | "." | "..");
    let whole = valid(object) && valid(container) && !path.is_empty();
    whole.then(|| (path, container.to_owned(), object.to_owned()))
}

/// A user, which may hold colons, and a key. Where both are quoted, so are the colons of the key.
fn user_and_key(credentials: &str) -> Option<(String, String)> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    if credentials.matches(':').count() == 1 {
        return credentials.split_once(':').map(|(user, key)| (decoded(user), decoded(key)));
    }
    let both = decoded(credentials);
    let (user, key) = both.rsplit_once(':').filter(|_| credentials.contains(':'))?;
    Some((user.to_owned(), key.to_owned()))
}

fn quoted(text: &str) -> String {
    utf8_percent_encode(text, UNQUOTED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn user(address: &str, user: &str, key: &str) -> Owner {
        Owner::User { address: address.to_owned(), user: user.to_owned(), key: Key::new(key) }
    }

    fn place(owner: Owner) -> Place {
        Place { owner, container: "glance".to_owned(), object: "obj".to_owned() }
    }

    #[test]
    fn locations_are_written_and_read_letter_for_letter() {
        for (url, owner) in [
            ("swift+https://t%3Au:k@auth:5000/v3/glance/obj", user("https://auth:5000/v3", "t:u", "k")),
            ("swift+http://t%3Au:k%40%3A%25@a/v3/glance/obj", user("http://a/v3", "t:u", "k@:%")),
            ("swift+https://t%3Au:a/b/c@auth/v3/glance/obj", user("https://auth/v3", "t:u", "a/b/c")),
            ("swift+https://t%3Au://@auth/v3/glance/obj", user("https://auth/v3", "t:u", "//")),
            ("swift+https://t%3A%C3%BC:k@auth/glance/obj", user("https://auth", "t:ü", "k")),
            ("swift+config://ref1/glance/obj", Owner::Reference("ref1".to_owned())),
            ("swift+http://s/v1/AUTH_a/glance/obj", Owner::Bare { address: "http://s/v1/AUTH_a".to_owned() }),
            ("swift+https://[::1]:5/v3/glance/obj", Owner::Bare { address: "https://[::1]:5/v3".to_owned() }),
        ] {
            assert_eq!(Place::parse(url), Some(place(owner.clone())), "{url}");
            assert_eq!(place(owner).url(), url);
        }
    }

    #[test]
    fn other_spellings_are_read() {
        for (url, owner) in [
            ("swift://t:u:k@auth/v3/glance/obj", user("https://auth/v3", "t:u", "k")),
            ("swift+http://t:u:k@auth:80/v3//glance/obj", user("http://auth:80/v3", "t:u", "k")),
            ("swift://u:k@auth/glance/obj?query#fragment", user("https://auth", "u", "k")),
        ] {
            assert_eq!(Place::parse(url), Some(place(owner)), "{url}");
        }
    }

    #[test]
    fn an_address_is_written_with_one_slash_behind_it() {
        let url = |address| place(user(address, "u", "k")).url();
        assert_eq!(url("http://auth/v3/"), "swift+http://u:k@auth/v3/glance/obj");
        assert_eq!(url("auth/v3"), "swift+https://u:k@auth/v3/glance/obj");
    }

    #[test]
    fn what_is_no_location_is_refused() {
        for url in [
            "",
            "swift://",
            "swift+https://u:k@http://auth/v3/glance/obj",
            "swift+https://http://auth/v3/glance/obj",
            "swift+https://uk@auth/v3/glance/obj",
            "swift+https://u:k@a@auth/v3/glance/obj",
            "swift+https://u:k@auth/obj",
            "swift+https://u:k@auth",
            "swift+https://u:k@auth/v3/../obj",
            "swift+https://u:k@auth/v3/glance/..",
            "swift+https://u:k@auth/v3/glance/",
            "swift+config://ref1/obj",
            "swift+config://ref1/more/glance/obj",
            "swift+config:///glance/obj",
            "SWIFT://u:k@auth/glance/obj",
            "file://u:k@auth/glance/obj",
        ] {
            assert_eq!(Place::parse(url), None, "{url}");
        }
    }

    #[test]
    fn no_credential_is_printed() {
        let printed = format!("{:?}", place(user("https://canary", "canary", "canary")));
        assert!(!printed.contains("canary"), "{printed}");
    }

    proptest! {
        #[test]
        fn any_credentials_come_back(name in "\\PC{1,20}", key in "\\PC{1,20}") {
            let place = place(user("https://auth.example:5000/v3", &name, &key));
            prop_assert_eq!(Place::parse(&place.url()), Some(place));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
            let _ = Place::parse(&text);
            let _ = Place::parse(&format!("swift+https://{text}"));
        }
    }
}
