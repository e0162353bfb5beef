//! Copies, inside the store's system where it makes some, else through the program.

use super::source::{MIB, noise};
use super::{assert_free, assert_holds, place_of, writes};
use crate::image::ImageId;
use crate::location::Location;
use crate::store::{Store, StoreError, StoreExt};

/// A copy has the data, and keeps it when its source goes.
pub async fn a_copy_outlives_its_source(store: &dyn Store) {
    if !writes(store).await {
        return;
    }
    for data in [noise(0), noise(1), noise(3 * MIB + 5)] {
        let from = store.write(ImageId::random(), data.clone()).await.unwrap().location;
        let id = ImageId::random();
        let copied = store.copy_from(id, store, &from).await.unwrap();
        assert_eq!(copied.size, data.len() as u64);
        assert_ne!(copied.location, from);
        if store.capabilities().delete {
            store.delete(&from).await.unwrap();
        }
        assert_holds(store, &copied.location, &data).await;
        if store.capabilities().delete {
            store.delete(&copied.location).await.unwrap();
            assert_free(store, id, Some(&copied.location), "a deleted copy").await;
        }
    }
}

/// An image that has data keeps it.
pub async fn a_copy_does_not_replace_data(store: &dyn Store) {
    if !writes(store).await {
        return;
    }
    let (id, data) = (ImageId::random(), noise(1000));
    let from = store.write(ImageId::random(), noise(999)).await.unwrap().location;
    let at = store.write(id, data.clone()).await.unwrap().location;
    let refused = store.copy_from(id, store, &from).await;
    assert!(matches!(refused, Err(StoreError::Exists { .. })), "{refused:?}");
    assert_holds(store, &at, &data).await;
    assert_holds(store, &from, &noise(999)).await;
}

/// Where nothing lies, nothing is copied, and nothing is left of the attempt.
pub async fn a_copy_of_nothing_is_not_found(store: &dyn Store) {
    if !writes(store).await {
        return;
    }
    let Some(nowhere) = place_of(store, ImageId::random()).await else { return };
    let id = ImageId::random();
    let asked = [store.copy(id, &nowhere, 1).await, store.copy_from(id, store, &nowhere).await];
    for (asked, may_decline) in asked.into_iter().zip([true, false]) {
        let declined = may_decline && matches!(asked, Err(StoreError::Unsupported { .. }));
        assert!(declined || matches!(asked, Err(StoreError::NotFound { .. })), "{asked:?}");
    }
    let elsewhere = Location::new("elsewhere://x/y");
    let refused = store.copy_from(id, store, &elsewhere).await;
    assert!(matches!(refused, Err(StoreError::BadLocation { .. })), "{refused:?}");
    assert_free(store, id, None, "a copy of nothing").await;
}
