//! What a page costs, counted in steps of SQLite's machine.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use glance_core::database::{
    Comparison, Direction, Filter, ImageQuery, NumberField, SeenImage, SortKey, TextField, Viewer, VisibilityFilter,
};
use glance_core::image::Visibility;
use glance_core::member::MemberStatus;

use super::page;
use crate::database::sqlite::counted::Counted;
use crate::database::sqlite::row;

/// `count` images, the newest with the highest number: 1 % public, 20 % community, 20 % shared, the
/// rest private. Every tenth belongs to `heavy`, the others to five thousand projects. Two
/// properties, a tag and a location each, and as many that were removed.
///
/// Of the shared images, every second is shared with `heavy`, every fiftieth with `some`, ten of
/// them with `light`, and the oldest twentieth part with `early`.
const FILL: &str = "
    CREATE TEMP TABLE n AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?1)
        SELECT n, printf('%08x-0000-4000-8000-%012x', n * 2654435761 % 4294967296, n) AS id FROM c;
    INSERT INTO images (id, name, size, status, created_at, updated_at, deleted, disk_format, checksum, owner,
            min_disk, min_ram, visibility)
        SELECT id, 'name ' || (n % 10000), n, 'active', stamp, stamp, n % 97 = 0, 'raw', printf('%032x', n),
            CASE WHEN n % 10 = 3 THEN 'heavy' ELSE 'project ' || (n % 5000) END, 0, 0,
            CASE WHEN n % 100 = 0 THEN 'public' WHEN n % 5 = 1 THEN 'shared' WHEN n % 5 = 2 THEN 'community'
                ELSE 'private' END
        FROM (SELECT *, strftime('%Y-%m-%d %H:%M:%S', 1700000000 + n / 3, 'unixepoch') || '.000000' AS stamp FROM n);
    INSERT INTO image_properties (image_id, name, value, created_at, deleted)
        SELECT id, 'p' || p, 'value ' || (n % 7), '2026-01-01 00:00:00.000000', p > 2
        FROM n, (SELECT 1 AS p UNION SELECT 2 UNION SELECT 3 UNION SELECT 4);
    INSERT INTO image_tags (image_id, value, created_at, deleted)
        SELECT id, 'tag ' || (n % 1000), '2026-01-01 00:00:00.000000', p > 1
        FROM n, (SELECT 1 AS p UNION SELECT 2);
    INSERT INTO image_locations (image_id, value, status, created_at, deleted)
        SELECT id, 'file:///' || id, CASE p WHEN 1 THEN 'active' ELSE 'deleted' END, '2026-01-01 00:00:00.000000', p > 1
        FROM n, (SELECT 1 AS p UNION SELECT 2);
    INSERT INTO image_members (image_id, member, can_share, status, created_at, deleted)
        SELECT id, member, 0, 'accepted', '2026-01-01 00:00:00.000000', 0
        FROM n, (SELECT 'heavy' AS member UNION SELECT 'some' UNION SELECT 'light' UNION SELECT 'early')
        WHERE n % 5 = 1 AND CASE member WHEN 'heavy' THEN n % 2 = 0 WHEN 'some' THEN n % 50 = 1
            WHEN 'light' THEN n % (?1 / 10) = 1 ELSE n < ?1 / 20 END;
    DROP TABLE n;";

/// Fifty thousand images, for the tests that change nothing.
static MANY: LazyLock<Mutex<Counted>> = LazyLock::new(|| Mutex::new(filled(50_000)));

fn many() -> MutexGuard<'static, Counted> {
    MANY.lock().unwrap_or_else(PoisonError::into_inner)
}

fn filled(count: u32) -> Counted {
    Counted::filled(FILL, count)
}

fn query(admin: bool, project: Option<&str>, visibility: VisibilityFilter, direction: Direction) -> ImageQuery {
    ImageQuery {
        viewer: Viewer { admin, project: project.map(str::to_owned) },
        visibility,
        member_status: Some(MemberStatus::Accepted),
        hidden: false,
        filters: Vec::new(),
        tags: Vec::new(),
        sort: vec![(SortKey::CreatedAt, direction), (SortKey::Id, direction)],
        marker: None,
        limit: 20,
    }
}

