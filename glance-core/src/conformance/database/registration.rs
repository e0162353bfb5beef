//! Data that lies somewhere already becomes an image's, with an entry for as long as that takes.

use uuid::Uuid;

use super::journal::{landed, queued};
use super::{at, created, destroyed, entries, image_of, location, read, touch};
use crate::database::{Database, Registration, RepoError, Work};
use crate::image::{Assigned, Image, ImageChange, ImageId, Status};
use crate::limits::ProjectLimits;

pub(super) async fn to_register(db: &dyn Database) -> (Image, Registration) {
    let image = created(db, Image { status: Status::Queued, ..image_of("p", 0) }).await;
    let registration = registration(image.id);
    (image, registration)
}

pub(super) fn registration(image: ImageId) -> Registration {
    Registration {
        entry: Uuid::new_v4(),
        image,
        store: Some("fast".into()),
        location: location("there").url,
        project: Some("p".into()),
        process: "process".into(),
        lease_until: at(60),
    }
}

async fn begun(db: &dyn Database) -> (Image, Registration) {
    let (_, registration) = to_register(db).await;
    (db.begin_registration(&registration, &ProjectLimits::NONE, at(5)).await.unwrap(), registration)
}

/// The image is importing from then on, and the entry says what of.
pub async fn a_registration_begins_once(db: &dyn Database) {
    let (image, registration) = to_register(db).await;
    let importing = db.begin_registration(&registration, &ProjectLimits::NONE, at(5)).await.unwrap();
    assert_eq!(importing, Image { status: Status::Importing, updated_at: at(5), ..image.clone() });
    assert_eq!(read(db, image.id).await, importing);
    let again = Registration { entry: Uuid::new_v4(), ..registration.clone() };
    let refused = db.begin_registration(&again, &ProjectLimits::NONE, at(6)).await;
    assert!(matches!(refused, Err(RepoError::Stale { expected: Status::Queued, found: Status::Importing })));
    let nowhere = Registration { image: ImageId::random(), ..again };
    let nothing = db.begin_registration(&nowhere, &ProjectLimits::NONE, at(6)).await;
    assert!(matches!(nothing, Err(RepoError::NotFound)), "{nothing:?}");
    let noted = db.journal(9).await.unwrap();
    assert_eq!(noted.len(), 1);
    assert_eq!((noted[0].id, noted[0].image, noted[0].reserved), (registration.entry, image.id, 0));
    assert_eq!(noted[0].work, Work::Registration(registration.location));
    assert_eq!((noted[0].store.as_deref(), noted[0].process.as_str()), (Some("fast"), "process"));
    assert_eq!(noted[0].lease_until, at(60));
}

/// With the entry goes the reservation; a second end finds nothing.
pub async fn a_registration_ends_with_its_entry(db: &dyn Database) {
    let (image, registration) = begun(db).await;
    db.reserve(registration.entry, 30, &ProjectLimits::NONE).await.unwrap();
    let active = db.finish_registration(registration.entry, image.id, Status::Importing, &landed(30)).await.unwrap();
    assert_eq!((active.status, active.locations.len()), (Status::Active, 1));
    assert_eq!(read(db, image.id).await, active);
    assert!(entries(db).await.is_empty());
    assert_eq!(db.bytes_held("p").await.unwrap(), 30);
    let again = db.finish_registration(registration.entry, image.id, Status::Active, &touch(9)).await;
    assert!(matches!(again, Err(RepoError::TakenOver)), "{again:?}");
}

/// The data counts once: as the image's.
pub async fn a_registration_goes_on_without_its_reservation(db: &dyn Database) {
    let (image, registration) = begun(db).await;
    db.reserve(registration.entry, 30, &ProjectLimits::bytes(Some(30))).await.unwrap();
    let active = db.continue_registration(registration.entry, image.id, &landed(30)).await.unwrap();
    assert_eq!(active.status, Status::Active);
    assert_eq!(db.bytes_held("p").await.unwrap(), 30);
    db.reserve(registration.entry, 0, &ProjectLimits::NONE).await.unwrap();
    let again = db.continue_registration(registration.entry, image.id, &touch(8)).await;
    assert!(matches!(again, Err(RepoError::Stale { expected: Status::Importing, found: Status::Active })), "{again:?}");
    assert_eq!(entries(db).await, [registration.entry]);
    let digest = ImageChange { fields: vec![Assigned::Checksum(Some("sum".into()))], ..touch(9) };
    let stale = db.finish_registration(registration.entry, image.id, Status::Deactivated, &digest).await;
    assert!(matches!(stale, Err(RepoError::Stale { .. })), "{stale:?}");
    let digested = db.finish_registration(registration.entry, image.id, Status::Active, &digest).await.unwrap();
    assert_eq!(digested.checksum.as_deref(), Some("sum"));
    assert!(entries(db).await.is_empty());
}

