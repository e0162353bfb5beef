//! Our table `glance_rs_journal`: data on its way into stores and out of them.

use async_trait::async_trait;
use glance_core::database::{Journal, JournalEntry, RemovalOf, RepoError, Upload, Work};
use glance_core::image::{Assigned, Image, ImageChange, ImageId, Status};
use glance_core::location::Location;
use glance_core::store::BoxError;
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::row::{execute, number, one, parsed, unsigned};
use super::{Sqlite, images, text};

const COLUMNS: &str = "id, work, image_id, store, location, reserved, process, lease_until";

#[async_trait]
impl Journal for Sqlite {
    async fn begin_upload(
        &self,
        upload: &Upload,
        from: Status,
        quota: Option<u64>,
        now: Timestamp,
    ) -> Result<Image, RepoError> {
        const DOING: &str = "beginning an upload";
        let upload = upload.clone();
        self.pool.write(DOING, move |db| begin(db, DOING, &upload, from, quota, now)).await
    }

    async fn reserve(&self, entry: Uuid, bytes: u64, quota: Option<u64>) -> Result<(), RepoError> {
        const DOING: &str = "reserving space";
        self.pool.write(DOING, move |db| reserve(db, DOING, entry, bytes, quota)).await
    }

    async fn finish_upload(&self, entry: Uuid, image: ImageId, change: &ImageChange) -> Result<Image, RepoError> {
        const DOING: &str = "ending an upload";
        let change = change.clone();
        self.pool
            .write(DOING, move |db| {
                let statement = "DELETE FROM glance_rs_journal WHERE id = ?1 AND image_id = ?2 AND work = 'upload'";
                if execute(db, DOING, statement, params![entry.to_string(), image.as_str()])? == 0 {
                    return Err(RepoError::TakenOver);
                }
                images::update(db, DOING, image, Status::Saving, &change)
            })
            .await
    }

    async fn note_removals(
        &self,
        image: ImageId,
        removals: &[RemovalOf],
        process: &str,
        lease_until: Timestamp,
    ) -> Result<(), RepoError> {
        const DOING: &str = "noting removals";
        let (removals, process) = (removals.to_vec(), process.to_owned());
        self.pool.write(DOING, move |db| note_removals(db, DOING, image, &removals, &process, lease_until)).await
    }

    async fn close_entry(&self, entry: Uuid) -> Result<(), RepoError> {
        const DOING: &str = "closing a journal entry";
        let statement = "DELETE FROM glance_rs_journal WHERE id = ?1";
        self.pool.write(DOING, move |db| execute(db, DOING, statement, [entry.to_string()]).map(drop)).await
    }

    async fn renew_leases(&self, process: &str, until: Timestamp) -> Result<(), RepoError> {
        const DOING: &str = "renewing leases";
        let process = process.to_owned();
        let statement = "UPDATE glance_rs_journal SET lease_until = ?2 WHERE process = ?1";
        self.pool
            .write(DOING, move |db| execute(db, DOING, statement, params![process, text::of_time(until)]).map(drop))
            .await
    }

    async fn journal(&self, limit: usize) -> Result<Vec<JournalEntry>, RepoError> {
        const DOING: &str = "reading the journal";
        self.pool.read(DOING, move |db| entries(db, DOING, limit)).await
    }

    async fn take_entry(
        &self,
        seen: &JournalEntry,
        process: &str,
        until: Timestamp,
    ) -> Result<Option<JournalEntry>, RepoError> {
        const DOING: &str = "taking a journal entry over";
        let seen = seen.clone();
        let process = process.to_owned();
        self.pool.write(DOING, move |db| take(db, DOING, &seen, &process, until)).await
    }

    async fn bytes_held(&self, project: &str) -> Result<u64, RepoError> {
        const DOING: &str = "summing up the space a project holds";
        let project = project.to_owned();
        self.pool.read(DOING, move |db| held(db, DOING, &project)).await
    }
}

/// Writes an entry for each place to be emptied.
///
/// # Errors
///
/// [`RepoError::Failed`].
pub(super) fn note_removals(
    db: &Connection,
    doing: &'static str,
    image: ImageId,
    removals: &[RemovalOf],
    process: &str,
    lease_until: Timestamp,
) -> Result<(), RepoError> {
    let statement = format!("INSERT INTO glance_rs_journal ({COLUMNS}) VALUES (?1, 'removal', ?2, ?3, ?4, 0, ?5, ?6)");
    for place in removals {
        let values = params![
            place.entry.to_string(),
            image.as_str(),
            place.store,
            place.location.expose(),
            process,
            text::of_time(lease_until),
        ];
        execute(db, doing, &statement, values)?;
    }
    Ok(())
}

fn begin(
    db: &Connection,
    doing: &'static str,
    upload: &Upload,
    from: Status,
    quota: Option<u64>,
    now: Timestamp,
) -> Result<Image, RepoError> {
    let saving = ImageChange { fields: vec![Assigned::Status(Status::Saving)], ..ImageChange::touch(now) };
    let image = images::update(db, doing, upload.image, from, &saving)?;
    if let Some(project) = &upload.project {
        respect_quota(db, doing, project, upload.reserved, quota)?;
    }
    let statement = format!(
        "INSERT INTO glance_rs_journal ({COLUMNS}, project) VALUES (?1, 'upload', ?2, ?3, NULL, ?4, ?5, ?6, ?7)"
    );
    let values = params![
        upload.entry.to_string(),
        upload.image.as_str(),
        upload.store,
        number(doing, upload.reserved)?,
        upload.process,
        text::of_time(upload.lease_until),
        upload.project,
    ];
    execute(db, doing, &statement, values)?;
    Ok(image)
}

