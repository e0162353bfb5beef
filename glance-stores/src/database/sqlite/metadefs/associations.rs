//! The table `metadef_namespace_resource_types`, whose rows have no name but that of the type they point at.

use std::collections::HashMap;

use glance_core::database::{ItemChange, RepoError};
use glance_core::metadefs::{Association, Recorded, ResourceType};
use glance_core::store::BoxError;
use rusqlite::types::Value;
use rusqlite::{Connection, Row};

use super::items::{self, some, times, write};
use super::table::stamps;
use crate::database::sqlite::row::{execute, one};
use crate::database::sqlite::text;

const SELECT: &str = "SELECT a.namespace_id, t.name, a.prefix, a.properties_target, a.created_at, a.updated_at \
     FROM metadef_namespace_resource_types a JOIN metadef_resource_types t ON t.id = a.resource_type_id \
     WHERE a.namespace_id IN (SELECT value FROM json_each(?1)) ORDER BY a.rowid";

/// The associations of one namespace, in the order of recording.
pub(super) fn of(
    db: &Connection,
    doing: &'static str,
    namespace: i64,
) -> Result<Vec<Recorded<Association>>, RepoError> {
    Ok(of_each(db, doing, &[namespace])?.remove(&namespace).unwrap_or_default())
}

/// The associations of several namespaces.
pub(super) fn of_each(
    db: &Connection,
    doing: &'static str,
    namespaces: &[i64],
) -> Result<HashMap<i64, Vec<Recorded<Association>>>, RepoError> {
    let mut found: HashMap<i64, Vec<Recorded<Association>>> = HashMap::new();
    let mut query = db.prepare_cached(SELECT).map_err(RepoError::failed(doing))?;
    let ids = namespaces.iter().copied().collect::<serde_json::Value>().to_string();
    let mut rows = query.query([ids]).map_err(RepoError::failed(doing))?;
    while let Some(row) = rows.next().map_err(RepoError::failed(doing))? {
        let (namespace, association) = read(row).map_err(RepoError::failed(doing))?;
        found.entry(namespace).or_default().push(association);
    }
    Ok(found)
}

fn read(row: &Row<'_>) -> Result<(i64, Recorded<Association>), BoxError> {
    let item = Association { resource_type: row.get(1)?, prefix: row.get(2)?, properties_target: row.get(3)? };
    let (created_at, updated_at) = stamps(row, 4)?;
    Ok((row.get(0)?, Recorded { item, created_at, updated_at }))
}

/// Makes a change to the associations of a namespace.
///
/// # Errors
///
/// [`RepoError::NotFound`], [`RepoError::Exists`], [`RepoError::Failed`].
pub(super) fn change(
    db: &Connection,
    doing: &'static str,
    namespace: i64,
    change: &ItemChange<Association>,
) -> Result<(), RepoError> {
    match change {
        ItemChange::Add(association) => add(db, doing, namespace, association),
        ItemChange::Set { name, to, at } => {
            let statement = "UPDATE metadef_namespace_resource_types \
                 SET prefix = ?, properties_target = ?, updated_at = ? \
                 WHERE resource_type_id = ? AND namespace_id = ?";
            let values = columns(to).into_iter().chain([text::of_time(*at).into()]);
            some(write(db, doing, statement, values.chain(pair(db, doing, name, namespace)?))?)
        }
        ItemChange::Remove(name) => {
            let statement =
                "DELETE FROM metadef_namespace_resource_types WHERE resource_type_id = ? AND namespace_id = ?";
            some(write(db, doing, statement, pair(db, doing, name, namespace)?)?)
        }
        ItemChange::RemoveAll => {
            let statement = "DELETE FROM metadef_namespace_resource_types WHERE namespace_id = ?";
            write(db, doing, statement, [Value::Integer(namespace)]).map(drop)
        }
    }
}

fn add(
    db: &Connection,
    doing: &'static str,
    namespace: i64,
    association: &Recorded<Association>,
) -> Result<(), RepoError> {
    let name = &association.item.resource_type;
    if type_of(db, doing, name)?.is_none() {
        let item = ResourceType { name: name.clone(), protected: false };
        let made = Recorded { item, created_at: association.created_at, updated_at: association.updated_at };
        items::change(db, doing, None, &ItemChange::Add(made))?;
    }
    let statement = "INSERT INTO metadef_namespace_resource_types \
         (resource_type_id, namespace_id, prefix, properties_target, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?)";
    let key = pair(db, doing, name, namespace)?;
    let values = key.into_iter().chain(columns(&association.item)).chain(times(association));
    write(db, doing, statement, values).map(drop)
}

/// Removes the associations of resource types that are about to be removed.
pub(super) fn release(
    db: &Connection,
    doing: &'static str,
    change: &ItemChange<ResourceType>,
) -> Result<(), RepoError> {
    match change {
        ItemChange::Remove(name) => {
            let statement = "DELETE FROM metadef_namespace_resource_types WHERE resource_type_id = ?1";
            execute(db, doing, statement, [type_of(db, doing, name)?]).map(drop)
        }
        ItemChange::RemoveAll => execute(db, doing, "DELETE FROM metadef_namespace_resource_types", []).map(drop),
        ItemChange::Add(_) | ItemChange::Set { .. } => Ok(()),
    }
}

fn type_of(db: &Connection, doing: &'static str, name: &str) -> Result<Option<i64>, RepoError> {
    one(db, doing, "SELECT id FROM metadef_resource_types WHERE name = ?1", [name])
}

/// The key of an association.
fn pair(db: &Connection, doing: &'static str, name: &str, namespace: i64) -> Result<[Value; 2], RepoError> {
    let kind = type_of(db, doing, name)?.ok_or(RepoError::NotFound)?;
    Ok([Value::Integer(kind), Value::Integer(namespace)])
}

fn columns(association: &Association) -> [Value; 2] {
    let some = |text: &Option<String>| text.clone().map_or(Value::Null, Value::Text);
    [some(&association.prefix), some(&association.properties_target)]
}
