//! What other processes left in the middle.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt;
use glance_core::catalogue::{Recovered, UploadOptions};
use glance_core::database::{Journal, Upload};
use glance_core::image::{Image, Status};
use glance_core::limits::ProjectLimits;
use glance_core::memory::MemoryStore;
use glance_core::store::StoreExt;
use glance_core::{Error, Glance, Settings, Stores};
use jiff::{Timestamp, ToSpan};

use crate::support::{Lab, admin, owner, text};

/// An upload whose process died, at the point where all its bytes had reached the store.
async fn dead_upload(lab: &Lab, lease_until: Timestamp) -> Image {
    let image = lab.queued(&owner()).await;
    let upload = Upload {
        entry: uuid::Uuid::new_v4(),
        image: image.id,
        store: None,
        destination: None,
        project: Some("mine".into()),
        reserved: 100,
        process: "dead".into(),
        lease_until,
    };
    lab.database.begin_upload(&upload, Status::Queued, &ProjectLimits::NONE, image.created_at).await.unwrap();
    lab.store.write(image.id, "all of it".into()).await.unwrap();
    image
}

fn later() -> Timestamp {
    Timestamp::now() + 1.hour()
}

#[tokio::test]
async fn an_upload_whose_lease_ran_out_is_unwound() {
    let lab = Lab::new();
    let image = dead_upload(&lab, Timestamp::UNIX_EPOCH).await;
    assert_eq!(lab.database.bytes_held("mine").await.unwrap(), 100);
    let recovered = lab.glance.recover(|_| false).await.unwrap();
    assert_eq!(recovered, Recovered { uploads: 1, ..Recovered::default() });
    assert_eq!(lab.glance.images(&owner()).get(image.id).await.unwrap().status, Status::Queued);
    assert!(!lab.store.has(image.id, "one").await);
    assert_eq!(lab.database.bytes_held("mine").await.unwrap(), 0);
    assert!(lab.upload(&owner(), image.id, "again").await.is_ok());
    assert_eq!(lab.glance.recover(|_| true).await.unwrap(), Recovered::default());
}

#[tokio::test]
async fn an_upload_is_left_alone_while_its_lease_runs_and_its_process_may_live() {
    let lab = Lab::new();
    let image = dead_upload(&lab, later()).await;
    assert_eq!(lab.glance.recover(|_| false).await.unwrap(), Recovered::default());
    assert!(lab.store.has(image.id, "one").await);
    let recovered = lab.glance.recover(|process| process == "dead").await.unwrap();
    assert_eq!(recovered.uploads, 1);
}

#[tokio::test]
async fn an_upload_to_an_image_deleted_since_leaves_nothing() {
    let lab = Lab::new();
    let image = dead_upload(&lab, Timestamp::UNIX_EPOCH).await;
    lab.glance.images(&owner()).delete(image.id).await.unwrap();
    lab.glance.recover(|_| false).await.unwrap();
    assert!(!lab.store.has(image.id, "one").await);
    assert!(lab.database.journal(9).await.unwrap().is_empty());
}

#[tokio::test]
async fn data_that_could_not_be_removed_goes_when_the_store_is_back() {
    let lab = Lab::new();
    let image = lab.active(&owner(), "data").await;
    lab.store.keeps.store(true, Ordering::Relaxed);
    lab.glance.images(&owner()).delete(image.id).await.unwrap();
    assert!(matches!(lab.glance.images(&admin()).get(image.id).await, Err(Error::NotFound(_))));
    assert!(lab.store.has(image.id, "one").await);
    assert_eq!(lab.glance.recover(|_| false).await.unwrap().left, 1);
    lab.store.keeps.store(false, Ordering::Relaxed);
    assert_eq!(lab.glance.recover(|_| false).await.unwrap().removals, 1);
    assert!(!lab.store.has(image.id, "one").await);
}

