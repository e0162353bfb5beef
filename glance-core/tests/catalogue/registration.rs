//! Data that lies in a store already, and becomes an image's.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use glance_core::catalogue::Recovered;
use glance_core::database::{Journal, Registration};
use glance_core::digest::HashAlgorithm;
use glance_core::image::{Image, ImageChange, ImageId, NewImage, Status};
use glance_core::limits::ProjectLimits;
use glance_core::location::{ImageLocation, KnownDigest, Location, NewLocation};
use glance_core::store::StoreExt;
use glance_core::{Error, Glance, RequestContext, Settings, Stores};
use jiff::Timestamp;
use serde_json::Map;

use crate::support::{FaultyStore, Lab, admin, owner, stranger};

const MD5: &str = "8d777f385d3dfec8815d20f7496026dc";

/// The owner, with a service that vouches for it.
fn served() -> RequestContext {
    RequestContext { service_roles: vec!["service".to_owned()], ..owner() }
}

/// Where `data` lies.
async fn laid(lab: &Lab, data: &'static str) -> String {
    let id = ImageId::random();
    lab.store.write(id, data.into()).await.unwrap();
    format!("memory://one/{id}")
}

fn known(url: &str, value: &str) -> NewLocation {
    let digest = KnownDigest { algorithm: HashAlgorithm::Md5, value: value.to_owned() };
    NewLocation { digest: Some(digest), ..NewLocation::new(url) }
}

/// The image, once `is` says so of it.
async fn when(glance: &Glance, id: ImageId, is: impl Fn(&Image) -> bool) -> Image {
    loop {
        let image = glance.images(&admin()).get(id).await.unwrap();
        if is(&image) {
            return image;
        }
        tokio::task::yield_now().await;
    }
}

async fn settled(glance: &Glance, id: ImageId) -> Image {
    when(glance, id, |image| image.status != Status::Importing).await
}

async fn journal_is_empty(lab: &Lab) {
    while !lab.database.journal(9).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
}

/// `members-tags-locations.md` section 4: what becomes of a location that can be read.
#[tokio::test]
async fn a_location_becomes_the_images_as_the_settings_say() {
    for (do_secure_hash, said, status, hash, checksum) in [
        (true, Some(MD5), Status::Active, Some(MD5), Some(MD5)),
        (true, Some("00000000000000000000000000000000"), Status::Queued, None, None),
        (
            false,
            Some("00000000000000000000000000000000"),
            Status::Active,
            Some("00000000000000000000000000000000"),
            None,
        ),
        (false, None, Status::Active, None, None),
    ] {
        let lab = Lab::with(Settings { do_secure_hash, ..Settings::default() });
        let url = laid(&lab, "data").await;
        let image = lab.queued(&owner()).await;
        let new = said.map_or_else(|| NewLocation::new(&url), |said| known(&url, said));
        lab.glance.images(&served()).add_location(image.id, new).await.unwrap();
        let image = settled(&lab.glance, image.id).await;
        assert_eq!((image.status, image.os_hash_value.as_deref()), (status, hash), "{do_secure_hash} {said:?}");
        assert_eq!(image.checksum.as_deref(), checksum);
        let active = status == Status::Active;
        assert_eq!((image.size, image.locations.len()), (active.then_some(4), usize::from(active)));
        assert_eq!(image.os_hash_algo.as_deref(), hash.map(|_| "md5"));
        journal_is_empty(&lab).await;
    }
}

#[tokio::test]
async fn digests_that_nobody_said_follow() {
    let lab = Lab::new();
    let url = laid(&lab, "data").await;
    let image = lab.queued(&owner()).await;
    lab.store.breaks.store(3, Ordering::Relaxed);
    let gate = lab.store.gate.lock().await;
    lab.glance.images(&served()).add_location(image.id, NewLocation::new(&url)).await.unwrap();
    let active = settled(&lab.glance, image.id).await;
    assert_eq!((active.status, active.os_hash_value, active.size), (Status::Active, None, Some(4)));
    // What happens to the image meanwhile is not undone.
    lab.glance.images(&owner()).deactivate(image.id).await.unwrap();
    drop(gate);
    let digested = when(&lab.glance, image.id, |image| image.os_hash_value.is_some()).await;
    assert_eq!((digested.os_hash_algo.as_deref(), digested.checksum.as_deref()), (Some("sha512"), Some(MD5)));
    assert_eq!(digested.status, Status::Deactivated);
    journal_is_empty(&lab).await;
}

