//! Our table `glance_rs_journal`: data on its way into stores and out of them.

use async_trait::async_trait;
use glance_core::database::{Journal, JournalEntry, Registration, RemovalOf, RepoError, Upload, Work};
use glance_core::image::{Assigned, Image, ImageChange, ImageId, Status};
use glance_core::limits::{ProjectLimits, Resource, Usage};
use glance_core::location::Location;
use glance_core::store::BoxError;
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::row::{execute, number, one, parsed, unsigned};
use super::{Sqlite, images, text, usage};

const COLUMNS: &str = "id, work, image_id, store, location, reserved, process, lease_until";

#[async_trait]
impl Journal for Sqlite {
    async fn begin_upload(
        &self,
        upload: &Upload,
        from: Status,
        limits: &ProjectLimits,
        now: Timestamp,
    ) -> Result<Image, RepoError> {
        const DOING: &str = "beginning an upload";
        let (upload, limits) = (upload.clone(), *limits);
        self.pool.write(DOING, move |db| begin(db, DOING, &upload, from, &limits, now)).await
    }

    async fn reserve(&self, entry: Uuid, bytes: u64, limits: &ProjectLimits) -> Result<(), RepoError> {
        const DOING: &str = "reserving space";
        let limits = *limits;
        self.pool.write(DOING, move |db| reserve(db, DOING, entry, bytes, &limits)).await
    }

    async fn finish_upload(&self, entry: Uuid, image: ImageId, change: &ImageChange) -> Result<Image, RepoError> {
        const DOING: &str = "ending an upload";
        const END: &str = "DELETE FROM glance_rs_journal WHERE id = ?1 AND image_id = ?2 AND work = 'upload'";
        let change = change.clone();
        let write = move |db: &_| after_entry(db, DOING, END, entry, image, Status::Saving, &change);
        self.pool.write(DOING, write).await
    }

    async fn begin_registration(
        &self,
        registration: &Registration,
        limits: &ProjectLimits,
        now: Timestamp,
    ) -> Result<Image, RepoError> {
        const DOING: &str = "beginning a registration";
        let (registration, limits) = (registration.clone(), *limits);
        self.pool.write(DOING, move |db| begin_registration(db, DOING, &registration, &limits, now)).await
    }

    async fn continue_registration(
        &self,
        entry: Uuid,
        image: ImageId,
        change: &ImageChange,
    ) -> Result<Image, RepoError> {
        const DOING: &str = "going on with a registration";
        const KEEP: &str = "UPDATE glance_rs_journal SET reserved = 0 \
             WHERE id = ?1 AND image_id = ?2 AND work = 'registration'";
        let change = change.clone();
        let write = move |db: &_| after_entry(db, DOING, KEEP, entry, image, Status::Importing, &change);
        self.pool.write(DOING, write).await
    }

