//! Things with a table of their own: read, recorded, changed, removed.

use glance_core::database::{ItemChange, RepoError};
use glance_core::metadefs::Recorded;
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Params, params_from_iter};

use super::table::{Table, recorded};
use crate::database::sqlite::text;

/// All things of a kind in the namespace `parent`, or of a kind that is in none.
pub(super) fn all<T: Table>(
    db: &Connection,
    doing: &'static str,
    parent: Option<i64>,
) -> Result<Vec<Recorded<T>>, RepoError> {
    let query = match parent {
        Some(_) => format!("{} WHERE namespace_id = ? ORDER BY {}", select::<T>(), T::ORDER),
        None => format!("{} ORDER BY {}", select::<T>(), T::ORDER),
    };
    read(db, doing, &query, params_from_iter(parent))
}

/// The thing called `name`.
pub(super) fn find<T: Table>(
    db: &Connection,
    doing: &'static str,
    parent: Option<i64>,
    name: &str,
) -> Result<Recorded<T>, RepoError> {
    let query = format!("{} WHERE {}", select::<T>(), named::<T>(parent));
    db.prepare_cached(&query)
        .and_then(|mut query| {
            query.query_row(params_from_iter(place(parent, name)), |row| Ok(recorded(row))).optional()
        })
        .map_err(RepoError::failed(doing))?
        .ok_or(RepoError::NotFound)?
        .map_err(RepoError::failed(doing))
}

/// What `query`, which begins with [`select`], finds.
pub(super) fn read<T: Table>(
    db: &Connection,
    doing: &'static str,
    query: &str,
    values: impl Params,
) -> Result<Vec<Recorded<T>>, RepoError> {
    let mut query = db.prepare_cached(query).map_err(RepoError::failed(doing))?;
    let mut rows = query.query(values).map_err(RepoError::failed(doing))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(RepoError::failed(doing))? {
        found.push(recorded(row).map_err(RepoError::failed(doing))?);
    }
    Ok(found)
}

/// `SELECT … FROM …` of all that makes a thing.
pub(super) fn select<T: Table>() -> String {
    format!("SELECT {}, created_at, updated_at FROM {}", T::COLUMNS.join(", "), T::NAME)
}

fn named<T: Table>(parent: Option<i64>) -> String {
    let name = T::COLUMNS[0];
    if parent.is_some() { format!("namespace_id = ? AND {name} = ?") } else { format!("{name} = ?") }
}

fn place(parent: Option<i64>, name: &str) -> impl Iterator<Item = Value> {
    parent.map(Value::Integer).into_iter().chain([Value::Text(name.to_owned())])
}

/// Makes a change.
///
/// # Errors
///
/// [`RepoError::NotFound`], [`RepoError::Exists`], [`RepoError::Failed`].
pub(super) fn change<T: Table>(
    db: &Connection,
    doing: &'static str,
    parent: Option<i64>,
    change: &ItemChange<T>,
) -> Result<(), RepoError> {
    match change {
        ItemChange::Add(thing) => add(db, doing, parent, thing),
        ItemChange::Set { name, to, at } => {
            let columns: Vec<String> = T::COLUMNS.iter().map(|column| format!("{column} = ?")).collect();
            let statement =
                format!("UPDATE {} SET {}, updated_at = ? WHERE {}", T::NAME, columns.join(", "), named::<T>(parent));
            let mut values = to.row().map_err(RepoError::failed(doing))?;
            values.push(text::of_time(*at).into());
            values.extend(place(parent, name));
            some(write(db, doing, &statement, values)?)
        }
        ItemChange::Remove(name) => {
            let statement = format!("DELETE FROM {} WHERE {}", T::NAME, named::<T>(parent));
            some(write(db, doing, &statement, place(parent, name))?)
        }
        ItemChange::RemoveAll => {
            let of_parent = if parent.is_some() { " WHERE namespace_id = ?" } else { "" };
            let statement = format!("DELETE FROM {}{of_parent}", T::NAME);
            write(db, doing, &statement, parent.map(Value::Integer)).map(drop)
        }
    }
}

fn add<T: Table>(
    db: &Connection,
    doing: &'static str,
    parent: Option<i64>,
    thing: &Recorded<T>,
) -> Result<(), RepoError> {
    let mut columns = T::COLUMNS.to_vec();
    columns.extend(["created_at", "updated_at"]);
    let mut values = thing.item.row().map_err(RepoError::failed(doing))?;
    values.extend(times(thing));
    if let Some(parent) = parent {
        columns.push("namespace_id");
        values.push(Value::Integer(parent));
    }
    let places = vec!["?"; columns.len()].join(", ");
    let statement = format!("INSERT INTO {} ({}) VALUES ({places})", T::NAME, columns.join(", "));
    write(db, doing, &statement, values).map(drop)
}

/// The values of the columns `created_at` and `updated_at`.
pub(super) fn times<T>(thing: &Recorded<T>) -> [Value; 2] {
    let updated_at = thing.updated_at.map_or(Value::Null, |time| text::of_time(time).into());
    [text::of_time(thing.created_at).into(), updated_at]
}

/// Runs a statement and says how many rows it changed.
///
/// # Errors
///
/// [`RepoError::Exists`] where the row would take a name that is taken.
pub(super) fn write(
    db: &Connection,
    doing: &'static str,
    statement: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<usize, RepoError> {
    let done = db.prepare_cached(statement).and_then(|mut statement| statement.execute(params_from_iter(values)));
    done.map_err(|error| match error.sqlite_error() {
        Some(cause)
            if cause.code == ErrorCode::ConstraintViolation
                && matches!(
                    cause.extended_code,
                    rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY
                ) =>
        {
            RepoError::Exists
        }
        _ => RepoError::failed(doing)(error),
    })
}

/// Refuses to have changed nothing.
pub(super) fn some(rows: usize) -> Result<(), RepoError> {
    if rows == 0 { Err(RepoError::NotFound) } else { Ok(()) }
}
