//! What a page of namespaces costs, counted in steps of SQLite's machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use glance_core::database::{Direction, NamespaceQuery, NamespaceSortKey, Viewer};
use glance_core::metadefs::{NamespaceVisibility, Property, Tag};
use rusqlite::Connection;

use super::{associations, id_of, items, list};
use crate::database::sqlite::schema;

/// `?1` namespaces with fifty properties each: 2 % public, ten of `light`, the rest of `heavy` and others, private.
const FILL: &str = "
    CREATE TEMP TABLE n AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?1) SELECT n FROM c;
    INSERT INTO metadef_namespaces (id, namespace, display_name, visibility, protected, owner, created_at)
        SELECT n, printf('OS::N%06d', n * 7919 % ?1), 'd' || (n % 10), CASE WHEN n % 50 = 0 THEN 'public' ELSE 'private' END,
            0, CASE WHEN n % (?1 / 10) = 1 THEN 'light' WHEN n % 2 = 0 THEN 'heavy' ELSE 'p' || (n % 100) END,
            strftime('%Y-%m-%d %H:%M:%S', 1700000000 + n / 3, 'unixepoch') || '.000000' FROM n;
    INSERT INTO metadef_resource_types (id, name, protected, created_at)
        VALUES (1, 'all', 1, '2026-01-01 00:00:00'), (2, 'few', 1, '2026-01-01 00:00:00');
    INSERT INTO metadef_namespace_resource_types (resource_type_id, namespace_id, created_at)
        SELECT 1, n, '2026-01-01 00:00:00' FROM n UNION ALL
        SELECT 2, n, '2026-01-01 00:00:00' FROM n WHERE n % (?1 / 20) = 0;
    INSERT INTO metadef_properties (namespace_id, name, json_schema, created_at)
        SELECT n, 'p' || p, '{}', '2026-01-01 00:00:00'
        FROM n, (WITH RECURSIVE c(p) AS (SELECT 1 UNION ALL SELECT p + 1 FROM c WHERE p < 50) SELECT p FROM c);
    DROP TABLE n;";

/// SQLite reports its steps in such bunches.
const STRIDE: u64 = 50;

fn filled(count: u32) -> (Connection, Arc<AtomicU64>) {
    let mut db = Connection::open_in_memory().unwrap();
    schema::complete(&mut db).unwrap();
    let transaction = db.transaction().unwrap();
    for statement in FILL.replace("?1", &count.to_string()).split(';') {
        transaction.execute_batch(statement).unwrap();
    }
    transaction.commit().unwrap();
    let steps = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&steps);
    let count = move || {
        counted.fetch_add(STRIDE, Ordering::Relaxed);
        false
    };
    db.progress_handler(i32::try_from(STRIDE).unwrap(), Some(count)).unwrap();
    (db, steps)
}

/// Twenty rows of up to three stretches of an index, twenty namespaces and their associations.
const PAGE: u64 = 6_000;

#[test]
fn a_page_of_namespaces_costs_the_same_among_many_as_among_few() {
    for (db, steps) in [filled(200), filled(2_000)] {
        for (admin, project) in
            [(true, None), (false, None), (false, Some("nobody")), (false, Some("heavy")), (false, Some("light"))]
        {
            for visibility in [None, Some(NamespaceVisibility::Public), Some(NamespaceVisibility::Private)] {
                for direction in [Direction::Ascending, Direction::Descending] {
                    let query = NamespaceQuery {
                        viewer: Viewer { admin, project: project.map(str::to_owned) },
                        visibility,
                        resource_types: None,
                        sort: (NamespaceSortKey::CreatedAt, direction),
                        marker: None,
                        limit: usize::MAX,
                    };
                    let by_name = NamespaceQuery { sort: (NamespaceSortKey::Name, direction), ..query.clone() };
                    for query in [query, by_name] {
                        every_page_is_cheap(&db, &steps, query);
                    }
                }
            }
        }
    }
}

fn every_page_is_cheap(db: &Connection, steps: &AtomicU64, mut query: NamespaceQuery) {
    let whole = list::namespaces(db, &query).unwrap();
    query.limit = 20;
    for first in [0, whole.len() / 2, whole.len().saturating_sub(20)] {
        query.marker = first.checked_sub(1).map(|at| whole[at].namespace.name.clone());
        steps.store(0, Ordering::Relaxed);
        let page = list::namespaces(db, &query).unwrap();
        let cost = steps.load(Ordering::Relaxed);
        assert_eq!(page, whole[first..whole.len().min(first + 20)]);
        assert!(cost < PAGE, "{query:?}: {cost} steps");
    }
}

/// What few namespaces are for is found from the type, and what many are for from the order of the list.
#[test]
fn namespaces_for_a_type_cost_what_is_found() {
    let (db, steps) = filled(2_000);
    let usual = NamespaceQuery {
        viewer: Viewer { admin: true, project: None },
        visibility: None,
        resource_types: None,
        sort: (NamespaceSortKey::Name, Direction::Ascending),
        marker: None,
        limit: 20,
    };
    let few = NamespaceQuery { resource_types: Some(vec!["few".into()]), ..usual.clone() };
    let all = NamespaceQuery { resource_types: Some(vec!["all".into(), "few".into()]), ..usual.clone() };
    let own = NamespaceQuery { viewer: Viewer { admin: false, project: Some("heavy".into()) }, ..all.clone() };
    for (query, found, most) in [(few, 20, 2 * PAGE), (all, 20, PAGE), (own, 20, PAGE)] {
        steps.store(0, Ordering::Relaxed);
        assert_eq!(list::namespaces(&db, &query).unwrap().len(), found);
        let cost = steps.load(Ordering::Relaxed);
        assert!(cost < most, "{query:?}: {cost} steps");
    }
}

/// Fifty properties among a hundred thousand.
#[test]
fn what_is_in_a_namespace_costs_what_is_in_it() {
    let (db, steps) = filled(2_000);
    steps.store(0, Ordering::Relaxed);
    let id = id_of(&db, "", "OS::N000501").unwrap();
    assert_eq!(items::all::<Property>(&db, "", Some(id)).unwrap().len(), 50);
    assert_eq!(associations::of(&db, "", id).unwrap().len(), 1);
    assert!(items::all::<Tag>(&db, "", Some(id)).unwrap().is_empty());
    let cost = steps.load(Ordering::Relaxed);
    assert!(cost < 3_000, "{cost} steps");
}