#[tokio::test]
async fn data_that_keeps_breaking_off_stays_without_digests_or_unregistered() {
    for (said, status) in [(None, Status::Active), (Some(MD5), Status::Queued)] {
        let lab = Lab::new();
        let url = laid(&lab, "data").await;
        let image = lab.queued(&owner()).await;
        lab.store.breaks.store(4, Ordering::Relaxed);
        let new = said.map_or_else(|| NewLocation::new(&url), |said| known(&url, said));
        lab.glance.images(&served()).add_location(image.id, new).await.unwrap();
        journal_is_empty(&lab).await;
        let image = settled(&lab.glance, image.id).await;
        assert_eq!((image.status, image.os_hash_value), (status, None));
        assert_eq!(lab.store.breaks.load(Ordering::Relaxed), 0);
    }
}

/// Not even http locations stay, unlike in the reference.
#[tokio::test]
async fn what_cannot_be_registered_leaves_the_image_queued() {
    let lab = Lab::with(Settings { image_size_cap: 6, user_storage_quota: Some(5), ..Settings::default() });
    let empty = laid(&lab, "").await;
    for url in [
        "ftp://nowhere/".to_owned(),
        "file:///etc/passwd".to_owned(),
        format!("memory://one/{}", ImageId::random()),
        empty,
        laid(&lab, "1234567").await,
        laid(&lab, "123456").await,
    ] {
        let image = lab.queued(&owner()).await;
        lab.glance.images(&served()).add_location(image.id, NewLocation::new(&url)).await.unwrap();
        journal_is_empty(&lab).await;
        let after = lab.glance.images(&owner()).get(image.id).await.unwrap();
        assert_eq!((after.status, after.size, after.locations.len()), (Status::Queued, None, 0), "{url}");
    }
    assert_eq!(lab.database.bytes_held("mine").await.unwrap(), 0);
}

#[tokio::test]
async fn callers_and_images_are_judged_before_any_store_is_asked() {
    let lab = Lab::new();
    let add = async |caller: RequestContext, id: ImageId, new: NewLocation| {
        lab.glance.images(&caller).add_location(id, new).await
    };
    let image = lab.queued(&owner()).await;
    let there = || NewLocation::new("memory://one/x");
    let reader = RequestContext { roles: vec!["reader".to_owned()], ..served() };
    let nobody = RequestContext { read_only: true, ..served() };
    for caller in [owner(), admin(), reader, nobody] {
        let refused = add(caller.clone(), image.id, there()).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{:?} {refused:?}", caller.roles);
    }
    // There is no http store.
    assert!(matches!(add(owner(), image.id, NewLocation::new("http://a/")).await, Err(Error::Forbidden(_))));
    assert!(matches!(add(stranger(), image.id, there()).await, Err(Error::NotFound(_))));
    assert!(matches!(add(served(), image.id, known("memory://one/x", "00")).await, Err(Error::Invalid(_))));
    let active = lab.active(&owner(), "data").await;
    assert!(matches!(add(served(), active.id, there()).await, Err(Error::Conflict(_))));
    let bare = lab.glance.images(&owner()).create(NewImage::default()).await.unwrap();
    assert!(matches!(add(served(), bare.id, there()).await, Err(Error::Invalid(_))));
    assert_eq!(lab.glance.images(&owner()).get(image.id).await.unwrap().status, Status::Queued);
}

#[tokio::test]
async fn an_image_takes_one_location_at_a_time_and_may_be_deleted_meanwhile() {
    let lab = Lab::new();
    let url = laid(&lab, "data").await;
    let image = lab.queued(&owner()).await;
    let gate = lab.store.gate.lock().await;
    let served = served();
    let images = lab.glance.images(&served);
    images.add_location(image.id, known(&url, MD5)).await.unwrap();
    assert_eq!(images.get(image.id).await.unwrap().status, Status::Importing);
    assert!(matches!(images.add_location(image.id, known(&url, MD5)).await, Err(Error::Conflict(_))));
    assert!(matches!(lab.upload(&owner(), image.id, "more").await, Err(Error::Conflict(_))));
    images.delete(image.id).await.unwrap();
    drop(gate);
    journal_is_empty(&lab).await;
    assert!(matches!(lab.glance.images(&admin()).get(image.id).await, Err(Error::NotFound(_))));
    // It was never the image's, so it did not go with it.
    assert_eq!(lab.store.read(&Location::new(url), glance_core::store::ByteRange::ALL).await.unwrap(), "data");
}

