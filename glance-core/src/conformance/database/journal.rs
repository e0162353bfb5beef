//! Uploads begin and end with their entries; what loses its owner is taken over by one.

use futures::future::join_all;
use uuid::Uuid;

use super::{at, created, destroyed, entries, image_of, location, read, removal, touch};
use crate::database::{Database, JournalEntry, Removal, RemovalOf, RepoError, Upload, Work};
use crate::image::{Assigned, Image, ImageChange, ImageId, Status};
use crate::limits::{Excess, ProjectLimits};

/// A queued image and an upload to it.
pub(super) async fn queued(db: &dyn Database) -> (Image, Upload) {
    let image = created(db, Image { status: Status::Queued, ..image_of("p", 0) }).await;
    let upload = upload(image.id, 0);
    (image, upload)
}

pub(super) fn upload(image: ImageId, reserved: u64) -> Upload {
    Upload {
        entry: Uuid::new_v4(),
        image,
        store: Some("fast".into()),
        destination: None,
        project: Some("p".into()),
        reserved,
        process: "process".into(),
        lease_until: at(60),
    }
}

/// Puts so many bytes of data into the image.
pub(super) fn landed(size: u64) -> ImageChange {
    ImageChange {
        fields: vec![Assigned::Status(Status::Active), Assigned::Size(Some(size))],
        locations_added: vec![location("data")],
        ..touch(7)
    }
}

async fn begin(db: &dyn Database, upload: &Upload) -> Result<Image, RepoError> {
    db.begin_upload(upload, Status::Queued, &ProjectLimits::NONE, at(5)).await
}

/// The image is saving from then on, and the entry says who writes to it.
pub async fn an_upload_begins_once(db: &dyn Database) {
    let (image, upload) = queued(db).await;
    let saving = begin(db, &upload).await.unwrap();
    assert_eq!(saving, Image { status: Status::Saving, updated_at: at(5), ..image.clone() });
    assert_eq!(read(db, image.id).await, saving);
    let entry = JournalEntry {
        id: upload.entry,
        work: Work::Upload(None),
        image: image.id,
        store: Some("fast".into()),
        reserved: 0,
        process: "process".into(),
        lease_until: at(60),
    };
    assert_eq!(db.journal(10).await.unwrap(), [entry]);
}

/// Nothing begins on an image that stands elsewhere.
pub async fn an_upload_needs_the_status_it_expects(db: &dyn Database) {
    let (image, upload) = queued(db).await;
    let refused = db.begin_upload(&upload, Status::Importing, &ProjectLimits::NONE, at(5)).await;
    assert!(matches!(refused, Err(RepoError::Stale { expected: Status::Importing, found: Status::Queued })));
    destroyed(db, &image).await;
    assert!(matches!(begin(db, &upload).await, Err(RepoError::NotFound)));
    let unknown = Upload { image: ImageId::random(), ..upload };
    assert!(matches!(begin(db, &unknown).await, Err(RepoError::NotFound)));
    assert!(entries(db).await.is_empty());
}

/// Of several uploads to one image, one writes.
pub async fn of_uploads_at_once_one_begins(db: &dyn Database) {
    let (image, _) = queued(db).await;
    let uploads: Vec<_> = (0..8).map(|_| upload(image.id, 1)).collect();
    let done = join_all(uploads.iter().map(|upload| begin(db, upload))).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1);
    assert!(done.iter().all(|done| matches!(done, Ok(_) | Err(RepoError::Stale { found: Status::Saving, .. }))));
    assert_eq!(entries(db).await.len(), 1);
    assert_eq!(db.bytes_held("p").await.unwrap(), 1);
}

/// Over the quota, the image stays as it was and nothing is reserved.
pub async fn a_refused_upload_leaves_nothing(db: &dyn Database) {
    let (image, _) = queued(db).await;
    let refused = db.begin_upload(&upload(image.id, 11), Status::Queued, &ProjectLimits::bytes(Some(10)), at(5)).await;
    assert!(
        matches!(refused, Err(RepoError::OverProjectLimit(Excess { limit: 10, usage: 0, delta: 11, .. }))),
        "{refused:?}"
    );
    assert_eq!(read(db, image.id).await, image);
    assert!(entries(db).await.is_empty());
    assert_eq!(db.bytes_held("p").await.unwrap(), 0);
}

/// The change is made and the entry gone, or neither.
pub async fn an_upload_ends_with_its_entry(db: &dyn Database) {
    let (image, upload) = queued(db).await;
    let saving = begin(db, &upload).await.unwrap();
    let active = db.finish_upload(upload.entry, image.id, &landed(3)).await.unwrap();
    assert_eq!((active.status, active.size, active.locations.len()), (Status::Active, Some(3), 1));
    assert_eq!(read(db, image.id).await, active);
    assert!(entries(db).await.is_empty());
    assert_ne!(active, saving);
    let again = db.finish_upload(upload.entry, image.id, &landed(4)).await;
    assert!(matches!(again, Err(RepoError::TakenOver)), "{again:?}");
    assert_eq!(read(db, image.id).await, active);
}