fn reserve(db: &Connection, doing: &'static str, entry: Uuid, bytes: u64, quota: Option<u64>) -> Result<(), RepoError> {
    let query = "SELECT j.reserved FROM glance_rs_journal j JOIN images i ON i.id = j.image_id \
         WHERE j.id = ?1 AND j.work = 'upload' AND +i.deleted = 0";
    let reserved = one(db, doing, query, [entry.to_string()])?.map(unsigned).ok_or(RepoError::NotFound)?;
    if bytes <= reserved {
        return Ok(());
    }
    let query = "SELECT project FROM glance_rs_journal WHERE id = ?1";
    if let Some(project) = one::<Option<String>>(db, doing, query, [entry.to_string()])?.flatten() {
        respect_quota(db, doing, &project, bytes - reserved, quota)?;
    }
    let statement = "UPDATE glance_rs_journal SET reserved = ?2 WHERE id = ?1";
    execute(db, doing, statement, params![entry.to_string(), number(doing, bytes)?])?;
    Ok(())
}

/// The caller holds the write lock, so two that share a quota look one after the other.
fn respect_quota(
    db: &Connection,
    doing: &'static str,
    project: &str,
    more: u64,
    quota: Option<u64>,
) -> Result<(), RepoError> {
    let Some(limit) = quota else { return Ok(()) };
    let wanted = held(db, doing, project)?.saturating_add(more);
    if wanted > limit { Err(RepoError::OverLimit { wanted, limit }) } else { Ok(()) }
}

/// Summed up here and not by SQLite, whose sum fails when it overflows.
fn held(db: &Connection, doing: &'static str, project: &str) -> Result<u64, RepoError> {
    let stored = "SELECT i.size, (SELECT count(*) FROM image_locations l \
         WHERE l.image_id = i.id AND +l.status <> 'deleted') FROM images i \
         WHERE i.owner = ?1 AND i.size > 0 AND +i.status NOT IN ('killed', 'deleted', 'pending_delete')";
    let reserved = "SELECT reserved, 1 FROM glance_rs_journal WHERE project = ?1";
    let mut sum = 0_u64;
    for query in [stored, reserved] {
        let mut query = db.prepare_cached(query).map_err(RepoError::failed(doing))?;
        let mut rows = query.query([project]).map_err(RepoError::failed(doing))?;
        while let Some(row) = rows.next().map_err(RepoError::failed(doing))? {
            let count = |column| row.get(column).map(unsigned).map_err(RepoError::failed(doing));
            sum = sum.saturating_add(count(0)?.saturating_mul(count(1)?));
        }
    }
    Ok(sum)
}

fn entries(db: &Connection, doing: &'static str, limit: usize) -> Result<Vec<JournalEntry>, RepoError> {
    let query = format!("SELECT {COLUMNS} FROM glance_rs_journal ORDER BY lease_until, rowid LIMIT ?1");
    let mut query = db.prepare_cached(&query).map_err(RepoError::failed(doing))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = query.query([limit]).map_err(RepoError::failed(doing))?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next().map_err(RepoError::failed(doing))? {
        entries.push(entry_of(row).map_err(RepoError::failed(doing))?);
    }
    Ok(entries)
}

fn entry_of(row: &Row<'_>) -> Result<JournalEntry, BoxError> {
    let work = match row.get::<_, String>(1)?.as_str() {
        "upload" => Work::Upload,
        _ => Work::Removal(Location::new(row.get::<_, String>(4)?)),
    };
    Ok(JournalEntry {
        id: parsed(row, 0)?,
        work,
        image: parsed(row, 2)?,
        store: row.get(3)?,
        reserved: unsigned(row.get(5)?),
        process: row.get(6)?,
        lease_until: text::time(&row.get::<_, String>(7)?)?,
    })
}

fn take(
    db: &Connection,
    doing: &'static str,
    seen: &JournalEntry,
    process: &str,
    until: Timestamp,
) -> Result<Option<JournalEntry>, RepoError> {
    let id = Uuid::new_v4();
    let statement = "UPDATE glance_rs_journal SET id = ?1, process = ?2, lease_until = ?3 \
         WHERE id = ?4 AND process = ?5 AND lease_until = ?6 AND reserved = ?7";
    let until = text::of_time(until);
    let values = params![
        id.to_string(),
        process,
        until,
        seen.id.to_string(),
        seen.process,
        text::of_time(seen.lease_until),
        number(doing, seen.reserved)?,
    ];
    if execute(db, doing, statement, values)? == 0 {
        return Ok(None);
    }
    let lease_until = text::time(&until).map_err(RepoError::failed(doing))?;
    Ok(Some(JournalEntry { id, process: process.to_owned(), lease_until, ..seen.clone() }))
}
