//! Copies from one pool into another.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_in_the_cluster_is_an_image_like_any_other() {
    let Some(live) = Live::find() else { return };
    let pool = OwnPool::make(live);
    let (source, id) = (pool.builder().open(), ImageId::random());
    let store = RbdStore::in_pool("images").user("admin").ceph_conf(&pool.live.conf).open();
    let zeros = Bytes::from(vec![0; 24 * MIB]);
    let data = [noise(9 * MIB), zeros, noise(5)].concat();
    let from = source.write(ImageId::random(), data.clone().into()).await.unwrap().location;
    assert_eq!(source.system(), store.system());
    let stored = store.copy(id, &from, data.len() as u64).await.unwrap();
    source.delete(&from).await.unwrap();
    assert!(read_back(&store, &stored.location).await == data);
    let info = pool.live.rbd(&["info", &format!("images/{id}@snap")]);
    for expected in ["order 23 (8 MiB objects)", "layering", "protected: True"] {
        assert!(info.contains(expected), "{expected} in {info}");
    }
    assert!(!info.contains("parent"), "{info}");
    assert!(allocated(&pool.live, id) <= 24 * MIB);
    store.delete(&stored.location).await.unwrap();
    assert!(!pool.live.has(id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_what_the_store_s_user_may_not_read_goes_through_the_program() {
    let Some(live) = Live::find() else { return };
    let pool = OwnPool::make(live);
    let (source, store, id) = (pool.builder().open(), pool.live.store(), ImageId::random());
    let from = source.write(ImageId::random(), noise(3 * MIB)).await.unwrap().location;
    let asked = store.copy(id, &from, 3 * MIB as u64).await;
    assert!(matches!(asked, Err(StoreError::Unsupported { .. })), "{asked:?}");
    let stored = store.copy_from(id, &source, &from).await.unwrap();
    assert!(read_back(&store, &stored.location).await == noise(3 * MIB));
    store.delete(&stored.location).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_another_length_leaves_nothing() {
    let Some(live) = Live::find() else { return };
    let (store, id) = (live.store(), ImageId::random());
    let from = store.write(ImageId::random(), noise(100)).await.unwrap().location;
    let refused = store.copy(id, &from, 99).await;
    assert!(matches!(refused, Err(StoreError::SizeMismatch { expected: 99, received: 100, .. })), "{refused:?}");
    assert!(!live.has(id));
    store.delete(&from).await.unwrap();
}
