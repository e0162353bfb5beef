//! Lists of namespaces and tags.

use super::{add, association, at, change, filled, names, namespace, tag};
use crate::database::{
    Database, Direction, ItemChange, MetadefChange, NamespaceQuery, NamespaceSortKey, RepoError, TagQuery, TagSortKey,
    Viewer,
};
use crate::metadefs::{Namespace, NamespaceVisibility, Recorded};

fn query(admin: bool, project: Option<&str>) -> NamespaceQuery {
    NamespaceQuery {
        viewer: Viewer { admin, project: project.map(str::to_owned) },
        visibility: None,
        resource_types: None,
        sort: (NamespaceSortKey::Name, Direction::Ascending),
        marker: None,
        limit: 1000,
    }
}

async fn listed(db: &dyn Database, query: &NamespaceQuery) -> Vec<String> {
    db.namespaces(query).await.unwrap().into_iter().map(|listed| listed.namespace.item.name).collect()
}

/// Twelve namespaces: of two owners, public, private and neither, with ties in every column but the name.
async fn population(db: &dyn Database) {
    const VISIBILITIES: [Option<NamespaceVisibility>; 3] =
        [Some(NamespaceVisibility::Public), Some(NamespaceVisibility::Private), None];
    for n in 0..12_usize {
        let name = format!("n{:02}", n * 5 % 12);
        let item = Namespace {
            display_name: (n % 4 > 0).then(|| format!("d{}", n % 4)),
            description: (n % 3 > 0).then(|| format!("{}", n % 3)),
            visibility: VISIBILITIES[n % 3],
            protected: [None, Some(false), Some(true)][n % 3],
            owner: ["p", "q"][n % 2].to_owned(),
            ..namespace(&name)
        };
        let second = i64::try_from(n / 3).unwrap();
        let added = Recorded { item, created_at: at(second), updated_at: (n % 2 == 0).then(|| at(100 - second)) };
        let mut changes = vec![MetadefChange::Namespace(ItemChange::Add(added))];
        for kind in ["R1", "R2"].iter().take(n % 3) {
            changes.push(MetadefChange::Association(name.clone(), add(association(kind), 0)));
        }
        change(db, &changes).await;
    }
}

/// Public ones, those of the project, all.
pub async fn every_viewer_lists_the_namespaces_it_may_see(db: &dyn Database) {
    population(db).await;
    let public = ["n00", "n03", "n06", "n09"];
    assert_eq!(listed(db, &query(true, None)).await.len(), 12);
    assert_eq!(listed(db, &query(false, None)).await, public);
    assert_eq!(listed(db, &query(false, Some("nobody"))).await, public);
    let own = listed(db, &query(false, Some("p"))).await;
    assert_eq!(own, ["n00", "n02", "n03", "n04", "n06", "n08", "n09", "n10"]);
    let marked = NamespaceQuery { marker: Some("n03".into()), limit: 2, ..query(false, Some("p")) };
    assert_eq!(listed(db, &marked).await, ["n04", "n06"]);
}

/// What is recorded counts: a namespace without a visibility is listed with none.
pub async fn namespaces_are_listed_by_visibility_and_type(db: &dyn Database) {
    population(db).await;
    let all = query(true, None);
    let private = NamespaceQuery { visibility: Some(NamespaceVisibility::Private), ..all.clone() };
    let public = NamespaceQuery { visibility: Some(NamespaceVisibility::Public), ..all.clone() };
    assert_eq!(listed(db, &public).await, ["n00", "n03", "n06", "n09"]);
    assert_eq!(listed(db, &private).await, ["n02", "n05", "n08", "n11"]);
    let own = NamespaceQuery { viewer: query(false, Some("q")).viewer, ..private };
    assert_eq!(listed(db, &own).await, ["n05", "n11"]);
    for (types, expected) in [
        (vec!["R2"], vec!["n01", "n04", "n07", "n10"]),
        (vec!["R2", "R1", "R1", "none"], vec!["n01", "n02", "n04", "n05", "n07", "n08", "n10", "n11"]),
        (vec!["none"], vec![]),
        (vec!["r1%"], vec![]),
        (vec![], vec![]),
    ] {
        let types = Some(types.into_iter().map(str::to_owned).collect());
        assert_eq!(listed(db, &NamespaceQuery { resource_types: types.clone(), ..all.clone() }).await, expected);
        let shown = listed(db, &NamespaceQuery { resource_types: types, ..query(false, None) }).await;
        assert!(shown.is_empty());
    }
}

