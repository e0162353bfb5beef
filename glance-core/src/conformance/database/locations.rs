//! Locations are added, changed and removed one by one.

use futures::future::join_all;

use super::{created, image_of, location, read, touch};
use crate::database::{Database, RepoError};
use crate::image::{Assigned, Image, ImageChange, Status};
use crate::limits::ProjectLimits;

async fn with_locations(db: &dyn Database, names: &[&str]) -> Image {
    let mut image = image_of("owner", 0);
    image.locations = names.iter().map(|name| location(name)).collect();
    created(db, image).await
}

fn names(image: &Image) -> Vec<&str> {
    image.locations.iter().map(|location| location.url.expose().trim_start_matches("file:///data/")).collect()
}

fn removing(rows: &[Option<i64>]) -> ImageChange {
    ImageChange { locations_removed: rows.iter().flatten().copied().collect(), ..touch(1) }
}

/// The oldest location comes first; each has a row of its own.
pub async fn locations_are_added_in_order(db: &dyn Database) {
    let image = with_locations(db, &["a", "b"]).await;
    let change = ImageChange { locations_added: vec![location("c"), location("d")], ..touch(1) };
    let image = db.update_image(image.id, Status::Active, &change, &ProjectLimits::NONE).await.unwrap();
    assert_eq!(names(&image), ["a", "b", "c", "d"]);
    let mut rows: Vec<_> = image.locations.iter().map(|location| location.id.unwrap()).collect();
    rows.dedup();
    assert_eq!(rows.len(), 4);
    assert_eq!(read(db, image.id).await, image);
}

/// Of two locations that look alike, the one that is named goes.
pub async fn a_location_is_removed_by_its_row(db: &dyn Database) {
    let image = with_locations(db, &["a", "a", "b"]).await;
    let kept = image.locations[0].clone();
    let change = removing(&[image.locations[1].id, image.locations[2].id]);
    let image = db.update_image(image.id, Status::Active, &change, &ProjectLimits::NONE).await.unwrap();
    assert_eq!(image.locations, [kept]);
    assert_eq!(read(db, image.id).await, image);
}

/// Metadata change under the row that is named, and no other.
pub async fn metadata_of_one_location_changes(db: &dyn Database) {
    let image = with_locations(db, &["a", "b"]).await;
    let mut changed = image.locations[1].clone();
    changed.metadata.insert("note".into(), "é".into());
    let change = ImageChange { locations_changed: vec![changed.clone()], ..touch(1) };
    let after = db.update_image(image.id, Status::Active, &change, &ProjectLimits::NONE).await.unwrap();
    assert_eq!(after.locations, [image.locations[0].clone(), changed]);
}

/// A row that belongs to another image is not there for this one.
pub async fn rows_of_other_images_are_not_touched(db: &dyn Database) {
    let (image, other) = (with_locations(db, &["a"]).await, with_locations(db, &["b"]).await);
    let mut foreign = other.locations[0].clone();
    foreign.metadata.clear();
    let change = ImageChange { locations_changed: vec![foreign], ..removing(&[other.locations[0].id]) };
    let after = db.update_image(image.id, Status::Active, &change, &ProjectLimits::NONE).await.unwrap();
    assert_eq!(after.locations, image.locations);
    assert_eq!(read(db, other.id).await, other);
}

/// An image keeps a place to read it from, and what else the change says is not done either.
pub async fn the_last_location_stays(db: &dyn Database) {
    let image = with_locations(db, &["a"]).await;
    let change = ImageChange { fields: vec![Assigned::Name(Some("new".into()))], ..removing(&[image.locations[0].id]) };
    let refused = db.update_image(image.id, Status::Active, &change, &ProjectLimits::NONE).await;
    assert!(matches!(refused, Err(RepoError::LastLocation)), "{refused:?}");
    assert_eq!(read(db, image.id).await, image);
    let exchange = ImageChange { locations_added: vec![location("b")], ..change };
    let after = db.update_image(image.id, Status::Active, &exchange, &ProjectLimits::NONE).await.unwrap();
    assert_eq!(names(&after), ["b"]);
}

/// Two clients that each take one of two locations away do not take both.
pub async fn of_removals_of_the_last_two_locations_one_wins(db: &dyn Database) {
    let image = with_locations(db, &["a", "b"]).await;
    let removals = image.locations.iter().map(|location| {
        let change = removing(&[location.id]);
        async move { db.update_image(image.id, Status::Active, &change, &ProjectLimits::NONE).await }
    });
    let done = join_all(removals).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1);
    assert_eq!(done.iter().filter(|done| matches!(done, Err(RepoError::LastLocation))).count(), 1);
    assert_eq!(read(db, image.id).await.locations.len(), 1);
}

/// An image whose data is given up loses its locations with its status.
pub async fn a_change_of_status_may_take_all_locations(db: &dyn Database) {
    let image = with_locations(db, &["a", "b"]).await;
    let change = ImageChange {
        fields: vec![Assigned::Status(Status::Queued)],
        ..removing(&[image.locations[0].id, image.locations[1].id])
    };
    let after = db.update_image(image.id, Status::Active, &change, &ProjectLimits::NONE).await.unwrap();
    assert_eq!((after.status, after.locations.len()), (Status::Queued, 0));
}
