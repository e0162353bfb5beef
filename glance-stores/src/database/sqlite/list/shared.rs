//! Images that are shared with a project.
//!
//! No index knows both the memberships of a project and the age of the images, so there are two
//! ways, and each is slow where the other is fast: through the memberships, which reads all of them,
//! and along all shared images, which is quick where every few of them are the project's.

use glance_core::database::{ImageQuery, RepoError};
use glance_core::member::MemberStatus;
use rusqlite::{Connection, params_from_iter};

use super::order::Order;
use super::partition::{rest, run};
use super::{DOING, Found};
use crate::database::sqlite::sql::{Sql, text};

/// As many memberships are joined and sorted without looking further.
const FEW: usize = 100;

/// The first walk reads this many rows for each image of the page: it finds the page where one in
/// as many shared images is the project's.
const FIRST_WALK: usize = 20;

/// With more memberships than this, joining them all is the last resort.
const MANY: usize = 2_000;

/// As many rows a second walk reads, where memberships are many.
const SECOND_WALK: usize = 20_000;

/// The condition that an image `i` is shared with the project, by what it answered.
pub(super) fn membership(project: &str, statuses: &[MemberStatus]) -> Sql {
    let mut sql = Sql::default();
    sql.add(
        "EXISTS (SELECT 1 FROM image_members m INDEXED BY glance_rs_members_by_project \
         WHERE m.member = ? AND m.deleted = 0 AND m.image_id = i.id AND m.status IN (",
        [text(project)],
    );
    sql.append(&list(statuses)).add("))", []);
    sql
}

fn list(statuses: &[MemberStatus]) -> Sql {
    let mut sql = Sql::default();
    for (at, status) in statuses.iter().enumerate() {
        sql.add(if at == 0 { "?" } else { ", ?" }, [text(status.as_str())]);
    }
    sql
}

/// The first `limit` images shared with the project in `order`, behind its marker.
///
/// # Errors
///
/// [`RepoError::Failed`].
pub(super) fn find(
    db: &Connection,
    query: &ImageQuery,
    order: &Order,
    project: &str,
    statuses: &[MemberStatus],
    limit: usize,
) -> Result<Vec<Found>, RepoError> {
    let walk = |patience| walk(db, query, order, project, statuses, limit, patience);
    if order.is_usual() && more_than(FEW, db, project, statuses)? {
        if let Some(found) = walk(limit.saturating_mul(FIRST_WALK))? {
            return Ok(found);
        }
        if more_than(MANY, db, project, statuses)?
            && let Some(found) = walk(SECOND_WALK)?
        {
            return Ok(found);
        }
    }
    join(db, query, order, project, statuses, limit)
}

/// Whether there are more memberships than `few`; no more than that are looked at.
fn more_than(few: usize, db: &Connection, project: &str, statuses: &[MemberStatus]) -> Result<bool, RepoError> {
    let mut statement = Sql::new(
        "SELECT 1 FROM image_members m INDEXED BY glance_rs_members_by_project \
         WHERE m.deleted = 0 AND m.member = ",
    );
    statement.add("? AND m.status IN (", [text(project)]);
    statement.append(&list(statuses)).add(&format!(") LIMIT 1 OFFSET {few}"), []);
    db.prepare_cached(&statement.text)
        .and_then(|mut query| query.exists(params_from_iter(statement.values)))
        .map_err(RepoError::failed(DOING))
}

/// Through the memberships.
fn join(
    db: &Connection,
    query: &ImageQuery,
    order: &Order,
    project: &str,
    statuses: &[MemberStatus],
    limit: usize,
) -> Result<Vec<Found>, RepoError> {
    // DISTINCT: a race in the Python server leaves two rows for one member.
    let mut statement = Sql::new(&format!("SELECT DISTINCT {} ", order.columns()));
    statement.add(
        "FROM image_members m INDEXED BY glance_rs_members_by_project CROSS JOIN images i ON i.id = m.image_id \
         WHERE m.member = ? AND m.deleted = 0 AND m.status IN (",
        [text(project)],
    );
    statement.append(&list(statuses)).add(") AND +i.visibility = 'shared'", []).append(&rest(query, order));
    run(db, order, &statement, limit)
}

/// Along all shared images, the page's end of them first; `None` if `patience` rows were read before
/// the page was full.
fn walk(
    db: &Connection,
    query: &ImageQuery,
    order: &Order,
    project: &str,
    statuses: &[MemberStatus],
    limit: usize,
    patience: usize,
) -> Result<Option<Vec<Found>>, RepoError> {
    // The membership is a column and not a condition: rows that fail it are to be counted.
    let mut statement = Sql::new(&format!("SELECT {}, ", order.columns()));
    statement
        .append(&membership(project, statuses))
        .add(" AS is_member FROM images i INDEXED BY glance_rs_images_by_visibility WHERE i.visibility = 'shared'", []);
    statement.append(&rest(query, order)).add(&order.clause(), []);
    let mut query = db.prepare_cached(&statement.text).map_err(RepoError::failed(DOING))?;
    let mut rows = query.query(params_from_iter(statement.values)).map_err(RepoError::failed(DOING))?;
    let mut found = Vec::new();
    for _ in 0..patience {
        let Some(row) = rows.next().map_err(RepoError::failed(DOING))? else { return Ok(Some(found)) };
        if row.get("is_member").map_err(RepoError::failed(DOING))? {
            found.push(order.found(row).map_err(RepoError::failed(DOING))?);
        }
        if found.len() == limit {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
