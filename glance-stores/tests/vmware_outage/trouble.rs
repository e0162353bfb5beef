//! Sessions that end, a server that is busy, slow or full, answers that are lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::{StreamExt, stream};
use glance_core::image::ImageId;
use glance_core::store::{ByteRange, ByteStream, Store, StoreError, StoreExt};

use crate::support::{Simulator, assert_discreet, noise};
use crate::with_simulator;

/// All a store does, once.
async fn everything(simulator: &Simulator, before_each: &str) {
    let (folder, store) = simulator.store();
    let (id, data) = (ImageId::random(), noise(700_000));
    simulator.control(before_each).await;
    let at = store.write(id, data.clone()).await.unwrap().location;
    simulator.control(before_each).await;
    assert_eq!(store.size(&at).await.unwrap(), 700_000);
    simulator.control(before_each).await;
    assert!(store.read(&at, ByteRange::ALL).await.unwrap() == data);
    simulator.control(before_each).await;
    assert!(store.read(&at, ByteRange { start: 5, end: Some(300_000) }).await.unwrap() == data[5..300_000]);
    simulator.control(before_each).await;
    store.delete(&at).await.unwrap();
    simulator.control(before_each).await;
    store.discard(id).await.unwrap();
    assert!(folder.files().await.is_empty());
}

#[test]
fn a_session_that_ended_is_replaced() {
    with_simulator(|simulator| async move { everything(&simulator, "expire").await });
}

#[test]
fn a_server_that_is_busy_once_is_asked_again() {
    with_simulator(|simulator| async move {
        everything(&simulator, "fail?status=503").await;
        everything(&simulator, "sdk?status=503").await;
        everything(&simulator, "sdk?status=502&n=2").await;
    });
}

#[test]
fn a_slow_server_is_waited_for() {
    with_simulator(|simulator| async move { everything(&simulator, "delay?ms=150").await });
}

#[test]
fn a_server_without_ranges_still_gives_any_part() {
    with_simulator(|simulator| async move { everything(&simulator, "norange?on=true").await });
}

#[test]
fn a_busy_server_is_not_asked_for_ever() {
    with_simulator(|simulator| async move {
        let (_folder, store) = simulator.store();
        let at = store.write(ImageId::random(), noise(10)).await.unwrap().location;
        simulator.control("fail?status=503&n=1000").await;
        let size = store.size(&at).await;
        assert!(matches!(size, Err(StoreError::Unavailable { .. })), "{size:?}");
    });
}

#[test]
fn many_who_find_the_session_ended_log_in_once() {
    with_simulator(|simulator| async move {
        let (_folder, store) = simulator.store();
        let at = store.write(ImageId::random(), noise(10)).await.unwrap().location;
        simulator.control("expire").await;
        let before: u32 = simulator.control("logins").await.parse().unwrap();
        let sizes = futures::future::join_all((0..20).map(|_| store.size(&at))).await;
        assert!(sizes.iter().all(|size| matches!(size, Ok(10))), "{sizes:?}");
        assert_eq!(simulator.control("logins").await.parse::<u32>().unwrap(), before + 1);
    });
}

/// `data` in chunks, with a request to the simulator in front of the chunk `at`.
fn interrupted(simulator: &Simulator, data: &Bytes, at: usize, request: &'static str) -> ByteStream {
    let chunks: Vec<Bytes> = data.chunks(100_000).map(Bytes::copy_from_slice).collect();
    let simulator = simulator.clone();
    Box::pin(stream::iter(chunks.into_iter().enumerate()).then(move |(number, chunk)| {
        let simulator = simulator.clone();
        async move {
            if number == at {
                simulator.control(request).await;
            }
            Ok(chunk)
        }
    }))
}

#[test]
fn a_session_may_end_in_the_middle_of_a_transfer() {
    with_simulator(|simulator| async move {
        let (_folder, store) = simulator.store();
        let data = noise(4_000_000);
        for size in [Some(4_000_000), None] {
            let source = interrupted(&simulator, &data, 20, "expire");
            let at = store.put(ImageId::random(), size, source).await.unwrap().location;
            let mut stream = store.get(&at, ByteRange::ALL).await.unwrap().stream;
            let mut read = stream.next().await.unwrap().unwrap().to_vec();
            simulator.control("expire").await;
            while let Some(chunk) = stream.next().await {
                read.extend_from_slice(&chunk.unwrap());
            }
            assert!(read == data);
        }
    });
}

/// A put that fails leaves nothing, and its id can be used.
async fn fails_cleanly(simulator: &Simulator, trouble: &str) -> StoreError {
    let (folder, store) = simulator.store();
    // Logged in, and the folder made.
    store.discard(ImageId::random()).await.unwrap();
    simulator.control(trouble).await;
    let id = ImageId::random();
    let error = store.write(id, noise(2_000_000)).await.unwrap_err();
    simulator.control("reset").await;
    folder.settles().await;
    store.write(id, noise(10)).await.unwrap();
    error
}