/// Neither another image's, nor work of another kind.
pub async fn an_entry_ends_its_own_registration_alone(db: &dyn Database) {
    let ((image, registration), (other, upload)) = (begun(db).await, queued(db).await);
    db.begin_upload(&upload, Status::Queued, &ProjectLimits::NONE, at(5)).await.unwrap();
    for (entry, of) in [(registration.entry, other.id), (upload.entry, other.id), (upload.entry, image.id)] {
        for expected in [Status::Importing, Status::Saving] {
            let crossed = db.finish_registration(entry, of, expected, &landed(3)).await;
            assert!(matches!(crossed, Err(RepoError::TakenOver)), "{crossed:?}");
        }
        assert!(matches!(db.continue_registration(entry, of, &landed(3)).await, Err(RepoError::TakenOver)));
    }
    let crossed = db.finish_upload(registration.entry, image.id, &landed(3)).await;
    assert!(matches!(crossed, Err(RepoError::TakenOver)), "{crossed:?}");
    assert_eq!(read(db, image.id).await, image);
    assert_eq!(entries(db).await.len(), 2);
}

/// Whoever took the entry over answers for the image.
pub async fn a_registration_that_was_taken_over_cannot_go_on(db: &dyn Database) {
    let (image, registration) = begun(db).await;
    let seen = db.journal(9).await.unwrap().remove(0);
    let taken = db.take_entry(&seen, "other", at(90)).await.unwrap().unwrap();
    assert_eq!(taken.work, Work::Registration(registration.location));
    assert!(matches!(db.reserve(registration.entry, 0, &ProjectLimits::NONE).await, Err(RepoError::NotFound)));
    let late = db.continue_registration(registration.entry, image.id, &landed(3)).await;
    assert!(matches!(late, Err(RepoError::TakenOver)), "{late:?}");
    let queued = ImageChange { fields: vec![Assigned::Status(Status::Queued)], ..touch(9) };
    let queued = db.finish_registration(taken.id, image.id, Status::Importing, &queued).await.unwrap();
    assert_eq!(queued.status, Status::Queued);
    assert!(entries(db).await.is_empty());
}

/// The entry stays for its owner to close.
pub async fn a_registration_of_a_deleted_image_cannot_go_on(db: &dyn Database) {
    let (image, registration) = begun(db).await;
    destroyed(db, &image).await;
    assert!(matches!(db.reserve(registration.entry, 0, &ProjectLimits::NONE).await, Err(RepoError::NotFound)));
    let late = db.continue_registration(registration.entry, image.id, &landed(3)).await;
    assert!(matches!(late, Err(RepoError::NotFound)), "{late:?}");
    let late = db.finish_registration(registration.entry, image.id, Status::Importing, &landed(3)).await;
    assert!(matches!(late, Err(RepoError::NotFound)), "{late:?}");
    assert_eq!(entries(db).await, [registration.entry]);
}

/// As an upload does.
pub async fn a_registration_reserves_within_the_quota(db: &dyn Database) {
    let (_, registration) = begun(db).await;
    let over = db.reserve(registration.entry, 31, &ProjectLimits::bytes(Some(30))).await;
    assert!(matches!(over, Err(RepoError::OverProjectLimit(_))), "{over:?}");
    db.reserve(registration.entry, 30, &ProjectLimits::bytes(Some(30))).await.unwrap();
    assert_eq!(db.bytes_held("p").await.unwrap(), 30);
    assert_eq!(db.journal(9).await.unwrap()[0].reserved, 30);
}
