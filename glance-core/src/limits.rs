//! What a project may hold, and what it holds. The names are those of the unified limits of Python Glance.

use std::fmt;

use async_trait::async_trait;

use crate::image::{Image, Status};
use crate::store::BoxError;

/// Who knows what projects may hold.
///
/// Without one, `user_storage_quota` of the [`Settings`](crate::Settings) holds for every project; with one, that
/// setting does not count.
#[async_trait]
pub trait Limits: fmt::Debug + Send + Sync + 'static {
    /// What `project` may hold now. What nobody said anything of is 0, not unlimited.
    ///
    /// # Errors
    ///
    /// [`LimitsError`]. Whatever would need more room is then refused.
    async fn of(&self, project: &str) -> Result<ProjectLimits, LimitsError>;
}

/// Why nobody knows what a project may hold.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LimitsError {
    /// Whoever knows cannot be asked now; later it may.
    #[error("limits cannot be asked for now")]
    Unavailable(#[source] BoxError),
    /// Asking is not set up as it has to be, and will go on failing.
    #[error("limits cannot be asked for")]
    Failed(#[source] BoxError),
}

/// Something a project has a limited amount of. The names are those that limits are registered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Bytes of image data in stores.
    ImageSizeTotal,
    /// Bytes of image data waiting for an import, or being copied to further stores.
    ImageStageTotal,
    /// Images.
    ImageCountTotal,
    /// Images that data is on its way into.
    ImageCountUploading,
}

impl Resource {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 4] =
        [Self::ImageSizeTotal, Self::ImageStageTotal, Self::ImageCountTotal, Self::ImageCountUploading];

    /// The name a limit is registered by: `image_size_total`, …
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ImageSizeTotal => "image_size_total",
            Self::ImageStageTotal => "image_stage_total",
            Self::ImageCountTotal => "image_count_total",
            Self::ImageCountUploading => "image_count_uploading",
        }
    }

    /// Whether it is counted in bytes here; limits of such are registered in MiB.
    #[must_use]
    pub fn is_bytes(self) -> bool {
        matches!(self, Self::ImageSizeTotal | Self::ImageStageTotal)
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a project may hold; `None`: any amount.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProjectLimits {
    /// Bytes.
    pub image_size_total: Option<u64>,
    /// Bytes.
    pub image_stage_total: Option<u64>,
    /// Images.
    pub image_count_total: Option<u64>,
    /// Images.
    pub image_count_uploading: Option<u64>,
}

impl ProjectLimits {
    /// No limits at all.
    pub const NONE: Self =
        Self { image_size_total: None, image_stage_total: None, image_count_total: None, image_count_uploading: None };

    /// So many bytes in stores (`None`: any number), and no other limit.
    #[must_use]
    pub fn bytes(image_size_total: Option<u64>) -> Self {
        Self { image_size_total, ..Self::NONE }
    }

    /// The limit of one resource.
    #[must_use]
    pub fn of(&self, resource: Resource) -> Option<u64> {
        match resource {
            Resource::ImageSizeTotal => self.image_size_total,
            Resource::ImageStageTotal => self.image_stage_total,
            Resource::ImageCountTotal => self.image_count_total,
            Resource::ImageCountUploading => self.image_count_uploading,
        }
    }

    /// Whether a project that holds `usage` may hold `delta` more.
    ///
    /// # Errors
    ///
    /// [`Excess`] if it would be over the limit then. A limit that is reached exactly is kept.
    pub fn allow(&self, resource: Resource, usage: u64, delta: u64) -> Result<(), Excess> {
        match self.of(resource) {
            Some(limit) if usage.saturating_add(delta) > limit => Err(Excess { resource, limit, usage, delta }),
            _ => Ok(()),
        }
    }
}

impl ProjectLimits {
    /// Whether a project that holds `usage` may hold all of `more` beside it. What there is no more of is not looked at:
    /// a project may be over a limit already.
    ///
    /// # Errors
    ///
    /// [`Excess`] of the first resource it would be over the limit of.
    pub fn allow_all(&self, usage: &Usage, more: &Usage) -> Result<(), Excess> {
        let mut wanted = Resource::ALL.into_iter().filter(|resource| more.of(*resource) > 0);
        wanted.try_for_each(|resource| self.allow(resource, usage.of(resource), more.of(resource)))
    }
}

/// What a project holds, or what one image counts for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes.
    pub image_size_total: u64,
    /// Bytes.
    pub image_stage_total: u64,
    /// Images.
    pub image_count_total: u64,
    /// Images.
    pub image_count_uploading: u64,
}

