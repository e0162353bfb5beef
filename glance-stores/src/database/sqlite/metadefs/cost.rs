//! What a page of namespaces costs, counted in steps of SQLite's machine.

use glance_core::database::{Direction, NamespaceQuery, NamespaceSortKey, Viewer};
use glance_core::metadefs::{NamespaceVisibility, Property, Tag};

use super::{associations, id_of, items, list};
use crate::database::sqlite::counted::Counted;

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

fn filled(count: u32) -> Counted {
    Counted::filled(FILL, count)
}

/// Twenty rows of up to three stretches of an index, twenty namespaces and their associations.
const PAGE: u64 = 6_000;

#[test]
fn a_page_of_namespaces_costs_the_same_among_many_as_among_few() {
    for counted in [filled(200), filled(2_000)] {
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
                        every_page_is_cheap(&counted, query);
                    }
                }
            }
        }
    }
}

fn every_page_is_cheap(counted: &Counted, mut query: NamespaceQuery) {
    let whole = list::namespaces(&counted.db, &query).unwrap();
    query.limit = 20;
    for first in [0, whole.len() / 2, whole.len().saturating_sub(20)] {
        query.marker = first.checked_sub(1).map(|at| whole[at].namespace.name.clone());
        let (cost, page) = counted.cost(|db| list::namespaces(db, &query).unwrap());
        assert_eq!(page, whole[first..whole.len().min(first + 20)]);
        assert!(cost < PAGE, "{query:?}: {cost} steps");
    }
}

/// What few namespaces are for is found from the type, and what many are for from the order of the list.
#[test]
fn namespaces_for_a_type_cost_what_is_found() {
    let counted = filled(2_000);
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
        let (cost, page) = counted.cost(|db| list::namespaces(db, &query).unwrap());
        assert_eq!(page.len(), found);
        assert!(cost < most, "{query:?}: {cost} steps");
    }
}

/// Fifty properties among a hundred thousand.
#[test]
fn what_is_in_a_namespace_costs_what_is_in_it() {
    let (cost, ()) = filled(2_000).cost(|db| {
        let id = id_of(db, "", "OS::N000501").unwrap();
        assert_eq!(items::all::<Property>(db, "", Some(id)).unwrap().len(), 50);
        assert_eq!(associations::of(db, "", id).unwrap().len(), 1);
        assert!(items::all::<Tag>(db, "", Some(id)).unwrap().is_empty());
    });
    assert!(cost < 3_000, "{cost} steps");
}
