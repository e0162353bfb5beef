//! What a list leaves out.

use super::{all_for, at, created, destroyed, ids, image_of, touch};
use crate::database::{Comparison, Database, Filter, NumberField, TextField, TimeField, VisibilityFilter};
use crate::image::{Image, ImageChange, ImageId, Status, Visibility};
use crate::limits::ProjectLimits;

async fn count(db: &dyn Database, filters: &[Filter], tags: &[&str]) -> usize {
    let mut query = all_for(false, Some("p"));
    query.filters = filters.to_vec();
    query.tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    let listed = ids(db, &query).await;
    query.viewer.admin = true;
    assert_eq!(ids(db, &query).await, listed, "the filter works alike for everybody");
    listed.len()
}

fn numbered(n: u32) -> Image {
    let text = |name: &str| Some(format!("{name}{n}"));
    Image {
        name: text("name"),
        status: [Status::Queued, Status::Saving, Status::Active][n as usize % 3],
        visibility: Visibility::ALL[n as usize % 4],
        protected: n.is_multiple_of(2),
        disk_format: text("disk"),
        container_format: text("container"),
        min_disk: n,
        min_ram: n,
        size: Some(n.into()),
        virtual_size: Some(n.into()),
        checksum: text("checksum"),
        os_hash_algo: text("algo"),
        os_hash_value: text("value"),
        updated_at: at(i64::from(n) + 100),
        properties: [("p".into(), text("p")), ("q".into(), Some("q".into()))].into(),
        tags: (0..=n).map(|n| format!("t{n}")).collect(),
        ..image_of("p", n.into())
    }
}

async fn twelve(db: &dyn Database) -> Vec<Image> {
    let mut images = Vec::new();
    for n in 0..12 {
        images.push(created(db, numbered(n)).await);
    }
    images
}

/// A text filter names one value or several; case and shape of a value do not matter here.
pub async fn text_filters_take_any_of_their_values(db: &dyn Database) {
    let images = twelve(db).await;
    for (field, one, two, expected) in [
        (TextField::Id, images[3].id.as_str(), images[4].id.as_str(), [1, 2]),
        (TextField::Name, "name3", "name4", [1, 2]),
        (TextField::Status, "queued", "active", [4, 8]),
        (TextField::Visibility, "shared", "private", [3, 6]),
        (TextField::Owner, "p", "q", [12, 12]),
        (TextField::DiskFormat, "disk3", "disk4", [1, 2]),
        (TextField::ContainerFormat, "container3", "container4", [1, 2]),
        (TextField::Checksum, "checksum3", "checksum4", [1, 2]),
        (TextField::OsHashAlgo, "algo3", "algo4", [1, 2]),
        (TextField::OsHashValue, "value3", "value4", [1, 2]),
    ] {
        let values = |values: &[&str]| Filter::Text(field, values.iter().map(|value| (*value).to_owned()).collect());
        assert_eq!(count(db, &[values(&[one])], &[]).await, expected[0], "{field:?}");
        assert_eq!(count(db, &[values(&[one, two, "x'y\"z"])], &[]).await, expected[1], "{field:?}");
        assert_eq!(count(db, &[values(&["", "x", "3", "%", "name"])], &[]).await, 0, "{field:?}");
        assert_eq!(count(db, &[values(&[])], &[]).await, 0, "{field:?}");
    }
}

const COMPARISONS: [(Comparison, usize); 6] = [
    (Comparison::Equal, 1),
    (Comparison::NotEqual, 11),
    (Comparison::Less, 3),
    (Comparison::AtMost, 4),
    (Comparison::Greater, 8),
    (Comparison::AtLeast, 9),
];

/// Numbers compare as numbers, beyond what the field can hold too.
pub async fn number_filters_compare(db: &dyn Database) {
    twelve(db).await;
    for field in [NumberField::Size, NumberField::VirtualSize, NumberField::MinDisk, NumberField::MinRam] {
        for (comparison, expected) in COMPARISONS {
            assert_eq!(
                count(db, &[Filter::Number(field, comparison, 3)], &[]).await,
                expected,
                "{field:?} {comparison:?}"
            );
        }
        assert_eq!(count(db, &[Filter::Number(field, Comparison::AtMost, i64::MAX)], &[]).await, 12);
        assert_eq!(count(db, &[Filter::Number(field, Comparison::AtLeast, i64::MIN)], &[]).await, 12);
        assert_eq!(
            count(
                db,
                &[Filter::Number(field, Comparison::Greater, 3), Filter::Number(field, Comparison::Less, 6)],
                &[]
            )
            .await,
            2
        );
    }
    assert_eq!(count(db, &[Filter::Protected(true)], &[]).await, 6);
    assert_eq!(count(db, &[Filter::Protected(false)], &[]).await, 6);
}

