//! What a cluster is asked beyond the suite.

use std::time::Duration;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn data_around_the_edges_of_a_chunk_comes_back() {
    let Some(live) = Live::find() else { return };
    let store = live.store();
    for len in [8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 41 * MIB + 5] {
        for size in [Some(len as u64), None] {
            let (id, data) = (ImageId::random(), noise(len));
            let chunks: Vec<_> = data.chunks(700_001).map(|chunk| Ok(data.slice_ref(chunk))).collect();
            let stored = store.put(id, size, Box::pin(stream::iter(chunks))).await.unwrap();
            assert_eq!(stored.size, len as u64);
            assert!(read_back(&store, &stored.location).await == data, "{len} bytes of {size:?}");
            store.delete(&stored.location).await.unwrap();
            assert!(!live.has(id));
        }
    }
}

#[tokio::test]
async fn an_image_is_as_python_glance_makes_it() {
    let Some(live) = Live::find() else { return };
    let (store, id) = (live.store(), ImageId::random());
    let stored = store.write(id, noise(9 * MIB)).await.unwrap();
    let fsid = live.run("ceph", "glance", &["fsid"]).unwrap();
    assert_eq!(stored.location.expose(), format!("rbd://{}/images/{id}/snap", fsid.trim()));
    let info = live.rbd(&["info", &format!("images/{id}@snap")]);
    for expected in ["size 9 MiB", "order 23 (8 MiB objects)", "format: 2", "layering", "protected: True"] {
        assert!(info.contains(expected), "{expected} in {info}");
    }
    assert_eq!(store.details()["fsid"], fsid.trim());
    assert!(!store.holds(&Location::new(format!("rbd://another/images/{id}/snap"))));
    let elsewhere = store.size(&Location::new(format!("rbd://another/images/{id}/snap"))).await;
    assert!(matches!(elsewhere, Err(StoreError::BadLocation { .. })), "{elsewhere:?}");
    store.delete(&stored.location).await.unwrap();
}

#[tokio::test]
async fn zeros_take_no_room_where_they_are_to_be_left_out() {
    let Some(live) = Live::find() else { return };
    for thin in [true, false] {
        let (store, id) = (live.builder().thin_provisioning(thin).open(), ImageId::random());
        let zeros = Bytes::from(vec![0; 32 * MIB]);
        let parts = [zeros.clone(), noise(2 * MIB), zeros.clone(), noise(MIB + 1), zeros.clone(), zeros];
        let data: ByteStream = Box::pin(stream::iter(parts.clone().map(Ok)));
        let stored = store.put(id, None, data).await.unwrap();
        assert!(read_back(&store, &stored.location).await == parts.concat());
        let allocated = allocated(&live, id);
        assert!(if thin { allocated <= 6 * MIB } else { allocated > 128 * MIB }, "{allocated} bytes, thin: {thin}");
        store.delete(&stored.location).await.unwrap();
    }
}

#[tokio::test]
async fn an_image_of_the_short_form_is_read_and_deleted() {
    let Some(live) = Live::find() else { return };
    let (store, name) = (live.store(), ImageId::random().to_string());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), noise(5 * MIB)).unwrap();
    let file = file.path().display().to_string();
    live.rbd(&["import", "--no-progress", "--image-format", "2", &file, &format!("images/{name}")]);
    let at = Location::new(format!("rbd://{name}"));
    assert!(read_back(&store, &at).await == noise(5 * MIB));
    let part = ByteRange { start: 4 * MIB as u64 - 3, end: Some(4 * MIB as u64 + 3) };
    assert!(store.read(&at, part).await.unwrap() == noise(5 * MIB)[4 * MIB - 3..4 * MIB + 3]);
    // Closing a reading takes the cluster a moment, and as long as this one is open, it is in the way.
    while let Err(error) = store.delete(&at).await {
        assert!(matches!(error, StoreError::InUse { .. }), "{error:?}");
    }
    let gone = store.size(&at).await;
    assert!(matches!(gone, Err(StoreError::NotFound { .. })), "{gone:?}");
}

#[tokio::test]
async fn an_image_that_is_open_to_be_changed_is_in_use() {
    let Some(live) = Live::find() else { return };
    let (store, id) = (live.store(), ImageId::random());
    let stored = store.write(id, noise(MIB)).await.unwrap();
    let name = id.to_string();
    let opening =
        store.pen.connection.call(move |cluster, _| cluster.pool("images")?.open(&name, None, ffi::Mode::Change));
    let (watcher, closed) = opening.await.unwrap();
    let deleted = store.delete(&stored.location).await;
    assert!(matches!(deleted, Err(StoreError::InUse { .. })), "{deleted:?}");
    assert!(read_back(&store, &stored.location).await == noise(MIB));
    drop(watcher);
    closed.wait().await;
    store.delete(&stored.location).await.unwrap();
    assert!(!live.has(id));
}

