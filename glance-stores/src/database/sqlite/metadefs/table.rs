//! What each kind of thing looks like as a row.

use glance_core::metadefs::{Named, Namespace, NamespaceVisibility, Object, Property, Recorded, ResourceType, Tag};
use glance_core::store::BoxError;
use rusqlite::Row;
use rusqlite::types::Value;

use crate::database::sqlite::text;

/// A kind of thing that has a table of its own.
///
/// Things in a namespace have a column `namespace_id` besides. All have `id`, `created_at` and `updated_at`.
pub(super) trait Table: Named + Sized + Clone + Send + 'static {
    /// The name of the table.
    const NAME: &'static str;
    /// The columns, the first of which holds the name of the thing.
    const COLUMNS: &'static [&'static str];
    /// The column by which things are listed.
    const ORDER: &'static str = "id";

    /// The thing in a row of these columns.
    fn read(row: &Row<'_>) -> rusqlite::Result<Self>;

    /// The row of the thing, in the order of the columns.
    ///
    /// # Errors
    ///
    /// If JSON cannot be written, which does not happen.
    fn row(&self) -> Result<Vec<Value>, BoxError>;
}

/// The thing in a row of its columns with the two times behind them.
pub(super) fn recorded<T: Table>(row: &Row<'_>) -> Result<Recorded<T>, BoxError> {
    let (created_at, updated_at) = stamps(row, T::COLUMNS.len())?;
    Ok(Recorded { item: T::read(row)?, created_at, updated_at })
}

/// When something was made, and when it was changed, from two columns from `first` on.
pub(super) fn stamps(row: &Row<'_>, first: usize) -> Result<(jiff::Timestamp, Option<jiff::Timestamp>), BoxError> {
    let updated_at = row.get::<_, Option<String>>(first + 1)?;
    Ok((text::time(&row.get::<_, String>(first)?)?, updated_at.map(|time| text::time(&time)).transpose()?))
}

fn some(value: Option<&str>) -> Value {
    value.map_or(Value::Null, |text| Value::Text(text.to_owned()))
}

impl Table for Namespace {
    const NAME: &'static str = "metadef_namespaces";
    const COLUMNS: &'static [&'static str] =
        &["namespace", "display_name", "description", "visibility", "protected", "owner"];

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            name: row.get(0)?,
            display_name: row.get(1)?,
            description: row.get(2)?,
            visibility: row.get::<_, Option<String>>(3)?.and_then(|text| text.parse().ok()),
            protected: row.get(4)?,
            owner: row.get(5)?,
        })
    }

    fn row(&self) -> Result<Vec<Value>, BoxError> {
        Ok(vec![
            self.name.clone().into(),
            some(self.display_name.as_deref()),
            some(self.description.as_deref()),
            some(self.visibility.map(NamespaceVisibility::as_str)),
            self.protected.map_or(Value::Null, Value::from),
            self.owner.clone().into(),
        ])
    }
}

impl Table for Object {
    const NAME: &'static str = "metadef_objects";
    const COLUMNS: &'static [&'static str] = &["name", "description", "required", "json_schema"];
    const ORDER: &'static str = "name";

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let required = row.get::<_, Option<String>>(2)?.filter(|names| !names.is_empty());
        Ok(Self {
            name: row.get(0)?,
            description: row.get(1)?,
            required: required.map(|names| names.split(',').map(str::to_owned).collect()).unwrap_or_default(),
            properties: text::json(row.get::<_, Option<String>>(3)?.as_deref()),
        })
    }

    fn row(&self) -> Result<Vec<Value>, BoxError> {
        let required = (!self.required.is_empty()).then(|| self.required.join(","));
        Ok(vec![
            self.name.clone().into(),
            some(self.description.as_deref()),
            some(required.as_deref()),
            text::of_json(&self.properties)?.into(),
        ])
    }
}

impl Table for Property {
    const NAME: &'static str = "metadef_properties";
    const COLUMNS: &'static [&'static str] = &["name", "json_schema"];
    const ORDER: &'static str = "name";

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { name: row.get(0)?, schema: text::json(row.get::<_, Option<String>>(1)?.as_deref()) })
    }

    fn row(&self) -> Result<Vec<Value>, BoxError> {
        Ok(vec![self.name.clone().into(), text::of_json(&self.schema)?.into()])
    }
}

impl Table for Tag {
    const NAME: &'static str = "metadef_tags";
    const COLUMNS: &'static [&'static str] = &["name"];

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { name: row.get(0)? })
    }

    fn row(&self) -> Result<Vec<Value>, BoxError> {
        Ok(vec![self.name.clone().into()])
    }
}

impl Table for ResourceType {
    const NAME: &'static str = "metadef_resource_types";
    const COLUMNS: &'static [&'static str] = &["name", "protected"];

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { name: row.get(0)?, protected: row.get(1)? })
    }

    fn row(&self) -> Result<Vec<Value>, BoxError> {
        Ok(vec![self.name.clone().into(), self.protected.into()])
    }
}
