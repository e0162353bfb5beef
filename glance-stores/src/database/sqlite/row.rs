//! Rows of the table `images`, read as images.

use std::str::FromStr;

use glance_core::database::RepoError;
use glance_core::image::{Image, ImageId};
use glance_core::store::BoxError;
use rusqlite::types::{FromSql, Value};
use rusqlite::{Connection, OptionalExtension, Row};

use super::text;

/// What [`image_of`] reads, in its order.
pub(super) const COLUMNS: &str = "id, name, status, visibility, protected, os_hidden, owner, disk_format, \
     container_format, min_disk, min_ram, size, virtual_size, checksum, os_hash_algo, os_hash_value, \
     created_at, updated_at";

/// The image in a row of [`COLUMNS`], without properties, tags and locations.
///
/// # Errors
///
/// If the row, written by another program, makes no image: an id that is no UUID, an unknown status
/// or visibility, a time that is none.
pub(super) fn image_of(row: &Row<'_>) -> Result<Image, BoxError> {
    let created_at = text::time(&row.get::<_, String>(16)?)?;
    let updated_at = match row.get::<_, Option<String>>(17)? {
        Some(time) => text::time(&time)?,
        None => created_at,
    };
    Ok(Image {
        name: row.get(1)?,
        status: parsed(row, 2)?,
        visibility: parsed(row, 3)?,
        protected: row.get(4)?,
        hidden: row.get(5)?,
        owner: row.get(6)?,
        disk_format: row.get(7)?,
        container_format: row.get(8)?,
        min_disk: minimum(row, 9)?,
        min_ram: minimum(row, 10)?,
        size: size(row, 11)?,
        virtual_size: size(row, 12)?,
        checksum: row.get(13)?,
        os_hash_algo: row.get(14)?,
        os_hash_value: row.get(15)?,
        updated_at,
        ..Image::queued(parsed(row, 0)?, created_at)
    })
}

/// The text in a column as a `T`.
///
/// # Errors
///
/// If it is none.
pub(super) fn parsed<T>(row: &Row<'_>, column: usize) -> Result<T, BoxError>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    Ok(row.get::<_, String>(column)?.parse()?)
}

/// A negative size is none: nothing but a broken program writes it.
fn size(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    Ok(row.get::<_, Option<i64>>(column)?.and_then(|size| u64::try_from(size).ok()))
}

fn minimum(row: &Row<'_>, column: usize) -> rusqlite::Result<u32> {
    Ok(u32::try_from(row.get::<_, i64>(column)?.max(0)).unwrap_or(u32::MAX))
}

/// A number as the column takes it.
///
/// # Errors
///
/// [`RepoError::Failed`] beyond 2⁶³ − 1, the largest number a column holds.
pub(super) fn number(doing: &'static str, number: u64) -> Result<Value, RepoError> {
    i64::try_from(number).map(Value::Integer).map_err(RepoError::failed(doing))
}

/// A number that is never negative but for a broken writer.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// The image that has not been deleted, without properties, tags and locations; `None` if there is none.
///
/// # Errors
///
/// [`RepoError::Failed`].
pub(super) fn find(db: &Connection, id: ImageId, doing: &'static str) -> Result<Option<Image>, RepoError> {
    let query = format!("SELECT {COLUMNS} FROM images WHERE id = ?1 AND +deleted = 0");
    db.prepare_cached(&query)
        .and_then(|mut query| query.query_row([id.as_str()], |row| Ok(image_of(row))).optional())
        .map_err(RepoError::failed(doing))?
        .transpose()
        .map_err(RepoError::failed(doing))
}

/// The first column of the first row; `None` if there is no row.
///
/// # Errors
///
/// [`RepoError::Failed`].
pub(super) fn one<T: FromSql>(
    db: &Connection,
    doing: &'static str,
    query: &str,
    values: impl rusqlite::Params,
) -> Result<Option<T>, RepoError> {
    db.prepare_cached(query)
        .and_then(|mut query| query.query_row(values, |row| row.get(0)).optional())
        .map_err(RepoError::failed(doing))
}

/// Runs a statement and says how many rows it changed.
///
/// # Errors
///
/// [`RepoError::Failed`].
pub(super) fn execute(
    db: &Connection,
    doing: &'static str,
    statement: &str,
    values: impl rusqlite::Params,
) -> Result<usize, RepoError> {
    db.prepare_cached(statement).and_then(|mut statement| statement.execute(values)).map_err(RepoError::failed(doing))
}
