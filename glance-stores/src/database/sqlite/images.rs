//! The table `images`, and every change to an image as one transaction.

use async_trait::async_trait;
use glance_core::database::{ImageQuery, ImageRepo, Marker, Removal, RepoError, SeenImage};
use glance_core::image::{Assigned, Image, ImageChange, ImageId, Status};
use glance_core::limits::{ProjectLimits, Resource};
use glance_core::member::MemberStatus;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::row::{self, execute, number, one};
use super::{Sqlite, children, journal, list, members, text, usage};

#[async_trait]
impl ImageRepo for Sqlite {
    async fn create_image(&self, image: &Image, limits: &ProjectLimits) -> Result<Image, RepoError> {
        const DOING: &str = "creating an image";
        let (image, limits) = (image.clone(), *limits);
        self.pool.write(DOING, move |db| create(db, DOING, &image, &limits)).await
    }

    async fn image(&self, id: ImageId, project: Option<&str>) -> Result<SeenImage, RepoError> {
        const DOING: &str = "reading an image";
        let project = project.map(str::to_owned);
        self.pool
            .read(DOING, move |db| {
                let image = read(db, DOING, id)?;
                let membership = membership(db, DOING, id, project.as_deref())?;
                Ok(SeenImage { image, membership })
            })
            .await
    }

    async fn images(&self, query: &ImageQuery) -> Result<Vec<SeenImage>, RepoError> {
        let query = query.clone();
        self.pool.read(list::DOING, move |db| list::page(db, &query)).await
    }

    async fn marker(&self, id: ImageId, project: Option<&str>) -> Result<Marker, RepoError> {
        const DOING: &str = "reading a marker";
        let project = project.map(str::to_owned);
        self.pool
            .read(DOING, move |db| {
                let query = format!("SELECT {}, deleted FROM images WHERE id = ?1", row::COLUMNS);
                let (image, deleted) = db
                    .prepare_cached(&query)
                    .and_then(|mut query| {
                        query.query_row([id.as_str()], |row| Ok((row::image_of(row), row.get("deleted")?))).optional()
                    })
                    .map_err(RepoError::failed(DOING))?
                    .ok_or(RepoError::NotFound)?;
                let image = with_children(db, DOING, image.map_err(RepoError::failed(DOING))?)?;
                let membership = membership(db, DOING, id, project.as_deref())?;
                Ok(Marker { seen: SeenImage { image, membership }, deleted })
            })
            .await
    }

    async fn update_image(
        &self,
        id: ImageId,
        expected: Status,
        change: &ImageChange,
        limits: &ProjectLimits,
    ) -> Result<Image, RepoError> {
        const DOING: &str = "changing an image";
        let (change, limits) = (change.clone(), *limits);
        self.pool
            .write(DOING, move |db| {
                let is_given = gives(db, DOING, id, &change)?;
                let image = update(db, DOING, id, expected, &change)?;
                if limits != ProjectLimits::NONE && change.owned_by.as_ref().is_some_and(|owner| *owner != image.owner)
                {
                    return Err(RepoError::Changed);
                }
                if is_given {
                    usage::may_be_given(db, DOING, &image, &limits)?;
                } else {
                    usage::allow_locations(db, DOING, &image, change.locations_added.len(), &limits)?;
                }
                Ok(image)
            })
            .await
    }

    async fn destroy_image(&self, id: ImageId, expected: Status, removal: &Removal) -> Result<(), RepoError> {
        const DOING: &str = "deleting an image";
        let removal = removal.clone();
        self.pool.write(DOING, move |db| destroy(db, DOING, id, expected, &removal)).await
    }
}

fn create(db: &Connection, doing: &'static str, image: &Image, limits: &ProjectLimits) -> Result<Image, RepoError> {
    if one::<i64>(db, doing, "SELECT 1 FROM images WHERE id = ?1", [image.id.as_str()])?.is_some() {
        return Err(RepoError::Exists);
    }
    usage::allow(db, doing, Resource::ImageCountTotal, image.owner.as_deref(), 1, limits)?;
    let size = |size: Option<u64>| size.map_or(Ok(Value::Null), |size| number(doing, size));
    let statement = format!(
        "INSERT INTO images ({}, deleted) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, 0)",
        row::COLUMNS
    );
    let values = params![
        image.id.as_str(),
        image.name,
        image.status.as_str(),
        image.visibility.as_str(),
        image.protected,
        image.hidden,
        image.owner,
        image.disk_format,
        image.container_format,
        image.min_disk,
        image.min_ram,
        size(image.size)?,
        size(image.virtual_size)?,
        image.checksum,
        image.os_hash_algo,
        image.os_hash_value,
        text::of_time(image.created_at),
        text::of_time(image.updated_at),
    ];
    execute(db, doing, &statement, values)?;
    let parts = ImageChange {
        properties_set: image.properties.clone(),
        tags_added: image.tags.clone(),
        locations_added: image.locations.clone(),
        ..ImageChange::touch(image.created_at)
    };
    children::write(db, doing, image.id, &parts)?;
    read(db, doing, image.id)
}

/// The whole image that has not been deleted.
///
/// # Errors
///
/// [`RepoError::NotFound`], [`RepoError::Failed`].
pub(super) fn read(db: &Connection, doing: &'static str, id: ImageId) -> Result<Image, RepoError> {
    let image = row::find(db, id, doing)?.ok_or(RepoError::NotFound)?;
    with_children(db, doing, image)
}

fn with_children(db: &Connection, doing: &'static str, image: Image) -> Result<Image, RepoError> {
    let mut images = [image];
    children::read(db, doing, &mut images)?;
    let [image] = images;
    Ok(image)
}

