//! The table `image_members`.

use async_trait::async_trait;
use glance_core::database::{MemberRepo, RepoError};
use glance_core::image::ImageId;
use glance_core::member::{Member, MemberStatus};
use glance_core::store::BoxError;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::row::{execute, one, parsed, unsigned};
use super::{Sqlite, text};

const COLUMNS: &str = "image_id, member, status, created_at, updated_at";

#[async_trait]
impl MemberRepo for Sqlite {
    async fn members(&self, image: ImageId) -> Result<Vec<Member>, RepoError> {
        const DOING: &str = "reading members";
        self.pool.read(DOING, move |db| all(db, DOING, image)).await
    }

    async fn add_member(
        &self,
        image: ImageId,
        project: &str,
        limit: Option<u64>,
        now: Timestamp,
    ) -> Result<Member, RepoError> {
        const DOING: &str = "adding a member";
        let project = project.to_owned();
        self.pool.write(DOING, move |db| add(db, DOING, image, &project, limit, now)).await
    }

    async fn set_member_status(
        &self,
        image: ImageId,
        project: &str,
        status: MemberStatus,
        now: Timestamp,
    ) -> Result<Member, RepoError> {
        const DOING: &str = "changing a member";
        let project = project.to_owned();
        self.pool
            .write(DOING, move |db| {
                let statement = "UPDATE image_members SET status = ?3, updated_at = ?4 \
                     WHERE image_id = ?1 AND member = ?2 AND +deleted = 0";
                let values = params![image.as_str(), project, status.as_str(), text::of_time(now)];
                execute(db, DOING, statement, values)?;
                find(db, DOING, image, &project)?.ok_or(RepoError::NotFound)
            })
            .await
    }

    async fn remove_member(&self, image: ImageId, project: &str, now: Timestamp) -> Result<(), RepoError> {
        const DOING: &str = "removing a member";
        let project = project.to_owned();
        self.pool
            .write(DOING, move |db| {
                // Two rows for one member, which a race in the Python server leaves, become one.
                let statement = "UPDATE OR REPLACE image_members SET updated_at = ?3, deleted_at = ?3, deleted = 1 \
                     WHERE image_id = ?1 AND member = ?2 AND +deleted = 0";
                match execute(db, DOING, statement, params![image.as_str(), project, text::of_time(now)])? {
                    0 => Err(RepoError::NotFound),
                    _ => Ok(()),
                }
            })
            .await
    }
}

/// What `project` answered to the share of `image`; `None` if it is no member.
///
/// # Errors
///
/// [`RepoError::Failed`].
pub(super) fn status(
    db: &Connection,
    doing: &'static str,
    image: ImageId,
    project: &str,
) -> Result<Option<MemberStatus>, RepoError> {
    Ok(find(db, doing, image, project)?.map(|member| member.status))
}

fn find(db: &Connection, doing: &'static str, image: ImageId, project: &str) -> Result<Option<Member>, RepoError> {
    let query = format!(
        "SELECT {COLUMNS} FROM image_members WHERE image_id = ?1 AND member = ?2 AND +deleted = 0 ORDER BY id LIMIT 1"
    );
    db.prepare_cached(&query)
        .and_then(|mut query| query.query_row([image.as_str(), project], |row| Ok(member_of(row))).optional())
        .map_err(RepoError::failed(doing))?
        .transpose()
        .map_err(RepoError::failed(doing))
}

fn all(db: &Connection, doing: &'static str, image: ImageId) -> Result<Vec<Member>, RepoError> {
    let query =
        format!("SELECT {COLUMNS} FROM image_members WHERE image_id = ?1 AND +deleted = 0 ORDER BY created_at, id");
    let mut query = db.prepare_cached(&query).map_err(RepoError::failed(doing))?;
    let mut rows = query.query([image.as_str()]).map_err(RepoError::failed(doing))?;
    let mut members: Vec<Member> = Vec::new();
    while let Some(row) = rows.next().map_err(RepoError::failed(doing))? {
        match member_of(row) {
            Ok(member) if members.iter().any(|known| known.project == member.project) => {}
            Ok(member) => members.push(member),
            Err(error) => tracing::warn!(%image, error, "left out a member that cannot be read"),
        }
    }
    Ok(members)
}

fn member_of(row: &Row<'_>) -> Result<Member, BoxError> {
    let created_at = text::time(&row.get::<_, String>(3)?)?;
    Ok(Member {
        image_id: parsed(row, 0)?,
        project: row.get(1)?,
        status: parsed(row, 2)?,
        created_at,
        updated_at: match row.get::<_, Option<String>>(4)? {
            Some(time) => text::time(&time)?,
            None => created_at,
        },
    })
}

/// The row of a member that was removed comes back. Its `deleted_at` has to go: the Python server's
/// purge looks at nothing else and would destroy the living row.
fn add(
    db: &Connection,
    doing: &'static str,
    image: ImageId,
    project: &str,
    limit: Option<u64>,
    now: Timestamp,
) -> Result<Member, RepoError> {
    let there = "SELECT 1 FROM images WHERE id = ?1 AND +deleted = 0";
    one::<i64>(db, doing, there, [image.as_str()])?.ok_or(RepoError::NotFound)?;
    let known =
        "SELECT id, deleted FROM image_members WHERE image_id = ?1 AND member = ?2 ORDER BY deleted, id LIMIT 1";
    let known = db
        .prepare_cached(known)
        .and_then(|mut query| {
            query
                .query_row([image.as_str(), project], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?)))
                .optional()
        })
        .map_err(RepoError::failed(doing))?;
    if let Some((_, false)) = known {
        return Err(RepoError::Exists);
    }
    respect_limit(db, doing, image, limit)?;
    let now = text::of_time(now);
    if let Some((row, _)) = known {
        let again = "UPDATE image_members SET can_share = 0, status = 'pending', updated_at = ?2, \
             deleted_at = NULL, deleted = 0 WHERE id = ?1";
        execute(db, doing, again, params![row, now])?;
    } else {
        let first = "INSERT INTO image_members (image_id, member, can_share, status, created_at, updated_at, deleted) \
             VALUES (?1, ?2, 0, 'pending', ?3, ?3, 0)";
        execute(db, doing, first, params![image.as_str(), project, now])?;
    }
    find(db, doing, image, project)?.ok_or(RepoError::NotFound)
}

fn respect_limit(db: &Connection, doing: &'static str, image: ImageId, limit: Option<u64>) -> Result<(), RepoError> {
    let Some(limit) = limit else { return Ok(()) };
    let query = "SELECT count(DISTINCT member) FROM image_members WHERE image_id = ?1 AND +deleted = 0";
    let wanted = one(db, doing, query, [image.as_str()])?.map_or(0, unsigned) + 1;
    if wanted > limit { Err(RepoError::OverLimit { wanted, limit }) } else { Ok(()) }
}
