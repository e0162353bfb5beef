//! What a project holds, and the quota it is held against.

use futures::future::join_all;
use uuid::Uuid;

use super::journal::{landed, queued, upload};
use super::limits::excess;
use super::{at, created, destroyed, image_of, location, removal, touch};
use crate::database::{Database, RepoError, Upload};
use crate::image::{Assigned, Image, ImageChange, Status};
use crate::limits::{Excess, ProjectLimits, Resource};

async fn holding(db: &dyn Database, size: u64, locations: usize) -> Image {
    let mut image = Image { size: Some(size), ..image_of("p", 0) };
    image.locations = (0..locations).map(|n| location(&n.to_string())).collect();
    created(db, image).await
}

/// Data in two stores is held twice; a size without data is not held.
pub async fn bytes_held_count_sizes_by_locations(db: &dyn Database) {
    holding(db, 10, 1).await;
    let two = holding(db, 100, 2).await;
    holding(db, 1000, 0).await;
    holding(db, 0, 1).await;
    created(db, Image { locations: vec![location("x")], ..image_of("p", 0) }).await;
    created(db, Image { size: Some(5), locations: vec![location("x")], ..image_of("q", 0) }).await;
    created(db, Image { size: Some(5), owner: None, locations: vec![location("x")], ..image_of("", 0) }).await;
    assert_eq!(db.bytes_held("p").await.unwrap(), 210);
    let removed = ImageChange { locations_removed: vec![two.locations[0].id.unwrap()], ..touch(1) };
    db.update_image(two.id, Status::Active, &removed, &ProjectLimits::NONE).await.unwrap();
    assert_eq!(db.bytes_held("p").await.unwrap(), 110);
    assert_eq!(db.bytes_held("q").await.unwrap(), 5);
    assert_eq!(db.bytes_held("nobody").await.unwrap(), 0);
}

/// Killed and deleted images are not held, those whose data is to be deleted later neither.
pub async fn bytes_held_leave_out_what_is_gone(db: &dyn Database) {
    for (status, held) in [(Status::Killed, 0), (Status::Deactivated, 10), (Status::Importing, 20)] {
        created(db, Image { status, size: Some(10), locations: vec![location("x")], ..image_of("p", 0) }).await;
        assert_eq!(db.bytes_held("p").await.unwrap(), held, "{status}");
    }
    for status in [Status::Deleted, Status::PendingDelete] {
        let image = holding(db, 10, 1).await;
        assert_eq!(db.bytes_held("p").await.unwrap(), 30);
        db.destroy_image(image.id, Status::Active, &removal(status, 5)).await.unwrap();
        assert_eq!(db.bytes_held("p").await.unwrap(), 20, "{status}");
    }
}

/// From the first byte to the last, the data is held once: first as reserved, then as stored.
pub async fn reservations_count_until_the_upload_ends(db: &dyn Database) {
    let (image, begun) = queued(db).await;
    let begun = Upload { reserved: 10, ..begun };
    db.begin_upload(&begun, Status::Queued, &ProjectLimits::bytes(Some(10)), at(5)).await.unwrap();
    assert_eq!(db.bytes_held("p").await.unwrap(), 10);
    db.finish_upload(begun.entry, image.id, &landed(7)).await.unwrap();
    assert_eq!(db.bytes_held("p").await.unwrap(), 7);
    let (image, begun) = queued(db).await;
    let begun = Upload { reserved: 10, ..begun };
    db.begin_upload(&begun, Status::Queued, &ProjectLimits::NONE, at(5)).await.unwrap();
    let back = ImageChange { fields: vec![Assigned::Status(Status::Queued)], ..touch(9) };
    db.finish_upload(begun.entry, image.id, &back).await.unwrap();
    assert_eq!(db.bytes_held("p").await.unwrap(), 7);
    let (image, begun) = queued(db).await;
    let begun = Upload { reserved: 10, ..begun };
    let saving = db.begin_upload(&begun, Status::Queued, &ProjectLimits::NONE, at(5)).await.unwrap();
    assert_eq!(saving.id, image.id);
    destroyed(db, &saving).await;
    assert_eq!(db.bytes_held("p").await.unwrap(), 17, "the data may still be there");
    db.close_entry(begun.entry).await.unwrap();
    assert_eq!(db.bytes_held("p").await.unwrap(), 7);
}