/// The page and what it cost.
fn costs(counted: &Counted, query: &ImageQuery) -> (u64, Vec<SeenImage>) {
    counted.cost(|db| page(db, query).unwrap())
}

const FILTERS: [VisibilityFilter; 6] = [
    VisibilityFilter::Usual,
    VisibilityFilter::All,
    VisibilityFilter::Only(Visibility::Public),
    VisibilityFilter::Only(Visibility::Community),
    VisibilityFilter::Only(Visibility::Shared),
    VisibilityFilter::Only(Visibility::Private),
];

/// The dearest of the first page, one in the middle and one at the end, in both directions.
fn dearest(db: &Counted, admin: bool, project: Option<&str>, visibility: VisibilityFilter) -> u64 {
    let mut dearest = 0;
    for direction in [Direction::Ascending, Direction::Descending] {
        let query = query(admin, project, visibility, direction);
        let whole: Vec<String> =
            super::found(&db.db, &query, usize::MAX).unwrap().into_iter().map(|found| found.id).collect();
        for first in [0, whole.len() / 2, whole.len().saturating_sub(20)] {
            let marker = first.checked_sub(1).map(|at| &whole[at]);
            let marker = marker.map(|id| Box::new(row::find(&db.db, id.parse().unwrap(), "").unwrap().unwrap()));
            let (cost, page) = costs(db, &ImageQuery { marker, ..query.clone() });
            let page: Vec<_> = page.iter().map(|seen| seen.image.id.as_str()).collect();
            assert_eq!(page, whole[first..whole.len().min(first + 20)], "the page is the one its price is for");
            dearest = dearest.max(cost);
        }
    }
    dearest
}

/// A page of twenty images, whoever asks, for whatever visibility, wherever the marker is.
///
/// Twenty rows of an index in each of up to five partitions, of the table, and of the properties,
/// tags and locations of twenty images, at some dozens of steps each.
const PAGE: u64 = 10_000;

#[test]
fn a_page_costs_the_same_among_many_images_as_among_few() {
    let (small, large) = (filled(5_000), many());
    for (admin, project) in [
        (true, None),
        (true, Some("heavy")),
        (false, None),
        (false, Some("nobody")),
        (false, Some("project 7")),
        (false, Some("heavy")),
        (false, Some("some")),
        (false, Some("light")),
    ] {
        for visibility in FILTERS {
            for db in [&small, &*large] {
                let cost = dearest(db, admin, project, visibility);
                println!("admin {admin} {project:?} {visibility:?} {cost}");
                assert!(cost < PAGE, "admin {admin} {project:?} {visibility:?}: {cost} steps");
            }
        }
    }
}

/// Where no index knows both memberships and age, the price follows the memberships, not the images.
#[test]
fn what_is_shared_costs_no_more_than_its_memberships() {
    let db = many();
    // All of them older than all else that is shared, where a walk does not come to in time.
    let memberships = 500;
    for visibility in [VisibilityFilter::Usual, VisibilityFilter::Only(Visibility::Shared)] {
        let cost = dearest(&db, false, Some("early"), visibility);
        println!("early {visibility:?} {cost}");
        assert!(cost < PAGE + memberships * 60, "{visibility:?}: {cost} steps");
    }
}

