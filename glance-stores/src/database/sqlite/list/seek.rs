//! Filters that an index leads to.

use glance_core::database::{Filter, ImageQuery, RepoError, TextField};
use rusqlite::Connection;
use rusqlite::types::Value;

use super::{DOING, filter};
use crate::database::sqlite::children;
use crate::database::sqlite::sql::{Sql, text};

/// With more images than this behind a filter, the walk in the order of the list meets one soon.
const FEW: usize = 1_000;

/// The ids of all images that pass the narrowest filter, as a JSON list; `None` if every filter
/// passes more than a few. Whether they pass the others and may be seen is still to be asked.
///
/// # Errors
///
/// [`RepoError::Failed`].
pub(super) fn candidates(db: &Connection, query: &ImageQuery) -> Result<Option<String>, RepoError> {
    let mut narrowest: Option<Vec<String>> = None;
    for lookup in query.filters.iter().filter_map(by_filter).chain(query.tags.iter().map(|tag| by_tag(tag))) {
        // What is no narrower than what is known already need not be read to its end.
        let most = narrowest.as_ref().map_or(FEW, Vec::len);
        if let Some(found) = run(db, lookup, most)? {
            narrowest = Some(found);
        }
    }
    Ok(narrowest.map(|ids| children::json_list(ids.iter().map(String::as_str))))
}

fn run(db: &Connection, mut lookup: Sql, most: usize) -> Result<Option<Vec<String>>, RepoError> {
    lookup.add(&format!(" LIMIT {}", most + 1), []);
    let found = db
        .prepare_cached(&lookup.text)
        .and_then(|mut query| query.query_map(rusqlite::params_from_iter(lookup.values), |row| row.get(0))?.collect())
        .map_err(RepoError::failed(DOING))?;
    let found: Vec<String> = found;
    Ok((found.len() <= most).then_some(found))
}

/// Rows of deleted images are found too where only Glance's own index exists: leaving them out here
/// would hide how many are read.
fn by_filter(filter: &Filter) -> Option<Sql> {
    let mut sql = Sql::default();
    match filter {
        Filter::Text(field, texts) => {
            let list = Value::Text(children::json_list(texts.iter().map(String::as_str)));
            let (index, living) = match field {
                TextField::Id => ("sqlite_autoindex_images_1", ""),
                TextField::Name => ("glance_rs_images_by_name", " AND deleted = 0"),
                TextField::Owner => ("glance_rs_images_by_owner", " AND deleted = 0"),
                TextField::Checksum => ("checksum_image_idx", ""),
                TextField::OsHashValue => ("os_hash_value_image_idx", ""),
                _ => return None,
            };
            let column = filter::text_column(*field);
            sql.add(
                &format!(
                    "SELECT id FROM images INDEXED BY {index} \
                     WHERE {column} IN (SELECT value FROM json_each(?)){living}"
                ),
                [list],
            );
        }
        Filter::Property(name, value) => {
            sql.add(
                "SELECT image_id FROM image_properties INDEXED BY glance_rs_properties_by_value \
                 WHERE name = ? AND value = ? AND deleted = 0",
                [text(name), text(value)],
            );
        }
        _ => return None,
    }
    Some(sql)
}

fn by_tag(tag: &str) -> Sql {
    let mut sql = Sql::default();
    sql.add(
        "SELECT image_id FROM image_tags INDEXED BY glance_rs_tags_by_value WHERE value = ? AND deleted = 0",
        [text(tag)],
    );
    sql
}
