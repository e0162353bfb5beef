//! What a project holds of everything that is limited, and the limits it is held to where records are written.

use futures::future::join_all;

use super::journal::{queued, upload};
use super::registration::{registration, to_register};
use super::{at, created, destroyed, entries, image_of, location, read, touch};
use crate::database::{Database, RepoError};
use crate::image::{Assigned, Image, ImageChange, ImageId, Status};
use crate::limits::{Excess, ProjectLimits, Resource, Usage};

fn count(image_count_total: u64) -> ProjectLimits {
    ProjectLimits { image_count_total: Some(image_count_total), ..ProjectLimits::NONE }
}

fn uploading(image_count_uploading: u64) -> ProjectLimits {
    ProjectLimits { image_count_uploading: Some(image_count_uploading), ..ProjectLimits::NONE }
}

pub(super) fn excess<T: std::fmt::Debug>(outcome: Result<T, RepoError>) -> Excess {
    match outcome {
        Err(RepoError::OverProjectLimit(excess)) => excess,
        other => panic!("nothing was over a limit: {other:?}"),
    }
}

/// Every status, with and without copies under way, beside images of others, counts for what the rule says.
pub async fn usage_is_the_sum_of_what_images_count_for(db: &dyn Database) {
    let mut expected = Usage::default();
    for (at, status) in (0_u64..).zip(Status::ALL) {
        for copied_to in [None, Some(""), Some("fast,cheap")] {
            let mut image = Image { status, size: Some(1 << at), ..image_of("p", 0) };
            image.locations = vec![location("1"), location("2")];
            if let Some(stores) = copied_to {
                image.properties.insert("os_glance_importing_to_stores".to_owned(), Some(stores.to_owned()));
            }
            created(db, Image { id: crate::image::ImageId::random(), owner: Some("q".to_owned()), ..image.clone() })
                .await;
            // Records come to these two by being deleted alone, which other cases look at.
            if !matches!(status, Status::Deleted | Status::PendingDelete) {
                expected = expected.and(Usage::of_image(&created(db, image).await));
            }
        }
    }
    assert_eq!(db.usage("p").await.unwrap(), expected);
    assert!(expected.image_stage_total > 0 && expected.image_count_uploading > 0);
    assert_eq!(db.usage("nobody").await.unwrap(), Usage::default());
}

/// A property that was taken away says nothing any more, and a deleted image is none.
pub async fn usage_leaves_out_what_is_over(db: &dyn Database) {
    let mut image = Image { size: Some(5), ..image_of("p", 0) };
    image.properties.insert("os_glance_importing_to_stores".to_owned(), Some("fast".to_owned()));
    let image = created(db, image).await;
    let copying = Usage { image_stage_total: 5, image_count_total: 1, image_count_uploading: 1, ..Usage::default() };
    assert_eq!(db.usage("p").await.unwrap(), copying);
    let done = ImageChange { properties_removed: vec!["os_glance_importing_to_stores".to_owned()], ..touch(1) };
    let image = db.update_image(image.id, Status::Active, &done, &ProjectLimits::NONE).await.unwrap();
    assert_eq!(db.usage("p").await.unwrap(), Usage { image_count_total: 1, ..Usage::default() });
    destroyed(db, &image).await;
    assert_eq!(db.usage("p").await.unwrap(), Usage::default());
}

/// The last image of a limit can be made, and not one more; those of nobody are not counted.
pub async fn images_are_made_up_to_their_limit(db: &dyn Database) {
    created(db, image_of("q", 0)).await;
    for _ in 0..2 {
        db.create_image(&image_of("p", 0), &count(2)).await.unwrap();
    }
    let more = image_of("p", 0);
    let refused = db.create_image(&more, &count(2)).await;
    let over = Excess { resource: Resource::ImageCountTotal, limit: 2, usage: 2, delta: 1 };
    assert_eq!(excess(refused), over);
    assert!(matches!(db.image(more.id, None).await, Err(RepoError::NotFound)));
    let of_nobody = Image { owner: None, ..image_of("", 0) };
    db.create_image(&of_nobody, &count(0)).await.unwrap();
    db.create_image(&more, &count(3)).await.unwrap();
}

/// Eight images at once and a limit of three: three are made.
pub async fn the_limit_of_images_is_kept_at_once(db: &dyn Database) {
    let images: Vec<Image> = (0..8).map(|_| image_of("p", 0)).collect();
    let limits = count(3);
    let done = join_all(images.iter().map(|image| db.create_image(image, &limits))).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 3);
    assert_eq!(db.usage("p").await.unwrap().image_count_total, 3);
}

