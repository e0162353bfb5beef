//! Pools without room.

use std::time::Duration;

use futures::SinkExt;
use futures::channel::mpsc;
use glance_core::store::BoxError;

use super::*;

impl OwnPool {
    fn quota(&self, objects: &str) {
        self.live.ceph(&["osd", "pool", "set-quota", &self.name, "max_objects", objects]);
    }
}

/// Once in a pool where nothing has ever been removed, and once in one where something was.
fn pools() -> Option<[OwnPool; 2]> {
    Some([OwnPool::make(Live::find()?), OwnPool::make(Live::find()?)])
}

async fn remove_one(store: &RbdStore) {
    let stored = store.write(ImageId::random(), noise(MIB)).await.unwrap();
    store.delete(&stored.location).await.unwrap();
}

#[tokio::test]
async fn a_pool_at_its_quota_is_full_and_has_nothing_of_what_was_refused() {
    let Some([fresh, used]) = pools() else { return };
    remove_one(&used.builder().open()).await;
    for pool in [fresh, used] {
        let store = pool.builder().open();
        pool.quota("1");
        let (mut kept, mut full) = (Vec::new(), None);
        // The cluster takes some seconds to see that a pool is full.
        for _ in 0..300 {
            match store.write(ImageId::random(), noise(MIB)).await {
                Ok(stored) => kept.push(stored.location),
                Err(error) => {
                    full = Some(error);
                    break;
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert!(matches!(full, Some(StoreError::Full { .. })), "{full:?}");
        for at in kept {
            store.delete(&at).await.unwrap();
        }
        assert_eq!(pool.objects(), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_fills_under_an_upload_has_nothing_of_it_afterwards() {
    let Some([fresh, used]) = pools() else { return };
    remove_one(&used.builder().open()).await;
    for pool in [fresh, used] {
        let (store, id) = (pool.builder().open(), ImageId::random());
        let (mut sender, source) = mpsc::channel::<Result<Bytes, BoxError>>(0);
        let put = tokio::spawn(async move { store.put(id, None, Box::pin(source)).await });
        for _ in 0..10 {
            sender.send(Ok(noise(MIB))).await.unwrap();
        }
        pool.quota("1");
        // Until the put has failed, and nobody takes it any more.
        for _ in 0..300 {
            if sender.send(Ok(noise(MIB))).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        drop(sender);
        let put = put.await.unwrap();
        assert!(matches!(put, Err(StoreError::Full { .. })), "{put:?}");
        assert_eq!(pool.objects(), [""; 0]);
        pool.quota("0");
        let store = pool.builder().open();
        let mut stored = store.write(id, noise(MIB)).await;
        for _ in 0..300 {
            if stored.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
            stored = store.write(id, noise(MIB)).await;
        }
        assert!(read_back(&store, &stored.unwrap().location).await == noise(MIB));
    }
}