#[test]
fn an_upload_the_server_refuses_leaves_nothing() {
    with_simulator(|simulator| async move {
        for (trouble, expected) in [
            ("fail?status=503&method=PUT", "Unavailable"),
            ("fail?status=401&method=PUT", "Unavailable"),
            ("fail?status=302&method=PUT", "Failed"),
            ("fail?status=500&method=PUT", "Failed"),
            ("fail?status=507&method=PUT", "Full"),
            ("fail?status=403&method=PUT", "Denied"),
            ("fail?status=409&method=PUT", "Exists"),
            ("fault?call=MakeDirectory&fault=NoPermission", "Denied"),
            ("fault?call=MoveDatastoreFile_Task&fault=NoPermission", "Denied"),
            ("fault?call=MoveDatastoreFile_Task&fault=NoDiskSpace", "Full"),
            ("fault?call=MoveDatastoreFile_Task&fault=FileAlreadyExists", "Exists"),
            ("fault?call=MoveDatastoreFile_Task&fault=RuntimeFault", "Failed"),
        ] {
            let error = fails_cleanly(&simulator, trouble).await;
            assert!(format!("{error:?}").starts_with(expected), "{trouble}: {error:?}");
            assert_discreet(&error, &["canary", "vmware_soap_session", "/folder/"]);
        }
    });
}

#[test]
fn an_upload_whose_end_nobody_hears_of_is_looked_for() {
    with_simulator(|simulator| async move {
        for trouble in
            ["lose?call=MoveDatastoreFile_Task", "lose?call=MoveDatastoreFile_Task&status=504", "forget_tasks"]
        {
            let (folder, store) = simulator.store();
            simulator.control(trouble).await;
            let (id, data) = (ImageId::random(), noise(2_000_000));
            let stored = store.write(id, data.clone()).await.unwrap_or_else(|error| panic!("{trouble}: {error:?}"));
            assert!(store.read(&stored.location, ByteRange::ALL).await.unwrap() == data);
            assert_eq!(folder.files().await, [format!("[LocalDS_0] {id}")]);
        }
    });
}

#[test]
fn an_upload_whose_end_a_proxy_swallowed_leaves_nothing() {
    with_simulator(|simulator| async move {
        let error = fails_cleanly(&simulator, "sdk?call=MoveDatastoreFile_Task&status=502").await;
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    });
}

#[test]
fn what_another_node_brought_in_meanwhile_is_not_removed() {
    with_simulator(|simulator| async move {
        let (folder, builder) = simulator.builder();
        let open = || builder.clone().datastores(simulator.datastores(&[2, 1])).open().unwrap();
        let (id, other) = (ImageId::random(), open());
        let theirs = Box::pin(stream::once(async move {
            other.write(id, noise(999)).await.unwrap();
            Ok(noise(1_000_000))
        }));
        let put = open().put(id, None, theirs).await;
        assert!(matches!(put, Err(StoreError::Exists { .. })), "{put:?}");
        assert_eq!(folder.files().await, [format!("[LocalDS_0] {id}")]);
    });
}

#[test]
fn a_file_that_cannot_be_removed_is_left_to_discard() {
    with_simulator(|simulator| async move {
        let (folder, store) = simulator.store();
        let id = ImageId::random();
        simulator.control("fault?call=DeleteDatastoreFile_Task&fault=NoPermission").await;
        let broken = stream::iter([Ok(noise(1_000_000)), Err("the client is gone".into())]);
        let put = store.put(id, None, Box::pin(broken)).await;
        assert!(matches!(put, Err(StoreError::LeftBehind { .. })), "{put:?}");
        assert!(matches!(put.unwrap_err().reason(), StoreError::Source { .. }));
        store.discard(id).await.unwrap();
        folder.settles().await;
    });
}

#[test]
fn a_folder_that_cannot_be_made_again_is_no_fault() {
    with_simulator(|simulator| async move {
        let (_folder, store) = simulator.store();
        for fault in ["FileAlreadyExists", "CannotCreateFile", "NotSupported"] {
            simulator.control(&format!("fault?call=MakeDirectory&fault={fault}")).await;
            // The simulator was told to say so: nobody has made the folder.
            let put = store.write(ImageId::random(), noise(10)).await;
            assert!(matches!(put, Err(StoreError::Failed { doing: "sending the data", .. })), "{fault}: {put:?}");
        }
        store.write(ImageId::random(), noise(10)).await.unwrap();
        simulator.control("fault?call=MakeDirectory&fault=CannotCreateFile").await;
        store.write(ImageId::random(), noise(10)).await.unwrap();
    });
}

#[test]
fn a_delete_whose_answer_is_lost_is_not_repeated() {
    with_simulator(|simulator| async move {
        let (folder, store) = simulator.store();
        let at = store.write(ImageId::random(), noise(10)).await.unwrap().location;
        simulator.control("lose?call=DeleteDatastoreFile_Task").await;
        let deleted = store.delete(&at).await;
        assert!(matches!(deleted, Err(StoreError::Unavailable { .. })), "{deleted:?}");
        folder.settles().await;
        let again = store.delete(&at).await;
        assert!(matches!(again, Err(StoreError::NotFound { .. })), "{again:?}");
    });
}

