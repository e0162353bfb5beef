//! What a project holds, summed up, and whether it may hold more.
//!
//! Limits are looked at where the caller holds the write lock, so of two that share one, the second sees what the
//! first took.

use glance_core::database::RepoError;
use glance_core::image::Image;
use glance_core::limits::{ProjectLimits, Resource, Usage};
use rusqlite::Connection;

use super::row::{one, unsigned};

/// Everything `project` holds.
///
/// # Errors
///
/// [`RepoError::Failed`].
pub(super) fn usage(db: &Connection, doing: &'static str, project: &str) -> Result<Usage, RepoError> {
    let of = |resource| of_one(db, doing, resource, project);
    Ok(Usage {
        image_size_total: of(Resource::ImageSizeTotal)?,
        image_stage_total: of(Resource::ImageStageTotal)?,
        image_count_total: of(Resource::ImageCountTotal)?,
        image_count_uploading: of(Resource::ImageCountUploading)?,
    })
}

/// Whether `project` may hold `more` of something.
///
/// # Errors
///
/// [`RepoError::OverProjectLimit`], [`RepoError::Failed`].
pub(super) fn allow(
    db: &Connection,
    doing: &'static str,
    resource: Resource,
    project: Option<&str>,
    more: u64,
    limits: &ProjectLimits,
) -> Result<(), RepoError> {
    let (Some(project), Some(_)) = (project, limits.of(resource)) else { return Ok(()) };
    Ok(limits.allow(resource, of_one(db, doing, resource, project)?, more)?)
}

/// Whether data may be on its way into as many of the project's images as it is, now that one more was marked so.
///
/// # Errors
///
/// As [`allow`].
pub(super) fn allow_uploading(
    db: &Connection,
    doing: &'static str,
    project: Option<&str>,
    limits: &ProjectLimits,
) -> Result<(), RepoError> {
    const RESOURCE: Resource = Resource::ImageCountUploading;
    let (Some(project), Some(_)) = (project, limits.of(RESOURCE)) else { return Ok(()) };
    let now = of_one(db, doing, RESOURCE, project)?;
    Ok(limits.allow(RESOURCE, now.saturating_sub(1), 1)?)
}

/// Whether the owner of `image` may hold it as it now is, after it got `added` more locations.
///
/// # Errors
///
/// As [`allow`].
pub(super) fn allow_locations(
    db: &Connection,
    doing: &'static str,
    image: &Image,
    added: usize,
    limits: &ProjectLimits,
) -> Result<(), RepoError> {
    const RESOURCE: Resource = Resource::ImageSizeTotal;
    let (Some(owner), Some(_)) = (&image.owner, limits.of(RESOURCE).filter(|_| added > 0)) else { return Ok(()) };
    let now = of_one(db, doing, RESOURCE, owner)?;
    let more = image.size.unwrap_or(0).saturating_mul(added as u64);
    Ok(limits.allow(RESOURCE, now.saturating_sub(more), more)?)
}

/// Whether the owner of `image` may hold it, who did not own it before.
///
/// # Errors
///
/// As [`allow`]; [`RepoError::DataOnItsWay`].
pub(super) fn may_be_given(
    db: &Connection,
    doing: &'static str,
    image: &Image,
    limits: &ProjectLimits,
) -> Result<(), RepoError> {
    const ON_ITS_WAY: &str =
        "SELECT 1 FROM glance_rs_journal WHERE image_id = ?1 AND work IN ('upload', 'registration') LIMIT 1";
    let Some(owner) = image.owner.as_deref().filter(|_| *limits != ProjectLimits::NONE) else { return Ok(()) };
    if one::<i64>(db, doing, ON_ITS_WAY, [image.id.as_str()])?.is_some() {
        return Err(RepoError::DataOnItsWay);
    }
    let more = Usage::of_image(image);
    Ok(limits.allow_all(&usage(db, doing, owner)?.without(more), &more)?)
}

fn of_one(db: &Connection, doing: &'static str, resource: Resource, project: &str) -> Result<u64, RepoError> {
    match resource {
        Resource::ImageSizeTotal => {
            Ok(sum(db, doing, STORED, project)?.saturating_add(sum(db, doing, RESERVED, project)?))
        }
        Resource::ImageStageTotal => sum(db, doing, STAGED, project),
        Resource::ImageCountTotal => count(db, doing, IMAGES, project),
        Resource::ImageCountUploading => count(db, doing, UPLOADING, project),
    }
}

const STORED: &str = "SELECT i.size, (SELECT count(*) FROM image_locations l \
     WHERE l.image_id = i.id AND +l.status <> 'deleted') FROM images i \
     WHERE i.owner = ?1 AND i.size > 0 AND +i.status NOT IN ('killed', 'deleted', 'pending_delete')";

const RESERVED: &str = "SELECT reserved, 1 FROM glance_rs_journal WHERE project = ?1";

const STAGED: &str = "SELECT size, 1 FROM images WHERE owner = ?1 AND deleted = 0 AND \
     (status IN ('uploading', 'importing') OR status NOT IN ('killed', 'deleted', 'pending_delete') AND id IN \
     (SELECT image_id FROM image_properties \
     WHERE name = 'os_glance_importing_to_stores' AND value <> '' AND deleted = 0)) AND size > 0";

const IMAGES: &str = "SELECT count(*) FROM images \
     WHERE owner = ?1 AND deleted = 0 AND status NOT IN ('killed', 'deleted', 'pending_delete')";

const UPLOADING: &str = "SELECT count(*) FROM images WHERE owner = ?1 AND deleted = 0 AND \
     (status IN ('saving', 'uploading', 'importing') OR status NOT IN ('killed', 'deleted', 'pending_delete') AND id IN \
     (SELECT image_id FROM image_properties \
     WHERE name = 'os_glance_importing_to_stores' AND value <> '' AND deleted = 0))";

/// The sum of the products in the rows that `query` has for `project`. Summed up here and not by SQLite, whose sum fails when it overflows.
fn sum(db: &Connection, doing: &'static str, query: &str, project: &str) -> Result<u64, RepoError> {
    let mut query = db.prepare_cached(query).map_err(RepoError::failed(doing))?;
    let mut rows = query.query([project]).map_err(RepoError::failed(doing))?;
    let mut sum = 0_u64;
    while let Some(row) = rows.next().map_err(RepoError::failed(doing))? {
        let factor = |column| row.get(column).map(unsigned).map_err(RepoError::failed(doing));
        sum = sum.saturating_add(factor(0)?.saturating_mul(factor(1)?));
    }
    Ok(sum)
}

fn count(db: &Connection, doing: &'static str, query: &str, project: &str) -> Result<u64, RepoError> {
    Ok(one(db, doing, query, [project])?.map_or(0, unsigned))
}
