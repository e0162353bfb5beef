//! Links to other pages of a list.

use form_urlencoded::Serializer;

use super::Pairs;

/// Links to other pages of the same list: every parameter stays, repeated ones too, except the
/// marker.
#[derive(Debug)]
pub(in crate::api) struct Links(Pairs);

impl Links {
    pub(super) fn new(pairs: Pairs) -> Self {
        Self(pairs)
    }

    /// The link to the first page.
    pub(in crate::api) fn first(&self) -> String {
        self.link(None)
    }

    /// The link to the page behind the image with the id `marker`.
    pub(in crate::api) fn next(&self, marker: &str) -> String {
        self.link(Some(marker))
    }

    fn link(&self, marker: Option<&str>) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(self.0.0.iter().filter(|(name, _)| name != "marker"));
        query.extend_pairs(marker.map(|marker| ("marker", marker)));
        match query.finish() {
            query if query.is_empty() => "/v2/images".to_owned(),
            query => format!("/v2/images?{query}"),
        }
    }
}
