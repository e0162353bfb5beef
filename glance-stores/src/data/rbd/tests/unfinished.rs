//! Puts that do not come to their end, and what is left of them.

use std::time::Duration;

use futures::SinkExt;
use futures::channel::mpsc;
use glance_core::conformance::{GivenUp, aborts};
use glance_core::store::BoxError;

use super::*;

#[tokio::test]
async fn an_image_without_its_snapshot_is_unfinished() {
    let Some(live) = Live::find() else { return };
    let (store, id) = (live.store(), ImageId::random());
    let at = store.write(ImageId::random(), noise(1)).await.unwrap().location;
    let at = Location::new(at.expose().replace(at.expose().split('/').nth(4).unwrap(), &id.to_string()));
    live.rbd(&["create", "--size", "64", &format!("images/{id}")]);
    let size = store.size(&at).await;
    assert!(matches!(size, Err(StoreError::NotFound { .. })), "{size:?}");
    // It may be another server's that is writing it.
    let put = store.write(id, noise(10)).await;
    assert!(matches!(put, Err(StoreError::Exists { .. })), "{put:?}");
    assert!(live.has(id));
    store.discard(id).await.unwrap();
    assert!(!live.has(id));
    store.write(id, noise(10)).await.unwrap();
    store.discard(id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_are_given_up_leave_no_image_and_no_object_of_one() {
    let Some(live) = Live::find() else { return };
    let pool = OwnPool::make(live);
    let store = pool.builder().chunk_size(MIB as u64).open();
    let given_up = GivenUp { uploads: aborts(), part: MIB, looks: 60, pause: Duration::from_millis(3) };
    given_up.leave_nothing(&store, async || pool.objects()).await;
}

#[tokio::test]
async fn a_put_can_be_given_up_while_its_last_steps_are_taken() {
    let Some(live) = Live::find() else { return };
    let store = live.store();
    for step in 0..40_u64 {
        let id = ImageId::random();
        let put = store.write(id, noise(100));
        if tokio::time::timeout(Duration::from_millis(step * 3), put).await.is_ok_and(|put| put.is_ok()) {
            store.discard(id).await.unwrap();
        }
        // Waits for what is being taken back.
        let stored = store.write(id, noise(10)).await.unwrap();
        assert!(read_back(&store, &stored.location).await == noise(10));
        store.delete(&stored.location).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_has_its_name_when_it_is_complete() {
    let Some(live) = Live::find() else { return };
    let (store, id) = (live.store(), ImageId::random());
    let (mut sender, source) = mpsc::channel::<Result<Bytes, BoxError>>(0);
    let put = tokio::spawn(async move { store.put(id, None, Box::pin(source)).await });
    for _ in 0..3 {
        sender.send(Ok(noise(MIB))).await.unwrap();
    }
    // The first is taken when there is an image to write it to.
    let names = live.names(id);
    assert!(names.len() == 1 && names[0].starts_with(&draft::prefix(id)), "{names:?}");
    drop(sender);
    let stored = put.await.unwrap().unwrap();
    assert_eq!(live.names(id), [id.to_string()]);
    assert_eq!(live.store().size(&stored.location).await.unwrap(), 3 * MIB as u64);
    live.store().delete(&stored.location).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_somebody_else_brought_in_meanwhile_stays() {
    let Some(live) = Live::find() else { return };
    let (store, id) = (live.store(), ImageId::random());
    let (mut sender, source) = mpsc::channel::<Result<Bytes, BoxError>>(0);
    let put = tokio::spawn(async move { store.put(id, None, Box::pin(source)).await });
    for _ in 0..2 {
        sender.send(Ok(noise(MIB))).await.unwrap();
    }
    // Another store of the same process has claims of its own, as another server has.
    let other = live.store();
    let stored = other.write(id, noise(5)).await.unwrap();
    drop(sender);
    let put = put.await.unwrap();
    assert!(matches!(put, Err(StoreError::Exists { .. })), "{put:?}");
    assert_eq!(live.names(id), [id.to_string()]);
    assert!(read_back(&other, &stored.location).await == noise(5));
    other.delete(&stored.location).await.unwrap();
}

#[tokio::test]
async fn discard_removes_all_drafts_of_an_image_and_no_others() {
    let Some(live) = Live::find() else { return };
    let (store, id, other) = (live.store(), ImageId::random(), ImageId::random());
    let image = |of: ImageId, n: usize| format!("images/{}{n}", draft::prefix(of));
    for n in 0..3 {
        live.rbd(&["create", "--size", "64", &image(id, n)]);
    }
    live.rbd(&["create", "--size", "64", &image(other, 0)]);
    let snapshot = format!("{}@snap", image(id, 1));
    live.rbd(&["snap", "create", "--no-progress", &snapshot]);
    live.rbd(&["snap", "protect", &snapshot]);
    store.write(id, noise(10)).await.unwrap();
    store.discard(id).await.unwrap();
    assert!(!live.has(id));
    assert!(live.has(other));
    store.discard(other).await.unwrap();
    assert!(!live.has(other));
}

#[tokio::test]
async fn discard_removes_an_image_that_was_getting_its_name() {
    let Some(live) = Live::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let header = folder.path().join("header").display().to_string();
    let rados = |arguments: &[&str]| live.run("rados", "glance", &[&["-p", "images"], arguments].concat()).unwrap();
    for listed in [false, true] {
        let (store, id) = (live.store(), ImageId::random());
        let draft = draft::prefix(id) + "1";
        live.rbd(&["create", "--size", "64", &format!("images/{draft}")]);
        rados(&["get", &format!("rbd_id.{draft}"), &header]);
        let left = if listed {
            // All but the last step: the old name is there as well.
            live.rbd(&["rename", &format!("images/{draft}"), &format!("images/{id}")]);
            &draft
        } else {
            // Only the first: the new name leads to it, too.
            id.as_str()
        };
        rados(&["put", &format!("rbd_id.{left}"), &header]);
        store.discard(id).await.unwrap();
        assert!(!live.has(id));
        let stored = store.write(id, noise(10)).await.unwrap();
        assert!(read_back(&store, &stored.location).await == noise(10));
        store.delete(&stored.location).await.unwrap();
        let _ = live.run("rados", "glance", &["-p", "images", "rm", &format!("rbd_id.{draft}")]);
    }
}
