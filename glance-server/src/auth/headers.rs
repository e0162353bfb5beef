//! Headers that say who is asking.

use http::HeaderMap;

/// The names in a comma-separated list, lower-case.
pub(super) fn list(text: Option<String>) -> Vec<String> {
    let list = text.unwrap_or_default();
    list.split(',').map(|name| name.trim().to_lowercase()).filter(|name| !name.is_empty()).collect()
}

/// The headers of a request, of which none may say two things.
pub(super) struct Headers<'a>(pub(super) &'a HeaderMap);

impl Headers<'_> {
    /// The value of a header; `None` for one that stands there twice or is no text: whatever a
    /// proxy meant by that, it is not for us to choose.
    #[expect(clippy::option_option, reason = "the outer one lets `?` give up on the whole request")]
    pub(super) fn one(&self, name: &str) -> Option<Option<&str>> {
        let mut values = self.0.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Some(None),
            (Some(value), None) => std::str::from_utf8(value.as_bytes()).ok().map(Some),
            (Some(_), Some(_)) => None,
        }
    }

    /// The first of these headers that is there. An empty one says that there is no such thing.
    #[expect(clippy::option_option, reason = "the outer one lets `?` give up on the whole request")]
    pub(super) fn first(&self, names: &[&str]) -> Option<Option<String>> {
        let mut found = None;
        for name in names {
            let value = self.one(name)?;
            found = found.or(value);
        }
        Some(found.map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned))
    }
}
