//! Pages of 20 out of 50,000 images in SQLite, as an embedder lists them: records, properties, tags
//! and locations read, policy applied.
//!
//! A light project sees 50 images of its own and 500 public ones, a heavy one 45,000 of its own, an
//! administrator all. The figures to compare with are each other: a page costs the same whoever asks
//! and however far down the list it lies. JSON is left out; `server-speed` measures it with the rest.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails has nothing to say")]

use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use glance_benches::population::{self, HEAVY, LIGHT};
use glance_core::catalogue::{ListRequest, Page};
use glance_core::memory::MemoryStore;
use glance_core::{Glance, RequestContext, Stores};
use tokio::runtime::Runtime;

const IMAGES: u32 = 50_000;
const PAGE: usize = 20;

fn listing(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("glance.db");
    population::populate(&path, IMAGES).unwrap();
    let stores = Stores::single(Arc::new(MemoryStore::new("none")));
    let glance = Glance::builder(Arc::new(population::open(&path).unwrap()), stores).build();
    // A public image, which all three see.
    let middle = population::id(IMAGES / 2 + 50).parse().unwrap();

    let mut group = criterion.benchmark_group("listing");
    for (who, caller) in [
        ("light", RequestContext::new("user", LIGHT, ["member", "reader"])),
        ("heavy", RequestContext::new("user", HEAVY, ["member", "reader"])),
        ("admin", RequestContext::admin("any")),
    ] {
        for (place, marker) in [("first", None), ("deep", Some(middle))] {
            let request = ListRequest { limit: Some(PAGE), marker, ..ListRequest::default() };
            let list = || runtime.block_on(glance.images(&caller).list(&request)).unwrap();
            check(&list());
            group.bench_function(format!("{who}, {place} page"), |bencher| bencher.iter(list));
        }
    }
    group.finish();
}

fn check(page: &Page) {
    assert_eq!(page.images.len(), PAGE);
    assert!(page.images.iter().all(|image| image.properties.len() == 5 && image.tags.len() == 2));
    assert!(page.images.is_sorted_by(|one, next| one.created_at > next.created_at));
}

criterion_group!(benches, listing);
criterion_main!(benches);
