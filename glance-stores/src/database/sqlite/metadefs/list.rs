//! Lists of namespaces and tags, page by page.
//!
//! What a viewer sees is cut into parts that each lie in one stretch of an index. Of each part as many rows
//! are read as the page has, and what is on the page is read after that.

use std::collections::HashMap;

use glance_core::database::{
    Direction, ListedNamespace, NamespaceQuery, NamespaceSortKey, RepoError, TagQuery, TagSortKey,
};
use glance_core::metadefs::{Namespace, NamespaceVisibility, Recorded, Tag};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::{associations, items};
use crate::database::sqlite::sql::{Sql, text};

const DOING: &str = "listing namespaces";

/// The page of namespaces that `query` means.
///
/// # Errors
///
/// [`RepoError::NotFound`] for a marker that is not there.
pub(super) fn namespaces(db: &Connection, query: &NamespaceQuery) -> Result<Vec<ListedNamespace>, RepoError> {
    let order = Order { column: namespace_column(query.sort.0), direction: query.sort.1 };
    let marker = query.marker.as_ref();
    let of_marker = Sql { text: "namespace = ?".into(), values: marker.map(|name| text(name)).into_iter().collect() };
    let seek = match marker {
        Some(_) => Some(order.behind(db, DOING, "metadef_namespaces", &of_marker)?),
        None => None,
    };
    let is_for = query.resource_types.as_deref().map(|types| is_for(db, types)).transpose()?;
    let parts = parts(query).into_iter().map(|mut part| {
        if let Some(is_for) = &is_for {
            part.append(is_for);
        }
        if let Some(seek) = &seek {
            part.add(" AND ", []).append(seek);
        }
        part.add(&format!(" ORDER BY {} LIMIT ?", order.terms()), [limit(query.limit)]);
        let mut select = Sql::new("SELECT * FROM (SELECT id, created_at");
        select.add(&order.column.map(|column| format!(", {column}")).unwrap_or_default(), []);
        select.add(" FROM metadef_namespaces WHERE ", []).append(&part).add(")", []);
        select
    });
    let mut page = Sql::new("SELECT id FROM (");
    for (at, part) in parts.enumerate() {
        page.add(if at == 0 { "" } else { " UNION ALL " }, []).append(&part);
    }
    page.add(&format!(") ORDER BY {} LIMIT ?", order.terms()), [limit(query.limit)]);
    read(db, &ids(db, &page)?)
}

/// What the viewer sees, in parts that have no row in common.
fn parts(query: &NamespaceQuery) -> Vec<Sql> {
    const PUBLIC: &str = "visibility = 'public'";
    const PRIVATE: &str = "visibility = 'private'";
    if query.viewer.admin {
        return vec![Sql::new(match query.visibility {
            None => "true",
            Some(NamespaceVisibility::Public) => PUBLIC,
            Some(NamespaceVisibility::Private) => PRIVATE,
        })];
    }
    let own = |visibility: &str| {
        let project = query.viewer.project.as_deref()?;
        Some(Sql { text: format!("owner = ? AND {visibility}"), values: vec![text(project)] })
    };
    let public = Some(Sql::new(PUBLIC)).filter(|_| query.visibility != Some(NamespaceVisibility::Private));
    let private = own(PRIVATE).filter(|_| query.visibility != Some(NamespaceVisibility::Public));
    let neither = own("visibility IS NULL").filter(|_| query.visibility.is_none());
    let parts: Vec<Sql> = [public, private, neither].into_iter().flatten().collect();
    if parts.is_empty() { vec![Sql::new("false")] } else { parts }
}

/// Resource types of at most so many namespaces are rare.
const RARE: u32 = 200;

/// The condition that a namespace is for one of the resource types. Where they are rare, the namespaces are found from
/// the types, and sorted; otherwise each namespace in the order of the list is asked, until the page is full.
fn is_for(db: &Connection, types: &[String]) -> Result<Sql, RepoError> {
    const OF_TYPES: &str = "FROM metadef_resource_types t \
         JOIN metadef_namespace_resource_types a ON a.resource_type_id = t.id \
         WHERE t.name IN (SELECT value FROM json_each(?))";
    let names = types.iter().map(String::as_str).collect::<serde_json::Value>().to_string();
    let count = format!("SELECT count(*) FROM (SELECT 1 {OF_TYPES} LIMIT ?)");
    let count: u32 = db
        .prepare_cached(&count)
        .and_then(|mut count| count.query_row((&names, RARE + 1), |row| row.get(0)))
        .map_err(RepoError::failed(DOING))?;
    let text = if count <= RARE {
        format!(" AND id IN (SELECT a.namespace_id {OF_TYPES})")
    } else {
        format!(" AND EXISTS (SELECT 1 {OF_TYPES} AND a.namespace_id = metadef_namespaces.id)")
    };
    Ok(Sql { text, values: vec![Value::Text(names)] })
}

