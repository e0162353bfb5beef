//! One page of images.

use glance_core::catalogue::Page;
use glance_core::image::Image;
use serde::{Serialize, Serializer};

use super::image::{ImageView, Shown};
use crate::api::v2::Links;

/// A page of images, with the links that lead to the first page and to the next.
#[derive(Debug, Serialize)]
pub(in crate::api) struct PageView<'a> {
    images: Images<'a>,
    first: String,
    schema: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl<'a> PageView<'a> {
    pub(in crate::api) fn new(page: &'a Page, links: &Links, shown: Shown<'a>) -> Self {
        Self {
            images: Images(&page.images, shown),
            first: links.first(),
            schema: "/v2/schemas/images",
            next: page.next.map(|marker| links.next(marker.as_str())),
        }
    }
}

#[derive(Debug)]
struct Images<'a>(&'a [Image], Shown<'a>);

impl Serialize for Images<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|image| ImageView::new(image, self.1)))
    }
}
