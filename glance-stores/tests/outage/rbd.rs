//! A Ceph cluster that is killed while data goes in and out, and comes back.
//!
//! `GLANCE_TEST_RBD` is the path of the cluster's `ceph.conf`, `GLANCE_TEST_RBD_CONTROL` the script that kills
//! it and brings it up again.

use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use glance_core::conformance::backend;
use glance_core::image::ImageId;
use glance_core::store::{BoxError, ByteRange, Store, StoreError, StoreExt, Stored};
use glance_stores::data::rbd::RbdStore;

use crate::{MIB, control, data, read_until_broken};

/// Seconds after which librados gives up.
const TIMEOUT: u32 = 5;

struct Cluster {
    conf: String,
    script: String,
}

impl Cluster {
    fn store(&self) -> RbdStore {
        RbdStore::in_pool("images").user("glance").ceph_conf(&self.conf).connect_timeout(TIMEOUT).open()
    }

    /// The same store in another process, as far as anything is shared inside of one.
    fn another_server(&self) -> RbdStore {
        let store = RbdStore::in_pool("images").user("glance").ceph_conf(&self.conf);
        store.connect_timeout(TIMEOUT - 1).open()
    }

    fn images(&self) -> String {
        let list = Command::new("rbd").args(["-c", &self.conf, "--id", "glance", "ls", "images"]).output().unwrap();
        assert!(list.status.success());
        String::from_utf8(list.stdout).unwrap()
    }

    /// The names of what the cluster has of an image.
    fn names(&self, id: ImageId) -> Vec<String> {
        self.images().lines().filter(|name| name.starts_with(id.as_str())).map(str::to_owned).collect()
    }
}

/// Does what recovery does: asks for the data to be discarded until that succeeds.
async fn recover(store: &RbdStore, id: ImageId) {
    for _ in 0..300 {
        match store.discard(id).await {
            Ok(()) => return,
            // The server that failed may have the image open still.
            Err(StoreError::InUse { .. } | StoreError::Unavailable { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("the image cannot be discarded");
}

/// Whether a put that failed says that it could not remove what it had written.
fn left_behind(put: &Result<Stored, StoreError>) -> bool {
    let Err(error @ StoreError::LeftBehind { .. }) = put else { return false };
    matches!(error.reason(), StoreError::Unavailable { .. })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_goes_away_and_comes_back_costs_no_more_than_what_was_under_way() {
    let (Some(conf), Some(script)) = (backend("GLANCE_TEST_RBD"), backend("GLANCE_TEST_RBD_CONTROL")) else { return };
    let cluster = Cluster { conf, script };
    let (store, whole) = (cluster.store(), data(64 * MIB));
    let kept = store.write(ImageId::random(), whole.clone()).await.unwrap().location;

    // One put that has begun, and one reading.
    let (mut sender, source) = mpsc::channel::<Result<Bytes, BoxError>>(0);
    let (id, writer) = (ImageId::random(), cluster.store());
    let put = tokio::spawn(async move { writer.put(id, None, Box::pin(source)).await });
    for _ in 0..3 {
        sender.send(Ok(data(8 * MIB))).await.unwrap();
    }
    let mut reading = store.get(&kept, ByteRange::ALL).await.unwrap().stream;
    let first = reading.next().await.unwrap().unwrap();
    assert!(first == whole[..first.len()]);

    control(&cluster.script, "kill", &[]).await;
    // Both end with an error, and so does whatever begins now.
    for _ in 0..6 {
        if sender.send(Ok(data(8 * MIB))).await.is_err() {
            break;
        }
    }
    drop(sender);
    let put = put.await.unwrap();
    assert!(left_behind(&put), "{put:?}");
    read_until_broken(reading, first, &whole).await;
    for failed in [
        store.size(&kept).await.map(drop),
        store.delete(&kept).await,
        store.discard(ImageId::random()).await,
        store.write(ImageId::random(), data(10)).await.map(drop),
    ] {
        assert!(matches!(failed, Err(StoreError::Unavailable { .. })), "{failed:?}");
    }
    // A server that starts now takes its stores, and finds out when it uses them.
    let late = cluster.another_server();
    let unreachable = late.size(&kept).await;
    assert!(matches!(unreachable, Err(StoreError::Unavailable { .. })), "{unreachable:?}");

    control(&cluster.script, "up", &[]).await;
    for store in [&store, &late] {
        assert!(store.read(&kept, ByteRange::ALL).await.unwrap() == whole);
    }
    // Another server recovers the image and brings in data, which nothing that the first one began touches.
    recover(&late, id).await;
    assert!(cluster.names(id).is_empty());
    let again = late.write(id, data(9 * MIB)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(u64::from(TIMEOUT) * 4)).await;
    assert_eq!(cluster.names(id), [id.to_string()]);
    assert!(late.read(&again.location, ByteRange::ALL).await.unwrap() == data(9 * MIB));
    for at in [again.location, kept] {
        store.delete(&at).await.unwrap();
    }
}
