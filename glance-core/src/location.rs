//! Where the data of an image lies.

use std::fmt;

use serde_json::{Map, Value};

use crate::digest::HashAlgorithm;
use crate::error::Error;

/// A store's address of one image's data, as a URL.
///
/// Some stores put credentials into it, so it prints its scheme and nothing else;
/// [`Location::expose`] is the one way out.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Location(String);

impl Location {
    /// Takes the URL as it is.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// What stands before `://`, or the empty text.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.0.split_once("://").map_or("", |(scheme, _)| scheme)
    }

    /// The whole URL, credentials included: for stores, databases and the answers that are meant
    /// to show it; never for logs and errors.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://…", self.scheme())
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({self})")
    }
}

/// One place the data of an image can be read from.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageLocation {
    /// The row that holds it; `None` for a location that is not recorded yet.
    pub id: Option<i64>,
    /// Where the data lies.
    pub url: Location,
    /// What the store and the operator say about it. In a registry of several stores the key
    /// `store` names the one that holds the data.
    pub metadata: Map<String, Value>,
}

impl ImageLocation {
    /// The key of `metadata` that names the store.
    pub const STORE: &str = "store";

    /// A location that is not recorded yet.
    #[must_use]
    pub fn new(url: Location, metadata: Map<String, Value>) -> Self {
        Self { id: None, url, metadata }
    }

    /// The id of the store that holds the data; `None` where a registry has a single store.
    #[must_use]
    pub fn store(&self) -> Option<&str> {
        self.metadata.get(Self::STORE).and_then(Value::as_str)
    }
}

/// A location that a client brings for an image without data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLocation {
    /// Where the data lies.
    pub url: Location,
    /// A digest that the client knows the data to have.
    pub digest: Option<KnownDigest>,
}

/// A digest of data that nobody has read here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDigest {
    /// The algorithm it was made with.
    pub algorithm: HashAlgorithm,
    /// The digest, lower-case hex.
    pub value: String,
}

/// The algorithms clients may know a digest by.
const KNOWN_BY: [HashAlgorithm; 4] =
    [HashAlgorithm::Sha1, HashAlgorithm::Sha256, HashAlgorithm::Sha512, HashAlgorithm::Md5];

/// The longest digest a body may carry, in characters.
const LONGEST_DIGEST: usize = 128;

impl NewLocation {
    /// A location without a known digest.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: Location::new(url), digest: None }
    }

    /// Reads the body of a request (`members-tags-locations.md` section 4). What else it holds is left alone.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] naming the member whose value is not as it should be.
    pub fn from_json(body: &Map<String, Value>) -> Result<Self, Error> {
        let url = body.get("url").and_then(Value::as_str).ok_or_else(|| invalid("url", "must be a text"))?;
        let digest = match body.get("validation_data") {
            None => None,
            Some(Value::Object(data)) => KnownDigest::from_json(data)?,
            Some(_) => return Err(invalid("validation_data", "must be an object")),
        };
        Ok(Self { digest, ..Self::new(url) })
    }
}

impl KnownDigest {
    fn from_json(data: &Map<String, Value>) -> Result<Option<Self>, Error> {
        if let Some(name) = data.keys().find(|name| !matches!(name.as_str(), "os_hash_algo" | "os_hash_value")) {
            return Err(invalid("validation_data", &format!("does not have {name:?}")));
        }
        let (algorithm, value) = match (data.get("os_hash_algo"), data.get("os_hash_value")) {
            (None, None) => return Ok(None),
            (Some(algorithm), Some(value)) => (algorithm.as_str(), value.as_str()),
            _ => return Err(invalid("validation_data", "needs os_hash_algo and os_hash_value, or neither")),
        };
        let known = KNOWN_BY.into_iter().find(|known| algorithm == Some(known.as_str()));
        let algorithm = known.ok_or_else(|| invalid("os_hash_algo", "must be sha1, sha256, sha512 or md5"))?;
        let value = value.filter(|value| value.chars().count() <= LONGEST_DIGEST);
        let value = value.ok_or_else(|| invalid("os_hash_value", "must be a text of at most 128 characters"))?;
        Ok(Some(Self { algorithm, value: value.to_ascii_lowercase() }))
    }

    /// Whether it can be a digest by its algorithm.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`].
    pub fn check(&self) -> Result<(), Error> {
        let length = self.algorithm.digest_len();
        if self.value.len() == 2 * length && self.value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(());
        }
        Err(invalid("os_hash_value", &format!("must be {length} bytes in hex")))
    }
}

fn invalid(name: &str, why: &str) -> Error {
    Error::Invalid(format!("field {name:?} {why}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// `members-tags-locations.md` section 4, row 1.
    #[test]
    fn bodies_are_read_by_the_table() {
        let read = |body: Value| NewLocation::from_json(body.as_object().unwrap());
        let sum = json!({"os_hash_algo": "md5", "os_hash_value": "AB"});
        let known = read(json!({"url": "http://a", "validation_data": sum, "other": 1})).unwrap().digest.unwrap();
        assert_eq!((known.algorithm, known.value.as_str()), (HashAlgorithm::Md5, "ab"));
        assert_eq!(read(json!({"url": "http://a", "validation_data": {}})).unwrap(), NewLocation::new("http://a"));
        for bad in [
            json!({}),
            json!({"url": null}),
            json!({"url": 5}),
            json!({"url": "u", "validation_data": null}),
            json!({"url": "u", "validation_data": []}),
            json!({"url": "u", "validation_data": {"checksum": "00"}}),
            json!({"url": "u", "validation_data": {"os_hash_algo": "md5"}}),
            json!({"url": "u", "validation_data": {"os_hash_value": "00"}}),
            json!({"url": "u", "validation_data": {"os_hash_algo": "MD5", "os_hash_value": "00"}}),
            json!({"url": "u", "validation_data": {"os_hash_algo": "sha384", "os_hash_value": "00"}}),
            json!({"url": "u", "validation_data": {"os_hash_algo": "md5", "os_hash_value": 0}}),
            json!({"url": "u", "validation_data": {"os_hash_algo": "md5", "os_hash_value": "0".repeat(129)}}),
        ] {
            assert!(matches!(read(bad.clone()), Err(Error::Invalid(_))), "{bad}");
        }
    }

    #[test]
    fn a_digest_has_the_length_of_its_algorithm() {
        let check = |value: &str| KnownDigest { algorithm: HashAlgorithm::Md5, value: value.to_owned() }.check();
        assert!(check(&"0a".repeat(16)).is_ok());
        for bad in ["", "0a", &"0g".repeat(16), &"0a".repeat(20)] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_location_prints_its_scheme_alone() {
        let location = Location::new("swift+https://user:secret@auth.example/container/object");
        assert_eq!(location.to_string(), "swift+https://…");
        assert_eq!(format!("{:?}", ImageLocation::new(location, Map::new())).matches("secret").count(), 0);
    }
}
