//! What projects may hold, where somebody says it of each of them.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::future::join_all;
use glance_core::catalogue::UploadOptions;
use glance_core::image::{Image, ImageId, NewImage, Status, patch};
use glance_core::limits::{Limits, LimitsError, ProjectLimits, Usage};
use glance_core::location::NewLocation;
use glance_core::memory::{MemoryDatabase, MemoryStore};
use glance_core::store::StoreExt;
use glance_core::{Error, Glance, RequestContext, Settings, Stores};
use serde_json::json;

use crate::support::{Lab, admin, owner, stranger, text};

/// Says of every project what a test says last; nothing without it.
#[derive(Debug, Default)]
struct Said(Mutex<Option<ProjectLimits>>);

impl Said {
    fn say(&self, limits: ProjectLimits) {
        self.0.lock().unwrap().replace(limits);
    }
}

#[async_trait]
impl Limits for Said {
    async fn of(&self, _: &str) -> Result<ProjectLimits, LimitsError> {
        self.0.lock().unwrap().ok_or(LimitsError::Unavailable("away".into()))
    }
}

fn lab() -> (Glance, Arc<Said>, Arc<MemoryStore>) {
    let (said, store) = (Arc::new(Said::default()), Arc::new(MemoryStore::new("one")));
    // The quota of the settings would let nothing in, and does not count.
    let settings = Settings { user_storage_quota: Some(0), show_multiple_locations: true, ..Settings::default() };
    let glance = Glance::builder(Arc::new(MemoryDatabase::new()), Stores::single(store.clone()))
        .settings(settings)
        .limits(said.clone())
        .build();
    said.say(ProjectLimits::NONE);
    (glance, said, store)
}

async fn create(glance: &Glance, caller: &RequestContext) -> Result<Image, Error> {
    glance.images(caller).create(NewImage::named("n", "raw", "bare")).await
}

fn over(refused: Result<Image, Error>) -> String {
    match refused {
        Err(Error::OverLimit(why)) => why,
        other => panic!("nothing was over a limit: {other:?}"),
    }
}

#[tokio::test]
async fn images_are_made_up_to_the_limit_of_their_owner() {
    let (glance, said, _) = lab();
    said.say(ProjectLimits { image_count_total: Some(2), ..ProjectLimits::NONE });
    create(&glance, &owner()).await.unwrap();
    create(&glance, &owner()).await.unwrap();
    let why = over(create(&glance, &owner()).await);
    for named in ["project mine", "image_count_total", "may hold 2", "holds 2", "1 more"] {
        assert!(why.contains(named), "{named}: {why}");
    }
    create(&glance, &stranger()).await.unwrap();
    // Who makes an image for somebody else uses up what that one may have.
    let theirs = NewImage { owner: Some(Some("mine".to_owned())), ..NewImage::named("n", "raw", "bare") };
    over(glance.images(&admin()).create(theirs).await);
}