#[tokio::test]
async fn a_store_that_is_down_keeps_an_upload_from_being_unwound_until_it_is_back() {
    let lab = Lab::new();
    let image = dead_upload(&lab, Timestamp::UNIX_EPOCH).await;
    lab.store.down.store(true, Ordering::Relaxed);
    assert_eq!(lab.glance.recover(|_| false).await.unwrap().left, 1);
    lab.store.down.store(false, Ordering::Relaxed);
    assert_eq!(lab.glance.recover(|_| false).await.unwrap().uploads, 1);
    assert!(!lab.store.has(image.id, "one").await);
}

#[tokio::test]
async fn an_image_takes_no_data_before_what_a_failed_upload_left_is_gone() {
    let lab = Lab::new();
    let image = lab.queued(&owner()).await;
    lab.store.falls.store(true, Ordering::Relaxed);
    assert!(matches!(lab.upload(&owner(), image.id, "data").await, Err(Error::Unavailable(_))));
    let status = async || lab.glance.images(&owner()).get(image.id).await.unwrap().status;
    assert_eq!(status().await, Status::Saving);
    assert!(matches!(lab.upload(&owner(), image.id, "data").await, Err(Error::Conflict(_))));
    assert_eq!(lab.glance.recover(|_| false).await.unwrap().left, 1);
    assert_eq!(status().await, Status::Saving);
    lab.store.down.store(false, Ordering::Relaxed);
    assert!(lab.store.has(image.id, "one").await);
    assert_eq!(lab.glance.recover(|_| false).await.unwrap().uploads, 1);
    assert!(!lab.store.has(image.id, "one").await);
    assert_eq!(status().await, Status::Queued);
    assert!(lab.upload(&owner(), image.id, "again").await.is_ok());
}

#[tokio::test]
async fn what_an_upload_left_that_others_had_unwound_goes_when_the_store_is_back() {
    let lab = Lab::new();
    let image = lab.queued(&owner()).await;
    let (other, store) = (lab.another(), Arc::clone(&lab.store));
    let data = futures::stream::once(async move {
        assert_eq!(other.recover(|_| true).await.unwrap().uploads, 1);
        store.falls.store(true, Ordering::Relaxed);
        Ok(bytes::Bytes::from_static(b"data"))
    });
    let context = owner();
    let uploaded = lab.glance.images(&context).upload(image.id, Box::pin(data), UploadOptions::default()).await;
    assert!(uploaded.is_err());
    lab.store.down.store(false, Ordering::Relaxed);
    assert!(lab.store.has(image.id, "one").await);
    assert_eq!(lab.glance.recover(|_| false).await.unwrap().uploads, 1);
    assert!(!lab.store.has(image.id, "one").await);
    assert!(lab.upload(&owner(), image.id, "again").await.is_ok());
}