fn membership(
    db: &Connection,
    doing: &'static str,
    id: ImageId,
    project: Option<&str>,
) -> Result<Option<MemberStatus>, RepoError> {
    project.map_or(Ok(None), |project| members::status(db, doing, id, project))
}

/// Makes `change`, provided the image has the status `expected`, and returns it as it then is.
///
/// # Errors
///
/// As [`ImageRepo::update_image`].
pub(super) fn update(
    db: &Connection,
    doing: &'static str,
    id: ImageId,
    expected: Status,
    change: &ImageChange,
) -> Result<Image, RepoError> {
    expect_status(db, doing, id, expected)?;
    let mut statement = String::from("UPDATE images SET updated_at = ?");
    let mut values = vec![Value::Text(text::of_time(change.at))];
    for field in &change.fields {
        let (column, value) = column_of(doing, field)?;
        statement.push_str(", ");
        statement.push_str(column);
        statement.push_str(" = ?");
        values.push(value);
    }
    statement.push_str(" WHERE id = ?");
    values.push(Value::Text(id.to_string()));
    execute(db, doing, &statement, params_from_iter(values))?;
    children::write(db, doing, id, change)?;
    read(db, doing, id)
}

/// Whether `change` gives the image to somebody who does not own it yet.
fn gives(db: &Connection, doing: &'static str, id: ImageId, change: &ImageChange) -> Result<bool, RepoError> {
    const IS_OTHERS: &str = "SELECT owner IS NOT ?2 FROM images WHERE id = ?1 AND +deleted = 0";
    let owner = change.fields.iter().rev().find_map(|field| match field {
        Assigned::Owner(owner) => Some(owner),
        _ => None,
    });
    let Some(owner) = owner else { return Ok(false) };
    Ok(one(db, doing, IS_OTHERS, params![id.as_str(), owner])?.unwrap_or(false))
}

/// Compares the status. The caller holds the write lock, so it stays what it is until the commit.
///
/// # Errors
///
/// [`RepoError::NotFound`], [`RepoError::Stale`].
fn expect_status(db: &Connection, doing: &'static str, id: ImageId, expected: Status) -> Result<(), RepoError> {
    let query = "SELECT status FROM images WHERE id = ?1 AND +deleted = 0";
    let found = one::<String>(db, doing, query, [id.as_str()])?.ok_or(RepoError::NotFound)?;
    let found: Status = found.parse().map_err(RepoError::failed(doing))?;
    if found == expected { Ok(()) } else { Err(RepoError::Stale { expected, found }) }
}

fn column_of(doing: &'static str, field: &Assigned) -> Result<(&'static str, Value), RepoError> {
    let text = |value: &Option<String>| value.clone().map_or(Value::Null, Value::Text);
    let size = |value: &Option<u64>| value.map_or(Ok(Value::Null), |value| number(doing, value));
    Ok(match field {
        Assigned::Name(value) => ("name", text(value)),
        Assigned::Status(value) => ("status", Value::Text(value.to_string())),
        Assigned::Visibility(value) => ("visibility", Value::Text(value.to_string())),
        Assigned::Protected(value) => ("protected", Value::from(*value)),
        Assigned::Hidden(value) => ("os_hidden", Value::from(*value)),
        Assigned::Owner(value) => ("owner", text(value)),
        Assigned::DiskFormat(value) => ("disk_format", text(value)),
        Assigned::ContainerFormat(value) => ("container_format", text(value)),
        Assigned::MinDisk(value) => ("min_disk", Value::from(*value)),
        Assigned::MinRam(value) => ("min_ram", Value::from(*value)),
        Assigned::Size(value) => ("size", size(value)?),
        Assigned::VirtualSize(value) => ("virtual_size", size(value)?),
        Assigned::Checksum(value) => ("checksum", text(value)),
        Assigned::OsHashAlgo(value) => ("os_hash_algo", text(value)),
        Assigned::OsHashValue(value) => ("os_hash_value", text(value)),
    })
}

fn destroy(
    db: &Connection,
    doing: &'static str,
    id: ImageId,
    expected: Status,
    removal: &Removal,
) -> Result<(), RepoError> {
    expect_status(db, doing, id, expected)?;
    let at = text::of_time(removal.at);
    let image = "UPDATE images SET status = ?2, updated_at = ?3, deleted_at = ?3, deleted = 1 WHERE id = ?1";
    execute(db, doing, image, params![id.as_str(), removal.status.as_str(), at])?;
    let later = removal.status == Status::PendingDelete;
    let location = if later { "pending_delete" } else { "deleted" };
    let locations = "UPDATE image_locations SET status = ?2, updated_at = ?3, deleted_at = ?3, deleted = 1 \
         WHERE image_id = ?1 AND +deleted = 0";
    execute(db, doing, locations, params![id.as_str(), location, at])?;
    for statement in [
        "UPDATE image_properties SET deleted_at = ?2, deleted = 1 WHERE image_id = ?1 AND +deleted = 0",
        "UPDATE image_tags SET deleted_at = ?2, deleted = 1 WHERE image_id = ?1 AND +deleted = 0",
        // Of two rows for one member, which a race in the Python server leaves, one is enough.
        "UPDATE OR REPLACE image_members SET deleted_at = ?2, deleted = 1 WHERE image_id = ?1 AND +deleted = 0",
    ] {
        execute(db, doing, statement, params![id.as_str(), at])?;
    }
    if later {
        return Ok(());
    }
    journal::note_removals(db, doing, id, &removal.locations, &removal.process, removal.lease_until)
}
