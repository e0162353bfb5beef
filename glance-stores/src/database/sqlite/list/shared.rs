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
use super::sql::{Sql, text};
use super::{DOING, Found};

/// As many memberships are joined and sorted without looking further.
const FEW: usize = 200;

/// As many are counted; with more, the walk is tried for longer.
const MANY: usize = 2_000;

/// As many rows a walk reads before it gives up, where memberships are many.
const PATIENCE: usize = 20_000;

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
    if order.is_usual() {
        let memberships = count(db, project, statuses)?;
        let patience = if memberships < MANY { memberships } else { PATIENCE };
        if memberships > FEW
            && let Some(found) = walk(db, query, order, project, statuses, limit, patience)?
        {
            return Ok(found);
        }
    }
    join(db, query, order, project, statuses, limit)
}

/// How many memberships there are, counted up to [`MANY`].
fn count(db: &Connection, project: &str, statuses: &[MemberStatus]) -> Result<usize, RepoError> {
    let mut statement = Sql::new(
        "SELECT count(*) FROM (SELECT 1 FROM image_members m INDEXED BY glance_rs_members_by_project \
         WHERE m.member = ? AND m.deleted = 0 AND m.status IN (",
    );
    statement.values.push(text(project));
    statement.append(&list(statuses)).add(&format!(") LIMIT {MANY})"), []);
    let counted: u32 = db
        .prepare_cached(&statement.text)
        .and_then(|mut query| query.query_row(params_from_iter(statement.values), |row| row.get(0)))
        .map_err(RepoError::failed(DOING))?;
    Ok(usize::try_from(counted).unwrap_or(MANY))
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