#[tokio::test]
async fn an_image_with_clones_is_in_use_until_they_are_gone() {
    let Some(live) = Live::find() else { return };
    let (store, id) = (live.store(), ImageId::random());
    let stored = store.write(id, noise(MIB)).await.unwrap();
    let clone = format!("vms/{id}_disk");
    live.run("rbd", "nova", &["clone", &format!("images/{id}@snap"), &clone]).unwrap();
    let deleted = store.delete(&stored.location).await;
    assert!(matches!(deleted, Err(StoreError::InUse { .. })), "{deleted:?}");
    let discarded = store.discard(id).await;
    assert!(matches!(discarded, Err(StoreError::InUse { .. })), "{discarded:?}");
    assert!(read_back(&store, &stored.location).await == noise(MIB));
    let info = live.rbd(&["info", &format!("images/{id}@snap")]);
    assert!(info.contains("protected: True"), "{info}");
    live.run("rbd", "nova", &["rm", "--no-progress", &clone]).unwrap();
    store.delete(&stored.location).await.unwrap();
    assert!(!live.has(id));
}

#[tokio::test]
async fn an_image_with_another_snapshot_goes_to_the_trash() {
    let Some(live) = Live::find() else { return };
    let (store, id) = (live.store(), ImageId::random());
    let stored = store.write(id, noise(MIB)).await.unwrap();
    live.rbd(&["snap", "create", "--no-progress", &format!("images/{id}@another")]);
    store.delete(&stored.location).await.unwrap();
    assert!(!live.has(id));
    let gone = store.size(&stored.location).await;
    assert!(matches!(gone, Err(StoreError::NotFound { .. })), "{gone:?}");
    let trash = live.rbd(&["trash", "ls", "images"]);
    let entry = trash.lines().find(|line| line.ends_with(&id.to_string())).unwrap();
    let in_trash = entry.split_whitespace().next().unwrap();
    live.rbd(&["snap", "purge", "--no-progress", "--pool", "images", "--image-id", in_trash]);
    live.rbd(&["trash", "rm", "--no-progress", &format!("images/{in_trash}")]);
}

#[tokio::test]
async fn a_pool_that_is_not_there_is_named() {
    let Some(live) = Live::find() else { return };
    let store = RbdStore::in_pool("nonesuch").user("glance").ceph_conf(&live.conf).open();
    for error in [
        store.write(ImageId::random(), noise(1)).await.map(drop).unwrap_err(),
        store.discard(ImageId::random()).await.unwrap_err(),
        store.size(&Location::new("rbd://old-image")).await.map(drop).unwrap_err(),
    ] {
        let StoreError::Failed { source, .. } = error else { panic!("{error:?}") };
        assert!(source.to_string().contains("nonesuch"), "{source}");
    }
}

#[tokio::test]
async fn a_pool_of_others_is_denied() {
    let Some(live) = Live::find() else { return };
    let store = RbdStore::in_pool("vms").user("glance").ceph_conf(&live.conf).open();
    let put = store.write(ImageId::random(), noise(1)).await;
    assert!(matches!(put, Err(StoreError::Denied { .. })), "{put:?}");
}

#[tokio::test]
async fn a_wrong_key_is_denied_and_not_told() {
    let Some(live) = Live::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let key = Command::new("ceph-authtool").arg("--gen-print-key").output().unwrap().stdout;
    let key = String::from_utf8(key).unwrap().trim().to_owned();
    let (keyring, conf) = (folder.path().join("keyring"), folder.path().join("ceph.conf"));
    let text = std::fs::read_to_string(&live.conf).unwrap();
    let global: String = text.lines().take_while(|line| !line.starts_with("[client")).collect::<Vec<_>>().join("\n");
    std::fs::write(&keyring, format!("[client.glance]\n    key = {key}\n")).unwrap();
    std::fs::write(&conf, format!("{global}\n[client.glance]\nkeyring = {}\n", keyring.display())).unwrap();
    let store = RbdStore::in_pool("images").user("glance").ceph_conf(&conf).open();
    let put = store.write(ImageId::random(), noise(1)).await.unwrap_err();
    assert!(matches!(put, StoreError::Denied { .. }), "{put:?}");
    let told = format!("{put} {put:?} {store:?}");
    assert!(!told.contains(&key), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_dropped_at_any_moment_let_the_image_go() {
    let Some(live) = Live::find() else { return };
    let (store, id) = (live.store(), ImageId::random());
    let stored = store.write(id, noise(24 * MIB)).await.unwrap();
    for step in 0..60_u64 {
        let mut reading = store.get(&stored.location, ByteRange::ALL).await.unwrap().stream;
        let _ = tokio::time::timeout(Duration::from_micros(step * 300), reading.next()).await;
    }
    store.delete(&stored.location).await.unwrap();
    assert!(!live.has(id));
}