#[test]
fn a_narrow_filter_costs_what_it_finds() {
    let db = many();
    let text = |field, text: &str| Filter::Text(field, vec![text.to_owned()]);
    let id = page(&db.db, &query(true, None, FILTERS[0], Direction::Descending)).unwrap()[0].image.id;
    for (what, filters, tags) in [
        ("id", vec![text(TextField::Id, id.as_str())], vec![]),
        ("name", vec![text(TextField::Name, "name 77")], vec![]),
        ("no name", vec![text(TextField::Name, "unknown")], vec![]),
        ("checksum", vec![text(TextField::Checksum, "00000000000000000000000000000777")], vec![]),
        ("owner", vec![text(TextField::Owner, "project 8")], vec![]),
        ("unknown property", vec![Filter::Property("typo".into(), "x".into())], vec![]),
        ("unknown value", vec![Filter::Property("p1".into(), "x".into())], vec![]),
        ("tag", vec![], vec!["tag 777".to_owned()]),
        ("rare among common", vec![Filter::Property("p1".into(), "value 3".into())], vec!["tag 3".to_owned()]),
    ] {
        for project in [None, Some("heavy"), Some("nobody")] {
            for key in [SortKey::CreatedAt, SortKey::Name, SortKey::UpdatedAt] {
                let usual = query(project.is_none(), project, VisibilityFilter::All, Direction::Descending);
                let sort = vec![(key, Direction::Ascending), (SortKey::Id, Direction::Descending)];
                let query = ImageQuery { filters: filters.clone(), tags: tags.clone(), sort, ..usual };
                let (cost, _) = costs(&db, &query);
                println!("{what} {project:?} {key:?} {cost}");
                assert!(cost < PAGE, "{what} {project:?} {key:?}: {cost} steps");
            }
        }
    }
}

#[test]
fn a_common_filter_costs_the_way_to_the_page() {
    let db = many();
    let size = Filter::Number(NumberField::Size, Comparison::Greater, 100);
    for filter in [size, Filter::Property("p1".into(), "value 3".into()), Filter::Protected(false)] {
        let usual = query(false, Some("heavy"), VisibilityFilter::All, Direction::Descending);
        let (cost, page) = costs(&db, &ImageQuery { filters: vec![filter.clone()], ..usual });
        assert_eq!(page.len(), 20);
        println!("{filter:?} {cost}");
        // One image in seven has the property, in each of five partitions.
        assert!(cost < 4 * PAGE, "{filter:?}: {cost} steps");
    }
}

/// Another order reads the key of every image that is seen, but columns and parts of the page alone.
#[test]
fn another_order_reads_the_parts_of_the_page_alone() {
    let db = many();
    for key in [SortKey::Name, SortKey::Size, SortKey::UpdatedAt, SortKey::Status] {
        let usual = query(true, None, VisibilityFilter::All, Direction::Descending);
        let sort = vec![(key, Direction::Ascending), (SortKey::Id, Direction::Ascending)];
        let (cost, page) = costs(&db, &ImageQuery { sort, ..usual });
        assert_eq!(page.len(), 20);
        println!("{key:?} {cost}");
        assert!(cost < 50_000 * 25, "{key:?}: {cost} steps");
    }
}

/// 25 properties, 5 tags and 2 locations of an image cost their sum and not their product, whatever
/// the image had before.
#[test]
fn the_parts_of_an_image_add_up() {
    let db = filled(5_000);
    let usual = query(false, None, VisibilityFilter::Usual, Direction::Descending);
    let (bare, page) = costs(&db, &usual);
    for seen in &page {
        for (statement, count) in [
            (
                "INSERT INTO image_properties (image_id, name, value, created_at, deleted) VALUES (?1, 'q' || ?2, 'v', 'x', 0)",
                23,
            ),
            ("INSERT INTO image_tags (image_id, value, created_at, deleted) VALUES (?1, 't' || ?2, 'x', 0)", 4),
            (
                "INSERT INTO image_locations (image_id, value, created_at, deleted) VALUES (?1, 'file:///' || ?2, 'x', 0)",
                1,
            ),
            ("INSERT INTO image_tags (image_id, value, created_at, deleted) VALUES (?1, 'old' || ?2, 'x', 1)", 500),
            (
                "INSERT INTO image_properties (image_id, name, value, created_at, deleted) VALUES (?1, 'old' || ?2, 'v', 'x', 1)",
                500,
            ),
        ] {
            for n in 0..count {
                db.db.execute(statement, (seen.image.id.as_str(), n)).unwrap();
            }
        }
    }
    let (full, page) = costs(&db, &usual);
    assert_eq!(page.len(), 20);
    assert!(
        page.iter()
            .all(|seen| (seen.image.properties.len(), seen.image.tags.len(), seen.image.locations.len()) == (25, 5, 2))
    );
    println!("{bare} {full}");
    // 28 more rows for each of twenty images.
    assert!(full - bare < 20 * 28 * 30, "{bare} then {full} steps");
}
