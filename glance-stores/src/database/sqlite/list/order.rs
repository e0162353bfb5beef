//! In what order a list is, and what comes after its marker.

use std::cmp::Ordering;

use glance_core::database::{Direction, ImageQuery, RepoError, SortKey};
use glance_core::image::Image;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension};

use super::{DOING, Found};
use crate::database::sqlite::sql::Sql;
use crate::database::sqlite::{row, text};

/// The keys of a list and their directions, ending with the id, and where the list begins.
pub(super) struct Order {
    keys: Vec<(SortKey, Direction)>,
    marker: Option<Vec<Value>>,
}

impl Order {
    /// # Errors
    ///
    /// [`RepoError::Failed`].
    pub(super) fn of(db: &Connection, query: &ImageQuery) -> Result<Self, RepoError> {
        let keys = total(&query.sort);
        let marker = query.marker.as_deref().map(|marker| values_of(db, &keys, marker)).transpose()?;
        Ok(Self { keys, marker })
    }

    /// Whether the order is that of our indexes, read in one direction or the other.
    pub(super) fn is_usual(&self) -> bool {
        matches!(self.keys[..], [(SortKey::CreatedAt, a), (SortKey::Id, b)] if a == b)
    }

    /// `id` and the keys, as [`Order::found`] reads them.
    pub(super) fn columns(&self) -> String {
        let keys = self.keys.iter().map(|(key, _)| format!(", i.{}", column(*key)));
        format!("i.id{}", keys.collect::<String>())
    }

    /// The image in a row of [`Order::columns`].
    ///
    /// # Errors
    ///
    /// Those of SQLite.
    pub(super) fn found(&self, row: &rusqlite::Row<'_>) -> rusqlite::Result<Found> {
        Ok(Found { id: row.get(0)?, keys: (1..=self.keys.len()).map(|at| row.get(at)).collect::<Result<_, _>>()? })
    }

    pub(super) fn clause(&self) -> String {
        let keys: Vec<_> =
            self.keys.iter().map(|(key, direction)| format!("i.{} {}", column(*key), word(*direction))).collect();
        format!(" ORDER BY {}", keys.join(", "))
    }

    pub(super) fn compare(&self, a: &Found, b: &Found) -> Ordering {
        self.keys
            .iter()
            .zip(a.keys.iter().zip(&b.keys))
            .map(|((_, direction), (a, b))| match direction {
                Direction::Ascending => compare(a, b),
                Direction::Descending => compare(b, a),
            })
            .find(|ordering| ordering.is_ne())
            .unwrap_or(Ordering::Equal)
    }

    /// The condition that an image comes after the marker.
    pub(super) fn after_marker(&self) -> Option<Sql> {
        let marker = self.marker.as_deref()?;
        if self.is_usual() {
            return Some(usual_after(self.keys[0].1, marker));
        }
        let mut cases = Vec::new();
        let mut equal = Vec::new();
        for ((key, direction), value) in self.keys.iter().zip(marker) {
            let mut case: Vec<Sql> = equal.clone();
            case.push(beyond(*key, *direction, value));
            cases.push(Sql::joined(&case, " AND ", "1"));
            let mut same = Sql::default();
            same.add(&format!("i.{} IS ?", column(*key)), [value.clone()]);
            equal.push(same);
        }
        Some(Sql::joined(&cases, " OR ", "0"))
    }
}

/// In this form SQLite finds the first row through the index instead of walking up to it.
fn usual_after(direction: Direction, marker: &[Value]) -> Sql {
    let mut after = Sql::default();
    let text = match direction {
        Direction::Ascending => "i.created_at >= ? AND (i.created_at > ? OR i.id > ?)",
        Direction::Descending => "i.created_at <= ? AND (i.created_at < ? OR i.id < ?)",
    };
    after.add(text, [marker[0].clone(), marker[0].clone(), marker[1].clone()]);
    after
}

