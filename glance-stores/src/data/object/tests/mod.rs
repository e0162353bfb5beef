//! The bucket store against the suite and the backends that need no server.

mod faulty;

use bytes::Bytes;
use futures::TryStreamExt;
use glance_core::store::StoreExt;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;

use super::*;

/// Parts small enough that the suite's data takes many.
const SMALL_PARTS: usize = 300_000;

fn in_memory() -> BucketStore {
    memory_and_store().1
}

fn memory_and_store() -> (Arc<InMemory>, BucketStore) {
    let objects = Arc::new(InMemory::new());
    (Arc::clone(&objects), BucketStore::new("test", objects, "test://host/bucket/"))
}

async fn names(objects: &Arc<InMemory>) -> Vec<String> {
    objects.list(None).map_ok(|found| found.location.to_string()).try_collect().await.unwrap()
}

/// All files of a folder, those included that the object store does not tell.
#[expect(clippy::unused_async, reason = "the suite awaits it")]
async fn files(root: &tempfile::TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(root.path()).unwrap();
    entries.map(|entry| entry.unwrap().path().display().to_string()).collect()
}

fn in_folder() -> (tempfile::TempDir, BucketStore) {
    let root = tempfile::tempdir().unwrap();
    let objects = LocalFileSystem::new_with_prefix(root.path()).unwrap().with_fsync(true);
    (root, BucketStore::new("test", Arc::new(objects), "test://host/bucket/"))
}

mod memory {
    use super::*;

    glance_core::store_conformance!(memory_and_store, names);
}

mod memory_in_parts {
    use super::*;

    glance_core::store_conformance!(
        || {
            let (objects, store) = memory_and_store();
            (objects, store.with_part_size(SMALL_PARTS).with_prefix("images/"))
        },
        names
    );
}

mod folder {
    use super::*;

    glance_core::store_conformance!(in_folder, files);
}

mod folder_in_parts {
    use super::*;

    glance_core::store_conformance!(
        || {
            let (root, store) = in_folder();
            (root, store.with_part_size(SMALL_PARTS))
        },
        files
    );
}

#[tokio::test]
async fn an_object_is_named_by_prefix_and_image_id() {
    let id = ImageId::random();
    let store = in_memory().with_prefix("images/");
    let stored = store.write(id, Bytes::from_static(b"x")).await.unwrap();
    assert_eq!(stored.location.expose(), format!("test://host/bucket/images/{id}"));
}

#[tokio::test]
async fn what_lies_outside_the_prefix_is_not_opened() {
    let store = in_memory().with_prefix("images/");
    for name in ["", "images/", "other/x", "images/../x", "images//x", "x", "images"] {
        let at = Location::new(format!("test://host/bucket/{name}"));
        assert!(!store.holds(&at), "{name}");
        let read = store.get(&at, ByteRange::ALL).await;
        assert!(matches!(read, Err(StoreError::BadLocation { .. })), "{name}: {read:?}");
    }
    assert!(store.holds(&Location::new("test://host/bucket/images/somebody-elses")));
}

#[test]
fn credentials_in_a_base_are_not_printed() {
    let store = BucketStore::new("s3", Arc::new(InMemory::new()), "s3://key:secret@host/bucket/");
    assert!(!format!("{store:?}").contains("secret"));
}
