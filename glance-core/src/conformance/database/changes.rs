//! A change writes what it names, all of it or nothing.

use futures::future::join_all;

use super::{at, created, destroyed, image_of, location, read, touch};
use crate::database::{Database, RepoError};
use crate::image::{Assigned, Image, ImageChange, ImageId, Status, Visibility};
use crate::limits::ProjectLimits;

fn values() -> Vec<Assigned> {
    let text = || Some("text".to_owned());
    vec![
        Assigned::Name(text()),
        Assigned::Visibility(Visibility::Private),
        Assigned::Protected(true),
        Assigned::Hidden(true),
        Assigned::Owner(text()),
        Assigned::DiskFormat(text()),
        Assigned::ContainerFormat(text()),
        Assigned::MinDisk(3),
        Assigned::MinRam(4),
        Assigned::Size(Some(5)),
        Assigned::VirtualSize(Some(6)),
        Assigned::Checksum(text()),
        Assigned::OsHashAlgo(text()),
        Assigned::OsHashValue(text()),
        Assigned::Name(None),
        Assigned::Visibility(Visibility::Public),
        Assigned::Protected(false),
        Assigned::Hidden(false),
        Assigned::Owner(None),
        Assigned::DiskFormat(None),
        Assigned::ContainerFormat(None),
        Assigned::MinDisk(0),
        Assigned::MinRam(0),
        Assigned::Size(None),
        Assigned::VirtualSize(None),
        Assigned::Checksum(None),
        Assigned::OsHashAlgo(None),
        Assigned::OsHashValue(None),
    ]
}

/// One field after the other is set and unset; no other moves with it.
pub async fn every_field_can_be_given_and_taken_away(db: &dyn Database) {
    let mut image = created(db, image_of("owner", 0)).await;
    for (second, field) in (1..).zip(values()) {
        let change = ImageChange { fields: vec![field], ..touch(second) };
        let after = db.update_image(image.id, Status::Active, &change, &ProjectLimits::NONE).await.unwrap();
        assert_eq!(after, image.changed(&change));
        assert_eq!(read(db, after.id).await, after);
        image = after;
    }
}

/// `updated_at` follows every change, `created_at` none.
pub async fn a_change_moves_the_time_and_nothing_it_does_not_name(db: &dyn Database) {
    let mut image = image_of("owner", 0);
    image.properties = [("kept".into(), Some("value".into()))].into();
    image.tags = vec!["kept".into()];
    image.locations = vec![location("kept")];
    let image = created(db, image).await;
    let after = db.update_image(image.id, Status::Active, &touch(5), &ProjectLimits::NONE).await.unwrap();
    assert_eq!(after, Image { updated_at: at(5), ..image.clone() });
    assert_eq!(read(db, image.id).await, after);
}

/// A change that expects another status is refused whole and says what it found.
pub async fn an_image_with_another_status_is_left_alone(db: &dyn Database) {
    let image = created(db, image_of("owner", 0)).await;
    let change = ImageChange {
        fields: vec![Assigned::Name(Some("new".into()))],
        properties_set: [("new".into(), Some("value".into()))].into(),
        tags_added: vec!["new".into()],
        locations_added: vec![location("new")],
        ..touch(5)
    };
    let refused = db.update_image(image.id, Status::Queued, &change, &ProjectLimits::NONE).await;
    assert!(
        matches!(refused, Err(RepoError::Stale { expected: Status::Queued, found: Status::Active })),
        "{refused:?}"
    );
    assert_eq!(read(db, image.id).await, image);
}

/// Neither an unknown nor a deleted image can be changed.
pub async fn a_change_to_what_is_not_there_is_refused(db: &dyn Database) {
    let refused = db.update_image(ImageId::random(), Status::Active, &touch(1), &ProjectLimits::NONE).await;
    assert!(matches!(refused, Err(RepoError::NotFound)));
    let image = created(db, image_of("owner", 0)).await;
    destroyed(db, &image).await;
    for status in [Status::Active, Status::Deleted] {
        let refused = db.update_image(image.id, status, &touch(1), &ProjectLimits::NONE).await;
        assert!(matches!(refused, Err(RepoError::NotFound)), "{refused:?}");
    }
}