/// Pages of any length come to the same as one, and up is down reversed.
pub async fn every_order_of_namespaces_pages_through_all(db: &dyn Database) {
    use NamespaceSortKey::{CreatedAt, Description, DisplayName, Name, Owner, Protected, UpdatedAt, Visibility};
    population(db).await;
    for viewer in [query(true, None), query(false, Some("p")), query(false, None)] {
        for key in [Name, DisplayName, Description, Visibility, Protected, Owner, CreatedAt, UpdatedAt] {
            let ascending = NamespaceQuery { sort: (key, Direction::Ascending), ..viewer.clone() };
            let descending = NamespaceQuery { sort: (key, Direction::Descending), ..viewer.clone() };
            let mut reversed = listed(db, &ascending).await;
            assert_eq!(listed(db, &NamespaceQuery { limit: 2, ..ascending.clone() }).await, reversed[..2]);
            for query in [&ascending, &descending] {
                let whole = listed(db, query).await;
                for limit in [1, 5] {
                    assert_eq!(paged(db, query, limit).await, whole, "{key:?} by {limit}");
                }
            }
            reversed.reverse();
            assert_eq!(listed(db, &descending).await, reversed, "{key:?}");
        }
    }
    let by_age = NamespaceQuery { sort: (CreatedAt, Direction::Ascending), ..query(true, None) };
    assert_eq!(listed(db, &by_age).await[..4], ["n00", "n05", "n10", "n03"]);
    let by_label = NamespaceQuery { sort: (DisplayName, Direction::Ascending), ..query(true, None) };
    assert_eq!(listed(db, &by_label).await[..4], ["n00", "n08", "n04", "n05"]);
}

async fn paged(db: &dyn Database, query: &NamespaceQuery, limit: usize) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for _ in 0..20 {
        let page = NamespaceQuery { marker: found.last().cloned(), limit, ..query.clone() };
        let page = listed(db, &page).await;
        let is_last = page.len() < limit;
        found.extend(page);
        if is_last {
            break;
        }
    }
    found
}

/// Each its own, in the order of recording.
pub async fn listed_namespaces_say_what_they_are_for(db: &dyn Database) {
    let (whole, other) = (filled(db, "n").await, filled(db, "m").await);
    change(db, &[MetadefChange::Namespace(add(namespace("x"), 5))]).await;
    let listed = db.namespaces(&query(true, None)).await.unwrap();
    assert_eq!(listed[0].associations, other.contents.associations);
    assert_eq!((&listed[1].namespace, &listed[1].associations), (&whole.namespace, &whole.contents.associations));
    assert_eq!(listed[2].associations, []);
}

/// With and without pages.
pub async fn tags_are_listed_in_every_order(db: &dyn Database) {
    filled(db, "m").await;
    change(db, &[MetadefChange::Namespace(add(namespace("n"), 0))]).await;
    for (name, created, updated) in [("c", 1, Some(9)), ("a", 2, None), ("b", 2, Some(5)), ("d", 3, None)] {
        let added = Recorded { item: tag(name), created_at: at(created), updated_at: updated.map(at) };
        change(db, &[MetadefChange::Tag("n".into(), ItemChange::Add(added))]).await;
    }
    for (key, expected) in [
        (TagSortKey::Name, ["a", "b", "c", "d"]),
        (TagSortKey::CreatedAt, ["c", "a", "b", "d"]),
        (TagSortKey::UpdatedAt, ["a", "d", "b", "c"]),
    ] {
        for direction in [Direction::Ascending, Direction::Descending] {
            let all = TagQuery { sort: (key, direction), marker: None, limit: None };
            let found = db.metadef_tags("n", &all).await.unwrap().found.unwrap();
            let mut expected = expected;
            if direction == Direction::Descending {
                expected.reverse();
            }
            assert_eq!(names(&found), expected, "{key:?} {direction:?}");
            let behind = TagQuery { marker: Some(expected[0].into()), limit: Some(2), ..all.clone() };
            assert_eq!(names(&db.metadef_tags("n", &behind).await.unwrap().found.unwrap()), expected[1..3]);
            let none = TagQuery { limit: Some(0), ..all };
            assert!(db.metadef_tags("n", &none).await.unwrap().found.unwrap().is_empty());
        }
    }
}

/// A tag of another namespace marks nothing.
pub async fn a_marker_that_is_not_there_is_not_found(db: &dyn Database) {
    filled(db, "n").await;
    change(db, &[MetadefChange::Namespace(add(namespace("m"), 0)), MetadefChange::Tag("m".into(), add(tag("x"), 0))])
        .await;
    let query = NamespaceQuery { marker: Some("x".into()), ..query(true, None) };
    assert!(matches!(db.namespaces(&query).await, Err(RepoError::NotFound)));
    let tags = TagQuery { sort: (TagSortKey::Name, Direction::Ascending), marker: Some("x".into()), limit: None };
    assert_eq!(db.metadef_tags("n", &tags).await.unwrap().found, None);
}
