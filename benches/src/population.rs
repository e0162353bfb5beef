//! A database full of images, made in one go.

use std::path::Path;

use glance_core::store::BoxError;
use glance_stores::database::sqlite::{Sqlite, SqliteOptions, Synchronous};
use rusqlite::{Connection, params};

/// The project that owns nine images in ten.
pub const HEAVY: &str = "heavy";
/// The project that owns one image in a thousand.
pub const LIGHT: &str = "light";

/// Every image has so many of each.
const PROPERTIES: u32 = 5;
const TAGS: u32 = 2;

const CREATE_IMAGE: &str = "INSERT INTO images (id, name, size, status, created_at, updated_at, deleted, disk_format, \
     container_format, checksum, owner, min_disk, min_ram, protected, virtual_size, visibility, os_hidden, \
     os_hash_algo, os_hash_value) \
     VALUES (?1, ?2, 1073741824, 'active', ?3, ?3, 0, 'qcow2', 'bare', ?4, ?5, 0, 0, 0, 10737418240, ?6, 0, \
     'sha512', ?7)";
const CREATE_PROPERTY: &str =
    "INSERT INTO image_properties (image_id, name, value, created_at, deleted) VALUES (?1, ?2, ?3, ?4, 0)";
const CREATE_TAG: &str = "INSERT INTO image_tags (image_id, value, created_at, deleted) VALUES (?1, ?2, ?3, 0)";
const CREATE_LOCATION: &str = "INSERT INTO image_locations (image_id, value, created_at, deleted, meta_data, status) \
     VALUES (?1, ?2, ?3, 0, '{\"store\": \"file\"}', 'active')";

/// Makes a database at `path` with `count` active images: one in a hundred public, the others
/// shared; 5 properties, 2 tags and a location each; one created every second.
///
/// # Errors
///
/// Those of SQLite.
pub fn populate(path: &Path, count: u32) -> Result<(), BoxError> {
    // Nobody needs the database after a power cut.
    drop(SqliteOptions::default().synchronous(Synchronous::Off).open(path)?);
    let mut connection = Connection::open(path)?;
    let transaction = connection.transaction()?;
    {
        let mut image = transaction.prepare(CREATE_IMAGE)?;
        let mut property = transaction.prepare(CREATE_PROPERTY)?;
        let mut tag = transaction.prepare(CREATE_TAG)?;
        let mut location = transaction.prepare(CREATE_LOCATION)?;
        for number in 0..count {
            let id = id(number);
            let at = created_at(number);
            let visibility = if number % 100 == 50 { "public" } else { "shared" };
            let (checksum, digest) = (format!("{number:032x}"), format!("{number:0128x}"));
            image.execute(params![id, format!("image {number}"), at, checksum, owner(number), visibility, digest])?;
            for which in 0..PROPERTIES {
                property.execute(params![id, format!("property_{which}"), format!("value {number}"), at])?;
            }
            for which in 0..TAGS {
                tag.execute(params![id, format!("tag{which}"), at])?;
            }
            location.execute(params![id, format!("file:///srv/images/{id}"), at])?;
        }
    }
    transaction.commit()?;
    connection.execute_batch("ANALYZE")?;
    Ok(())
}

/// Opens a populated database as a server does.
///
/// # Errors
///
/// If it is none.
pub fn open(path: &Path) -> Result<Sqlite, BoxError> {
    Ok(Sqlite::open(path)?)
}

/// The id of image `number`, counted from 0 in the order of their creation.
#[must_use]
pub fn id(number: u32) -> String {
    // Ids come in no order, as real ones do: the multiplier is odd, so no two are equal.
    let scattered = number.wrapping_mul(2_654_435_761);
    format!("{scattered:08x}-0000-4000-8000-{number:012x}")
}

fn owner(number: u32) -> String {
    match number % 1000 {
        0 => LIGHT.to_owned(),
        1..=900 => HEAVY.to_owned(),
        other => format!("project {other}"),
    }
}

fn created_at(number: u32) -> String {
    let (days, seconds) = (number / 86_400, number % 86_400);
    let (month, day) = (1 + days / 28 % 12, 1 + days % 28);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("2025-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.000000")
}

#[cfg(test)]
mod tests {
    use super::*;
    use glance_core::catalogue::ListRequest;
    use glance_core::memory::MemoryStore;
    use glance_core::{Glance, RequestContext, Stores};
    use std::sync::Arc;

    #[tokio::test]
    async fn a_populated_database_is_one_of_the_service() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("glance.db");
        populate(&path, 2000).unwrap();
        let stores = Stores::single(Arc::new(MemoryStore::new("none")));
        let glance = Glance::builder(Arc::new(open(&path).unwrap()), stores).build();
        let light = RequestContext::new("user", LIGHT, ["member", "reader"]);
        let request = ListRequest { limit: Some(1000), ..ListRequest::default() };
        let page = glance.images(&light).list(&request).await.unwrap();
        assert_eq!(page.images.len(), 2000 / 1000 + 2000 / 100);
        let newest = glance.images(&RequestContext::admin("any")).list(&ListRequest::default()).await.unwrap();
        assert_eq!(newest.images[0].id.to_string(), id(1999));
        assert_eq!((newest.images[0].tags.len(), newest.images[0].properties.len()), (2, 5));
    }
}
