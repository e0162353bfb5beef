//! The file store against the suite and a real file system.

mod given_up;
mod limits;
mod permissions;
mod shared_blocks;
mod sparse;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use glance_core::store::{StoreExt, stream_of};
use tempfile::TempDir;

use super::*;

fn store() -> (TempDir, FileStore) {
    let root = tempfile::tempdir().unwrap();
    let store = FileStore::builder(root.path().join("images")).open().unwrap();
    (root, store)
}

fn two_folders() -> (TempDir, FileStore) {
    let root = tempfile::tempdir().unwrap();
    let folders = ["a", "b"].map(|name| Folder::new(root.path().join(name)));
    let store = FileStore::in_folders(folders).open().unwrap();
    (root, store)
}

/// What the store's folder holds, sorted.
fn names(root: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(root.path().join("images")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path.display().to_string()] }).collect()
}

#[expect(clippy::unused_async, reason = "the suite awaits it")]
async fn files_in(root: &TempDir) -> Vec<String> {
    files(root.path())
}

glance_core::store_conformance!(store, files_in);

mod thin {
    use super::*;

    glance_core::store_conformance!(
        || {
            let root = tempfile::tempdir().unwrap();
            let store = FileStore::builder(root.path()).thin_provisioning(true).open().unwrap();
            (root, store)
        },
        files_in
    );
}

mod in_small_chunks {
    use super::*;

    glance_core::store_conformance!(
        || {
            let root = tempfile::tempdir().unwrap();
            let store = FileStore::builder(root.path()).chunk_size(1).open().unwrap();
            (root, store)
        },
        files_in
    );
}

mod in_two_folders {
    glance_core::store_conformance!(super::two_folders, super::files_in);
}

#[tokio::test]
async fn data_has_a_name_of_no_image_until_it_is_whole() {
    let (root, store) = store();
    let id = ImageId::random();
    let source = stream_of(Bytes::from(vec![7; 3 << 20])).chain(futures::stream::pending());
    let mut put = store.put(id, None, Box::pin(source));
    while fs::read_dir(root.path().join("images")).unwrap().count() == 0 {
        assert!(futures::poll!(&mut put).is_pending());
        tokio::task::yield_now().await;
    }
    let [name] = names(&root).try_into().unwrap();
    assert!(name.starts_with(&format!(".{id}.")) && name.parse::<ImageId>().is_err(), "{name}");
    drop(put);
    // The thread that made the file may have to notice first that nobody waits for it.
    for _ in 0..1000 {
        if names(&root).is_empty() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("left behind: {:?}", names(&root));
}

#[tokio::test]
async fn a_put_that_fails_leaves_no_file_of_any_name() {
    let (root, store) = store();
    let good = || futures::stream::iter([Ok(Bytes::from(vec![7; 3 << 20]))]);
    let broken = good().chain(futures::stream::iter([Err("gone".into())]));
    store.put(ImageId::random(), None, Box::pin(broken)).await.unwrap_err();
    store.put(ImageId::random(), Some(1), Box::pin(good())).await.unwrap_err();
    store.put(ImageId::random(), Some(4 << 20), Box::pin(good())).await.unwrap_err();
    assert_eq!(names(&root), [""; 0]);
}

#[tokio::test]
async fn locations_are_those_of_python_glance() {
    let (root, store) = store();
    let id = ImageId::random();
    let stored = store.write(id, Bytes::from_static(b"data")).await.unwrap();
    let path = root.path().join("images").join(id.as_str());
    assert_eq!(stored.location.expose(), format!("file://{}", path.display()));
    assert_eq!(stored.metadata, Map::new());
    assert_eq!(fs::read(&path).unwrap(), b"data");
    let other = Location::new(format!("filesystem://{}", path.display()));
    assert_eq!(store.read(&other, ByteRange::ALL).await.unwrap(), "data");
}

#[tokio::test]
async fn what_lies_outside_the_folders_is_not_opened() {
    let (root, store) = store();
    fs::write(root.path().join("secret"), "secret").unwrap();
    let images = root.path().join("images").display().to_string();
    for path in [
        format!("{images}/../secret"),
        format!("{images}/x/../../secret"),
        format!("{}/secret", root.path().display()),
        format!("{images}.old/secret"),
        images.clone(),
        format!("{images}/"),
        images.trim_start_matches('/').to_owned(),
        "/etc/passwd".to_owned(),
        String::new(),
    ] {
        let at = Location::new(format!("file://{path}"));
        assert!(!store.holds(&at), "{path}");
        for refused in [store.size(&at).await.map(drop), store.delete(&at).await] {
            assert!(matches!(refused, Err(StoreError::BadLocation { .. })), "{path}: {refused:?}");
        }
    }
    for strange in ["a\0b", "no-such-folder/x", &"x".repeat(300), "\u{1F980}", "a?b#c%2e%2e"] {
        let read = store.get(&Location::new(format!("file://{images}/{strange}")), ByteRange::ALL).await;
        assert!(matches!(read, Err(StoreError::NotFound { .. } | StoreError::BadLocation { .. })), "{strange}");
    }
}

#[tokio::test]
async fn a_folder_that_is_a_link_is_a_folder() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("disk")).unwrap();
    std::os::unix::fs::symlink("disk", root.path().join("images")).unwrap();
    let store = FileStore::builder(root.path().join("images")).open().unwrap();
    let stored = store.write(ImageId::random(), Bytes::from_static(b"data")).await.unwrap();
    assert!(stored.location.expose().contains("/images/"));
    assert_eq!(store.read(&stored.location, ByteRange::ALL).await.unwrap(), "data");
}