    async fn finish_registration(
        &self,
        entry: Uuid,
        image: ImageId,
        expected: Status,
        change: &ImageChange,
    ) -> Result<Image, RepoError> {
        const DOING: &str = "ending a registration";
        const END: &str = "DELETE FROM glance_rs_journal WHERE id = ?1 AND image_id = ?2 AND work = 'registration'";
        let change = change.clone();
        let write = move |db: &_| after_entry(db, DOING, END, entry, image, expected, &change);
        self.pool.write(DOING, write).await
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

    async fn note_readers(
        &self,
        image: ImageId,
        entry: Uuid,
        process: &str,
        lease_until: Timestamp,
    ) -> Result<(), RepoError> {
        const DOING: &str = "noting who may read";
        let statement =
            format!("INSERT INTO glance_rs_journal ({COLUMNS}) VALUES (?1, 'readers', ?2, NULL, NULL, 0, ?3, ?4)");
        let process = process.to_owned();
        self.pool
            .write(DOING, move |db| {
                let values = params![entry.to_string(), image.as_str(), process, text::of_time(lease_until)];
                execute(db, DOING, &statement, values).map(drop)
            })
            .await
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

    async fn usage(&self, project: &str) -> Result<Usage, RepoError> {
        const DOING: &str = "summing up what a project holds";
        let project = project.to_owned();
        self.pool.read(DOING, move |db| usage::usage(db, DOING, &project)).await
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
    limits: &ProjectLimits,
    now: Timestamp,
) -> Result<Image, RepoError> {
    let project = upload.project.as_deref();
    let saving = ImageChange { fields: vec![Assigned::Status(Status::Saving)], ..ImageChange::touch(now) };
    let image = images::update(db, doing, upload.image, from, &saving)?;
    if upload.reserved > 0 && image.owner != upload.project {
        return Err(RepoError::Changed);
    }
    usage::allow(db, doing, Resource::ImageSizeTotal, project, upload.reserved, limits)?;
    usage::allow_uploading(db, doing, project, limits)?;
    let statement =
        format!("INSERT INTO glance_rs_journal ({COLUMNS}, project) VALUES (?1, 'upload', ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    let values = params![
        upload.entry.to_string(),
        upload.image.as_str(),
        upload.store,
        upload.destination.as_ref().map(Location::expose),
        number(doing, upload.reserved)?,
        upload.process,
        text::of_time(upload.lease_until),
        upload.project,
    ];
    execute(db, doing, &statement, values)?;
    Ok(image)
}

fn begin_registration(
    db: &Connection,
    doing: &'static str,
    registration: &Registration,
    limits: &ProjectLimits,
    now: Timestamp,
) -> Result<Image, RepoError> {
    let importing = ImageChange { fields: vec![Assigned::Status(Status::Importing)], ..ImageChange::touch(now) };
    let image = images::update(db, doing, registration.image, Status::Queued, &importing)?;
    if image.owner != registration.project {
        return Err(RepoError::Changed);
    }
    usage::allow_uploading(db, doing, registration.project.as_deref(), limits)?;
    let statement = format!(
        "INSERT INTO glance_rs_journal ({COLUMNS}, project) VALUES (?1, 'registration', ?2, ?3, ?4, 0, ?5, ?6, ?7)"
    );
    let values = params![
        registration.entry.to_string(),
        registration.image.as_str(),
        registration.store,
        registration.location.expose(),
        registration.process,
        text::of_time(registration.lease_until),
        registration.project,
    ];
    execute(db, doing, &statement, values)?;
    Ok(image)
}

/// Does `statement` to the entry, and then `change` to its image.
///
/// # Errors
///
/// [`RepoError::TakenOver`] if the statement finds no entry; those of an update.
fn after_entry(
    db: &Connection,
    doing: &'static str,
    statement: &str,
    entry: Uuid,
    image: ImageId,
    expected: Status,
    change: &ImageChange,
) -> Result<Image, RepoError> {
    if execute(db, doing, statement, params![entry.to_string(), image.as_str()])? == 0 {
        return Err(RepoError::TakenOver);
    }
    images::update(db, doing, image, expected, change)
}

fn reserve(
    db: &Connection,
    doing: &'static str,
    entry: Uuid,
    bytes: u64,
    limits: &ProjectLimits,
) -> Result<(), RepoError> {
    let query = "SELECT j.reserved FROM glance_rs_journal j JOIN images i ON i.id = j.image_id \
         WHERE j.id = ?1 AND j.work <> 'removal' AND +i.deleted = 0";
    let reserved = one(db, doing, query, [entry.to_string()])?.map(unsigned).ok_or(RepoError::NotFound)?;
    if bytes <= reserved {
        return Ok(());
    }
    let query = "SELECT project FROM glance_rs_journal WHERE id = ?1";
    let project = one::<Option<String>>(db, doing, query, [entry.to_string()])?.flatten();
    usage::allow(db, doing, Resource::ImageSizeTotal, project.as_deref(), bytes - reserved, limits)?;
    let statement = "UPDATE glance_rs_journal SET reserved = ?2 WHERE id = ?1";
    execute(db, doing, statement, params![entry.to_string(), number(doing, bytes)?])?;
    Ok(())
}

fn entries(db: &Connection, doing: &'static str, limit: usize) -> Result<Vec<JournalEntry>, RepoError> {
    let query = format!("SELECT {COLUMNS} FROM glance_rs_journal ORDER BY lease_until, rowid LIMIT ?1");
    let mut query = db.prepare_cached(&query).map_err(RepoError::failed(doing))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = query.query([limit]).map_err(RepoError::failed(doing))?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next().map_err(RepoError::failed(doing))? {
        entries.extend(entry_of(row).map_err(RepoError::failed(doing))?);
    }
    Ok(entries)
}

/// `None` for work of a kind that is not known here: a later version, whose entry it is, knows what it must not do.
fn entry_of(row: &Row<'_>) -> Result<Option<JournalEntry>, BoxError> {
    let work = match row.get::<_, String>(1)?.as_str() {
        "upload" => Work::Upload(row.get::<_, Option<String>>(4)?.map(Location::new)),
        "registration" => Work::Registration(Location::new(row.get::<_, String>(4)?)),
        "readers" => Work::Readers,
        "removal" => Work::Removal(Location::new(row.get::<_, String>(4)?)),
        unknown => {
            let (entry, image): (String, String) = (row.get(0)?, row.get(2)?);
            tracing::warn!(entry, image, work = unknown, "leaves work in the journal that this version does not know");
            return Ok(None);
        }
    };
    Ok(Some(JournalEntry {
        id: parsed(row, 0)?,
        work,
        image: parsed(row, 2)?,
        store: row.get(3)?,
        reserved: unsigned(row.get(5)?),
        process: row.get(6)?,
        lease_until: text::time(&row.get::<_, String>(7)?)?,
    }))
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
