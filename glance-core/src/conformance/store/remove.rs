//! Deleting and discarding.

use super::source::{KIB, MIB, noise, stalling};
use super::{assert_free, assert_holds, place_of, writes};
use crate::image::ImageId;
use crate::store::{ByteRange, Store, StoreError, StoreExt};

/// After a delete nothing is found, a second delete finds nothing, and the id can be used again.
pub async fn deleted_data_is_gone_and_its_id_free(store: &dyn Store) {
    if !writes(store).await || !store.capabilities().delete {
        return;
    }
    let id = ImageId::random();
    let bystander = store.write(ImageId::random(), noise(99)).await.unwrap().location;
    let at = store.write(id, noise(MIB)).await.unwrap().location;
    store.delete(&at).await.unwrap();
    for gone in [store.get(&at, ByteRange::ALL).await.map(drop), store.delete(&at).await] {
        assert!(matches!(gone, Err(StoreError::NotFound { .. })), "{gone:?}");
    }
    assert_free(store, id, Some(&at), "deleted").await;
    assert_holds(store, &bystander, &noise(99)).await;
}

/// A store without the capability says so and keeps the data.
pub async fn a_store_that_does_not_delete_refuses_to(store: &dyn Store) {
    if store.capabilities().delete || !store.capabilities().write {
        return;
    }
    let data = noise(10);
    let at = store.write(ImageId::random(), data.clone()).await.unwrap().location;
    let refused = store.delete(&at).await;
    assert!(matches!(refused, Err(StoreError::Unsupported { .. })), "{refused:?}");
    assert_holds(store, &at, &data).await;
}

/// Data that was written to its end is discarded like any other.
pub async fn discard_removes_finished_data(store: &dyn Store) {
    if !writes(store).await || !store.capabilities().delete {
        return;
    }
    for len in [0, 10, 2 * MIB] {
        let id = ImageId::random();
        let at = store.write(id, noise(len)).await.unwrap().location;
        store.discard(id).await.unwrap();
        assert_free(store, id, Some(&at), "discarded").await;
    }
}

/// A put that was cut off can be discarded, and the id used again.
pub async fn discard_removes_what_a_dropped_put_left(store: &dyn Store) {
    if !writes(store).await || !store.capabilities().delete {
        return;
    }
    let id = ImageId::random();
    let at = place_of(store, id).await;
    let (source, _) = stalling(&noise(3 * MIB), 64 * KIB, 48);
    let mut put = store.put(id, None, source);
    for _ in 0..100 {
        assert!(futures::poll!(&mut put).is_pending());
        tokio::task::yield_now().await;
    }
    drop(put);
    store.discard(id).await.unwrap();
    assert_free(store, id, at.as_ref(), "dropped and discarded").await;
}

/// Recovery may ask twice, and about what never was.
pub async fn discard_of_nothing_succeeds(store: &dyn Store) {
    if !writes(store).await || !store.capabilities().delete {
        return;
    }
    let id = ImageId::random();
    store.discard(id).await.unwrap();
    store.write(id, noise(10)).await.unwrap();
    store.discard(id).await.unwrap();
    store.discard(id).await.unwrap();
}

/// Nobody else's data goes, however alike the ids.
pub async fn discard_leaves_other_images_alone(store: &dyn Store) {
    if !writes(store).await || !store.capabilities().delete {
        return;
    }
    let ids = ["00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"];
    let [discarded, kept] = ids.map(|id| id.parse::<ImageId>().unwrap());
    store.write(discarded, noise(11)).await.unwrap();
    let at = store.write(kept, noise(10)).await.unwrap().location;
    store.discard(discarded).await.unwrap();
    assert_holds(store, &at, &noise(10)).await;
}
