//! Lists as one plain query says them, compared with ours on data large enough for every way a list
//! can be read: partitions, walks that succeed or give up, joins, and narrow filters.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use glance_core::database::{Direction, Filter, ImageQuery, SortKey, TextField, Viewer, VisibilityFilter};
use glance_core::image::Visibility;
use glance_core::member::MemberStatus;
use proptest::prelude::*;
use proptest::sample::select;
use rusqlite::{Connection, named_params};

use super::page;
use crate::database::sqlite::{row, schema};

/// Four of five images are shared. `dense` is a member of half of them, `old` of the oldest three
/// thousand, `few` of one in twenty-five, with mixed answers; the first two own some as well. The tag
/// `common` is on half of all, `rare` on one in five hundred; an image has one of three names or its own.
const FILL: &str = "
    CREATE TEMP TABLE n AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 6000)
        SELECT n, n * 2654435761 % 4294967296 AS r, printf('%08x-0000-4000-8000-%012x', n * 2654435761 % 4294967296, n) AS id
        FROM c;
    INSERT INTO images (id, name, status, created_at, updated_at, deleted, owner, os_hidden, min_disk, min_ram, visibility)
        SELECT id, CASE WHEN r % 3 = 0 THEN 'name ' || (r / 3 % 3) ELSE 'name ' || n END,
            CASE WHEN r % 31 = 0 THEN 'killed' WHEN r % 5 = 0 THEN 'queued' ELSE 'active' END,
            strftime('%Y-%m-%d %H:%M:%S', 1700000000 + n / 4, 'unixepoch') || '.000000', NULL, r % 29 = 0,
            CASE r / 7 % 8 WHEN 0 THEN 'dense' WHEN 1 THEN 'old' WHEN 2 THEN NULL ELSE 'other' END, r % 23 = 0, 0, 0,
            CASE r / 11 % 15 WHEN 0 THEN 'public' WHEN 1 THEN 'community' WHEN 2 THEN 'private' ELSE 'shared' END
        FROM n;
    INSERT INTO image_members (image_id, member, can_share, status, created_at, deleted)
        SELECT id, m, 0, CASE r / 13 % 9 WHEN 0 THEN 'pending' WHEN 1 THEN 'rejected' ELSE 'accepted' END,
            '2026-01-01 00:00:00.000000', r % 19 = 0
        FROM n, (SELECT 'dense' AS m UNION SELECT 'old' UNION SELECT 'few')
        WHERE CASE m WHEN 'dense' THEN r / 17 % 2 = 0 WHEN 'old' THEN n < 3000 ELSE r / 17 % 25 = 0 END;
    INSERT INTO image_tags (image_id, value, created_at, deleted)
        SELECT id, t, '2026-01-01 00:00:00.000000', r % 37 = 0 FROM n, (SELECT 'common' AS t UNION SELECT 'rare')
        WHERE CASE t WHEN 'common' THEN r % 2 = 0 ELSE r % 500 = 0 END;
    DROP TABLE n;";

const PLAIN: &str = "SELECT i.id FROM images i
    WHERE i.deleted = 0 AND i.status <> 'killed' AND i.os_hidden = :hidden
        AND (:admin OR i.visibility IN ('public', 'community') OR i.owner = :project
            OR (i.visibility = 'shared' AND EXISTS (SELECT 1 FROM image_members m WHERE m.image_id = i.id
                AND m.member = :project AND +m.deleted = 0 AND (:answer IS NULL OR m.status = :answer))))
        AND CASE :visibility WHEN 'usual' THEN i.visibility <> 'community' OR coalesce(i.owner = :project, 0)
            WHEN 'all' THEN 1 ELSE i.visibility = :visibility END
        AND (:name IS NULL OR i.name = :name) AND (:status IS NULL OR i.status = :status)
        AND (:tag IS NULL OR EXISTS (SELECT 1 FROM image_tags t WHERE t.image_id = i.id AND t.value = :tag AND +t.deleted = 0))
    ORDER BY i.created_at, i.id";

fn filled() -> MutexGuard<'static, Connection> {
    static FILLED: LazyLock<Mutex<Connection>> = LazyLock::new(|| {
        let mut db = Connection::open_in_memory().unwrap();
        schema::complete(&mut db).unwrap();
        db.execute_batch(&format!("BEGIN; {FILL} COMMIT")).unwrap();
        Mutex::new(db)
    });
    FILLED.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, Clone)]