#[tokio::test]
async fn what_is_no_regular_file_is_no_data() {
    let (root, store) = store();
    let images = root.path().join("images");
    fs::create_dir(images.join("folder")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, images.join("pipe"), Mode::RUSR | Mode::WUSR).unwrap();
    for name in ["folder", "pipe"] {
        let at = Location::new(format!("file://{}", images.join(name).display()));
        let read = store.get(&at, ByteRange::ALL).await;
        assert!(matches!(read, Err(StoreError::NotFound { .. })), "{name}: {read:?}");
        assert!(store.size(&at).await.is_err(), "{name}");
    }
}

#[tokio::test]
async fn nothing_is_read_before_the_stream_is_polled() {
    let (root, store) = store();
    let id = ImageId::random();
    let at = store.write(id, Bytes::from_static(b"before")).await.unwrap().location;
    let reading = store.get(&at, ByteRange::ALL).await.unwrap();
    fs::write(root.path().join("images").join(id.as_str()), "after!").unwrap();
    assert_eq!(reading.stream.try_collect::<Vec<_>>().await.unwrap(), ["after!"]);
}

#[tokio::test]
async fn a_file_cut_short_by_somebody_is_an_error_and_no_short_image() {
    let (root, store) = store();
    let id = ImageId::random();
    let at = store.write(id, Bytes::from(vec![7; 5 << 20])).await.unwrap().location;
    let mut stream = store.get(&at, ByteRange::ALL).await.unwrap().stream;
    stream.next().await.unwrap().unwrap();
    let file = fs::OpenOptions::new().write(true).open(root.path().join("images").join(id.as_str())).unwrap();
    file.set_len((2 << 20) + 5).unwrap();
    assert!(stream.try_collect::<Vec<_>>().await.is_err());
}

#[tokio::test]
async fn discard_finds_what_a_killed_process_left() {
    let (root, store) = store();
    let (id, other) = (ImageId::random(), ImageId::random());
    let unfinished = [format!(".{id}.1.part"), format!(".{id}.2.part")];
    let kept = [format!(".{other}.1.part"), "notes.txt".to_owned()];
    for name in unfinished.iter().chain(&kept) {
        fs::write(root.path().join("images").join(name), "x").unwrap();
    }
    store.discard(id).await.unwrap();
    assert_eq!(names(&root), kept);
}

#[tokio::test]
async fn an_image_has_data_once_whatever_the_folder() {
    let (root, store) = two_folders();
    let id = ImageId::random();
    for folder in ["a", "b"] {
        fs::write(root.path().join(folder).join(id.as_str()), "x").unwrap();
        let put = store.write(id, Bytes::from_static(b"data")).await;
        assert!(matches!(put, Err(StoreError::Exists { .. })), "{put:?}");
        store.discard(id).await.unwrap();
    }
    store.write(id, Bytes::from_static(b"data")).await.unwrap();
}

#[tokio::test]
async fn the_folder_of_the_highest_priority_takes_the_data() {
    let root = tempfile::tempdir().unwrap();
    let folder = |name, priority| Folder { path: root.path().join(name), priority };
    let folders = [folder("low", 1), folder("high", 9), folder("middle", 5)];
    let store = FileStore::in_folders(folders).open().unwrap();
    let stored = store.write(ImageId::random(), Bytes::from_static(b"x")).await.unwrap();
    assert!(stored.location.expose().contains("/high/"));
    let expected = ["high", "middle", "low"].map(|name| root.path().join(name).display().to_string());
    assert_eq!(store.details()["data_dir"], serde_json::json!(expected));
}

#[tokio::test]
async fn a_location_names_the_share_its_file_lies_on() {
    let root = tempfile::tempdir().unwrap();
    let share = serde_json::json!({"id": "share-1", "mountpoint": root.path().to_str().unwrap()});
    let store = FileStore::builder(root.path().join("images")).metadata(share.clone()).open().unwrap();
    let stored = store.write(ImageId::random(), Bytes::from_static(b"x")).await.unwrap();
    assert_eq!(Value::Object(stored.metadata), share);
}

