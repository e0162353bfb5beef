//! Who may read what the store writes, and a store that may not write.

use std::os::unix::fs::PermissionsExt;

use rustix::process::umask;

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn data_is_for_owner_and_group_whatever_the_umask() {
    for mask in [0o000, 0o077, 0o022] {
        let before = umask(Mode::from_raw_mode(mask));
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("deep/images");
        let store = FileStore::builder(&folder).open().unwrap();
        let id = ImageId::random();
        store.write(id, Bytes::from_static(b"x")).await.unwrap();
        umask(before);
        assert_eq!(mode(&folder.join(id.as_str())), 0o640, "umask {mask:o}");
        assert_eq!(mode(&folder), 0o750, "umask {mask:o}");
        assert_eq!(mode(folder.parent().unwrap()), 0o750, "umask {mask:o}");
    }
}

#[tokio::test]
async fn a_configured_mode_holds_and_opens_the_folder_for_its_readers() {
    for (file, folder) in [(0o644, 0o711), (0o640, 0o710), (0o600, 0o700), (0o604, 0o701)] {
        let root = tempfile::tempdir().unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let store = FileStore::builder(root.path()).file_perm(file).open().unwrap();
        let id = ImageId::random();
        store.write(id, Bytes::from_static(b"x")).await.unwrap();
        assert_eq!(mode(&root.path().join(id.as_str())), file);
        assert_eq!(mode(root.path()), folder);
    }
}

/// Runs a test as somebody the file system may refuse: root is refused nothing.
fn unprivileged(test: impl FnOnce() + Send + 'static) {
    let test = move || {
        if rustix::process::geteuid().is_root() {
            // Of this thread and those it starts, not of the process.
            let nobody = rustix::thread::Uid::from_raw(65_534);
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        }
        test();
    };
    std::thread::spawn(test).join().unwrap();
}

fn block_on(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn a_store_that_may_not_write_reads_all_the_same() {
    let root = tempfile::tempdir().unwrap();
    let id = ImageId::random();
    fs::write(root.path().join(id.as_str()), "data").unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let folder = root.path().to_owned();
    unprivileged(move || {
        let store = FileStore::builder(&folder).open().unwrap();
        assert_eq!(store.capabilities(), Capabilities { write: false, delete: true });
        block_on(async {
            let at = Location::new(format!("file://{}/{id}", folder.display()));
            assert_eq!(store.read(&at, ByteRange::ALL).await.unwrap(), "data");
            let put = store.write(ImageId::random(), Bytes::from_static(b"x")).await;
            assert!(matches!(put, Err(StoreError::Unsupported { .. })), "{put:?}");
            let delete = store.delete(&at).await;
            assert!(matches!(delete, Err(StoreError::Denied { .. })), "{delete:?}");
        });
    });
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_folder_that_cannot_be_made_is_a_store_that_does_not_write() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("file"), "").unwrap();
    for path in [root.path().join("file"), root.path().join("file/images")] {
        let store = FileStore::builder(path).open().unwrap();
        assert!(!store.capabilities().write);
    }
}

#[test]
fn permission_lost_after_the_start_is_told_apart() {
    let root = tempfile::tempdir().unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let (folder, id) = (root.path().to_owned(), ImageId::random());
    fs::write(folder.join(id.as_str()), "data").unwrap();
    fs::set_permissions(folder.join(id.as_str()), fs::Permissions::from_mode(0o000)).unwrap();
    let (opened, locked) = (std::sync::mpsc::channel(), std::sync::mpsc::channel());
    let owner = std::thread::spawn(move || {
        opened.1.recv().unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o555)).unwrap();
        locked.0.send(()).unwrap();
        root
    });
    unprivileged(move || {
        let store = FileStore::builder(&folder).open().unwrap();
        assert!(store.capabilities().write);
        opened.0.send(()).unwrap();
        locked.1.recv().unwrap();
        block_on(async {
            let put = store.write(ImageId::random(), Bytes::from_static(b"x")).await;
            assert!(matches!(put, Err(StoreError::Denied { .. })), "{put:?}");
            let at = Location::new(format!("file://{}/{id}", folder.display()));
            let read = store.get(&at, ByteRange::ALL).await;
            assert!(matches!(read, Err(StoreError::Denied { .. })), "{read:?}");
        });
    });
    fs::set_permissions(owner.join().unwrap().path(), fs::Permissions::from_mode(0o755)).unwrap();
}
