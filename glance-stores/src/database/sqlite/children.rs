//! Properties, tags and locations of images: read for a whole page at once, written one by one.

use std::collections::HashMap;

use glance_core::database::RepoError;
use glance_core::image::{Image, ImageChange, ImageId};
use glance_core::location::{ImageLocation, Location};
use rusqlite::{Connection, Row, params};

use super::row::{execute, one};
use super::text;

/// The lock of an import. Only the import takes and releases it; no other change to an image
/// touches its row.
const IMPORT_LOCK: &str = "os_glance_import_task";

// Glance's index on `deleted` alone would be SQLite's choice for these queries, and would make them
// read every row of the table; the index of the rows that are still there is named instead.
const PROPERTIES: &str = "SELECT image_id, name, value FROM image_properties \
     INDEXED BY glance_rs_properties_of_image \
     WHERE image_id IN (SELECT value FROM json_each(?1)) AND deleted = 0";
const TAGS: &str = "SELECT image_id, value FROM image_tags INDEXED BY glance_rs_tags_of_image \
     WHERE image_id IN (SELECT value FROM json_each(?1)) AND deleted = 0 ORDER BY id";
const LOCATIONS: &str = "SELECT image_id, id, value, meta_data FROM image_locations \
     INDEXED BY glance_rs_locations_of_image \
     WHERE image_id IN (SELECT value FROM json_each(?1)) AND deleted = 0 AND status = 'active' ORDER BY id";

/// Reads the properties, tags and locations of `images` in three queries.
///
/// # Errors
///
/// [`RepoError::Failed`].
pub(super) fn read(db: &Connection, doing: &'static str, images: &mut [Image]) -> Result<(), RepoError> {
    if images.is_empty() {
        return Ok(());
    }
    let ids = json_list(images.iter().map(|image| image.id.as_str()));
    let at: HashMap<_, _> = images.iter().enumerate().map(|(at, image)| (image.id, at)).collect();
    each(db, doing, PROPERTIES, &ids, |id, row| {
        if let Some(at) = at.get(&id) {
            images[*at].properties.insert(row.get(1)?, row.get(2)?);
        }
        Ok(())
    })?;
    each(db, doing, TAGS, &ids, |id, row| {
        let tag = row.get(1)?;
        // Two programs that add one tag at once leave two rows.
        if let Some(image) = at.get(&id).map(|at| &mut images[*at])
            && !image.tags.contains(&tag)
        {
            image.tags.push(tag);
        }
        Ok(())
    })?;
    each(db, doing, LOCATIONS, &ids, |id, row| {
        if let Some(at) = at.get(&id) {
            images[*at].locations.push(ImageLocation {
                id: Some(row.get(1)?),
                url: Location::new(row.get::<_, String>(2)?),
                metadata: text::json(row.get::<_, Option<String>>(3)?.as_deref()),
            });
        }
        Ok(())
    })
}

/// A JSON array of `texts`, for `IN (SELECT value FROM json_each(…))`: one statement for any number.
pub(super) fn json_list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.collect::<serde_json::Value>().to_string()
}

/// Runs a query whose first column is the id of an image. A row that cannot be read is left out:
/// one text of another program that is no UTF-8 must not hide a page of images.
fn each(
    db: &Connection,
    doing: &'static str,
    query: &str,
    ids: &str,
    mut take: impl FnMut(ImageId, &Row<'_>) -> rusqlite::Result<()>,
) -> Result<(), RepoError> {
    let mut query = db.prepare_cached(query).map_err(RepoError::failed(doing))?;
    let mut rows = query.query([ids]).map_err(RepoError::failed(doing))?;
    while let Some(row) = rows.next().map_err(RepoError::failed(doing))? {
        let Some(id) = row.get_ref(0).ok().and_then(|id| id.as_str().ok()?.parse().ok()) else { continue };
        if let Err(error) = take(id, row) {
            tracing::warn!(image = %id, %error, "left out a row that cannot be read");
        }
    }
    Ok(())
}

/// Writes what `change` says of properties, tags and locations.
///
/// # Errors
///
/// [`RepoError::LastLocation`], [`RepoError::Failed`].
pub(super) fn write(db: &Connection, doing: &'static str, id: ImageId, change: &ImageChange) -> Result<(), RepoError> {
    let at = text::of_time(change.at);
    for (name, value) in &change.properties_set {
        set_property(db, doing, id, name, value.as_deref(), &at)?;
    }
    for name in &change.properties_removed {
        remove_property(db, doing, id, name, &at)?;
    }
    for tag in &change.tags_removed {
        remove_tag(db, doing, id, tag, &at)?;
    }
    for tag in &change.tags_added {
        add_tag(db, doing, id, tag, &at)?;
    }
    super::locations::write(db, doing, id, change)
}

/// A row of a property is never deleted, and its name is unique with those of removed properties,
/// so the old row comes back. Its `deleted_at` has to go: the Python server's purge looks at nothing
/// else and would destroy the living row.
fn set_property(
    db: &Connection,
    doing: &'static str,
    id: ImageId,
    name: &str,
    value: Option<&str>,
    at: &str,
) -> Result<(), RepoError> {
    if name == IMPORT_LOCK {
        return Ok(());
    }
    let again = "UPDATE image_properties SET value = ?3, updated_at = ?4, deleted_at = NULL, deleted = 0 \
         WHERE image_id = ?1 AND name = ?2";
    let first = "INSERT INTO image_properties (image_id, name, value, created_at, updated_at, deleted) \
         VALUES (?1, ?2, ?3, ?4, ?4, 0)";
    let values = params![id.as_str(), name, value, at];
    if execute(db, doing, again, values)? == 0 {
        execute(db, doing, first, values)?;
    }
    Ok(())
}

fn remove_property(db: &Connection, doing: &'static str, id: ImageId, name: &str, at: &str) -> Result<(), RepoError> {
    if name == IMPORT_LOCK {
        return Ok(());
    }
    let statement = "UPDATE image_properties SET updated_at = ?3, deleted_at = ?3, deleted = 1 \
         WHERE image_id = ?1 AND name = ?2 AND +deleted = 0";
    execute(db, doing, statement, params![id.as_str(), name, at])?;
    Ok(())
}

fn add_tag(db: &Connection, doing: &'static str, id: ImageId, tag: &str, at: &str) -> Result<(), RepoError> {
    let there = "SELECT 1 FROM image_tags WHERE image_id = ?1 AND value = ?2 AND +deleted = 0";
    if one::<i64>(db, doing, there, params![id.as_str(), tag])?.is_some() {
        return Ok(());
    }
    let statement = "INSERT INTO image_tags (image_id, value, created_at, updated_at, deleted) \
         VALUES (?1, ?2, ?3, ?3, 0)";
    execute(db, doing, statement, params![id.as_str(), tag, at])?;
    Ok(())
}

fn remove_tag(db: &Connection, doing: &'static str, id: ImageId, tag: &str, at: &str) -> Result<(), RepoError> {
    let statement = "UPDATE image_tags SET updated_at = ?3, deleted_at = ?3, deleted = 1 \
         WHERE image_id = ?1 AND value = ?2 AND +deleted = 0";
    execute(db, doing, statement, params![id.as_str(), tag, at])?;
    Ok(())
}
