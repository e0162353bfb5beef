//! Pages: nothing is lost between them and nothing comes twice.

use super::{all_for, at, created, destroyed, ids, image_of};
use crate::database::{Database, Direction, ImageQuery, SortKey};
use crate::image::{Image, ImageId, Status, Visibility};

const KEYS: [SortKey; 8] = [
    SortKey::Name,
    SortKey::Status,
    SortKey::ContainerFormat,
    SortKey::DiskFormat,
    SortKey::Size,
    SortKey::Id,
    SortKey::CreatedAt,
    SortKey::UpdatedAt,
];

const DIRECTIONS: [Direction; 2] = [Direction::Ascending, Direction::Descending];

/// Images that share values of every key in groups of three, every third group without a value.
async fn grouped(db: &dyn Database) {
    for n in 0..18_u32 {
        let group = n / 3;
        let text = (!group.is_multiple_of(3)).then(|| format!("v{group}"));
        let image = Image {
            name: text.clone(),
            status: [Status::Queued, Status::Active, Status::Saving][group as usize % 3],
            disk_format: text.clone(),
            container_format: text,
            size: (!group.is_multiple_of(3)).then_some(group.into()),
            visibility: Visibility::ALL[n as usize % 4],
            updated_at: at(group.into()),
            ..image_of("p", (group / 2).into())
        };
        created(db, image).await;
    }
}

/// Every page of `query`, `limit` images each, until one is short.
async fn pages(db: &dyn Database, query: &ImageQuery, limit: usize) -> Vec<ImageId> {
    let mut query = ImageQuery { limit, ..query.clone() };
    let mut walked = Vec::new();
    // Many more rounds than there are images: a list that goes in circles fails and does not hang.
    for _ in 0..100 {
        let page = db.images(&query).await.unwrap();
        walked.extend(page.iter().map(|seen| seen.image.id));
        match page.into_iter().next_back() {
            Some(last) if walked.len().is_multiple_of(limit) => query.marker = Some(Box::new(last.image)),
            _ => return walked,
        }
    }
    panic!("the list does not end: {query:?}");
}

/// Of images made at one moment, the id decides.
pub async fn the_usual_order_breaks_ties_by_id(db: &dyn Database) {
    let mut images = Vec::new();
    for second in [1, 1, 1, 2, 0] {
        images.push(created(db, image_of("p", second)).await);
    }
    images.sort_by_key(|image| (image.created_at, image.id));
    let ascending: Vec<_> = images.iter().map(|image| image.id).collect();
    let mut query = all_for(false, Some("p"));
    query.sort = vec![(SortKey::CreatedAt, Direction::Ascending), (SortKey::Id, Direction::Ascending)];
    assert_eq!(ids(db, &query).await, ascending);
    query.sort = vec![(SortKey::CreatedAt, Direction::Descending), (SortKey::Id, Direction::Descending)];
    assert_eq!(ids(db, &query).await, ascending.into_iter().rev().collect::<Vec<_>>());
}

/// An absent value is lower than every other, in every order that has one.
pub async fn absent_values_come_first_going_up(db: &dyn Database) {
    grouped(db).await;
    for key in [SortKey::Name, SortKey::ContainerFormat, SortKey::DiskFormat, SortKey::Size] {
        for direction in DIRECTIONS {
            let mut query = all_for(false, Some("p"));
            query.sort = vec![(key, direction), (SortKey::Id, Direction::Ascending)];
            let listed = db.images(&query).await.unwrap();
            let absent: Vec<_> = listed.iter().map(|seen| seen.image.size.is_none()).collect();
            let (first, last) = (&absent[..6], &absent[12..]);
            let (none, some) = if direction == Direction::Ascending { (first, last) } else { (last, first) };
            assert!(none.iter().all(|absent| *absent) && some.iter().all(|absent| !absent), "{key:?} {direction:?}");
        }
    }
}

/// Every key, both directions, ties broken both ways, pages of every awkward length.
pub async fn every_order_pages_through_everything(db: &dyn Database) {
    grouped(db).await;
    for key in KEYS {
        for direction in DIRECTIONS {
            for (second, last) in [(Direction::Ascending, Direction::Ascending), (Direction::Descending, direction)] {
                let mut query = all_for(false, Some("p"));
                query.sort = vec![(key, direction), (SortKey::CreatedAt, second), (SortKey::Id, last)];
                let whole = ids(db, &query).await;
                assert_eq!(whole.len(), 18);
                for limit in [1, 2, 5, 9, 18] {
                    assert_eq!(pages(db, &query, limit).await, whole, "{:?} by {limit}", query.sort);
                }
            }
        }
    }
}

/// Going on behind an image that was deleted since.
pub async fn a_deleted_marker_still_marks(db: &dyn Database) {
    let mut images = Vec::new();
    for second in 0..5 {
        images.push(created(db, image_of("p", second)).await);
    }
    destroyed(db, &images[2]).await;
    let marker = db.marker(images[2].id, None).await.unwrap();
    assert!(marker.deleted);
    assert_eq!((marker.seen.image.id, marker.seen.image.created_at), (images[2].id, images[2].created_at));
    let query = ImageQuery { marker: Some(Box::new(marker.seen.image)), ..all_for(false, Some("p")) };
    assert_eq!(ids(db, &query).await, [images[1].id, images[0].id]);
}

/// A limit of nothing.
pub async fn a_page_of_nothing_is_empty(db: &dyn Database) {
    created(db, image_of("p", 0)).await;
    assert!(ids(db, &ImageQuery { limit: 0, ..all_for(false, Some("p")) }).await.is_empty());
}

/// A page that ends with the list does not know it.
pub async fn a_full_last_page_is_followed_by_an_empty_one(db: &dyn Database) {
    let image = created(db, image_of("p", 0)).await;
    let query = ImageQuery { limit: 1, ..all_for(false, Some("p")) };
    assert_eq!(ids(db, &query).await, [image.id]);
    assert!(ids(db, &ImageQuery { marker: Some(Box::new(image)), ..query }).await.is_empty());
}
