//! Disks without room. A limit on the size of files stands in where no disk can be filled.

use std::process::{Command, Stdio};

use super::*;

/// Tells the child what to do, and where.
const CHILD: &str = "GLANCE_TEST_LIMITED_FOLDER";
const ROOM: usize = 2 << 20;

/// Puts too much, for each way of announcing it, and then what fits.
async fn fill(store: &FileStore, folder: &Path) {
    let source = |len| -> ByteStream {
        Box::pin(futures::stream::iter((0..len / 4096).map(|_| Ok(Bytes::from_static(&[7; 4096])))))
    };
    for size in [Some(4 * ROOM as u64), None] {
        let put = store.put(ImageId::random(), size, source(4 * ROOM)).await;
        assert!(matches!(put, Err(StoreError::Full { .. })), "{put:?}");
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
    }
    let stored = store.put(ImageId::random(), None, source(ROOM / 2)).await.unwrap();
    assert_eq!(store.size(&stored.location).await.unwrap(), ROOM as u64 / 2);
    store.delete(&stored.location).await.unwrap();
}

#[tokio::test]
async fn a_limit_on_the_size_of_files_is_a_full_store() {
    if let Some(folder) = std::env::var_os(CHILD) {
        let folder = PathBuf::from(folder);
        fill(&FileStore::builder(&folder).open().unwrap(), &folder).await;
        return;
    }
    // The limit counts for a whole process, so this test runs itself again in one of its own. The
    // shell is there to set it, in blocks of 512 bytes, and to have the signal ignored that would
    // kill the process.
    let root = tempfile::tempdir().unwrap();
    let child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"", "sh", &(ROOM / 512).to_string()])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--test-threads=1",
            "data::file::tests::limits::a_limit_on_the_size_of_files_is_a_full_store",
        ])
        .env(CHILD, root.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&child.stderr));
}

#[tokio::test]
async fn a_full_disk_is_a_full_store() {
    let root = tempfile::tempdir().unwrap();
    let mount = |args: &[&str]| Command::new(args[0]).args(&args[1..]).arg(root.path()).output();
    let mounted = mount(&["mount", "-t", "tmpfs", "-o", &format!("size={ROOM}"), "tmpfs"]);
    if !mounted.is_ok_and(|mount| mount.status.success()) {
        println!("skipped: no permission to mount a small file system");
        return;
    }
    let store = FileStore::builder(root.path()).open().unwrap();
    fill(&store, root.path()).await;
    drop(store);
    mount(&["umount"]).unwrap();
}