/// Of several that move one image, one finds the status it saw.
pub async fn of_status_moves_at_once_one_wins(db: &dyn Database) {
    let image = created(db, image_of("owner", 0)).await;
    let moves = (0..8).map(|n| {
        let fields = vec![Assigned::Status(Status::Deactivated), Assigned::MinDisk(n)];
        async move {
            db.update_image(image.id, Status::Active, &ImageChange { fields, ..touch(1) }, &ProjectLimits::NONE).await
        }
    });
    let done = join_all(moves).await;
    let won: Vec<_> = done.iter().flatten().collect();
    assert_eq!(won.len(), 1);
    assert_eq!(read(db, image.id).await, *won[0]);
    let lost = |done: &Result<_, _>| matches!(done, Err(RepoError::Stale { found: Status::Deactivated, .. }));
    assert_eq!(done.iter().filter(|done| lost(done)).count(), 7);
}

/// Those who add a property, a tag and a location each at the same time all keep theirs.
pub async fn what_several_add_at_once_all_stays(db: &dyn Database) {
    let image = created(db, image_of("owner", 0)).await;
    let additions = (0..8).map(|n| async move {
        let change = ImageChange {
            properties_set: [(format!("p{n}"), Some(n.to_string()))].into(),
            tags_added: vec![format!("t{n}")],
            locations_added: vec![location(&n.to_string())],
            ..touch(1)
        };
        db.update_image(image.id, Status::Active, &change, &ProjectLimits::NONE).await
    });
    for done in join_all(additions).await {
        done.unwrap();
    }
    let image = read(db, image.id).await;
    assert_eq!((image.properties.len(), image.tags.len(), image.locations.len()), (8, 8, 8));
}

/// A property that was removed and set again has its new value, and can be removed again.
pub async fn a_removed_property_comes_back_clean(db: &dyn Database) {
    let image = created(db, image_of("owner", 0)).await;
    for round in 1..4 {
        let set = ImageChange { properties_set: [("p".into(), Some(round.to_string()))].into(), ..touch(round) };
        db.update_image(image.id, Status::Active, &set, &ProjectLimits::NONE).await.unwrap();
        assert_eq!(read(db, image.id).await.properties, [("p".into(), Some(round.to_string()))].into());
        let removed = ImageChange { properties_removed: vec!["p".into()], ..touch(round) };
        db.update_image(image.id, Status::Active, &removed, &ProjectLimits::NONE).await.unwrap();
        assert!(read(db, image.id).await.properties.is_empty());
    }
}

/// No value is a value that a property can be changed to.
pub async fn a_property_may_be_null(db: &dyn Database) {
    let mut image = image_of("owner", 0);
    image.properties = [("p".into(), Some("1".into()))].into();
    let image = created(db, image).await;
    let change = ImageChange { properties_set: [("p".into(), None)].into(), ..touch(1) };
    db.update_image(image.id, Status::Active, &change, &ProjectLimits::NONE).await.unwrap();
    assert_eq!(read(db, image.id).await.properties, [("p".into(), None)].into());
}

/// Tags stand in the order in which they were added last.
pub async fn a_removed_tag_comes_back_at_the_end(db: &dyn Database) {
    let mut image = image_of("owner", 0);
    image.tags = vec!["a".into(), "b".into()];
    let image = created(db, image).await;
    for (removed, added, left) in [("a", "", &["b"][..]), ("", "a", &["b", "a"]), ("b", "b", &["a", "b"])] {
        let some = |tag: &str| if tag.is_empty() { Vec::new() } else { vec![tag.to_owned()] };
        let change = ImageChange { tags_removed: some(removed), tags_added: some(added), ..touch(1) };
        let after = db.update_image(image.id, Status::Active, &change, &ProjectLimits::NONE).await.unwrap();
        assert_eq!(after.tags, left);
        assert_eq!(read(db, image.id).await.tags, left);
    }
}

/// A change is made by a client that may have seen an older image.
pub async fn adding_twice_and_removing_nothing_are_no_errors(db: &dyn Database) {
    let mut image = image_of("owner", 0);
    image.tags = vec!["a".into()];
    image.properties = [("a".into(), Some("1".into()))].into();
    image.locations = vec![location("a")];
    let image = created(db, image).await;
    let change = ImageChange {
        properties_removed: vec!["x".into()],
        tags_added: vec!["a".into(), "b".into(), "b".into()],
        tags_removed: vec!["x".into()],
        locations_removed: vec![i64::MAX],
        ..touch(1)
    };
    let after = db.update_image(image.id, Status::Active, &change, &ProjectLimits::NONE).await.unwrap();
    assert_eq!(after, Image { tags: vec!["a".into(), "b".into()], updated_at: at(1), ..image });
}
