//! Where the data of an image lies.

use std::fmt;

use serde_json::{Map, Value};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_prints_its_scheme_alone() {
        let location = Location::new("swift+https://user:secret@auth.example/container/object");
        assert_eq!(location.to_string(), "swift+https://…");
        assert_eq!(format!("{:?}", ImageLocation::new(location, Map::new())).matches("secret").count(), 0);
    }
}