#[tokio::test]
async fn thin_data_occupies_what_is_no_zeros() {
    let zeros = vec![0; 4 << 20];
    let data = Bytes::from([b"start".as_slice(), &zeros, b"middle", &zeros, b"end", &zeros].concat());
    let mut occupied = Vec::new();
    for thin in [true, false] {
        let root = tempfile::tempdir().unwrap();
        let store = FileStore::builder(root.path()).thin_provisioning(thin).open().unwrap();
        let id = ImageId::random();
        let source = futures::stream::iter((0..data.len()).step_by(5000).map({
            let data = data.clone();
            move |at| Ok(data.slice(at..data.len().min(at + 5000)))
        }));
        let stored = store.put(id, None, Box::pin(source)).await.unwrap();
        assert_eq!(stored.size, data.len() as u64);
        assert!(store.read(&stored.location, ByteRange::ALL).await.unwrap() == data);
        occupied.push(fs::metadata(root.path().join(id.as_str())).unwrap().blocks() * 512);
    }
    assert!(occupied[0] <= 64 * 1024, "thin data occupies {} bytes", occupied[0]);
    assert!(occupied[1] >= data.len() as u64, "data occupies {} bytes", occupied[1]);
}

#[tokio::test]
async fn data_that_is_flushed_on_the_way_arrives_whole() {
    let (_root, store) = store();
    let block: Bytes = (0..=250).cycle().take(1 << 20).collect::<Vec<u8>>().into();
    let chunks = 70;
    let source = futures::stream::iter(vec![block.clone(); chunks]).map(Ok);
    let stored = store.put(ImageId::random(), None, Box::pin(source)).await.unwrap();
    assert_eq!(stored.size, (chunks << 20) as u64);
    let data = store.read(&stored.location, ByteRange::ALL).await.unwrap();
    assert!(data.chunks(block.len()).all(|part| part == block));
}

#[tokio::test]
async fn a_sparse_file_is_copied_to_another_store_without_its_holes() {
    let ((root, from), (other, to)) = (store(), store());
    let (id, size) = (ImageId::random(), 64 << 20);
    let path = root.path().join("images").join(id.as_str());
    let file = File::create(&path).unwrap();
    file.set_len(size).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"in the middle", 40 << 20).unwrap();
    let at = Location::new(format!("file://{}", path.display()));
    let copied = to.copy_from(id, &from, &at).await.unwrap();
    assert!(to.holds(&copied.location));
    let range = ByteRange { start: 40 << 20, end: Some((40 << 20) + 14) };
    assert_eq!(to.read(&copied.location, range).await.unwrap(), "in the middle\0");
    let found = other.path().join("images").join(id.as_str()).metadata().unwrap();
    assert_eq!(found.len(), size);
    assert!(found.blocks() * 512 <= 1 << 20, "{} blocks", found.blocks());
}

/// `/dev/shm` is a file system of its own, in memory.
#[tokio::test]
async fn data_is_copied_to_another_file_system() {
    let Ok(elsewhere) = tempfile::tempdir_in("/dev/shm") else { return };
    let (_root, from) = store();
    let to = FileStore::builder(elsewhere.path()).open().unwrap();
    for data in [Bytes::new(), Bytes::from(vec![7; 3_000_001])] {
        let at = from.write(ImageId::random(), data.clone()).await.unwrap().location;
        let copied = to.copy_from(ImageId::random(), &from, &at).await.unwrap();
        assert!(to.read(&copied.location, ByteRange::ALL).await.unwrap() == data);
    }
}

#[tokio::test]
async fn nothing_is_known_of_a_folder_that_is_gone() {
    let (root, store) = store();
    let (id, other) = (ImageId::random(), ImageId::random());
    let stored = store.put(id, Some(3), stream_of("abc".into())).await.unwrap();
    let (images, away) = (root.path().join("images"), root.path().join("away"));
    fs::rename(&images, &away).unwrap();
    let at = &stored.location;
    for error in [
        store.put(other, Some(3), stream_of("abc".into())).await.unwrap_err(),
        store.get(at, ByteRange::ALL).await.err().unwrap(),
        store.size(at).await.unwrap_err(),
        store.delete(at).await.unwrap_err(),
        store.discard(id).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    }
    assert!(!images.exists());
    fs::rename(&away, &images).unwrap();
    assert_eq!(store.size(at).await.unwrap(), 3);
    store.delete(at).await.unwrap();
    assert!(matches!(store.size(at).await, Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn a_folder_of_several_that_is_gone_leaves_the_others_to_work() {
    let (root, store) = two_folders();
    let mut images = Vec::new();
    for folder in ["a", "b"] {
        let id = ImageId::random();
        let one = FileStore::builder(root.path().join(folder)).open().unwrap();
        images.push((id, one.put(id, Some(3), stream_of("abc".into())).await.unwrap().location));
    }
    let [(lost, lost_at), (other, other_at)] = images.try_into().unwrap();
    fs::rename(root.path().join("a"), root.path().join("away")).unwrap();
    assert!(matches!(store.size(&lost_at).await, Err(StoreError::Failed { .. })));
    assert!(matches!(store.delete(&lost_at).await, Err(StoreError::Failed { .. })));
    assert!(matches!(store.discard(lost).await, Err(StoreError::Failed { .. })));
    assert_eq!(store.size(&other_at).await.unwrap(), 3);
    assert!(matches!(store.discard(other).await, Err(StoreError::Failed { .. })));
    assert!(matches!(store.size(&other_at).await, Err(StoreError::NotFound { .. })), "it went all the same");
    let stored = store.put(lost, Some(3), stream_of("abc".into())).await.unwrap();
    assert!(path_of(&stored.location).unwrap().starts_with(root.path().join("b")));
}
