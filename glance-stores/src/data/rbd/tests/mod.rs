//! The RBD store against the suite and a cluster that `tests/backends/ceph` has started.
//!
//! `GLANCE_TEST_RBD` is the path of its `ceph.conf`; the store is `glance` in pool `images`, and client `nova`
//! clones into pool `vms`, as deployments have it.

mod cluster;
mod copy;
mod full;
mod offline;
mod sparse;
mod unfinished;

use std::path::PathBuf;
use std::process::Command;

use bytes::Bytes;
use futures::{StreamExt, stream};
use glance_core::store::StoreExt;

use super::*;

const CLUSTER: &str = "GLANCE_TEST_RBD";
const MIB: usize = 1 << 20;

/// A cluster that runs.
struct Live {
    conf: PathBuf,
}

impl Live {
    /// `None`, and said, where there is none.
    fn find() -> Option<Self> {
        glance_core::conformance::backend(CLUSTER).map(|conf| Self { conf: conf.into() })
    }

    fn builder(&self) -> RbdStoreBuilder {
        RbdStore::in_pool("images").user("glance").ceph_conf(&self.conf)
    }

    fn store(&self) -> RbdStore {
        self.builder().open()
    }

    /// What a command of Ceph prints; whatever it does, it does as `user`.
    fn run(&self, program: &str, user: &str, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new(program);
        command.arg("-c").arg(&self.conf).args(["--id", user]).args(arguments);
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    fn rbd(&self, arguments: &[&str]) -> String {
        self.run("rbd", "glance", arguments).unwrap()
    }

    fn ceph(&self, arguments: &[&str]) -> String {
        self.run("ceph", "admin", arguments).unwrap()
    }

    /// The names of what pool `images` has of an image, finished or not.
    fn names(&self, id: ImageId) -> Vec<String> {
        let list = self.rbd(&["ls", "images"]);
        list.lines().filter(|line| line.starts_with(id.as_str())).map(str::to_owned).collect()
    }

    /// Whether it has any.
    fn has(&self, id: ImageId) -> bool {
        !self.names(id).is_empty()
    }
}

async fn read_back(store: &RbdStore, at: &Location) -> Bytes {
    store.read(at, ByteRange::ALL).await.unwrap()
}

/// Bytes that the cluster holds of an image.
fn allocated(live: &Live, id: ImageId) -> usize {
    let extents = live.rbd(&["diff", "--format", "json", &format!("images/{id}@snap")]);
    let extents: Vec<Value> = serde_json::from_str(&extents).unwrap();
    let len = |extent: &Value| usize::try_from(extent["length"].as_u64().unwrap()).unwrap();
    extents.iter().filter(|extent| extent["exists"] == "true").map(len).sum()
}

/// Bytes that do not repeat within an object.
fn noise(len: usize) -> Bytes {
    let word = |n: usize| (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes();
    let mut data: Vec<u8> = (1..=len.div_ceil(8)).flat_map(word).collect();
    data.truncate(len);
    data.into()
}

/// A pool of a test's own, removed with all that is in it.
struct OwnPool {
    live: Live,
    name: String,
}

impl OwnPool {
    fn make(live: Live) -> Self {
        let name = format!("test-{}", ImageId::random());
        live.ceph(&["osd", "pool", "create", &name, "1", "1", "replicated"]);
        live.ceph(&["osd", "pool", "application", "enable", &name, "rbd"]);
        Self { live, name }
    }

    /// The objects that images are made of. The others are the pool's own, which come with the first image, or the
    /// first that is removed.
    fn objects(&self) -> Vec<String> {
        let own = ["rbd_children", "rbd_directory", "rbd_info", "rbd_trash"];
        let listed = self.live.run("rados", "admin", &["-p", &self.name, "ls"]).unwrap();
        listed.lines().filter(|object| !own.contains(object)).map(str::to_owned).collect()
    }

    fn builder(&self) -> RbdStoreBuilder {
        RbdStore::in_pool(&self.name).user("admin").ceph_conf(&self.live.conf)
    }
}

impl Drop for OwnPool {
    fn drop(&mut self) {
        self.live.ceph(&["osd", "pool", "delete", &self.name, &self.name, "--yes-i-really-really-mean-it"]);
    }
}

mod suite {
    use super::*;

    glance_core::store_conformance!(live CLUSTER, |conf: String| async move {
        let pool = OwnPool::make(Live { conf: conf.into() });
        let store = pool.builder().open();
        (pool, store)
    }, async |pool: &OwnPool| pool.objects());
}

mod suite_thin {
    use super::*;

    glance_core::store_conformance!(live CLUSTER, |conf: String| async move {
        let pool = OwnPool::make(Live { conf: conf.into() });
        let store = pool.builder().thin_provisioning(true).chunk_size(1 << 20).open();
        (pool, store)
    }, async |pool: &OwnPool| pool.objects());
}