/// An entry ends the upload it stands for, and no other work.
pub async fn an_entry_ends_its_own_upload_alone(db: &dyn Database) {
    let ((image, upload), (other, second)) = (queued(db).await, queued(db).await);
    let saving = begin(db, &upload).await.unwrap();
    begin(db, &second).await.unwrap();
    let crossed = db.finish_upload(second.entry, image.id, &landed(3)).await;
    assert!(matches!(crossed, Err(RepoError::TakenOver)), "{crossed:?}");
    let place = RemovalOf { entry: Uuid::new_v4(), store: None, location: location("x").url };
    db.note_removals(other.id, std::slice::from_ref(&place), "process", at(30)).await.unwrap();
    let removal = db.finish_upload(place.entry, other.id, &landed(3)).await;
    assert!(matches!(removal, Err(RepoError::TakenOver)), "{removal:?}");
    assert_eq!(read(db, image.id).await, saving);
    assert_eq!(entries(db).await.len(), 3);
}

/// Whoever takes the entry ends the upload; the former owner finds nothing to end.
pub async fn an_upload_that_was_taken_over_cannot_end(db: &dyn Database) {
    let (image, upload) = queued(db).await;
    let saving = begin(db, &upload).await.unwrap();
    let seen = db.journal(10).await.unwrap().remove(0);
    let taken = db.take_entry(&seen, "other", at(90)).await.unwrap().unwrap();
    assert!(matches!(db.finish_upload(upload.entry, image.id, &landed(3)).await, Err(RepoError::TakenOver)));
    assert!(matches!(db.reserve(upload.entry, 5, &ProjectLimits::NONE).await, Err(RepoError::NotFound)));
    db.close_entry(upload.entry).await.unwrap();
    assert_eq!(read(db, image.id).await, saving);
    assert_eq!(entries(db).await, [taken.id]);
    let queued = ImageChange { fields: vec![Assigned::Status(Status::Queued)], ..touch(9) };
    let image = db.finish_upload(taken.id, image.id, &queued).await.unwrap();
    assert_eq!(image.status, Status::Queued);
    assert!(entries(db).await.is_empty());
}

/// An image that is deleted while data flows into it stays deleted; the entry waits for its owner.
pub async fn an_upload_to_a_deleted_image_cannot_go_on(db: &dyn Database) {
    let (image, upload) = queued(db).await;
    let saving = begin(db, &upload).await.unwrap();
    destroyed(db, &saving).await;
    assert!(matches!(db.reserve(upload.entry, 5, &ProjectLimits::NONE).await, Err(RepoError::NotFound)));
    assert!(matches!(db.finish_upload(upload.entry, image.id, &landed(3)).await, Err(RepoError::NotFound)));
    assert_eq!(entries(db).await, [upload.entry]);
    db.close_entry(upload.entry).await.unwrap();
    assert!(entries(db).await.is_empty());
}

/// Another program moved the image; the entry stays for whoever cleans up.
pub async fn an_image_that_is_no_longer_saving_refuses_the_end(db: &dyn Database) {
    let (image, upload) = queued(db).await;
    begin(db, &upload).await.unwrap();
    let killed = ImageChange { fields: vec![Assigned::Status(Status::Killed)], ..touch(6) };
    let killed = db.update_image(image.id, Status::Saving, &killed, &ProjectLimits::NONE).await.unwrap();
    let refused = db.finish_upload(upload.entry, image.id, &landed(3)).await;
    assert!(matches!(refused, Err(RepoError::Stale { expected: Status::Saving, found: Status::Killed })));
    assert_eq!(read(db, image.id).await, killed);
    assert_eq!(entries(db).await, [upload.entry]);
}

/// Three removals whose leases end at the given seconds, by process.
async fn noted(db: &dyn Database, leases: &[(&str, i64)]) -> Vec<Uuid> {
    let mut noted = Vec::new();
    for (process, second) in leases {
        let image = created(db, image_of("p", 0)).await;
        let entry = Uuid::new_v4();
        let place = RemovalOf { entry, store: None, location: location("x").url };
        let removal = Removal {
            locations: vec![place],
            process: (*process).into(),
            lease_until: at(*second),
            ..removal(Status::Deleted, 1)
        };
        db.destroy_image(image.id, Status::Active, &removal).await.unwrap();
        noted.push(entry);
    }
    noted
}