/// A registration by a process that died.
async fn dead(lab: &Lab, url: &str) -> (Image, Registration) {
    let image = lab.queued(&owner()).await;
    let registration = Registration {
        entry: uuid::Uuid::new_v4(),
        image: image.id,
        store: None,
        location: Location::new(url),
        project: Some("mine".into()),
        process: "dead".into(),
        lease_until: Timestamp::UNIX_EPOCH,
    };
    let image = lab.database.begin_registration(&registration, &ProjectLimits::NONE, image.created_at).await.unwrap();
    (image, registration)
}

#[tokio::test]
async fn a_dead_registration_is_unwound() {
    let lab = Lab::new();
    let url = laid(&lab, "data").await;
    let (image, _) = dead(&lab, &url).await;
    assert_eq!(lab.glance.recover(|_| false).await.unwrap().registrations, 1);
    let image = lab.glance.images(&owner()).get(image.id).await.unwrap();
    assert_eq!((image.status, image.locations.len()), (Status::Queued, 0));
    assert!(lab.database.journal(9).await.unwrap().is_empty());
    // The data was somebody else's all the time.
    assert!(lab.store.read(&Location::new(url), glance_core::store::ByteRange::ALL).await.is_ok());
}

#[tokio::test]
async fn digests_that_a_dead_process_did_not_finish_are_found() {
    let lab = Lab::new();
    let url = laid(&lab, "data").await;
    let (image, registration) = dead(&lab, &url).await;
    let mut active = Image { status: Status::Active, size: Some(4), ..image.clone() };
    active.locations.push(ImageLocation::new(Location::new(&url), Map::new()));
    let change = ImageChange::between(&image, &active, image.updated_at);
    lab.database.continue_registration(registration.entry, image.id, &change).await.unwrap();
    // Who has not the store leaves them to the others.
    let other = Stores::single(Arc::new(FaultyStore::new("other")));
    let without = Glance::builder(lab.database.clone(), other).build();
    assert_eq!(without.recover(|_| true).await.unwrap(), Recovered { left: 1, ..Recovered::default() });
    let gate = lab.store.gate.lock().await;
    assert_eq!(lab.glance.recover(|_| false).await.unwrap().registrations, 1);
    // They take longer than until the next look.
    assert_eq!(lab.glance.recover(|_| true).await.unwrap(), Recovered::default());
    drop(gate);
    let image = when(&lab.glance, image.id, |image| image.os_hash_value.is_some()).await;
    assert_eq!((image.status, image.checksum.as_deref()), (Status::Active, Some(MD5)));
    journal_is_empty(&lab).await;
}

/// The clock runs ahead while everybody waits.
#[tokio::test(start_paused = true)]
async fn data_that_does_not_come_gives_its_turn_back() {
    let lab = Lab::new();
    let url = laid(&lab, "data").await;
    let _gate = lab.store.gate.lock().await;
    for said in [Some(MD5), None, Some(MD5)] {
        let image = lab.queued(&owner()).await;
        let new = said.map_or_else(|| NewLocation::new(&url), |said| known(&url, said));
        lab.glance.images(&served()).add_location(image.id, new).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(4 * 60)).await;
    assert_eq!(lab.database.journal(9).await.unwrap().len(), 3);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(lab.database.journal(9).await.unwrap().len(), 0);
}

#[tokio::test]
async fn any_number_of_locations_get_their_turn() {
    let lab = Lab::new();
    let url = laid(&lab, "data").await;
    let gate = lab.store.gate.lock().await;
    let mut images = Vec::new();
    for _ in 0..20 {
        let image = lab.queued(&owner()).await;
        lab.glance.images(&served()).add_location(image.id, known(&url, MD5)).await.unwrap();
        images.push(image.id);
    }
    drop(gate);
    for id in images {
        assert_eq!(settled(&lab.glance, id).await.status, Status::Active);
    }
}

#[tokio::test]
async fn services_and_administrators_read_the_locations_of_every_image() {
    let lab = Lab::new();
    let image = lab.active(&owner(), "data").await;
    let service = RequestContext::new("nova", "services", ["service", "reader"]);
    for caller in [service, admin()] {
        assert_eq!(lab.glance.images(&caller).locations(image.id).await.unwrap().len(), 1);
        assert!(matches!(lab.glance.images(&caller).locations(ImageId::random()).await, Err(Error::NotFound(_))));
    }
    // A service that vouches for the owner does not lend it its eyes.
    for caller in [owner(), served()] {
        assert!(matches!(lab.glance.images(&caller).locations(image.id).await, Err(Error::Forbidden(_))));
    }
    assert!(matches!(lab.glance.images(&stranger()).locations(image.id).await, Err(Error::NotFound(_))));
    let queued = lab.queued(&owner()).await;
    assert!(lab.glance.images(&admin()).locations(queued.id).await.unwrap().is_empty());
}