/// NULL is lower than everything: first going up, last going down.
fn beyond(key: SortKey, direction: Direction, value: &Value) -> Sql {
    let column = column(key);
    let mut beyond = Sql::default();
    match (direction, value) {
        (Direction::Ascending, Value::Null) => beyond.add(&format!("i.{column} IS NOT NULL"), []),
        (Direction::Descending, Value::Null) => beyond.add("0", []),
        (Direction::Ascending, value) => beyond.add(&format!("i.{column} > ?"), [value.clone()]),
        (Direction::Descending, value) => beyond.add(&format!("i.{column} < ? OR i.{column} IS NULL"), [value.clone()]),
    };
    beyond
}

/// Each key once, and nothing behind the id, which decides everything.
fn total(sort: &[(SortKey, Direction)]) -> Vec<(SortKey, Direction)> {
    let mut keys: Vec<(SortKey, Direction)> = Vec::new();
    for (key, direction) in sort.iter().copied().chain([(SortKey::Id, Direction::Descending)]) {
        if !keys.iter().any(|(known, _)| *known == key) {
            keys.push((key, direction));
        }
        if key == SortKey::Id {
            break;
        }
    }
    keys
}

/// The marker's keys as the database has them. They can be written otherwise than we write them (a
/// time without a fraction, a NULL that we read as something), and compared as text our form would
/// lie before or behind the row itself; so the row's own values count, where it still says the same.
fn values_of(db: &Connection, keys: &[(SortKey, Direction)], marker: &Image) -> Result<Vec<Value>, RepoError> {
    let ours: Vec<Value> = keys.iter().map(|(key, _)| value(*key, marker)).collect();
    let query = format!("SELECT {} FROM images WHERE id = ?1", row::COLUMNS);
    let mut query = db.prepare_cached(&query).map_err(RepoError::failed(DOING))?;
    let stored = query
        .query_row([marker.id.as_str()], |row| {
            let Ok(image) = row::image_of(row) else { return Ok(None) };
            let stored = keys.iter().map(|(key, _)| row.get::<_, Value>(column(*key)));
            Ok(Some((image, stored.collect::<Result<Vec<_>, _>>()?)))
        })
        .optional()
        .map_err(RepoError::failed(DOING))?
        .flatten();
    let Some((image, stored)) = stored else { return Ok(ours) };
    let both = keys.iter().zip(ours.into_iter().zip(stored));
    Ok(both.map(|((key, _), (ours, stored))| if value(*key, &image) == ours { stored } else { ours }).collect())
}

fn value(key: SortKey, image: &Image) -> Value {
    let text = |text: &Option<String>| text.clone().map_or(Value::Null, Value::Text);
    match key {
        SortKey::Name => text(&image.name),
        SortKey::Status => Value::Text(image.status.to_string()),
        SortKey::ContainerFormat => text(&image.container_format),
        SortKey::DiskFormat => text(&image.disk_format),
        SortKey::Size => image.size.map_or(Value::Null, |size| Value::Integer(i64::try_from(size).unwrap_or(i64::MAX))),
        SortKey::Id => Value::Text(image.id.to_string()),
        SortKey::CreatedAt => Value::Text(text::of_time(image.created_at)),
        SortKey::UpdatedAt => Value::Text(text::of_time(image.updated_at)),
    }
}

fn column(key: SortKey) -> &'static str {
    match key {
        SortKey::Name => "name",
        SortKey::Status => "status",
        SortKey::ContainerFormat => "container_format",
        SortKey::DiskFormat => "disk_format",
        SortKey::Size => "size",
        SortKey::Id => "id",
        SortKey::CreatedAt => "created_at",
        SortKey::UpdatedAt => "updated_at",
    }
}

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "ASC",
        Direction::Descending => "DESC",
    }
}

/// The order SQLite has: nothing, numbers, text by its bytes.
fn compare(a: &Value, b: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Integer(_) | Value::Real(_) => 1,
        Value::Text(_) => 2,
        Value::Blob(_) => 3,
    };
    match (a, b) {
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::Real(a), Value::Real(b)) => a.total_cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Blob(a), Value::Blob(b)) => a.cmp(b),
        _ => rank(a).cmp(&rank(b)),
    }
}