/// Whoever reads a part of the journal reads what has waited longest.
pub async fn leases_end_first_are_listed_first(db: &dyn Database) {
    let noted = noted(db, &[("a", 30), ("a", 10), ("b", 20)]).await;
    assert_eq!(entries(db).await, [noted[1], noted[2], noted[0]]);
    let first: Vec<_> = db.journal(2).await.unwrap().into_iter().map(|entry| entry.id).collect();
    assert_eq!(first, [noted[1], noted[2]]);
    assert!(db.journal(0).await.unwrap().is_empty());
}

/// A process keeps what is its own, and nothing else.
pub async fn leases_are_renewed_by_process(db: &dyn Database) {
    let noted = noted(db, &[("a", 10), ("b", 20), ("a", 15)]).await;
    db.renew_leases("a", at(99)).await.unwrap();
    let leases: Vec<_> = db.journal(10).await.unwrap().into_iter().map(|entry| (entry.id, entry.lease_until)).collect();
    assert_eq!(leases[0], (noted[1], at(20)));
    assert!(leases[1..].iter().all(|(_, until)| *until == at(99)));
}

/// Of several that find one lease run out, one takes the entry, under a name of its own.
pub async fn an_entry_is_taken_by_one(db: &dyn Database) {
    noted(db, &[("a", 10)]).await;
    let seen = db.journal(1).await.unwrap().remove(0);
    let takers: Vec<_> = (0..8).map(|n| format!("taker {n}")).collect();
    let done = join_all(takers.iter().map(|taker| db.take_entry(&seen, taker, at(50)))).await;
    let taken: Vec<JournalEntry> = done.into_iter().filter_map(|done| done.unwrap()).collect();
    assert_eq!(taken.len(), 1);
    assert_eq!(db.journal(10).await.unwrap(), taken);
    assert_ne!(taken[0].id, seen.id);
    assert!(takers.contains(&taken[0].process));
    let as_before =
        JournalEntry { id: seen.id, process: seen.process.clone(), lease_until: at(10), ..taken[0].clone() };
    assert_eq!((taken[0].lease_until, as_before), (at(50), seen));
}

/// The owner was slow and not dead.
pub async fn a_renewed_entry_is_not_taken(db: &dyn Database) {
    noted(db, &[("a", 10)]).await;
    let seen = db.journal(1).await.unwrap().remove(0);
    db.renew_leases("a", at(40)).await.unwrap();
    assert_eq!(db.take_entry(&seen, "b", at(50)).await.unwrap(), None);
    let seen = db.journal(1).await.unwrap().remove(0);
    assert_eq!((seen.process.as_str(), seen.lease_until), ("a", at(40)));
    db.close_entry(seen.id).await.unwrap();
    assert_eq!(db.take_entry(&seen, "b", at(50)).await.unwrap(), None);
}

/// Work that another finished is finished.
pub async fn closing_what_is_not_there_succeeds(db: &dyn Database) {
    db.close_entry(Uuid::new_v4()).await.unwrap();
    db.renew_leases("nobody", at(1)).await.unwrap();
}

/// Where an upload goes is remembered, by whoever takes it over as well.
pub async fn an_upload_remembers_where_it_goes(db: &dyn Database) {
    let (_, upload) = queued(db).await;
    let place = location("going").url;
    let upload = Upload { destination: Some(place.clone()), ..upload };
    begin(db, &upload).await.unwrap();
    let seen = db.journal(10).await.unwrap().remove(0);
    assert_eq!(seen.work, Work::Upload(Some(place)));
    let taken = db.take_entry(&seen, "other", at(90)).await.unwrap().unwrap();
    assert_eq!(taken.work, seen.work);
    assert_eq!(db.journal(10).await.unwrap(), [taken]);
}

/// That stores are to be told is an entry like others, and ends no upload.
pub async fn readers_are_noted(db: &dyn Database) {
    let (image, upload) = queued(db).await;
    begin(db, &upload).await.unwrap();
    let entry = Uuid::new_v4();
    db.note_readers(image.id, entry, "process", at(30)).await.unwrap();
    let seen = db.journal(10).await.unwrap().remove(0);
    let noted = JournalEntry {
        id: entry,
        work: Work::Readers,
        image: image.id,
        store: None,
        reserved: 0,
        process: "process".into(),
        lease_until: at(30),
    };
    assert_eq!(seen, noted);
    assert!(matches!(db.finish_upload(entry, image.id, &landed(3)).await, Err(RepoError::TakenOver)));
    let taken = db.take_entry(&seen, "other", at(40)).await.unwrap().unwrap();
    assert_eq!((taken.work, taken.image), (Work::Readers, image.id));
    db.close_entry(taken.id).await.unwrap();
    assert_eq!(entries(db).await, [upload.entry]);
}
