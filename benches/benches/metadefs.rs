//! Metadata definitions in SQLite, as an embedder reads them: 2,000 public namespaces of 50 properties each.
//!
//! A page of 20 is to cost the same wherever it lies, and a namespace what is in it.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails has nothing to say")]

use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use glance_core::catalogue::NamespaceRequest;
use glance_core::memory::MemoryStore;
use glance_core::metadefs::{Definition, LoadMode, load};
use glance_core::{Glance, RequestContext, Stores};
use glance_stores::database::sqlite::{Sqlite, SqliteOptions, Synchronous};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

const NAMESPACES: i64 = 2_000;
const PROPERTIES: usize = 50;
const PAGE: usize = 20;

fn definition(number: i64) -> Definition {
    let property = |at: usize| {
        let schema = json!({"title": format!("Property {at}"), "description": "What it means, in a sentence or two.",
            "type": "string", "enum": ["one", "two", "three"]});
        (format!("property_{at}"), schema)
    };
    let properties: Map<String, Value> = (0..PROPERTIES).map(property).collect();
    let file = json!({"namespace": format!("OS::Bench::{number:04}"), "visibility": "public", "properties": properties,
        "resource_type_associations": [{"name": "OS::Glance::Image", "prefix": "hw_"}]});
    Definition::from_file(&file).unwrap()
}

async fn populate(database: &Sqlite) {
    let start = Timestamp::constant(1_760_000_000, 0);
    for number in 0..NAMESPACES {
        let now = start + SignedDuration::from_secs(number);
        load(database, &definition(number), LoadMode::Skip, now).await.unwrap();
    }
}

fn metadefs(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions::default().synchronous(Synchronous::Off);
    let database = options.open(folder.path().join("glance.db")).unwrap();
    runtime.block_on(populate(&database));
    let stores = Stores::single(Arc::new(MemoryStore::new("none")));
    let glance = Glance::builder(Arc::new(database), stores).build();
    let caller = RequestContext::new("user", "project", ["reader"]);

    let mut group = criterion.benchmark_group("metadefs");
    for (place, marker) in [("first", None), ("deep", Some("OS::Bench::0500".to_owned()))] {
        let request = NamespaceRequest { limit: Some(PAGE), marker, ..NamespaceRequest::default() };
        let list = || runtime.block_on(glance.metadefs(&caller).list(&request)).unwrap();
        let page = list();
        assert_eq!(page.namespaces.len(), PAGE);
        assert!(page.namespaces.iter().all(|listed| listed.associations.len() == 1));
        group.bench_function(format!("{place} page of namespaces"), |bencher| bencher.iter(list));
    }
    let show = || runtime.block_on(glance.metadefs(&caller).namespace("OS::Bench::1234", None)).unwrap();
    assert_eq!(show().contents.properties.len(), PROPERTIES);
    group.bench_function("one namespace", |bencher| bencher.iter(show));
    group.finish();
}

criterion_group!(benches, metadefs);
criterion_main!(benches);
