//! Creating, showing, changing, listing and deleting records.

use glance_core::catalogue::{DownloadOptions, ListRequest, UploadOptions, VisibilityWish};
use glance_core::database::{Direction, SortKey};
use glance_core::image::patch::{self, Operation, PatchForm};
use glance_core::image::{Formats, ImageId, NewImage, Status, Visibility};
use glance_core::policy::Policy;
use glance_core::store::StoreExt;
use glance_core::{Error, RequestContext, Settings};
use serde_json::{Value, json};

use crate::support::{Lab, admin, owner, stranger, text, two_stores};

fn operations(steps: &Value) -> Vec<Operation> {
    patch::read(PatchForm::V21, steps, (&Formats::default()).into(), 100).unwrap()
}

fn replace(path: &str, value: &Value) -> Vec<Operation> {
    operations(&json!([{"op": "replace", "path": path, "value": value}]))
}

fn add(path: &str, value: &Value) -> Vec<Operation> {
    operations(&json!([{"op": "add", "path": path, "value": value}]))
}

fn remove(path: &str) -> Vec<Operation> {
    operations(&json!([{"op": "remove", "path": path}]))
}

#[tokio::test]
async fn an_image_belongs_to_the_project_that_creates_it() {
    let lab = Lab::new();
    let image = lab.queued(&owner()).await;
    assert_eq!(image.owner.as_deref(), Some("mine"));
    assert_eq!((image.status, image.visibility), (Status::Queued, Visibility::Shared));
    assert_eq!(lab.glance.images(&owner()).get(image.id).await.unwrap(), image);
}

#[tokio::test]
async fn only_administrators_create_for_others_and_for_nobody() {
    let lab = Lab::new();
    for owner_wanted in [Some("theirs".to_owned()), None] {
        let new = NewImage { owner: Some(owner_wanted.clone()), ..NewImage::default() };
        assert!(matches!(lab.glance.images(&owner()).create(new.clone()).await, Err(Error::Forbidden(_))));
        assert_eq!(lab.glance.images(&admin()).create(new).await.unwrap().owner, owner_wanted);
    }
}

