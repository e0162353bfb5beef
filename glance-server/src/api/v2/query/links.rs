//! Links to other pages of a list.

use form_urlencoded::Serializer;

use super::Pairs;

/// Links to other pages of the same list: every parameter stays, repeated ones too, except the
/// marker.
#[derive(Debug)]
pub(in crate::api) struct Links {
    path: &'static str,
    pairs: Pairs,
}

impl Links {
    /// Links to the list at `path`.
    pub(super) fn new(path: &'static str, pairs: Pairs) -> Self {
        Self { path, pairs }
    }

    /// The link to the first page.
    pub(in crate::api) fn first(&self) -> String {
        self.link(None)
    }

    /// The link to the page behind what `marker` names.
    pub(in crate::api) fn next(&self, marker: &str) -> String {
        self.link(Some(marker))
    }

    fn link(&self, marker: Option<&str>) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(self.pairs.0.iter().filter(|(name, _)| name != "marker"));
        query.extend_pairs(marker.map(|marker| ("marker", marker)));
        match query.finish() {
            query if query.is_empty() => self.path.to_owned(),
            query => format!("{}?{query}", self.path),
        }
    }
}
