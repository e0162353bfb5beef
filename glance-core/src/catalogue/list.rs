//! Listing images.

use super::Images;
use super::target::ImageTarget;
use crate::database::{Direction, Filter, ImageQuery, RepoError, SeenImage, SortKey, Viewer, VisibilityFilter};
use crate::error::Error;
use crate::image::{Image, ImageId, Visibility};
use crate::member::MemberStatus;
use crate::policy::Value;

/// Which images to list, and which page of them.
#[derive(Debug, Clone, PartialEq)]
pub struct ListRequest {
    /// The page begins behind this image.
    pub marker: Option<ImageId>,
    /// Images on the page; `None` for the default. More than the maximum means the maximum.
    pub limit: Option<usize>,
    /// Order, most significant first; `created_at` and `id` are appended where they are missing.
    pub sort: Vec<(SortKey, Direction)>,
    /// The direction of the keys that are appended.
    pub tie_break: Direction,
    /// Which visibilities.
    pub visibility: VisibilityWish,
    /// Which answers make a shared image appear; `None` for any.
    pub member_status: Option<MemberStatus>,
    /// Hidden images only, instead of all others.
    pub hidden: bool,
    /// All of these must hold.
    pub filters: Vec<Filter>,
    /// All of these tags.
    pub tags: Vec<String>,
}

/// Which visibilities a caller asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VisibilityWish {
    /// Everything but the community images of others.
    #[default]
    Usual,
    /// Everything.
    All,
    /// One visibility.
    Only(Visibility),
}

impl Default for ListRequest {
    fn default() -> Self {
        Self {
            marker: None,
            limit: None,
            sort: Vec::new(),
            tie_break: Direction::Descending,
            visibility: VisibilityWish::Usual,
            member_status: Some(MemberStatus::Accepted),
            hidden: false,
            filters: Vec::new(),
            tags: Vec::new(),
        }
    }
}

/// Some images of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The images, in order.
    pub images: Vec<Image>,
    /// The marker of the next page; `None` if this page was not full.
    pub next: Option<ImageId>,
}

impl Images<'_> {
    /// One page of the images that the caller sees and `request` asks for.
    ///
    /// Images that policy does not let the caller look at are left out of the page, which then is
    /// shorter than asked for. A filter on a property that the caller may not read finds nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] by policy; [`Error::Invalid`] if the marker is no image that the
    /// caller sees.
    pub async fn list(&self, request: &ListRequest) -> Result<Page, Error> {
        self.may_list()?;
        let project = self.context.project_id.as_deref();
        let settings = &self.registry.settings;
        let limit = request.limit.unwrap_or(settings.limit_param_default).min(settings.api_limit_max);
        let query = ImageQuery {
            viewer: Viewer { admin: self.admin, project: project.map(str::to_owned) },
            visibility: match request.visibility {
                VisibilityWish::Usual => VisibilityFilter::Usual,
                VisibilityWish::All => VisibilityFilter::All,
                VisibilityWish::Only(one) => VisibilityFilter::Only(one),
            },
            member_status: request.member_status,
            hidden: request.hidden,
            filters: self.readable_filters(&request.filters),
            tags: request.tags.clone(),
            sort: total_order(&request.sort, request.tie_break),
            marker: match request.marker {
                Some(marker) => Some(Box::new(self.marker(marker).await?)),
                None => None,
            },
            limit,
        };
        if limit == 0 || query.filters.contains(&Filter::Nothing) {
            return Ok(Page { images: Vec::new(), next: None });
        }
        let found = self.registry.database.images(&query).await?;
        let next = found.last().filter(|_| found.len() == limit).map(|last| last.image.id);
        let images = self.those_allowed(found);
        Ok(Page { images, next })
    }

    /// Whether the caller may list images at all. [`Images::list`] asks the same; this is for those who would find
    /// fault with a request first.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] by policy.
    pub fn may_list(&self) -> Result<(), Error> {
        // A caller without a project lists nothing of its own: its target has no project to match.
        self.allow_on("get_images", &[("project_id", Value::from(self.context.project_id.as_deref()))])
    }

    fn those_allowed(&self, found: Vec<SeenImage>) -> Vec<Image> {
        let policy = self.registry.policy.load();
        let mut readable = self.readable();
        found
            .into_iter()
            .filter(|seen| {
                let target = ImageTarget::new(seen, self.context.project_id.as_deref());
                policy.enforce("get_image", &target, self.context).is_ok()
            })
            .map(|seen| self.shown_with(&mut readable, seen.image))
            .collect()
    }

    /// A marker the caller does not see is no better than one that never was: anything else would
    /// tell strangers which ids exist.
    async fn marker(&self, id: ImageId) -> Result<Image, Error> {
        match self.registry.database.marker(id, self.context.project_id.as_deref()).await {
            Ok(marker) if self.admin || (!marker.deleted && self.sees(&marker.seen)) => Ok(marker.seen.image),
            Ok(_) | Err(RepoError::NotFound) => Err(Error::Invalid(format!("the marker {id} is no image found here"))),
            Err(error) => Err(error.into()),
        }
    }
}

fn total_order(wanted: &[(SortKey, Direction)], tie_break: Direction) -> Vec<(SortKey, Direction)> {
    let mut sort: Vec<(SortKey, Direction)> = Vec::with_capacity(wanted.len() + 2);
    for (key, direction) in wanted {
        if !sort.iter().any(|(known, _)| known == key) {
            sort.push((*key, *direction));
        }
    }
    for key in [SortKey::CreatedAt, SortKey::Id] {
        if !sort.iter().any(|(known, _)| *known == key) {
            sort.push((key, tie_break));
        }
    }
    // Nothing behind the id orders anything.
    if let Some(at) = sort.iter().position(|(key, _)| *key == SortKey::Id) {
        sort.truncate(at + 1);
    }
    sort
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_total() {
        use Direction::{Ascending, Descending};
        assert_eq!(total_order(&[], Descending), [(SortKey::CreatedAt, Descending), (SortKey::Id, Descending)]);
        assert_eq!(
            total_order(&[(SortKey::Name, Ascending), (SortKey::Name, Descending)], Ascending),
            [(SortKey::Name, Ascending), (SortKey::CreatedAt, Ascending), (SortKey::Id, Ascending)]
        );
        assert_eq!(
            total_order(&[(SortKey::Id, Ascending), (SortKey::Name, Ascending)], Descending),
            [(SortKey::Id, Ascending)]
        );
    }
}