#[tokio::test]
async fn a_caller_without_a_project_creates_and_lists_nothing() {
    let lab = Lab::new();
    let nobody = RequestContext { project_id: None, ..owner() };
    let images = lab.glance.images(&nobody);
    assert!(matches!(images.create(NewImage::default()).await, Err(Error::Forbidden(_))));
    assert!(matches!(images.list(&ListRequest::default()).await, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn an_id_is_used_once() {
    let lab = Lab::new();
    let image = lab.queued(&owner()).await;
    let again = || NewImage { id: Some(image.id), ..NewImage::default() };
    let context = owner();
    let images = lab.glance.images(&context);
    assert!(matches!(images.create(again()).await, Err(Error::Conflict(_))));
    images.delete(image.id).await.unwrap();
    assert!(matches!(images.create(again()).await, Err(Error::Conflict(_))));
}

#[tokio::test]
async fn publishing_takes_an_administrator() {
    let lab = Lab::new();
    let with = |visibility| NewImage { visibility: Some(visibility), ..NewImage::default() };
    assert!(matches!(lab.glance.images(&owner()).create(with(Visibility::Public)).await, Err(Error::Forbidden(_))));
    assert!(lab.glance.images(&owner()).create(with(Visibility::Community)).await.is_ok());
    let image = lab.queued(&owner()).await;
    let publish = replace("/visibility", &json!("public"));
    assert!(matches!(lab.glance.images(&owner()).patch(image.id, &publish).await, Err(Error::Forbidden(_))));
    assert!(lab.glance.images(&admin()).patch(image.id, &publish).await.is_ok());
}

#[tokio::test]
async fn strangers_learn_nothing_of_an_image_they_cannot_see() {
    let lab = Lab::new();
    let image = lab.active(&owner(), "data").await;
    let context = stranger();
    let images = lab.glance.images(&context);
    let random = ImageId::random();
    let say = |error: Error, id: ImageId| error.to_string().replace(id.as_str(), "ID");
    let patch = replace("/name", &json!("x"));
    for id in [image.id, random] {
        assert_eq!(say(images.get(id).await.unwrap_err(), id), "no image found with ID ID");
        assert_eq!(say(images.patch(id, &patch).await.unwrap_err(), id), "no image found with ID ID");
        assert_eq!(say(images.delete(id).await.unwrap_err(), id), "no image found with ID ID");
        assert_eq!(say(images.members(id).await.unwrap_err(), id), "no image found with ID ID");
        assert_eq!(
            say(images.download(id, &DownloadOptions::default()).await.unwrap_err(), id),
            "no image found with ID ID"
        );
        let marked = ListRequest { marker: Some(id), ..ListRequest::default() };
        assert_eq!(say(images.list(&marked).await.unwrap_err(), id), "the marker ID is no image found here");
    }
}

#[tokio::test]
async fn a_readable_image_of_others_is_refused_not_hidden() {
    let lab = Lab::new();
    let new = NewImage { visibility: Some(Visibility::Community), ..NewImage::named("n", "raw", "bare") };
    let image = lab.glance.images(&owner()).create(new).await.unwrap();
    let context = stranger();
    let images = lab.glance.images(&context);
    for refused in [
        images.patch(image.id, &replace("/name", &json!("x"))).await.map(drop),
        images.patch(image.id, &add("/owner", &json!("theirs"))).await.map(drop),
        images.delete(image.id).await,
        images.add_tag(image.id, "t").await,
        images.deactivate(image.id).await,
        lab.upload(&context, image.id, "x").await.map(drop),
    ] {
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    }
    assert_eq!(lab.glance.images(&owner()).get(image.id).await.unwrap(), image);
}

#[tokio::test]
async fn even_a_policy_that_allows_everything_lets_strangers_write_nothing() {
    let lab = Lab::new();
    lab.glance.set_policy(Policy::builder().rule("modify_image", "@").rule("get_image", "@").build());
    let new = NewImage { visibility: Some(Visibility::Community), ..NewImage::default() };
    let image = lab.glance.images(&owner()).create(new).await.unwrap();
    let result = lab.glance.images(&stranger()).patch(image.id, &replace("/name", &json!("x"))).await;
    assert!(matches!(result, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn patches_follow_the_rules_of_their_verbs() {
    let lab = Lab::new();
    let image = lab.queued(&owner()).await;
    let context = owner();
    let images = lab.glance.images(&context);
    let set = images.patch(image.id, &add("/colour", &json!("red"))).await.unwrap();
    assert_eq!(set.properties["colour"].as_deref(), Some("red"));
    assert!(set.updated_at >= image.updated_at);
    assert!(images.patch(image.id, &replace("/colour", &json!("blue"))).await.is_ok());
    assert!(images.patch(image.id, &remove("/colour")).await.unwrap().properties.is_empty());
    for (steps, conflict) in [
        (replace("/colour", &json!("x")), true),
        (remove("/colour"), true),
        (remove("/name"), false),
        (remove("/tags"), false),
        (add("/owner", &json!("theirs")), false),
        (replace("/owner", &json!("theirs")), false),
    ] {
        match images.patch(image.id, &steps).await {
            Err(Error::Conflict(_)) if conflict => {}
            Err(Error::Forbidden(_)) if !conflict => {}
            other => panic!("{steps:?}: {other:?}"),
        }
    }
    let old =
        patch::read(PatchForm::V20, &json!([{"add": "/name", "value": "x"}]), (&Formats::default()).into(), 9).unwrap();
    assert!(matches!(images.patch(image.id, &old).await, Err(Error::Conflict(_))));
}

#[tokio::test]
async fn what_no_database_keeps_is_refused_on_images_that_exist() {
    let lab = Lab::new();
    let image = lab.queued(&owner()).await;
    let context = owner();
    let images = lab.glance.images(&context);
    for steps in [
        replace("/min_disk", &json!(-1)),
        replace("/min_ram", &json!(2_147_483_648_u64)),
        replace("/name", &json!("\u{1F600}")),
        add("/colour", &json!("\u{1F600}")),
    ] {
        assert!(matches!(images.patch(image.id, &steps).await, Err(Error::Invalid(_))), "{steps:?}");
        assert!(matches!(images.patch(ImageId::random(), &steps).await, Err(Error::NotFound(_))), "{steps:?}");
    }
}

#[tokio::test]
async fn a_patch_that_fails_at_its_end_changes_nothing() {
    let lab = Lab::new();
    let image = lab.queued(&owner()).await;
    let steps = operations(&json!([
        {"op": "replace", "path": "/name", "value": "other"},
        {"op": "remove", "path": "/nothing"},
    ]));
    assert!(lab.glance.images(&owner()).patch(image.id, &steps).await.is_err());
    assert_eq!(lab.glance.images(&owner()).get(image.id).await.unwrap(), image);
}

#[tokio::test]
async fn formats_change_before_there_is_data_only() {
    let lab = Lab::new();
    let image = lab.queued(&owner()).await;
    let context = owner();
    let images = lab.glance.images(&context);
    assert!(images.patch(image.id, &replace("/disk_format", &json!("ploop"))).await.is_ok());
    lab.upload(&owner(), image.id, "x").await.unwrap();
    for field in ["/disk_format", "/container_format"] {
        let result = images.patch(image.id, &replace(field, &json!("ami"))).await;
        assert!(matches!(result, Err(Error::Forbidden(_))), "{field}");
    }
}

#[tokio::test]
async fn concurrent_patches_of_different_properties_all_stay() {
    let lab = Lab::new();
    let image = lab.queued(&owner()).await;
    let context = owner();
    let images = lab.glance.images(&context);
    let patches: Vec<_> = (0..50).map(|n| add(&format!("/p{n}"), &json!("v"))).collect();
    let done = futures::future::join_all(patches.iter().map(|steps| images.patch(image.id, steps))).await;
    assert!(done.iter().all(Result::is_ok));
    assert_eq!(images.get(image.id).await.unwrap().properties.len(), 50);
}

#[tokio::test]
async fn counts_are_limited() {
    let two = Some(2);
    let lab = Lab::with(Settings { image_property_quota: two, image_tag_quota: two, ..Settings::default() });
    let image = lab.queued(&owner()).await;
    let context = owner();
    let images = lab.glance.images(&context);
    for n in 0..2 {
        images.add_tag(image.id, &format!("t{n}")).await.unwrap();
        images.patch(image.id, &add(&format!("/p{n}"), &json!("v"))).await.unwrap();
    }
    assert!(matches!(images.add_tag(image.id, "t2").await, Err(Error::OverLimit(_))));
    images.add_tag(image.id, "t1").await.unwrap();
    assert!(matches!(images.patch(image.id, &add("/p2", &json!("v"))).await, Err(Error::OverLimit(_))));
    assert!(images.patch(image.id, &replace("/p1", &json!("w"))).await.is_ok());
    let tags = replace("/tags", &json!(["a", "b", "c"]));
    assert!(matches!(images.patch(image.id, &tags).await, Err(Error::OverLimit(_))));
    assert!(matches!(images.add_tag(image.id, &"x".repeat(256)).await, Err(Error::Invalid(_))));
    assert!(matches!(images.remove_tag(image.id, "t9").await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn a_protected_image_stays() {
    let lab = Lab::new();
    let new = NewImage { protected: true, ..NewImage::default() };
    let image = lab.glance.images(&owner()).create(new).await.unwrap();
    assert!(matches!(lab.glance.images(&admin()).delete(image.id).await, Err(Error::Forbidden(_))));
    lab.glance.images(&owner()).patch(image.id, &replace("/protected", &json!(false))).await.unwrap();
    lab.glance.images(&owner()).delete(image.id).await.unwrap();
    assert!(matches!(lab.glance.images(&admin()).get(image.id).await, Err(Error::NotFound(_))));
    assert!(matches!(lab.glance.images(&owner()).delete(image.id).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn anonymous_callers_change_nothing() {
    let lab = Lab::new();
    let image = lab.active(&owner(), "x").await;
    let anonymous = RequestContext { read_only: true, ..owner() };
    let images = lab.glance.images(&anonymous);
    for refused in [
        images.create(NewImage::default()).await.map(drop),
        images.patch(image.id, &[]).await.map(drop),
        images.delete(image.id).await,
        images.add_tag(image.id, "t").await,
        images.upload(image.id, text("x"), UploadOptions::default()).await.map(drop),
        images.deactivate(image.id).await,
        images.add_member(image.id, "p").await.map(drop),
    ] {
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn deactivation_keeps_data_from_all_but_administrators() {
    let lab = Lab::new();
    let image = lab.active(&owner(), "data").await;
    let (context, root) = (owner(), admin());
    let images = lab.glance.images(&context);
    for _ in 0..2 {
        images.deactivate(image.id).await.unwrap();
    }
    let seen = images.get(image.id).await.unwrap();
    assert_eq!((seen.status, seen.locations.len()), (Status::Deactivated, 0));
    assert!(matches!(images.download(image.id, &DownloadOptions::default()).await, Err(Error::Forbidden(_))));
    assert!(lab.glance.images(&root).download(image.id, &DownloadOptions::default()).await.is_ok());
    images.reactivate(image.id).await.unwrap();
    let before = images.get(image.id).await.unwrap();
    images.reactivate(image.id).await.unwrap();
    assert_eq!(images.get(image.id).await.unwrap(), before, "nothing changed, `updated_at` neither");
    assert!(images.download(image.id, &DownloadOptions::default()).await.is_ok());
    let queued = lab.queued(&owner()).await;
    assert!(matches!(images.deactivate(queued.id).await, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn the_data_of_a_deactivated_image_goes_with_it() {
    let lab = Lab::new();
    let image = lab.active(&owner(), "data").await;
    lab.glance.images(&owner()).deactivate(image.id).await.unwrap();
    lab.glance.images(&owner()).delete(image.id).await.unwrap();
    assert!(!lab.store.has(image.id, "one").await);
}

#[tokio::test]
async fn pages_lead_through_the_whole_list() {
    let lab = Lab::new();
    for _ in 0..7 {
        lab.queued(&owner()).await;
    }
    lab.queued(&stranger()).await;
    let context = owner();
    let images = lab.glance.images(&context);
    for sort in [vec![], vec![(SortKey::Name, Direction::Ascending)], vec![(SortKey::Size, Direction::Descending)]] {
        let mut request = ListRequest { limit: Some(3), sort, ..ListRequest::default() };
        let mut found = Vec::new();
        loop {
            let page = images.list(&request).await.unwrap();
            found.extend(page.images.iter().map(|image| image.id));
            request.marker = page.next;
            if page.next.is_none() {
                break;
            }
        }
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), 7);
    }
    let none = images.list(&ListRequest { limit: Some(0), ..ListRequest::default() }).await.unwrap();
    assert_eq!((none.images.len(), none.next), (0, None));
}

#[tokio::test]
async fn community_images_of_others_are_listed_on_request() {
    let lab = Lab::new();
    let new = NewImage { visibility: Some(Visibility::Community), ..NewImage::default() };
    lab.glance.images(&owner()).create(new).await.unwrap();
    let count = async |context: &RequestContext, visibility| {
        lab.glance
            .images(context)
            .list(&ListRequest { visibility, ..ListRequest::default() })
            .await
            .unwrap()
            .images
            .len()
    };
    for (context, usual) in [(owner(), 1), (stranger(), 0), (admin(), 0)] {
        assert_eq!(count(&context, VisibilityWish::Usual).await, usual);
        assert_eq!(count(&context, VisibilityWish::All).await, 1);
        assert_eq!(count(&context, VisibilityWish::Only(Visibility::Community)).await, 1);
        assert_eq!(count(&context, VisibilityWish::Only(Visibility::Public)).await, 0);
    }
}

#[tokio::test]
async fn copies_are_given_up_one_by_one_until_the_last() {
    let (glance, cheap, fast) = two_stores();
    let context = admin();
    let images = glance.images(&context);
    let image = images.create(NewImage::named("n", "raw", "bare")).await.unwrap();
    let image = images.upload(image.id, text("data"), UploadOptions::default()).await.unwrap();
    assert_eq!(image.locations[0].store(), Some("cheap"));
    // A second copy, as an import to several stores would make it.
    let copy = fast.write(image.id, "data".into()).await.unwrap();
    let place = json!({"url": copy.location.expose(), "metadata": {}});
    let both = images.patch(image.id, &add("/locations/-", &place)).await.unwrap();
    let stores: Vec<_> = both.locations.iter().map(|location| location.store().unwrap()).collect();
    assert_eq!(stores, ["fast", "cheap"], "the heavier store comes first");
    assert!(matches!(images.patch(image.id, &add("/locations/-", &place)).await, Err(Error::Invalid(_))));
    images.delete_from_store(image.id, "fast").await.unwrap();
    assert!(!fast.has(image.id, "fast").await);
    assert!(cheap.has(image.id, "cheap").await);
    assert!(matches!(images.delete_from_store(image.id, "cheap").await, Err(Error::Forbidden(_))));
    assert!(matches!(images.delete_from_store(image.id, "other").await, Err(Error::Conflict(_))));
    let gone = images.patch(image.id, &remove("/locations/0")).await;
    assert!(matches!(gone, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn data_stays_while_another_location_of_the_image_leads_to_it() {
    let (glance, cheap, _) = two_stores();
    let context = admin();
    let images = glance.images(&context);
    let image = images.create(NewImage::named("n", "raw", "bare")).await.unwrap();
    let image = images.upload(image.id, text("data"), UploadOptions::default()).await.unwrap();
    let twice = json!({"url": image.locations[0].url.expose(), "metadata": {"rack": "7"}});
    images.patch(image.id, &add("/locations/-", &twice)).await.unwrap();
    let image = images.patch(image.id, &remove("/locations/1")).await.unwrap();
    assert_eq!(image.locations.len(), 1);
    assert!(cheap.has(image.id, "cheap").await);
}

#[tokio::test]
async fn clients_do_not_say_which_store_a_location_lies_in() {
    let (glance, _, fast) = two_stores();
    let context = admin();
    let images = glance.images(&context);
    let image = images.create(NewImage::named("n", "raw", "bare")).await.unwrap();
    let image = images.upload(image.id, text("data"), UploadOptions::default()).await.unwrap();
    let copy = fast.write(image.id, "data".into()).await.unwrap();
    let wrong = json!({"url": copy.location.expose(), "metadata": {"store": "cheap"}});
    let image = images.patch(image.id, &add("/locations/-", &wrong)).await.unwrap();
    assert_eq!(image.locations[0].store(), Some("fast"));
    let swapped: Vec<_> = image
        .locations
        .iter()
        .zip(["cheap", "fast"])
        .map(|(location, store)| json!({"url": location.url.expose(), "metadata": {"store": store}}))
        .collect();
    let image = images.patch(image.id, &replace("/locations", &json!(swapped))).await.unwrap();
    assert_eq!(image.locations.iter().map(|location| location.store().unwrap()).collect::<Vec<_>>(), ["fast", "cheap"]);
}

#[tokio::test]
async fn operations_that_no_document_was_read_into_are_checked_as_well() {
    use glance_core::image::patch::{Operation, Verb};
    let lab = Lab::new();
    let image = lab.queued(&owner()).await;
    let context = owner();
    let images = lab.glance.images(&context);
    let patch = async |name: &str, value| {
        let operation = Operation { verb: Verb::Add, name: name.to_owned(), element: None, value };
        images.patch(image.id, &[operation]).await
    };
    for (name, value) in [("os_glance_import_task", json!("x")), ("status", json!("active")), ("deleted", json!("1"))] {
        assert!(matches!(patch(name, value).await, Err(Error::Forbidden(_))), "{name}");
    }
    for (name, value) in [("disk_format", json!("exe")), ("name", json!(5)), ("colour", json!(null))] {
        assert!(matches!(patch(name, value).await, Err(Error::Invalid(_))), "{name}");
    }
}

#[tokio::test]
async fn more_tags_than_anybody_needs_are_refused_at_once() {
    let lab = Lab::new();
    let tags: Vec<String> = (0..200_000).map(|number| number.to_string()).collect();
    let new = NewImage { tags, ..NewImage::default() };
    assert!(matches!(lab.glance.images(&owner()).create(new).await, Err(Error::OverLimit(_))));
}

#[tokio::test]
async fn a_location_that_leads_nowhere_is_refused() {
    let (glance, _, _) = two_stores();
    let context = admin();
    let images = glance.images(&context);
    let image = images.create(NewImage::named("n", "raw", "bare")).await.unwrap();
    for url in ["file:///etc/passwd", "memory://fast/nothing", "http://127.0.0.1/x", "nonsense"] {
        let place = json!({"url": url, "metadata": {}});
        let result = images.patch(image.id, &add("/locations/-", &place)).await;
        assert_eq!(result.unwrap_err().to_string(), "invalid location", "{url}");
    }
    let empty = replace("/locations", &json!([]));
    assert!(matches!(images.patch(image.id, &empty).await, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn locations_are_out_of_reach_where_they_are_not_shown() {
    let lab = Lab::new();
    let image = lab.active(&admin(), "x").await;
    for steps in [remove("/locations/0"), add("/locations/-", &json!({"url": "memory://one/x", "metadata": {}}))] {
        let result = lab.glance.images(&admin()).patch(image.id, &steps).await;
        assert!(matches!(result, Err(Error::Forbidden(_))));
    }
}
