//! The queries of lists.

mod dates;
mod filters;
mod links;
mod metadefs;
mod sort;
mod values;

use glance_core::catalogue::{ListRequest, VisibilityWish};
use glance_core::member::MemberStatus;

use crate::api::error::ApiError;

pub(in crate::api) use links::Links;
pub(super) use metadefs::{NamespaceListQuery, check_object_query, resource_type, tag_query};

/// The most filters, and the most tags, that one request may name: what a request costs must not
/// grow with what a client types.
const MOST: usize = 32;

/// The most parameters of one request, repeated ones and those that say nothing included: each is
/// looked for among all of them, and repeated in links.
const MOST_PAIRS: usize = 8 * MOST;

/// What a client asks of the list.
#[derive(Debug)]
pub(super) struct ListQuery {
    /// What to list.
    pub(super) request: ListRequest,
    /// Where the first and the next page are.
    pub(super) links: Links,
}

/// A query whose filters and marker are not read yet: the Python server, too, finds fault with those only for callers
/// who may list images.
#[derive(Debug)]
pub(super) struct Unfiltered {
    request: ListRequest,
    pairs: Pairs,
}

impl ListQuery {
    /// Reads the part of a URL behind `?`, but for filters and marker.
    ///
    /// # Errors
    ///
    /// 400 naming the parameter.
    pub(super) fn read(query: &str) -> Result<Unfiltered, ApiError> {
        let pairs = Pairs::decode(query);
        if pairs.0.len() > MOST_PAIRS {
            return Err(ApiError::invalid(format!("A list takes at most {MOST_PAIRS} parameters.")));
        }
        filters::check_early(&pairs)?;
        let mut request = ListRequest {
            limit: pairs.last("limit").map(limit).transpose()?,
            visibility: pairs
                .last("visibility")
                .map_or(Ok(Some(VisibilityWish::Usual)), visibility)?
                .unwrap_or_default(),
            member_status: pairs.last("member_status").map_or(Ok(Some(MemberStatus::Accepted)), member_status)?,
            hidden: pairs.last("os_hidden").map_or(Ok(false), hidden)?,
            tags: pairs.all("tag").map(|tag| tag.trim().to_owned()).collect(),
            ..ListRequest::default()
        };
        sort::read(&pairs, &mut request)?;
        Ok(Unfiltered { request, pairs })
    }
}

impl Unfiltered {
    /// Reads filters and marker.
    ///
    /// # Errors
    ///
    /// 400 naming the parameter.
    pub(super) fn filtered(self) -> Result<ListQuery, ApiError> {
        let Self { request, pairs } = self;
        let marker = pairs.last("marker").map(marker).transpose()?;
        let request = ListRequest { marker, filters: filters::read(&pairs)?, ..request };
        if request.filters.len() > MOST || request.tags.len() > MOST {
            return Err(ApiError::invalid(format!("A list takes at most {MOST} filters and {MOST} tags.")));
        }
        Ok(ListQuery { request, links: Links::new("/v2/images", pairs) })
    }
}

/// The parameters of a query in their order, decoded.
#[derive(Debug)]
pub(super) struct Pairs(Vec<(String, String)>);

impl Pairs {
    fn decode(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// The value of a parameter of which the last one counts.
    fn last(&self, name: &str) -> Option<&str> {
        self.0.iter().rfind(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The values of a parameter that may be repeated.
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn has(&self, name: &str) -> bool {
        self.last(name).is_some()
    }

    /// Every parameter once, with its last value, in the order they first appear.
    fn distinct(&self) -> impl Iterator<Item = (&str, &str)> {
        let first = |at: usize, name: &str| !self.0[..at].iter().any(|(known, _)| known == name);
        self.0
            .iter()
            .enumerate()
            .filter(move |(at, (name, _))| first(*at, name))
            .filter_map(|(_, (name, _))| Some((name.as_str(), self.last(name)?)))
    }
}

fn bad(name: &str, value: &str, why: &str) -> ApiError {
    ApiError::invalid(format!("The parameter {name} cannot be {value:?}: {why}."))
}

fn marker(value: &str) -> Result<glance_core::image::ImageId, ApiError> {
    value.parse().map_err(|_| bad("marker", value, "it is the id of no image"))
}

fn limit(value: &str) -> Result<usize, ApiError> {
    match value.trim().parse::<i64>() {
        Ok(limit) => usize::try_from(limit).map_err(|_| bad("limit", value, "it must not be negative")),
        Err(_) => Err(bad("limit", value, "it must be an integer")),
    }
}

/// `None` for the empty value, which no image has.
fn visibility(value: &str) -> Result<Option<VisibilityWish>, ApiError> {
    match value {
        "" => Ok(None),
        "all" => Ok(Some(VisibilityWish::All)),
        value => match value.parse() {
            Ok(one) => Ok(Some(VisibilityWish::Only(one))),
            Err(_) => Err(bad("visibility", value, "it must be one of public, private, shared, community, all")),
        },
    }
}

fn member_status(value: &str) -> Result<Option<MemberStatus>, ApiError> {
    match value {
        "all" => Ok(None),
        value => match value.parse() {
            Ok(status) => Ok(Some(status)),
            Err(_) => Err(bad("member_status", value, "it must be one of pending, accepted, rejected, all")),
        },
    }
}

fn hidden(value: &str) -> Result<bool, ApiError> {
    match value.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(bad("os_hidden", value, "it must be true or false")),
    }
}

#[cfg(test)]
mod tests;
