//! What projects may hold, and what they do hold.

use super::{Images, Registry};
use crate::error::Error;
use crate::limits::{Excess, ProjectLimits, Resource, Usage};

/// What a project holds, and what it may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// What it holds. Bytes that uploads under way have reserved are among those in stores.
    pub usage: Usage,
    /// What it may hold.
    pub limits: ProjectLimits,
}

impl Images<'_> {
    /// What the caller's project holds and may hold; `None` where no [`Limits`](crate::limits::Limits) are in
    /// force, and for callers without a project.
    ///
    /// # Errors
    ///
    /// [`Error::Limits`] if nobody knows the limits; [`Error::Database`].
    pub async fn held(&self) -> Result<Option<Held>, Error> {
        let (Some(project), Some(_)) = (&self.context.project_id, &self.registry.limits) else { return Ok(None) };
        let limits = self.registry.limits_of(Some(project)).await?;
        let usage = self.registry.database.usage(project).await?;
        Ok(Some(Held { usage, limits }))
    }
}

impl Registry {
    /// What `project` may hold. What nobody owns (`None`) is not limited.
    ///
    /// # Errors
    ///
    /// [`Error::Limits`].
    pub(super) async fn limits_of(&self, project: Option<&str>) -> Result<ProjectLimits, Error> {
        let Some(project) = project else { return Ok(ProjectLimits::NONE) };
        let Some(limits) = &self.limits else { return Ok(ProjectLimits::bytes(self.settings.user_storage_quota)) };
        limits.of(project).await.map_err(Error::Limits)
    }

    /// The refusal of what would be more than `project` may hold.
    pub(super) fn over(&self, project: Option<&str>, excess: &Excess) -> Error {
        let Excess { resource, limit, usage, delta } = excess;
        let project = project.unwrap_or_default();
        let what = match resource {
            Resource::ImageSizeTotal => "bytes of image data",
            Resource::ImageStageTotal => "bytes of staged image data",
            Resource::ImageCountTotal => "images",
            Resource::ImageCountUploading => "images that data is on its way into",
        };
        let name = if self.limits.is_some() { resource.as_str() } else { "user_storage_quota" };
        Error::OverLimit(format!(
            "project {project} may hold {limit} {what} ({name}): it holds {usage}, and this would take {delta} more"
        ))
    }
}