/// An image that data comes into counts from the moment on in which its upload begins.
pub async fn uploads_begin_up_to_their_limit(db: &dyn Database) {
    let mut uploads = Vec::new();
    for _ in 0..8 {
        uploads.push(upload(queued(db).await.0.id, 1));
    }
    let limits = uploading(3);
    let begin = |upload| db.begin_upload(upload, Status::Queued, &limits, at(5));
    let done = join_all(uploads.iter().map(begin)).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 3);
    let over = Excess { resource: Resource::ImageCountUploading, limit: 3, usage: 3, delta: 1 };
    assert!(done.into_iter().filter(Result::is_err).all(|refused| excess(refused) == over));
    let usage = db.usage("p").await.unwrap();
    assert_eq!((usage.image_count_uploading, usage.image_size_total), (3, 3), "what was refused left nothing");
    for upload in &uploads {
        let back = ImageChange { fields: vec![Assigned::Status(Status::Queued)], ..touch(9) };
        let _ = db.finish_upload(upload.entry, upload.image, &back).await;
    }
    begin(&uploads[0]).await.unwrap();
}

/// An image that a location is registered for counts with those, and is held to their limit.
pub async fn registrations_begin_up_to_the_limit_of_uploads(db: &dyn Database) {
    let (first, second, third) = (queued(db).await.0.id, queued(db).await.0.id, queued(db).await.0.id);
    let begin = async |image| db.begin_registration(&registration(image), &uploading(2), at(5)).await;
    begin(first).await.unwrap();
    db.begin_upload(&upload(second, 1), Status::Queued, &uploading(2), at(5)).await.unwrap();
    let over = Excess { resource: Resource::ImageCountUploading, limit: 2, usage: 2, delta: 1 };
    assert_eq!(excess(begin(third).await), over);
    assert_eq!(read(db, third).await.status, Status::Queued);
    assert_eq!(entries(db).await.len(), 2, "what was refused left nothing");
    let upload = upload(third, 0);
    let refused = db.begin_upload(&upload, Status::Queued, &uploading(2), at(5)).await;
    assert_eq!(excess(refused), over);
}

/// A location takes the room of the whole image once more, or is not added at all.
pub async fn locations_are_added_up_to_the_bytes_of_the_owner(db: &dyn Database) {
    let image = created(db, Image { size: Some(10), locations: vec![location("1")], ..image_of("p", 0) }).await;
    created(db, Image { size: Some(5), locations: vec![location("2")], ..image_of("p", 0) }).await;
    let more = ImageChange { locations_added: vec![location("3")], ..touch(5) };
    let refused = db.update_image(image.id, Status::Active, &more, &ProjectLimits::bytes(Some(24))).await;
    let over = Excess { resource: Resource::ImageSizeTotal, limit: 24, usage: 15, delta: 10 };
    assert_eq!(excess(refused), over);
    assert_eq!(read(db, image.id).await, image, "nothing of the change was written");
    db.update_image(image.id, Status::Active, &more, &ProjectLimits::bytes(Some(25))).await.unwrap();
    assert_eq!(db.bytes_held("p").await.unwrap(), 25);
    // A project may come to hold more than it may by other ways, and can still change what it has.
    let renamed = ImageChange { fields: vec![Assigned::Name(Some("n".to_owned()))], ..touch(6) };
    db.update_image(image.id, Status::Active, &renamed, &ProjectLimits::bytes(Some(0))).await.unwrap();
}

/// Of two that each add a location for which there is room once, one succeeds.
pub async fn of_locations_added_at_once_as_many_as_fit_are(db: &dyn Database) {
    let mut images = Vec::new();
    for _ in 0..4 {
        images.push(created(db, Image { status: Status::Queued, ..image_of("p", 0) }).await.id);
    }
    let landed = super::journal::landed(10);
    let limits = ProjectLimits::bytes(Some(25));
    let add = |id: &_| db.update_image(*id, Status::Queued, &landed, &limits);
    let done = join_all(images.iter().map(add)).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 2, "{done:?}");
    assert_eq!(db.bytes_held("p").await.unwrap(), 20);
}

fn given_to(owner: Option<&str>) -> ImageChange {
    ImageChange { fields: vec![Assigned::Owner(owner.map(str::to_owned))], ..touch(5) }
}

/// Bytes and number of images are those of the new owner from then on, or nothing changes.
pub async fn an_image_is_given_to_an_owner_who_may_hold_it(db: &dyn Database) {
    let image = created(db, Image { size: Some(10), locations: vec![location("1")], ..image_of("p", 0) }).await;
    created(db, Image { size: Some(5), locations: vec![location("2")], ..image_of("q", 0) }).await;
    let give =
        async |owner, limits: ProjectLimits| db.update_image(image.id, Status::Active, &given_to(owner), &limits).await;
    let bytes = Excess { resource: Resource::ImageSizeTotal, limit: 14, usage: 5, delta: 10 };
    assert_eq!(excess(give(Some("q"), ProjectLimits::bytes(Some(14))).await), bytes);
    let images = Excess { resource: Resource::ImageCountTotal, limit: 1, usage: 1, delta: 1 };
    assert_eq!(excess(give(Some("q"), count(1)).await), images);
    assert_eq!(read(db, image.id).await, image, "nothing of the change was written");
    // What its owner has already takes no room.
    give(Some("p"), ProjectLimits { image_count_total: Some(0), ..ProjectLimits::bytes(Some(0)) }).await.unwrap();
    let exact = ProjectLimits { image_count_total: Some(2), ..ProjectLimits::bytes(Some(15)) };
    assert_eq!(give(Some("q"), exact).await.unwrap().owner.as_deref(), Some("q"));
    assert_eq!((db.bytes_held("p").await.unwrap(), db.bytes_held("q").await.unwrap()), (0, 15));
    give(None, count(0)).await.unwrap();
    assert_eq!(excess(give(Some("q"), ProjectLimits::bytes(Some(14))).await), bytes);
    give(Some("p"), exact).await.unwrap();
    // A project that is over a limit may get what takes nothing of it.
    let empty = created(db, image_of("p", 0)).await;
    let none = ProjectLimits::bytes(Some(0));
    db.update_image(empty.id, Status::Active, &given_to(Some("q")), &none).await.unwrap();
}