impl Usage {
    /// What `image` counts for, as Python Glance counts: its size once for each location; nothing once it is killed,
    /// deleted or waits for a scrubber.
    #[must_use]
    pub fn of_image(image: &Image) -> Self {
        if matches!(image.status, Status::Killed | Status::Deleted | Status::PendingDelete) {
            return Self::default();
        }
        let size = image.size.unwrap_or(0);
        let is_copied = image.properties.get(IMPORTING_TO).is_some_and(|value| value.as_deref().is_some_and(is_text));
        let is_staged = matches!(image.status, Status::Uploading | Status::Importing) || is_copied;
        Self {
            image_size_total: size.saturating_mul(image.locations.len() as u64),
            image_stage_total: if is_staged { size } else { 0 },
            image_count_total: 1,
            image_count_uploading: u64::from(is_staged || image.status == Status::Saving),
        }
    }

    /// The usage of one resource.
    #[must_use]
    pub fn of(&self, resource: Resource) -> u64 {
        match resource {
            Resource::ImageSizeTotal => self.image_size_total,
            Resource::ImageStageTotal => self.image_stage_total,
            Resource::ImageCountTotal => self.image_count_total,
            Resource::ImageCountUploading => self.image_count_uploading,
        }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            image_size_total: self.image_size_total.saturating_add(other.image_size_total),
            image_stage_total: self.image_stage_total.saturating_add(other.image_stage_total),
            image_count_total: self.image_count_total.saturating_add(other.image_count_total),
            image_count_uploading: self.image_count_uploading.saturating_add(other.image_count_uploading),
        }
    }

    /// What is left without `other`, which is a part of it.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self {
            image_size_total: self.image_size_total.saturating_sub(other.image_size_total),
            image_stage_total: self.image_stage_total.saturating_sub(other.image_stage_total),
            image_count_total: self.image_count_total.saturating_sub(other.image_count_total),
            image_count_uploading: self.image_count_uploading.saturating_sub(other.image_count_uploading),
        }
    }
}

/// The property that lists the stores an image's data is still being copied to.
const IMPORTING_TO: &str = "os_glance_importing_to_stores";

fn is_text(text: &str) -> bool {
    !text.is_empty()
}

/// More than a project may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{resource} is limited to {limit}, of which {usage} are used and {delta} more are wanted")]
pub struct Excess {
    /// Of what.
    pub resource: Resource,
    /// What may be held.
    pub limit: u64,
    /// What is held.
    pub usage: u64,
    /// What was wanted besides.
    pub delta: u64,
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::Map;

    use super::*;
    use crate::image::ImageId;
    use crate::location::{ImageLocation, Location};

    fn image(status: Status, copied_to: Option<&str>) -> Image {
        let location = ImageLocation::new(Location::new("file:///x"), Map::new());
        let copied_to = copied_to.map(|stores| (IMPORTING_TO.to_owned(), Some(stores.to_owned())));
        Image {
            status,
            size: Some(10),
            locations: vec![location.clone(), location],
            properties: copied_to.into_iter().collect(),
            ..Image::queued(ImageId::random(), Timestamp::UNIX_EPOCH)
        }
    }

    #[test]
    fn what_an_image_counts_for_is_a_matter_of_its_status_and_its_copies() {
        for (status, copied_to, [size, stage, count, uploading]) in [
            (Status::Queued, None, [20, 0, 1, 0]),
            (Status::Saving, None, [20, 0, 1, 1]),
            (Status::Uploading, None, [20, 10, 1, 1]),
            (Status::Importing, None, [20, 10, 1, 1]),
            (Status::Importing, Some("a"), [20, 10, 1, 1]),
            (Status::Active, None, [20, 0, 1, 0]),
            (Status::Active, Some("a,b"), [20, 10, 1, 1]),
            (Status::Active, Some(""), [20, 0, 1, 0]),
            (Status::Deactivated, None, [20, 0, 1, 0]),
            (Status::Killed, Some("a"), [0; 4]),
            (Status::PendingDelete, Some("a"), [0; 4]),
            (Status::Deleted, None, [0; 4]),
        ] {
            let used = Usage::of_image(&image(status, copied_to));
            assert_eq!(Resource::ALL.map(|resource| used.of(resource)), [size, stage, count, uploading], "{status}");
        }
    }

    #[test]
    fn the_last_of_a_limit_can_be_used_and_no_more() {
        let limits = ProjectLimits { image_count_total: Some(3), ..ProjectLimits::bytes(Some(u64::MAX)) };
        for (resource, usage, delta, allowed) in [
            (Resource::ImageCountTotal, 2, 1, true),
            (Resource::ImageCountTotal, 3, 0, true),
            (Resource::ImageCountTotal, 3, 1, false),
            (Resource::ImageCountTotal, u64::MAX, u64::MAX, false),
            (Resource::ImageSizeTotal, u64::MAX, u64::MAX, true),
            (Resource::ImageCountUploading, u64::MAX, 1, true),
        ] {
            assert_eq!(limits.allow(resource, usage, delta).is_ok(), allowed, "{resource} {usage} {delta}");
        }
    }
}