#[tokio::test]
async fn a_note_about_data_that_is_still_used_is_dropped() {
    let lab = Lab::new();
    let image = lab.active(&owner(), "data").await;
    let note = glance_core::database::RemovalOf {
        entry: uuid::Uuid::new_v4(),
        store: None,
        location: image.locations[0].url.clone(),
    };
    lab.database.note_removals(image.id, &[note], "dead", Timestamp::UNIX_EPOCH).await.unwrap();
    lab.glance.recover(|_| false).await.unwrap();
    assert!(lab.store.has(image.id, "one").await);
    assert!(lab.database.journal(9).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_slow_upload_keeps_its_lease() {
    let lab = Lab::with(Settings { lease: Duration::from_millis(600), ..Settings::default() });
    let other = lab.another();
    let image = lab.queued(&owner()).await;
    let slow = futures::stream::iter(0..20).then(|_| async {
        tokio::time::sleep(Duration::from_millis(75)).await;
        Ok(bytes::Bytes::from_static(b"x"))
    });
    let context = owner();
    let upload = lab.glance.images(&context);
    let upload = upload.upload(image.id, Box::pin(slow), UploadOptions::default());
    tokio::pin!(upload);
    let uploaded = loop {
        tokio::select! {
            done = &mut upload => break done,
            () = tokio::time::sleep(Duration::from_millis(25)) => {
                assert_eq!(other.recover(|_| false).await.unwrap(), Recovered::default());
            }
        }
    };
    assert_eq!(uploaded.unwrap().size, Some(20));
}

/// A process that died between the refusal of a store that takes no data and the end of its entry.
#[tokio::test]
async fn an_upload_to_a_store_that_takes_none_is_unwound() {
    let lab = Lab::new();
    let image = dead_upload(&lab, Timestamp::UNIX_EPOCH).await;
    let store = Arc::new(MemoryStore::new("one").read_only());
    let glance = Glance::builder(lab.database.clone(), Stores::single(store)).build();
    assert_eq!(glance.recover(|_| false).await.unwrap().uploads, 1);
    assert_eq!(glance.images(&owner()).get(image.id).await.unwrap().status, Status::Queued);
    assert!(lab.database.journal(9).await.unwrap().is_empty());
    let context = owner();
    let refused = glance.images(&context).upload(image.id, text("x"), UploadOptions::default()).await;
    assert!(matches!(refused, Err(Error::Gone(_))), "{refused:?}");
    assert!(lab.database.journal(9).await.unwrap().is_empty());
}

#[tokio::test]
async fn two_processes_recover_an_upload_once() {
    let lab = Lab::new();
    dead_upload(&lab, Timestamp::UNIX_EPOCH).await;
    let other = lab.another();
    let (one, two) = futures::join!(lab.glance.recover(|_| false), other.recover(|_| false));
    assert_eq!(one.unwrap().uploads + two.unwrap().uploads, 1);
}

#[tokio::test]
async fn data_of_an_image_deleted_during_its_upload_goes_when_the_store_is_back() {
    let lab = Lab::new();
    let image = lab.queued(&owner()).await;
    lab.store.keeps.store(true, Ordering::Relaxed);
    let (glance, id) = (lab.glance.clone(), image.id);
    let deleting = futures::stream::once(async move {
        glance.images(&owner()).delete(id).await.unwrap();
        Ok(bytes::Bytes::from_static(b"data"))
    });
    let context = owner();
    let uploaded = lab.glance.images(&context).upload(id, Box::pin(deleting), UploadOptions::default()).await;
    assert!(matches!(uploaded, Err(Error::Gone(_))));
    assert!(lab.store.has(id, "one").await);
    lab.store.keeps.store(false, Ordering::Relaxed);
    assert_eq!(lab.glance.recover(|_| false).await.unwrap().uploads, 1);
    assert!(!lab.store.has(id, "one").await);
    assert!(lab.database.journal(9).await.unwrap().is_empty());
}

#[tokio::test]
async fn work_on_a_store_that_is_not_configured_here_is_left_to_those_who_have_it() {
    let lab = Lab::new();
    let image = lab.queued(&owner()).await;
    let upload = Upload {
        entry: uuid::Uuid::new_v4(),
        image: image.id,
        store: Some("elsewhere".into()),
        destination: None,
        project: None,
        reserved: 0,
        process: "dead".into(),
        lease_until: Timestamp::UNIX_EPOCH,
    };
    lab.database.begin_upload(&upload, Status::Queued, &ProjectLimits::NONE, image.created_at).await.unwrap();
    let note = glance_core::database::RemovalOf {
        entry: uuid::Uuid::new_v4(),
        store: None,
        location: glance_core::location::Location::new("other://place"),
    };
    lab.database.note_removals(image.id, &[note], "dead", Timestamp::UNIX_EPOCH).await.unwrap();
    let before = lab.database.journal(9).await.unwrap();
    assert_eq!(lab.glance.recover(|_| true).await.unwrap().left, 2);
    assert_eq!(lab.database.journal(9).await.unwrap(), before);
}
