//! The table `image_locations`.

use glance_core::database::RepoError;
use glance_core::image::{ImageChange, ImageId};
use glance_core::location::ImageLocation;
use rusqlite::{Connection, params};

use super::row::{execute, one};
use super::text;

/// Writes what `change` says of locations. Rows it does not name stay as they are: the Python server
/// may have rewritten them since they were read.
///
/// # Errors
///
/// [`RepoError::LastLocation`], [`RepoError::Failed`].
pub(super) fn write(db: &Connection, doing: &'static str, id: ImageId, change: &ImageChange) -> Result<(), RepoError> {
    let at = text::of_time(change.at);
    for row in &change.locations_removed {
        let statement = "UPDATE image_locations SET status = 'deleted', updated_at = ?3, deleted_at = ?3, deleted = 1 \
             WHERE id = ?1 AND image_id = ?2 AND +deleted = 0";
        execute(db, doing, statement, params![row, id.as_str(), at])?;
    }
    for location in &change.locations_changed {
        let statement = "UPDATE image_locations SET value = ?3, meta_data = ?4, updated_at = ?5 \
             WHERE id = ?1 AND image_id = ?2 AND +deleted = 0";
        let metadata = metadata_of(doing, location)?;
        execute(db, doing, statement, params![location.id, id.as_str(), location.url.expose(), metadata, at])?;
    }
    for location in &change.locations_added {
        add(db, doing, id, location, &at)?;
    }
    if !change.locations_removed.is_empty() && change.status().is_none() && !any(db, doing, id)? {
        return Err(RepoError::LastLocation);
    }
    Ok(())
}

fn add(db: &Connection, doing: &'static str, id: ImageId, location: &ImageLocation, at: &str) -> Result<(), RepoError> {
    let statement = "INSERT INTO image_locations \
         (image_id, value, meta_data, status, created_at, updated_at, deleted) VALUES (?1, ?2, ?3, 'active', ?4, ?4, 0)";
    let metadata = metadata_of(doing, location)?;
    execute(db, doing, statement, params![id.as_str(), location.url.expose(), metadata, at])?;
    Ok(())
}

fn metadata_of(doing: &'static str, location: &ImageLocation) -> Result<String, RepoError> {
    text::of_json(&location.metadata).map_err(RepoError::failed(doing))
}

fn any(db: &Connection, doing: &'static str, id: ImageId) -> Result<bool, RepoError> {
    let query = "SELECT 1 FROM image_locations WHERE image_id = ?1 AND +deleted = 0 AND status = 'active' LIMIT 1";
    Ok(one::<i64>(db, doing, query, [id.as_str()])?.is_some())
}
