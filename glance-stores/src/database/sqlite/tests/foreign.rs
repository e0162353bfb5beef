//! Rows that other programs wrote, well or badly.

use glance_core::database::{
    Database, Direction, ImageQuery, ImageRepo, Journal, MemberRepo, RemovalOf, RepoError, SortKey, Work,
};
use glance_core::image::{Image, ImageChange, ImageId, Status};
use glance_core::limits::ProjectLimits;
use glance_core::location::Location;
use glance_core::member::MemberStatus;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::{at, everything, image, in_a_file};

fn insert(db: &Connection, id: &str, created_at: &str) {
    db.execute(
        "INSERT INTO images (id, status, visibility, created_at, deleted, min_disk, min_ram, owner) \
         VALUES (?1, 'active', 'private', ?2, 0, 0, 0, 'p')",
        params![id, created_at],
    )
    .unwrap();
}

async fn ids(db: &dyn Database, query: &ImageQuery) -> Vec<ImageId> {
    db.images(query).await.unwrap().into_iter().map(|seen| seen.image.id).collect()
}

/// Ways to spoil a row of `images`.
const SPOILS: [&str; 9] = [
    "status = 'frozen'",
    "visibility = 'friends'",
    "visibility = ''",
    "created_at = 'yesterday'",
    "created_at = 2025",
    "updated_at = x'ff'",
    "size = 'big'",
    "name = x'fffe'",
    "id = 'not-a-uuid' || rowid",
];

#[tokio::test]
async fn a_row_that_makes_no_image_is_an_error_alone_and_nothing_in_a_list() {
    for spoil in SPOILS {
        let (_folder, db, raw) = in_a_file();
        let images = [image(0), image(1), image(2), image(3)];
        for image in &images {
            db.create_image(image, &ProjectLimits::NONE).await.unwrap();
        }
        raw.execute(&format!("UPDATE images SET {spoil} WHERE id = ?1"), [images[1].id.as_str()]).unwrap();
        let expected = [images[3].id, images[2].id, images[0].id];
        for key in [SortKey::CreatedAt, SortKey::UpdatedAt, SortKey::Name] {
            let mut listed = ids(&db, &everything(key, Direction::Descending)).await;
            listed.sort_by_key(|id| expected.iter().position(|expected| expected == id));
            assert_eq!(listed, expected, "{spoil} by {key:?}");
        }
        let alone = db.image(images[1].id, None).await;
        assert!(matches!(alone, Err(RepoError::Failed { .. } | RepoError::NotFound)), "{spoil}: {alone:?}");
        let marker = db.marker(images[1].id, None).await;
        assert!(matches!(marker, Err(RepoError::Failed { .. } | RepoError::NotFound)), "{spoil}: {marker:?}");
        db.bytes_held("p").await.ok();
    }
}

/// A short page means the end, so a page is filled up with what comes behind the bad rows.
#[tokio::test]
async fn bad_rows_do_not_end_a_list_early() {
    let (_folder, db, raw) = in_a_file();
    let mut images = Vec::new();
    for second in 0..40 {
        images.push(db.create_image(&image(second), &ProjectLimits::NONE).await.unwrap());
    }
    raw.execute("UPDATE images SET status = 'frozen' WHERE rowid BETWEEN 6 AND 35", []).unwrap();
    let mut query = ImageQuery { limit: 3, ..everything(SortKey::CreatedAt, Direction::Descending) };
    let mut walked = Vec::new();
    for _ in 0..10 {
        let page = db.images(&query).await.unwrap();
        let Some(last) = page.last() else { break };
        query.marker = Some(Box::new(last.image.clone()));
        walked.extend(page.iter().map(|seen| seen.image.id));
    }
    let good = images.iter().rev().filter(|image| !(at(5)..=at(34)).contains(&image.created_at));
    assert_eq!(walked, good.map(|image| image.id).collect::<Vec<_>>());
}

/// Times in other forms, of which some compare wrongly as text, and times that are missing.
#[tokio::test]
async fn lists_with_times_of_other_writers_page_to_their_end() {
    let (_folder, db, raw) = in_a_file();
    for (n, created_at) in [
        "2025-01-01 00:00:00",
        "2025-01-01T00:00:00",
        "2025-01-01 00:00:00.000000",
        "2025-01-01T00:00:00Z",
        "2025-01-01 00:00:00.5",
        "2025-01-01 00:00:00.500000",
    ]
    .iter()
    .enumerate()
    {
        insert(&raw, &format!("{n:08x}-0000-4000-8000-000000000000"), created_at);
    }
    raw.execute("UPDATE images SET updated_at = created_at WHERE rowid % 2 = 0", []).unwrap();
    for key in [SortKey::CreatedAt, SortKey::UpdatedAt, SortKey::Name] {
        for direction in [Direction::Ascending, Direction::Descending] {
            let mut query = everything(key, direction);
            let whole = ids(&db, &query).await;
            assert_eq!(whole.len(), 6);
            query.limit = 1;
            let mut walked = Vec::new();
            for _ in 0..20 {
                let Some(seen) = db.images(&query).await.unwrap().pop() else { break };
                walked.push(seen.image.id);
                query.marker = Some(Box::new(seen.image));
            }
            assert_eq!(walked, whole, "{key:?} {direction:?}");
        }
    }
}