/// A reservation is raised to a sum and never lowered.
pub async fn a_reservation_only_grows(db: &dyn Database) {
    let (_, begun) = queued(db).await;
    db.begin_upload(&begun, Status::Queued, &ProjectLimits::NONE, at(5)).await.unwrap();
    for (bytes, held) in [(5, 5), (3, 5), (5, 5), (9, 9), (0, 9)] {
        db.reserve(begun.entry, bytes, &ProjectLimits::bytes(Some(9))).await.unwrap();
        assert_eq!(db.bytes_held("p").await.unwrap(), held);
        assert_eq!(db.journal(1).await.unwrap()[0].reserved, held);
    }
    let unknown = db.reserve(Uuid::new_v4(), 1, &ProjectLimits::NONE).await;
    assert!(matches!(unknown, Err(RepoError::NotFound)));
}

/// The last byte of a quota can be used, and not one more.
pub async fn a_quota_is_kept_to_the_byte(db: &dyn Database) {
    holding(db, 10, 1).await;
    let (_, first) = queued(db).await;
    let first = Upload { reserved: 4, ..first };
    db.begin_upload(&first, Status::Queued, &ProjectLimits::bytes(Some(20)), at(5)).await.unwrap();
    db.reserve(first.entry, 10, &ProjectLimits::bytes(Some(20))).await.unwrap();
    let refused = db.reserve(first.entry, 11, &ProjectLimits::bytes(Some(20))).await;
    assert_eq!(excess(refused), Excess { resource: Resource::ImageSizeTotal, limit: 20, usage: 20, delta: 1 });
    assert_eq!(db.bytes_held("p").await.unwrap(), 20);
    let (image, _) = queued(db).await;
    let refused = db.begin_upload(&upload(image.id, 1), Status::Queued, &ProjectLimits::bytes(Some(20)), at(5)).await;
    assert_eq!(excess(refused), Excess { resource: Resource::ImageSizeTotal, limit: 20, usage: 20, delta: 1 });
    let huge =
        db.begin_upload(&upload(image.id, u64::MAX), Status::Queued, &ProjectLimits::bytes(Some(20)), at(5)).await;
    assert!(matches!(huge, Err(RepoError::OverProjectLimit(_))), "{huge:?}");
    db.begin_upload(&upload(image.id, 0), Status::Queued, &ProjectLimits::bytes(Some(20)), at(5)).await.unwrap();
}

/// Eight uploads of three bytes each and a quota of ten: three begin.
pub async fn a_quota_is_never_passed_by_uploads_at_once(db: &dyn Database) {
    let mut uploads = Vec::new();
    for _ in 0..8 {
        uploads.push(upload(queued(db).await.0.id, 3));
    }
    let begin =
        |upload| async move { db.begin_upload(upload, Status::Queued, &ProjectLimits::bytes(Some(10)), at(5)).await };
    let done = join_all(uploads.iter().map(begin)).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 3);
    assert!(done.iter().all(|done| matches!(done, Ok(_) | Err(RepoError::OverProjectLimit(_)))));
    assert_eq!(db.bytes_held("p").await.unwrap(), 9);
}

/// Eight uploads that grow by one byte at a time and a quota of ten: ten bytes are given out.
pub async fn a_quota_is_never_passed_by_reservations_at_once(db: &dyn Database) {
    let mut uploads = Vec::new();
    for _ in 0..8 {
        let (_, begun) = queued(db).await;
        db.begin_upload(&begun, Status::Queued, &ProjectLimits::bytes(Some(10)), at(5)).await.unwrap();
        uploads.push(begun.entry);
    }
    let limits = ProjectLimits::bytes(Some(10));
    for bytes in 1..=2 {
        join_all(uploads.iter().map(|entry| db.reserve(*entry, bytes, &limits))).await;
    }
    assert_eq!(db.bytes_held("p").await.unwrap(), 10);
}

/// What nobody owns counts against nobody.
pub async fn without_a_project_no_quota_counts(db: &dyn Database) {
    let image = created(db, Image { status: Status::Queued, owner: None, ..image_of("p", 0) }).await;
    let begun = Upload { project: None, ..upload(image.id, 100) };
    db.begin_upload(&begun, Status::Queued, &ProjectLimits::bytes(Some(10)), at(5)).await.unwrap();
    db.reserve(begun.entry, 1000, &ProjectLimits::bytes(Some(10))).await.unwrap();
    assert_eq!(db.bytes_held("p").await.unwrap(), 0);
}
