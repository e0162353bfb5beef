//! The conditions of a list as SQL.

use glance_core::database::{Comparison, Filter, ImageQuery, NumberField, TextField, TimeField};
use rusqlite::types::Value;

use crate::database::sqlite::sql::{Sql, text};
use crate::database::sqlite::{children, text as form};

/// The conditions that hold in every partition: filters and tags.
///
/// The `+` keeps SQLite from taking an index for one of them instead of walking the partition.
pub(super) fn conditions(query: &ImageQuery) -> Vec<Sql> {
    let killed = Sql::new("+i.status <> 'killed'");
    let tags = query.tags.iter().map(|tag| {
        let mut sql = Sql::default();
        sql.add(
            "EXISTS (SELECT 1 FROM image_tags t INDEXED BY ix_image_tags_image_id_tag_value \
             WHERE t.image_id = i.id AND t.value = ? AND +t.deleted = 0)",
            [text(tag)],
        );
        sql
    });
    [killed].into_iter().chain(query.filters.iter().map(condition)).chain(tags).collect()
}

fn condition(filter: &Filter) -> Sql {
    let mut sql = Sql::default();
    match filter {
        Filter::Text(field, texts) => {
            let list = children::json_list(texts.iter().map(String::as_str));
            let condition = format!("+i.{} IN (SELECT value FROM json_each(?))", text_column(*field));
            sql.add(&condition, [Value::Text(list)])
        }
        Filter::Number(field, comparison, number) => {
            sql.add(&format!("+i.{} {} ?", number_column(*field), sign(*comparison)), [Value::Integer(*number)])
        }
        Filter::Time(TimeField::CreatedAt, comparison, moment) => {
            // This one bounds the walk.
            sql.add(&format!("i.created_at {} ?", sign(*comparison)), [Value::Text(form::of_time(*moment))])
        }
        Filter::Time(TimeField::UpdatedAt, comparison, moment) => {
            sql.add(&format!("+i.updated_at {} ?", sign(*comparison)), [Value::Text(form::of_time(*moment))])
        }
        Filter::Protected(protected) => sql.add("+i.protected = ?", [Value::from(*protected)]),
        Filter::Property(name, value) => sql.add(
            "EXISTS (SELECT 1 FROM image_properties p \
             WHERE p.image_id = i.id AND p.name = ? AND +p.value = ? AND +p.deleted = 0)",
            [text(name), text(value)],
        ),
        Filter::Nothing => sql.add("0", []),
    };
    sql
}

pub(super) fn text_column(field: TextField) -> &'static str {
    match field {
        TextField::Id => "id",
        TextField::Name => "name",
        TextField::Status => "status",
        TextField::Visibility => "visibility",
        TextField::Owner => "owner",
        TextField::DiskFormat => "disk_format",
        TextField::ContainerFormat => "container_format",
        TextField::Checksum => "checksum",
        TextField::OsHashAlgo => "os_hash_algo",
        TextField::OsHashValue => "os_hash_value",
    }
}

fn number_column(field: NumberField) -> &'static str {
    match field {
        NumberField::Size => "size",
        NumberField::VirtualSize => "virtual_size",
        NumberField::MinDisk => "min_disk",
        NumberField::MinRam => "min_ram",
    }
}

fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "<>",
        Comparison::Less => "<",
        Comparison::AtMost => "<=",
        Comparison::Greater => ">",
        Comparison::AtLeast => ">=",
    }
}
