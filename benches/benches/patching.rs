//! Changing one property of an image, as an embedder does: read, checked, policy applied, written.
//!
//! In memory it is the rules alone. In SQLite, `full` waits for the disk as a server does unless told
//! otherwise, and `off` does not: the difference is the disk's.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails has nothing to say")]

use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use glance_core::database::Database;
use glance_core::image::patch::{PatchForm, read};
use glance_core::image::{Formats, NewImage};
use glance_core::memory::{MemoryDatabase, MemoryStore};
use glance_core::{Glance, RequestContext, Stores};
use glance_stores::database::sqlite::{SqliteOptions, Synchronous};
use serde_json::json;
use tokio::runtime::Runtime;

fn patching(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let sqlite = |name: &str, synchronous| -> Arc<dyn Database> {
        Arc::new(SqliteOptions::default().synchronous(synchronous).open(folder.path().join(name)).unwrap())
    };
    let databases: [(_, Arc<dyn Database>); 3] = [
        ("memory", Arc::new(MemoryDatabase::new())),
        ("sqlite, full", sqlite("full.db", Synchronous::Full)),
        ("sqlite, off", sqlite("off.db", Synchronous::Off)),
    ];
    let mut group = criterion.benchmark_group("patching");
    for (name, database) in databases {
        let glance = Glance::builder(database, Stores::single(Arc::new(MemoryStore::new("none")))).build();
        group.bench_function(name, |bencher| {
            let caller = RequestContext::new("user", "project", ["member", "reader"]);
            let images = glance.images(&caller);
            let id = runtime.block_on(images.create(NewImage::named("image", "raw", "bare"))).unwrap().id;
            let mut turn = 0_u32;
            bencher.iter(|| {
                turn += 1;
                let value = turn.to_string();
                let document = json!([{"op": "add", "path": "/turn", "value": value}]);
                let patch = read(PatchForm::V21, &document, (&Formats::default()).into(), 100).unwrap();
                let image = runtime.block_on(images.patch(id, &patch)).unwrap();
                assert_eq!(image.properties["turn"].as_deref(), Some(value.as_str()));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, patching);
criterion_main!(benches);