#[test]
fn a_delete_that_the_server_refuses_says_why() {
    with_simulator(|simulator| async move {
        let (_folder, store) = simulator.store();
        let at = store.write(ImageId::random(), noise(10)).await.unwrap().location;
        for (fault, expected) in [("NoPermission", "Denied"), ("FileLocked", "InUse"), ("CannotDeleteFile", "Failed")] {
            simulator.control(&format!("fault?call=DeleteDatastoreFile_Task&fault={fault}")).await;
            let error = store.delete(&at).await.unwrap_err();
            assert!(format!("{error:?}").starts_with(expected), "{error:?}");
        }
        store.delete(&at).await.unwrap();
    });
}

/// Puts `len` bytes and says in which datastore they lie.
async fn placed(store: &dyn Store, len: usize) -> Result<String, StoreError> {
    let at = store.write(ImageId::random(), noise(len)).await?.location;
    let (_, query) = at.expose().split_once("?dsName=").unwrap();
    Ok(query.split_once('&').unwrap().0.to_owned())
}

async fn space(simulator: &Simulator, datastore: &str, free: u64, accessible: bool) {
    simulator.control(&format!("space?datastore={datastore}&free={free}&accessible={accessible}")).await;
}

#[test]
fn data_goes_to_the_heaviest_datastore_that_has_room() {
    with_simulator(|simulator| async move {
        let (_folder, store) = simulator.store();
        assert_eq!(placed(&store, 1000).await.unwrap(), "LocalDS_0");
        space(&simulator, "LocalDS_0", 999, true).await;
        assert_eq!(placed(&store, 999).await.unwrap(), "LocalDS_0");
        assert_eq!(placed(&store, 1000).await.unwrap(), "LocalDS_1");
        space(&simulator, "LocalDS_0", 1 << 30, false).await;
        assert_eq!(placed(&store, 1).await.unwrap(), "LocalDS_1");
        space(&simulator, "LocalDS_1", 1 << 30, false).await;
        let put = placed(&store, 1).await;
        assert!(matches!(put, Err(StoreError::Unavailable { .. })), "{put:?}");
        let discarded = store.discard(ImageId::random()).await;
        assert!(matches!(discarded, Err(StoreError::Unavailable { .. })), "{discarded:?}");
    });
}

#[test]
fn among_equals_the_emptiest_datastore_is_taken() {
    with_simulator(|simulator| async move {
        let (_folder, builder) = simulator.builder();
        let store = builder.datastores(simulator.datastores(&[7, 7])).open().unwrap();
        for (first, second, expected) in [(5000, 4000, "LocalDS_0"), (4000, 5000, "LocalDS_1")] {
            space(&simulator, "LocalDS_0", first, true).await;
            space(&simulator, "LocalDS_1", second, true).await;
            assert_eq!(placed(&store, 100).await.unwrap(), expected);
        }
    });
}

#[test]
fn full_datastores_take_nothing_from_the_source() {
    with_simulator(|simulator| async move {
        let (folder, store) = simulator.store();
        space(&simulator, "LocalDS_0", 10, true).await;
        space(&simulator, "LocalDS_1", 20, true).await;
        let taken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&taken);
        let source = stream::iter([Ok(noise(21))]).inspect(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let put = store.put(ImageId::random(), Some(21), Box::pin(source)).await;
        assert!(matches!(put, Err(StoreError::Full { .. })), "{put:?}");
        assert_eq!(taken.load(Ordering::SeqCst), 0);
        assert!(folder.files().await.is_empty());
    });
}

#[test]
fn redirects_are_followed_and_the_cookie_stays_at_home() {
    with_simulator(|simulator| async move {
        let (_folder, store) = simulator.store();
        let data = noise(100_000);
        let at = store.write(ImageId::random(), data.clone()).await.unwrap().location;
        for target in ["here", "elsewhere"] {
            simulator.control(&format!("redirect?to={target}")).await;
            assert!(store.read(&at, ByteRange::ALL).await.unwrap() == data);
            simulator.control(&format!("redirect?to={target}")).await;
            assert_eq!(store.size(&at).await.unwrap(), 100_000);
            simulator.control(&format!("redirect?to={target}&n=2")).await;
            assert!(store.read(&at, ByteRange { start: 9, end: Some(99) }).await.unwrap() == data[9..99]);
        }
        assert_eq!(simulator.control("cookies").await, "0");
        simulator.control("redirect?to=here&n=5").await;
        assert_eq!(store.size(&at).await.unwrap(), 100_000);
        simulator.control("redirect?to=here&n=6").await;
        let lost = store.size(&at).await;
        assert!(matches!(lost, Err(StoreError::Failed { .. })), "{lost:?}");
    });
}
