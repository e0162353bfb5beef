//! Images are marked deleted, and what is left of them is noted.

use futures::future::join_all;
use uuid::Uuid;

use super::{all_for, at, created, entries, ids, image_of, location, read, removal};
use crate::database::{Database, Removal, RemovalOf, RepoError, Work};
use crate::image::{Image, ImageId, Status};
use crate::location::Location;

async fn whole(db: &dyn Database) -> Image {
    let mut image = image_of("p", 0);
    image.properties = [("p".into(), Some("1".into()))].into();
    image.tags = vec!["t".into()];
    image.locations = vec![location("a"), location("b")];
    let image = created(db, image).await;
    db.add_member(image.id, "member", None, at(1)).await.unwrap();
    image
}

fn removal_of(image: &Image, status: Status) -> Removal {
    let place = |url: &Location| RemovalOf { entry: Uuid::new_v4(), store: Some("fast".into()), location: url.clone() };
    Removal { locations: image.locations.iter().map(|location| place(&location.url)).collect(), ..removal(status, 5) }
}

/// Neither the image nor its parts are found; as a marker it still is, with its last status.
pub async fn a_destroyed_image_is_gone(db: &dyn Database) {
    for status in [Status::Deleted, Status::PendingDelete] {
        let image = whole(db).await;
        db.destroy_image(image.id, Status::Active, &removal_of(&image, status)).await.unwrap();
        assert!(matches!(db.image(image.id, None).await, Err(RepoError::NotFound)));
        assert!(db.members(image.id).await.unwrap().is_empty());
        assert!(ids(db, &all_for(true, None)).await.is_empty());
        let marker = db.marker(image.id, Some("member")).await.unwrap();
        assert!(marker.deleted);
        assert_eq!(marker.seen.membership, None);
        let gone = marker.seen.image;
        assert_eq!((gone.status, gone.updated_at), (status, at(5)));
        assert!(gone.properties.is_empty() && gone.tags.is_empty() && gone.locations.is_empty());
    }
}

/// An image that moved on is not deleted, and nothing is noted.
pub async fn destruction_compares_the_status(db: &dyn Database) {
    let image = whole(db).await;
    let removal = removal_of(&image, Status::Deleted);
    let refused = db.destroy_image(image.id, Status::Queued, &removal).await;
    assert!(matches!(refused, Err(RepoError::Stale { expected: Status::Queued, found: Status::Active })));
    assert_eq!(read(db, image.id).await, image);
    assert!(entries(db).await.is_empty());
    let unknown = db.destroy_image(ImageId::random(), Status::Active, &removal).await;
    assert!(matches!(unknown, Err(RepoError::NotFound)));
    assert!(entries(db).await.is_empty());
}

/// Whoever dies after it leaves a note for others of every place to be emptied.
pub async fn what_is_to_be_removed_is_noted_with_the_destruction(db: &dyn Database) {
    let image = whole(db).await;
    let removal = removal_of(&image, Status::Deleted);
    db.destroy_image(image.id, Status::Active, &removal).await.unwrap();
    let mut noted = db.journal(10).await.unwrap();
    assert_eq!(noted.len(), 2);
    noted.sort_by_key(|entry| entry.id != removal.locations[0].entry);
    for (entry, place) in noted.iter().zip(&removal.locations) {
        assert_eq!((entry.id, entry.image, entry.store.as_deref()), (place.entry, image.id, Some("fast")));
        assert_eq!(entry.work, Work::Removal(place.location.clone()));
        assert_eq!((entry.process.as_str(), entry.lease_until, entry.reserved), ("process", at(65), 0));
    }
    db.close_entry(noted[0].id).await.unwrap();
    assert_eq!(entries(db).await, [noted[1].id]);
}

/// Notes can be made before anything changes, and of nothing at all.
pub async fn removals_from_a_living_image_are_noted(db: &dyn Database) {
    let image = whole(db).await;
    let removal = removal_of(&image, Status::Active);
    db.note_removals(image.id, &[], "process", at(30)).await.unwrap();
    assert!(entries(db).await.is_empty());
    db.note_removals(image.id, &removal.locations[1..], "process", at(30)).await.unwrap();
    let noted = db.journal(10).await.unwrap();
    assert_eq!(noted.len(), 1);
    assert_eq!((noted[0].id, noted[0].image), (removal.locations[1].entry, image.id));
    assert_eq!(noted[0].work, Work::Removal(image.locations[1].url.clone()));
    assert_eq!((noted[0].process.as_str(), noted[0].lease_until, noted[0].reserved), ("process", at(30), 0));
    assert_eq!(read(db, image.id).await, image);
    assert_eq!(db.bytes_held("p").await.unwrap(), 0);
}

/// A scrubber finds the locations by their rows.
pub async fn delayed_destruction_notes_nothing(db: &dyn Database) {
    let image = whole(db).await;
    db.destroy_image(image.id, Status::Active, &removal_of(&image, Status::PendingDelete)).await.unwrap();
    assert!(entries(db).await.is_empty());
}

/// Of several that delete one image, one does it and notes it once.
pub async fn of_destructions_at_once_one_wins(db: &dyn Database) {
    let image = whole(db).await;
    let removals: Vec<_> = (0..8).map(|_| removal_of(&image, Status::Deleted)).collect();
    let done = join_all(removals.iter().map(|removal| db.destroy_image(image.id, Status::Active, removal))).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1);
    assert!(done.iter().all(|done| matches!(done, Ok(()) | Err(RepoError::NotFound))));
    assert_eq!(entries(db).await.len(), 2);
}

/// Nothing of another image goes.
pub async fn destruction_leaves_other_images_alone(db: &dyn Database) {
    let (image, other) = (whole(db).await, whole(db).await);
    db.destroy_image(image.id, Status::Active, &removal_of(&image, Status::Deleted)).await.unwrap();
    assert_eq!(read(db, other.id).await, other);
    assert_eq!(db.members(other.id).await.unwrap().len(), 1);
}