/// What is on its way is held to the limits of the owner that the image has, so that it stays with it or goes to one
/// without limits.
pub async fn an_image_whose_data_is_on_its_way_stays_with_its_owner(db: &dyn Database) {
    let (image, begun) = queued(db).await;
    let begun = crate::database::Upload { reserved: 10, ..begun };
    db.begin_upload(&begun, Status::Queued, &ProjectLimits::NONE, at(5)).await.unwrap();
    let give = async |owner, limits| db.update_image(image.id, Status::Saving, &given_to(owner), &limits).await;
    let refused = give(Some("q"), ProjectLimits::bytes(Some(99))).await;
    assert!(matches!(refused, Err(RepoError::DataOnItsWay)), "{refused:?}");
    assert_eq!(read(db, image.id).await.owner, image.owner);
    give(None, ProjectLimits::NONE).await.unwrap();
    give(Some("q"), ProjectLimits::NONE).await.unwrap();
    assert_eq!((db.bytes_held("p").await.unwrap(), db.bytes_held("q").await.unwrap()), (10, 0));
    db.finish_upload(begun.entry, image.id, &super::journal::landed(7)).await.unwrap();
    assert_eq!((db.bytes_held("p").await.unwrap(), db.bytes_held("q").await.unwrap()), (0, 7));
    let back = db.update_image(image.id, Status::Active, &given_to(Some("p")), &ProjectLimits::bytes(Some(7))).await;
    assert_eq!(back.unwrap().owner.as_deref(), Some("p"));
    let (image, registration) = to_register(db).await;
    db.begin_registration(&registration, &ProjectLimits::NONE, at(5)).await.unwrap();
    let limits = ProjectLimits::bytes(Some(99));
    let refused = db.update_image(image.id, Status::Importing, &given_to(Some("q")), &limits).await;
    assert!(matches!(refused, Err(RepoError::DataOnItsWay)), "{refused:?}");
}

/// Limits that were looked up for one owner do not let in what another gets.
pub async fn what_was_held_to_the_limits_of_another_owner_is_refused(db: &dyn Database) {
    let (image, begun) = queued(db).await;
    give_to_q(db, image.id).await;
    let begun = crate::database::Upload { reserved: 10, ..begun };
    let refused = db.begin_upload(&begun, Status::Queued, &ProjectLimits::NONE, at(6)).await;
    assert!(matches!(refused, Err(RepoError::Changed)), "{refused:?}");
    let (other, registration) = to_register(db).await;
    give_to_q(db, other.id).await;
    let refused = db.begin_registration(&registration, &ProjectLimits::NONE, at(6)).await;
    assert!(matches!(refused, Err(RepoError::Changed)), "{refused:?}");
    assert!(db.journal(9).await.unwrap().is_empty());
    for id in [image.id, other.id] {
        assert_eq!(read(db, id).await.status, Status::Queued);
    }
    let image = created(db, Image { size: Some(10), ..image_of("q", 0) }).await;
    let more = ImageChange { locations_added: vec![location("9")], owned_by: Some(Some("p".to_owned())), ..touch(7) };
    let refused = db.update_image(image.id, Status::Active, &more, &ProjectLimits::bytes(Some(99))).await;
    assert!(matches!(refused, Err(RepoError::Changed)), "{refused:?}");
    assert_eq!(read(db, image.id).await, image);
}

async fn give_to_q(db: &dyn Database, image: ImageId) {
    db.update_image(image, Status::Queued, &given_to(Some("q")), &ProjectLimits::NONE).await.unwrap();
}

/// Of four images that come to one project at once, there is room for two.
pub async fn of_images_given_at_once_as_many_as_fit_are(db: &dyn Database) {
    let mut images = Vec::new();
    for n in 0..4 {
        let locations = vec![location(&n.to_string())];
        images.push(created(db, Image { size: Some(10), locations, ..image_of("p", 0) }).await.id);
    }
    let (change, limits) = (given_to(Some("q")), ProjectLimits::bytes(Some(25)));
    let give = |id: &_| db.update_image(*id, Status::Active, &change, &limits);
    let done = join_all(images.iter().map(give)).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 2, "{done:?}");
    assert_eq!(db.bytes_held("q").await.unwrap(), 20);
}
