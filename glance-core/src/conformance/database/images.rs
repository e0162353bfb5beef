//! Images are written and read back.

use futures::future::join_all;

use super::{at, created, destroyed, image_of, location, read};
use crate::database::{Database, RepoError};
use crate::image::{Image, ImageId, Status, Visibility};
use crate::limits::ProjectLimits;

fn full() -> Image {
    Image {
        name: Some("name".into()),
        status: Status::Deactivated,
        visibility: Visibility::Community,
        protected: true,
        hidden: true,
        min_disk: 7,
        min_ram: crate::image::MAX_MINIMUM,
        size: Some(i64::MAX.unsigned_abs()),
        virtual_size: Some(0),
        checksum: Some("0123456789abcdef0123456789abcdef".into()),
        os_hash_algo: Some("sha512".into()),
        os_hash_value: Some("ab".repeat(64)),
        updated_at: at(9),
        properties: [("a".into(), Some("1".into())), ("b".into(), None)].into(),
        tags: vec!["z".into(), "a".into()],
        locations: vec![location("one"), location("two")],
        ..image_of("owner", 1)
    }
}

/// Takes the row ids away, which the database gave.
fn without_rows(mut image: Image) -> Image {
    for location in &mut image.locations {
        assert!(location.id.take().is_some(), "a recorded location has a row");
    }
    image
}

/// Whatever an image may hold comes back, from every way of reading.
pub async fn every_field_is_read_back(db: &dyn Database) {
    let image = full();
    created(db, image.clone()).await;
    assert_eq!(without_rows(read(db, image.id).await), image);
    let marker = db.marker(image.id, None).await.unwrap();
    assert_eq!(without_rows(marker.seen.image), image);
    assert!(!marker.deleted);
}

/// Absent values stay absent.
pub async fn a_bare_image_is_read_back(db: &dyn Database) {
    let image = Image::queued(ImageId::random(), at(3));
    created(db, image.clone()).await;
    assert_eq!(read(db, image.id).await, image);
}

/// `create_image` returns what reading would.
pub async fn what_is_created_is_returned_as_it_is_read(db: &dyn Database) {
    let image = created(db, full()).await;
    assert_eq!(read(db, image.id).await, image);
}

/// Texts are data, whatever they look like.
pub async fn odd_texts_are_read_back(db: &dyn Database) {
    let odd = ["'; DROP TABLE images; --", "", " \t\n", "ünï ☃ 漢", "\"\\%_?1", "NULL", "{}"];
    for text in odd {
        let mut image = image_of("owner", 0);
        image.name = Some(text.into());
        image.properties = [(format!("name {text}"), Some(text.to_owned()))].into();
        image.tags = vec![format!("tag {text}")];
        image.locations = vec![location(text)];
        image.locations[0].metadata.insert(text.to_owned(), serde_json::json!([text, {"deep": text}]));
        created(db, image.clone()).await;
        assert_eq!(without_rows(read(db, image.id).await), image, "{text:?}");
    }
}

/// Tags come back as they were given, each once.
pub async fn tags_keep_their_order(db: &dyn Database) {
    let mut image = image_of("owner", 0);
    image.tags = ["m", "a", "z", "a", "b"].map(str::to_owned).into();
    let image = created(db, image).await;
    assert_eq!(image.tags, ["m", "a", "z", "b"]);
    assert_eq!(read(db, image.id).await.tags, ["m", "a", "z", "b"]);
}

/// Nothing is found under an id that was never used.
pub async fn an_unknown_image_is_not_found(db: &dyn Database) {
    let id = ImageId::random();
    assert!(matches!(db.image(id, Some("project")).await, Err(RepoError::NotFound)));
    assert!(matches!(db.marker(id, Some("project")).await, Err(RepoError::NotFound)));
}

/// An id is used once for ever, also by images deleted since, and the first image stays as it was.
pub async fn a_used_id_is_refused(db: &dyn Database) {
    let image = created(db, full()).await;
    let other = Image { name: Some("other".into()), ..image_of("somebody", 5) };
    let again = Image { id: image.id, ..other };
    assert!(matches!(db.create_image(&again, &ProjectLimits::NONE).await, Err(RepoError::Exists)));
    assert_eq!(read(db, image.id).await, image);
    destroyed(db, &image).await;
    assert!(matches!(db.create_image(&again, &ProjectLimits::NONE).await, Err(RepoError::Exists)));
    assert!(matches!(db.image(image.id, None).await, Err(RepoError::NotFound)));
}

/// Of several that use one id at once, one gets it.
pub async fn of_creations_at_once_one_wins(db: &dyn Database) {
    let image = full();
    let done = join_all((0..8).map(|_| db.create_image(&image, &ProjectLimits::NONE))).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1);
    assert!(done.iter().all(|done| matches!(done, Ok(_) | Err(RepoError::Exists))));
    assert_eq!(read(db, image.id).await.tags, image.tags);
}
