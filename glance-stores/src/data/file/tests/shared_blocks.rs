//! Copies on a file system whose files share blocks.

use std::path::Path;
use std::process::Command;

use glance_core::conformance::backend;

use super::*;

/// Set where `mkfs.xfs` is there, and file systems may be mounted.
const XFS: &str = "GLANCE_TEST_XFS";
/// What `mkfs.xfs` wants at least, with room to spare; the file is sparse.
const ROOM: u64 = 512 << 20;

/// A file system of our own in a file, for as long as this lives.
struct Mounted {
    root: TempDir,
}

impl Mounted {
    fn xfs() -> Self {
        let root = tempfile::tempdir().unwrap();
        let (image, at) = (root.path().join("image"), root.path().join("mounted"));
        File::create(&image).unwrap().set_len(ROOM).unwrap();
        fs::create_dir(&at).unwrap();
        run(Command::new("mkfs.xfs").args(["-q", "-m", "reflink=1"]).arg(&image));
        run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&at));
        Self { root }
    }

    fn path(&self) -> std::path::PathBuf {
        self.root.path().join("mounted")
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        run(Command::new("umount").arg(self.path()));
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Bytes that nobody has written to, once everything written is on the disk.
fn free(folder: &Path) -> u64 {
    rustix::fs::syncfs(File::open(folder).unwrap()).unwrap();
    let found = rustix::fs::statvfs(folder).unwrap();
    found.f_bfree * found.f_frsize
}

#[tokio::test]
async fn a_copy_shares_its_blocks_and_outlives_its_source() {
    if backend(XFS).is_none() {
        return;
    }
    let disk = Mounted::xfs();
    let data = Bytes::from((0..64 << 20).map(|at: u32| at.to_le_bytes()[at as usize % 3]).collect::<Vec<u8>>());
    let [from, to] = ["a", "b"].map(|name| FileStore::builder(disk.path().join(name)).open().unwrap());
    let at = from.write(ImageId::random(), data.clone()).await.unwrap().location;
    let before = free(&disk.path());
    let copied = to.copy_from(ImageId::random(), &from, &at).await.unwrap();
    let taken = before.saturating_sub(free(&disk.path()));
    assert!(taken < 4 << 20, "the copy takes {taken} bytes");
    from.delete(&at).await.unwrap();
    assert!(to.read(&copied.location, ByteRange::ALL).await.unwrap() == data);
}