#[tokio::test]
async fn data_comes_in_up_to_the_limit_however_long_it_said_it_was() {
    let (glance, said, _) = lab();
    let caller = owner();
    let images = glance.images(&caller);
    said.say(ProjectLimits::bytes(Some(10)));
    for size in [Some(11), None] {
        let image = create(&glance, &caller).await.unwrap();
        let options = UploadOptions { size, store: None };
        let why = over(images.upload(image.id, text("01234567890"), options).await);
        assert!(why.contains("image_size_total") && why.contains("may hold 10 bytes"), "{why}");
        let options = UploadOptions { size: size.map(|size| size - 1), store: None };
        images.upload(image.id, text("0123456789"), options).await.unwrap();
        images.delete(image.id).await.unwrap();
    }
    assert_eq!(images.held().await.unwrap().unwrap().usage.image_size_total, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_images_take_data_at_once() {
    let (glance, said, _) = lab();
    said.say(ProjectLimits { image_count_uploading: Some(0), ..ProjectLimits::NONE });
    let image = create(&glance, &owner()).await.unwrap();
    let caller = owner();
    let images = glance.images(&caller);
    let why = over(images.upload(image.id, text("x"), UploadOptions::default()).await);
    assert!(why.contains("image_count_uploading"), "{why}");
    said.say(ProjectLimits { image_count_uploading: Some(1), ..ProjectLimits::NONE });
    let mut ids = vec![image.id];
    for _ in 0..9 {
        ids.push(create(&glance, &owner()).await.unwrap().id);
    }
    // Data comes once nine uploads have ended: until then, the one that was let in is under way.
    let ended = Arc::new(tokio::sync::Semaphore::new(0));
    let done = join_all(ids.iter().map(async |id| {
        let nine = Arc::clone(&ended);
        let data = futures::stream::once(async move {
            nine.acquire_many(9).await.unwrap().forget();
            Ok(bytes::Bytes::from_static(b"x"))
        });
        let done = images.upload(*id, Box::pin(data), UploadOptions::default()).await;
        ended.add_permits(1);
        done
    }))
    .await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1);
    assert!(done.iter().all(|done| matches!(done, Ok(_) | Err(Error::OverLimit(_)))));
    assert_eq!(images.held().await.unwrap().unwrap().usage.image_count_uploading, 0);
}

#[tokio::test]
async fn an_added_location_takes_its_room() {
    let (glance, said, store) = lab();
    let caller = owner();
    let images = glance.images(&caller);
    let image = create(&glance, &caller).await.unwrap();
    let image = images.upload(image.id, text("data"), UploadOptions::default()).await.unwrap();
    let copy = store.write(create(&glance, &caller).await.unwrap().id, "data".into()).await.unwrap();
    let step = json!([{"op": "add", "path": "/locations/-", "value": {"url": copy.location.expose(), "metadata": {}}}]);
    let steps = patch::read(patch::PatchForm::V21, &step, Settings::default().schema(), 10).unwrap();
    said.say(ProjectLimits::bytes(Some(7)));
    let why = over(images.patch(image.id, &steps).await);
    assert!(why.contains("holds 4") && why.contains("4 more"), "{why}");
    said.say(ProjectLimits::bytes(Some(8)));
    assert_eq!(images.patch(image.id, &steps).await.unwrap().locations.len(), 2);
    let usage = Usage { image_size_total: 8, image_count_total: 2, ..Usage::default() };
    assert_eq!(images.held().await.unwrap().unwrap().usage, usage);
}

#[tokio::test]
async fn a_location_is_not_even_registered_over_the_limit() {
    let (glance, said, store) = lab();
    let caller = RequestContext { service_roles: vec!["service".to_owned()], ..owner() };
    let images = glance.images(&caller);
    let image = create(&glance, &caller).await.unwrap();
    let there = store.write(image.id, "data".into()).await.unwrap().location;
    let add = async || images.add_location(image.id, NewLocation::new(there.expose())).await;
    said.say(ProjectLimits { image_count_uploading: Some(0), ..ProjectLimits::NONE });
    let why = over(add().await.map(|()| image.clone()));
    assert!(why.contains("image_count_uploading"), "{why}");
    said.0.lock().unwrap().take();
    assert!(matches!(add().await, Err(Error::Limits(_))));
    assert_eq!(images.get(image.id).await.unwrap().status, Status::Queued);
    said.say(ProjectLimits { image_count_uploading: Some(1), ..ProjectLimits::NONE });
    add().await.unwrap();
}

#[tokio::test]
async fn what_nobody_knows_the_limit_of_is_refused_and_the_rest_goes_on() {
    let (glance, said, _) = lab();
    let caller = owner();
    let images = glance.images(&caller);
    let queued = create(&glance, &caller).await.unwrap();
    let active = create(&glance, &caller).await.unwrap();
    images.upload(active.id, text("data"), UploadOptions::default()).await.unwrap();
    said.0.lock().unwrap().take();
    assert!(matches!(create(&glance, &caller).await, Err(Error::Limits(LimitsError::Unavailable(_)))));
    let refused = images.upload(queued.id, text("x"), UploadOptions::default()).await;
    assert!(matches!(refused, Err(Error::Limits(_))), "{refused:?}");
    assert!(images.held().await.is_err());
    images.get(active.id).await.unwrap();
    images.add_tag(active.id, "t").await.unwrap();
    images.delete(active.id).await.unwrap();
}

#[tokio::test]
async fn quotas_that_were_lowered_stand_in_the_way_of_more_alone() {
    let database = Arc::new(MemoryDatabase::new());
    let store = Arc::new(MemoryStore::new("one"));
    let glance = |settings| Glance::builder(database.clone(), Stores::single(store.clone())).settings(settings).build();
    let caller = owner();
    let before = glance(Settings::default());
    let properties = [("a", "1"), ("b", "2")].map(|(name, value)| (name.to_owned(), Some(value.to_owned())));
    let tags = vec!["x".to_owned(), "y".to_owned()];
    let new = NewImage { properties: properties.into(), tags, ..NewImage::named("n", "raw", "bare") };
    let image = before.images(&caller).create(new).await.unwrap();
    let quotas = Settings { image_property_quota: Some(1), image_tag_quota: Some(1), ..Settings::default() };
    let after = glance(quotas);
    for (steps, allowed) in [
        (json!([{"op": "replace", "path": "/a", "value": "3"}]), true),
        (json!([{"op": "replace", "path": "/name", "value": "other"}]), true),
        (json!([{"op": "add", "path": "/c", "value": "3"}]), false),
        (json!([{"op": "replace", "path": "/tags", "value": ["x", "z"]}]), false),
        (json!([{"op": "replace", "path": "/tags", "value": ["x"]}]), true),
        (json!([{"op": "remove", "path": "/a"}]), true),
    ] {
        let read = patch::read(patch::PatchForm::V21, &steps, Settings::default().schema(), 10).unwrap();
        assert_eq!(after.images(&caller).patch(image.id, &read).await.is_ok(), allowed, "{steps}");
    }
}

#[tokio::test]
async fn a_location_is_no_way_around_the_longest_data() {
    let store = Arc::new(MemoryStore::new("one"));
    let settings = Settings { image_size_cap: 3, show_multiple_locations: true, ..Settings::default() };
    let glance =
        Glance::builder(Arc::new(MemoryDatabase::new()), Stores::single(store.clone())).settings(settings).build();
    let caller = owner();
    let image = create(&glance, &caller).await.unwrap();
    let there = store.write(image.id, "data".into()).await.unwrap();
    let step =
        json!([{"op": "add", "path": "/locations/-", "value": {"url": there.location.expose(), "metadata": {}}}]);
    let steps = patch::read(patch::PatchForm::V21, &step, Settings::default().schema(), 10).unwrap();
    over(glance.images(&caller).patch(image.id, &steps).await);
}

#[tokio::test]
async fn more_locations_than_allowed_are_refused_before_a_store_is_asked() {
    let step = |op: &str, path: &str, value: serde_json::Value| {
        patch::read(
            patch::PatchForm::V21,
            &json!([{"op": op, "path": path, "value": value}]),
            Settings::default().schema(),
            10,
        )
        .unwrap()
    };
    let places = |count: usize| -> Vec<_> {
        (0..count).map(|_| json!({"url": format!("memory://one/{}", ImageId::random()), "metadata": {}})).collect()
    };
    for (quota, count, allowed) in
        [(Some(10), 11, false), (None, 101, false), (Some(1000), 101, false), (None, 100, true)]
    {
        let lab =
            Lab::with(Settings { show_multiple_locations: true, image_location_quota: quota, ..Settings::default() });
        let image = lab.queued(&owner()).await;
        let refused =
            lab.glance.images(&owner()).patch(image.id, &step("replace", "/locations", places(count).into())).await;
        assert_eq!(matches!(refused, Err(Error::OverLimit(_))), !allowed, "{quota:?} {count} {refused:?}");
        assert_eq!(lab.store.sizes.load(Ordering::Relaxed), u64::from(allowed), "{quota:?} {count}");
    }
    let lab =
        Lab::with(Settings { show_multiple_locations: true, image_location_quota: Some(1), ..Settings::default() });
    let image = lab.active(&owner(), "data").await;
    over(lab.glance.images(&owner()).patch(image.id, &step("add", "/locations/-", places(1).remove(0))).await);
    assert_eq!(lab.store.sizes.load(Ordering::Relaxed), 0);
}