#[tokio::test]
async fn what_is_missing_or_odd_in_a_row_has_a_sane_value() {
    let (_folder, db, raw) = in_a_file();
    let id: ImageId = "71C675AB-d94f-49cd-a114-e12490b328d9".parse().unwrap();
    insert(&raw, id.as_str(), "2025-01-01T00:00:00Z");
    raw.execute("UPDATE images SET size = -1, min_disk = -1, min_ram = 99999999999", []).unwrap();
    let image = db.image(id, None).await.unwrap().image;
    assert_eq!((image.size, image.min_disk, image.min_ram), (None, 0, u32::MAX));
    assert_eq!((image.updated_at, image.created_at), (image.created_at, "2025-01-01T00:00:00Z".parse().unwrap()));
    assert!(matches!(
        db.image("71c675ab-d94f-49cd-a114-e12490b328d9".parse().unwrap(), None).await,
        Err(RepoError::NotFound)
    ));
}

#[tokio::test]
async fn parts_that_cannot_be_read_are_left_out() {
    let (_folder, db, raw) = in_a_file();
    let image = db.create_image(&image(0), &ProjectLimits::NONE).await.unwrap();
    for (table, columns, values) in [
        ("image_properties", "name, value", "'good', 'v'"),
        ("image_properties", "name, value", "x'ff', 'v'"),
        ("image_properties", "name, value", "'bad', x'ff'"),
        ("image_tags", "value", "x'ff'"),
        ("image_tags", "value", "'good'"),
        ("image_tags", "value", "'good'"),
        ("image_locations", "value, meta_data", "x'ff', '{}'"),
        ("image_locations", "value, meta_data", "'file:///a', '{bad'"),
        ("image_locations", "value, meta_data", "'file:///b', '[1, 2]'"),
        ("image_locations", "value, meta_data", "'file:///c', NULL"),
        ("image_members", "member, can_share, status", "'a', 0, 'unsure'"),
        ("image_members", "member, can_share, status", "x'ff', 0, 'pending'"),
        ("image_members", "member, can_share, status", "'b', 0, 'accepted'"),
        ("image_members", "member, can_share, status", "'b', 0, 'pending'"),
    ] {
        let statement = format!(
            "INSERT INTO {table} (image_id, created_at, deleted, {columns}) \
             VALUES (?1, '2025-01-01 00:00:00.000000', 0, {values})"
        );
        raw.execute(&statement, [image.id.as_str()]).unwrap();
    }
    let read = db.image(image.id, Some("b")).await.unwrap();
    assert_eq!(read.membership, Some(MemberStatus::Accepted));
    assert_eq!(read.image.properties, [("good".into(), Some("v".into()))].into());
    assert_eq!(read.image.tags, ["good"]);
    let urls: Vec<_> = read.image.locations.iter().map(|location| location.url.expose()).collect();
    assert_eq!(urls, ["file:///a", "file:///b", "file:///c"]);
    assert!(read.image.locations.iter().all(|location| location.metadata.is_empty()));
    assert_eq!(db.images(&everything(SortKey::CreatedAt, Direction::Descending)).await.unwrap()[0].image, read.image);
    let members: Vec<_> = db.members(image.id).await.unwrap().into_iter().map(|member| member.project).collect();
    assert_eq!(members, ["b"]);
    // Two rows for one member and one tag go together.
    db.remove_member(image.id, "b", at(1)).await.unwrap();
    assert!(db.members(image.id).await.unwrap().is_empty());
    let change = ImageChange { tags_removed: vec!["good".into()], ..ImageChange::touch(at(1)) };
    assert!(db.update_image(image.id, Status::Active, &change, &ProjectLimits::NONE).await.unwrap().tags.is_empty());
}

/// Sizes that no disk has add up without failing.
#[tokio::test]
async fn the_sum_of_absurd_sizes_is_the_largest_number() {
    let (_folder, db, raw) = in_a_file();
    for second in 0..3 {
        let image = Image { size: Some(1 << 62), ..image(second) };
        db.create_image(&image, &ProjectLimits::NONE).await.unwrap();
        for _ in 0..3 {
            raw.execute(
                "INSERT INTO image_locations (image_id, value, created_at, deleted) \
                 VALUES (?1, 'file:///x', '2025-01-01 00:00:00.000000', 0)",
                [image.id.as_str()],
            )
            .unwrap();
        }
    }
    assert_eq!(db.bytes_held("p").await.unwrap(), u64::MAX);
}

/// A number that the column cannot hold is refused and not bent.
#[tokio::test]
async fn a_size_beyond_the_column_is_refused() {
    let (_folder, db, _) = in_a_file();
    let image = Image { size: Some(u64::MAX), ..image(0) };
    assert!(matches!(db.create_image(&image, &ProjectLimits::NONE).await, Err(RepoError::Failed { .. })));
    assert!(matches!(db.image(image.id, None).await, Err(RepoError::NotFound)));
}

/// A later version may note work that means anything but to remove data.
#[tokio::test]
async fn unknown_work_is_left_in_the_journal() {
    let (_folder, db, raw) = in_a_file();
    let image = image(0);
    db.create_image(&image, &ProjectLimits::NONE).await.unwrap();
    let place = Location::new("file:///data");
    let removals = [(); 2].map(|()| RemovalOf { entry: Uuid::new_v4(), store: None, location: place.clone() });
    db.note_removals(image.id, &removals, "process", at(60)).await.unwrap();
    let later = removals[0].entry.to_string();
    // The table of a later version lets such work in.
    raw.execute_batch("PRAGMA ignore_check_constraints = ON").unwrap();
    raw.execute("UPDATE glance_rs_journal SET work = 'compaction' WHERE id = ?1", [&later]).unwrap();
    let known: Vec<_> = db.journal(9).await.unwrap().into_iter().map(|entry| (entry.id, entry.work)).collect();
    assert_eq!(known, [(removals[1].entry, Work::Removal(place))]);
    let kept = "SELECT count(*) FROM glance_rs_journal";
    assert_eq!(raw.query_row(kept, [], |row| row.get::<_, i64>(0)).unwrap(), 2);
}
