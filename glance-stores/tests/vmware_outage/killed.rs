//! A server that is killed in the middle of transfers, and comes back.

use std::process::{Command, Stdio};

use bytes::Bytes;
use futures::{StreamExt, stream};
use glance_core::conformance::backend;
use glance_core::image::ImageId;
use glance_core::store::{ByteRange, ByteStream, Store, StoreError, StoreExt};

use crate::support::noise;
use crate::with_simulator;

/// Has the script that started the simulator do something to it.
async fn script(control: &str, verb: &'static str) {
    let control = control.to_owned();
    let run = move || Command::new(control).arg(verb).stdout(Stdio::null()).status().unwrap();
    let status = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(status.success(), "{verb}: {status}");
}

/// Data that goes on until the server is killed behind the tenth chunk, and for a while longer.
fn until_killed(control: &str) -> ByteStream {
    let control = control.to_owned();
    Box::pin(stream::iter(0..200).then(move |number| {
        let control = control.clone();
        async move {
            if number == 10 {
                script(&control, "kill").await;
            }
            Ok(Bytes::from(vec![5; 100_000]))
        }
    }))
}

#[test]
fn a_server_that_is_killed_and_back_leaves_nothing_half_done() {
    let Some(control) = backend("GLANCE_TEST_VMWARE_CONTROL") else { return };
    with_simulator(|simulator| async move {
        let (folder, store) = simulator.store();
        let data = noise(30_000_000);
        let kept = store.write(ImageId::random(), data.clone()).await.unwrap().location;

        let id = ImageId::random();
        let put = store.put(id, None, until_killed(&control)).await;
        assert!(matches!(put, Err(StoreError::LeftBehind { .. })), "{put:?}");
        assert!(matches!(put.unwrap_err().reason(), StoreError::Unavailable { .. }));
        let size = store.size(&kept).await;
        assert!(matches!(size, Err(StoreError::Unavailable { .. })), "{size:?}");

        script(&control, "up").await;
        assert_eq!(store.size(&kept).await.unwrap(), 30_000_000);
        let mut stream = store.get(&kept, ByteRange::ALL).await.unwrap().stream;
        let mut read = stream.next().await.unwrap().unwrap().len();
        script(&control, "kill").await;
        let broken = loop {
            match stream.next().await {
                Some(Ok(chunk)) => read += chunk.len(),
                Some(Err(_)) => break true,
                None => break false,
            }
        };
        assert!(broken && read < data.len(), "{read} bytes read as if they were all");

        script(&control, "up").await;
        assert!(store.read(&kept, ByteRange::ALL).await.unwrap() == data);
        // What the first upload left goes when recovery asks for it.
        store.discard(id).await.unwrap();
        let again = store.write(id, noise(100)).await.unwrap();
        store.delete(&again.location).await.unwrap();
        store.delete(&kept).await.unwrap();
        folder.settles().await;
    });
}