/// The page of tags that `query` means.
///
/// # Errors
///
/// [`RepoError::NotFound`] for a marker that is not there.
pub(super) fn tags(db: &Connection, namespace: i64, query: &TagQuery) -> Result<Vec<Recorded<Tag>>, RepoError> {
    const DOING: &str = "listing tags";
    let column = match query.sort.0 {
        TagSortKey::Name => Some("name"),
        TagSortKey::CreatedAt => None,
        TagSortKey::UpdatedAt => Some("updated_at"),
    };
    let order = Order { column, direction: query.sort.1 };
    let mut page = Sql::new(&items::select::<Tag>());
    page.add(" WHERE namespace_id = ?", [Value::Integer(namespace)]);
    if let Some(marker) = &query.marker {
        let of_marker = Sql {
            text: "namespace_id = ? AND name = ?".to_owned(),
            values: vec![Value::Integer(namespace), text(marker)],
        };
        page.add(" AND ", []).append(&order.behind(db, DOING, "metadef_tags", &of_marker)?);
    }
    page.add(&format!(" ORDER BY {} LIMIT ?", order.terms()), [limit(query.limit.unwrap_or(usize::MAX))]);
    items::read(db, DOING, &page.text, params_from_iter(page.values))
}

/// An order by a column, by the time of making and by the row; up or down in all of them.
#[derive(Clone, Copy)]
struct Order {
    /// `None` where the time of making comes first.
    column: Option<&'static str>,
    direction: Direction,
}

impl Order {
    fn terms(self) -> String {
        let word = if self.direction == Direction::Ascending { "ASC" } else { "DESC" };
        let columns = self.column.into_iter().chain(["created_at", "id"]);
        columns.map(|column| format!("{column} {word}")).collect::<Vec<_>>().join(", ")
    }

    /// The condition that a row comes after the row of `table` for which `of_marker` holds.
    fn behind(self, db: &Connection, doing: &'static str, table: &str, of_marker: &Sql) -> Result<Sql, RepoError> {
        let column = self.column.unwrap_or("created_at");
        let query = format!("SELECT created_at, id, {column} FROM {table} WHERE {}", of_marker.text);
        let [created_at, id, key]: [Value; 3] = db
            .prepare_cached(&query)
            .and_then(|mut query| {
                let read = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?]);
                query.query_row(params_from_iter(of_marker.values.iter()), read).optional()
            })
            .map_err(RepoError::failed(doing))?
            .ok_or(RepoError::NotFound)?;
        let compared = if self.direction == Direction::Ascending { ">" } else { "<" };
        if let Some(name @ ("namespace" | "name")) = self.column {
            // No two rows share it, so that an index of names can be entered here.
            return Ok(Sql { text: format!("{name} {compared} ?"), values: vec![key] });
        }
        let tie = format!("(created_at, id) {compared} (?, ?)");
        let Some(column) = self.column else {
            return Ok(Sql { text: tie, values: vec![created_at, id] });
        };
        // A value that is absent is lower than every other, and compares with none of them.
        let beyond = match (&key, self.direction) {
            (Value::Null, Direction::Ascending) => format!("{column} IS NOT NULL"),
            (Value::Null, Direction::Descending) => "false".to_owned(),
            (_, Direction::Ascending) => format!("{column} > ?"),
            (_, Direction::Descending) => format!("({column} < ? OR {column} IS NULL)"),
        };
        let mut behind = Sql::new("(");
        behind.add(&beyond, (key != Value::Null).then(|| key.clone()));
        behind.add(&format!(" OR ({column} IS ? AND {tie}))"), [key, created_at, id]);
        Ok(behind)
    }
}

fn namespace_column(key: NamespaceSortKey) -> Option<&'static str> {
    match key {
        NamespaceSortKey::Name => Some("namespace"),
        NamespaceSortKey::DisplayName => Some("display_name"),
        NamespaceSortKey::Description => Some("description"),
        NamespaceSortKey::Visibility => Some("visibility"),
        NamespaceSortKey::Protected => Some("protected"),
        NamespaceSortKey::Owner => Some("owner"),
        NamespaceSortKey::CreatedAt => None,
        NamespaceSortKey::UpdatedAt => Some("updated_at"),
    }
}

fn limit(limit: usize) -> Value {
    Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX))
}

fn ids(db: &Connection, page: &Sql) -> Result<Vec<i64>, RepoError> {
    let mut query = db.prepare_cached(&page.text).map_err(RepoError::failed(DOING))?;
    let rows = query.query_map(params_from_iter(page.values.iter()), |row| row.get(0));
    rows.and_then(Iterator::collect).map_err(RepoError::failed(DOING))
}

/// The namespaces with these keys, in their order, and what they are for.
fn read(db: &Connection, ids: &[i64]) -> Result<Vec<ListedNamespace>, RepoError> {
    let mut query = db
        .prepare_cached(&format!("{} WHERE id = ?", items::select::<Namespace>()))
        .map_err(RepoError::failed(DOING))?;
    let mut associations: HashMap<_, _> = associations::of_each(db, DOING, ids)?;
    let read = |id: &i64| {
        let namespace = query
            .query_row([id], |row| Ok(super::table::recorded(row)))
            .map_err(RepoError::failed(DOING))?
            .map_err(RepoError::failed(DOING))?;
        Ok(ListedNamespace { namespace, associations: associations.remove(id).unwrap_or_default() })
    };
    ids.iter().map(read).collect()
}