/// Both times compare as moments.
pub async fn time_filters_compare(db: &dyn Database) {
    twelve(db).await;
    for (field, moment) in [(TimeField::CreatedAt, at(3)), (TimeField::UpdatedAt, at(103))] {
        for (comparison, expected) in COMPARISONS {
            assert_eq!(
                count(db, &[Filter::Time(field, comparison, moment)], &[]).await,
                expected,
                "{field:?} {comparison:?}"
            );
        }
    }
}

/// What is not there is neither equal nor unequal, neither less nor more.
pub async fn an_absent_value_fulfils_no_filter(db: &dyn Database) {
    let bare = Image { owner: Some("p".into()), ..Image::queued(ImageId::random(), at(0)) };
    let mut image = created(db, bare).await;
    image.id = ImageId::random();
    image.properties = [("p".into(), None)].into();
    created(db, image).await;
    for field in [NumberField::Size, NumberField::VirtualSize] {
        for (comparison, _) in COMPARISONS {
            assert_eq!(count(db, &[Filter::Number(field, comparison, 0)], &[]).await, 0, "{field:?} {comparison:?}");
        }
    }
    for field in [TextField::Name, TextField::DiskFormat, TextField::Checksum, TextField::OsHashValue] {
        assert_eq!(count(db, &[Filter::Text(field, vec![String::new()])], &[]).await, 0, "{field:?}");
    }
    assert_eq!(count(db, &[Filter::Property("p".into(), String::new())], &[]).await, 0);
}

/// A property has the value it has now; a removed one has none.
pub async fn property_filters_compare_the_living_value(db: &dyn Database) {
    let images = twelve(db).await;
    let is = |name: &str, value: &str| Filter::Property(name.into(), value.into());
    assert_eq!(count(db, &[is("p", "p3")], &[]).await, 1);
    assert_eq!(count(db, &[is("q", "q")], &[]).await, 12);
    assert_eq!(count(db, &[is("q", "p3")], &[]).await, 0);
    assert_eq!(count(db, &[is("unknown", "")], &[]).await, 0);
    let changed = ImageChange { properties_set: [("p".into(), Some("new".into()))].into(), ..touch(1) };
    let removed = ImageChange { properties_removed: vec!["p".into()], ..touch(2) };
    for (change, new) in [(changed.clone(), 1), (removed, 0), (changed, 1)] {
        db.update_image(images[3].id, images[3].status, &change, &ProjectLimits::NONE).await.unwrap();
        assert_eq!(count(db, &[is("p", "p3")], &[]).await, 0);
        assert_eq!(count(db, &[is("p", "new")], &[]).await, new);
    }
}

/// Several tags are asked for at once; a removed one is not there.
pub async fn tags_must_all_be_there(db: &dyn Database) {
    let images = twelve(db).await;
    assert_eq!(count(db, &[], &["t0"]).await, 12);
    assert_eq!(count(db, &[], &["t0", "t9"]).await, 3);
    assert_eq!(count(db, &[], &["t9", "t9"]).await, 3);
    assert_eq!(count(db, &[], &["t9", "x"]).await, 0);
    assert_eq!(count(db, &[], &[""]).await, 0);
    let removed = ImageChange { tags_removed: vec!["t9".into()], ..touch(1) };
    db.update_image(images[10].id, images[10].status, &removed, &ProjectLimits::NONE).await.unwrap();
    assert_eq!(count(db, &[], &["t9"]).await, 2);
    destroyed(db, &images[11]).await;
    assert_eq!(count(db, &[], &["t9"]).await, 1);
}

/// Every condition counts.
pub async fn filters_are_joined_by_and(db: &dyn Database) {
    let images = twelve(db).await;
    let filters = [
        Filter::Text(TextField::Status, vec!["active".into()]),
        Filter::Number(NumberField::Size, Comparison::AtLeast, 3),
        Filter::Property("q".into(), "q".into()),
        Filter::Time(TimeField::CreatedAt, Comparison::Less, at(9)),
        Filter::Text(TextField::Name, vec!["name5".into(), "name8".into(), "name11".into()]),
    ];
    assert_eq!(count(db, &filters, &["t0", "t7"]).await, 1);
    let mut query = all_for(false, Some("p"));
    query.filters = filters.to_vec();
    assert_eq!(ids(db, &query).await, [images[8].id, images[5].id]);
    query.viewer.project = Some("stranger".into());
    assert_eq!(ids(db, &query).await, [images[8].id, images[5].id]);
    query.viewer.project = None;
    query.visibility = VisibilityFilter::Usual;
    assert_eq!(ids(db, &query).await, [images[8].id]);
}

/// For values that the type of a field does not have.
pub async fn a_filter_for_nothing_lists_nothing(db: &dyn Database) {
    twelve(db).await;
    assert_eq!(count(db, &[Filter::Nothing], &[]).await, 0);
    assert_eq!(count(db, &[Filter::Nothing, Filter::Protected(true)], &["t0"]).await, 0);
}