struct Asked {
    admin: bool,
    project: Option<&'static str>,
    visibility: VisibilityFilter,
    answer: Option<MemberStatus>,
    hidden: bool,
    name: Option<&'static str>,
    status: Option<&'static str>,
    tag: Option<&'static str>,
    descending: bool,
    /// How far into the list the marker lies, in thousandths; `None` for the first page.
    marker: Option<usize>,
    limit: usize,
}

fn asked() -> impl Strategy<Value = Asked> {
    // What is shared has the most ways to be read.
    let visibility = select(vec![
        VisibilityFilter::Usual,
        VisibilityFilter::All,
        VisibilityFilter::Only(Visibility::Shared),
        VisibilityFilter::Only(Visibility::Shared),
        VisibilityFilter::Only(Visibility::Shared),
        VisibilityFilter::Only(Visibility::Public),
        VisibilityFilter::Only(Visibility::Community),
        VisibilityFilter::Only(Visibility::Private),
    ]);
    let mostly_none = |texts: &[&'static str]| prop_oneof![3 => Just(None), 1 => select(texts.to_vec()).prop_map(Some)];
    let viewer = (
        prop::bool::weighted(0.2),
        select(vec![None, Some("dense"), Some("old"), Some("few"), Some("nobody")]),
        visibility,
        prop::option::of(select(MemberStatus::ALL.to_vec())),
        prop::bool::weighted(0.1),
    );
    let filters = (
        mostly_none(&["name 0", "name 1", "name 77", "unknown"]),
        mostly_none(&["active", "queued", "saving"]),
        mostly_none(&["common", "rare", "unknown"]),
    );
    let place = (any::<bool>(), prop::option::of(0..1000_usize), select(vec![1, 3, 20, 500]));
    (viewer, filters, place).prop_map(|(viewer, filters, place)| Asked {
        admin: viewer.0,
        project: viewer.1,
        visibility: viewer.2,
        answer: viewer.3,
        hidden: viewer.4,
        name: filters.0,
        status: filters.1,
        tag: filters.2,
        descending: place.0,
        marker: place.1,
        limit: place.2,
    })
}

/// The whole list, as the plain query gives it.
fn plain(db: &Connection, asked: &Asked) -> Vec<String> {
    let visibility = match asked.visibility {
        VisibilityFilter::Usual => "usual",
        VisibilityFilter::All => "all",
        VisibilityFilter::Only(visibility) => visibility.as_str(),
    };
    let values = named_params! {
        ":hidden": asked.hidden, ":admin": asked.admin, ":project": asked.project, ":visibility": visibility,
        ":answer": asked.answer.map(MemberStatus::as_str), ":name": asked.name, ":status": asked.status, ":tag": asked.tag,
    };
    let mut query = db.prepare_cached(PLAIN).unwrap();
    let mut ids: Vec<String> = query.query_map(values, |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    if asked.descending {
        ids.reverse();
    }
    ids
}

fn query(asked: &Asked) -> ImageQuery {
    let text = |field, text: Option<&str>| text.map(|text| Filter::Text(field, vec![text.to_owned()]));
    let direction = if asked.descending { Direction::Descending } else { Direction::Ascending };
    ImageQuery {
        viewer: Viewer { admin: asked.admin, project: asked.project.map(str::to_owned) },
        visibility: asked.visibility,
        member_status: asked.answer,
        hidden: asked.hidden,
        filters: [text(TextField::Name, asked.name), text(TextField::Status, asked.status)]
            .into_iter()
            .flatten()
            .collect(),
        tags: asked.tag.map(str::to_owned).into_iter().collect(),
        sort: vec![(SortKey::CreatedAt, direction), (SortKey::Id, direction)],
        marker: None,
        limit: asked.limit,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]

    #[test]
    fn every_page_is_the_one_the_plain_query_gives(asked in asked()) {
        let db = filled();
        let whole = plain(&db, &asked);
        let mut query = query(&asked);
        let mut first = 0;
        if let Some(at) = asked.marker.map(|marker| marker * whole.len() / 1000).filter(|at| *at < whole.len()) {
            query.marker = Some(Box::new(row::find(&db, whole[at].parse().unwrap(), "").unwrap().unwrap()));
            first = at + 1;
        }
        let page: Vec<_> = page(&db, &query).unwrap().into_iter().map(|seen| seen.image.id.to_string()).collect();
        prop_assert_eq!(page, &whole[first..whole.len().min(first + asked.limit)]);
    }
}
