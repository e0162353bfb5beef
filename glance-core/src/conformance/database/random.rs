//! Lists of random images by random queries, compared with the [model](super::listed).

use super::{Known, all_for, at, created, ids, image_of, listed};
use crate::database::{
    Comparison, Database, Direction, Filter, ImageQuery, NumberField, SortKey, TextField, TimeField, VisibilityFilter,
};
use crate::image::{Status, Visibility};
use crate::member::MemberStatus;

const IMAGES: usize = 80;
const QUERIES: usize = 400;

/// Every kind of viewer, filter, order and marker, mixed by chance.
pub async fn random_lists_agree_with_the_model(db: &dyn Database) {
    let mut chance = Chance(0x5eed);
    let mut known = Vec::new();
    for _ in 0..IMAGES {
        known.push(random_image(db, &mut chance).await);
    }
    let mut found = 0;
    for number in 0..QUERIES {
        let mut query = random_query(&mut chance, &known);
        let expected = listed(&query, &known);
        found += expected.len();
        assert_eq!(ids(db, &query).await, expected, "query {number}: {query:#?}");
        // Behind any image, listed or not.
        query.marker = Some(Box::new(chance.of(&known).image.clone()));
        assert_eq!(ids(db, &query).await, listed(&query, &known), "query {number} behind a marker: {query:#?}");
    }
    assert!(found > QUERIES, "the queries list too little to compare");
}

/// A row of numbers that is the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    fn word(&mut self) -> String {
        (*self.of(&["a", "b", "c", "ab", ""])).to_owned()
    }

    fn maybe(&mut self) -> Option<String> {
        (!self.one_in(3)).then(|| self.word())
    }

    fn small(&mut self) -> u32 {
        u32::try_from(self.below(4)).unwrap()
    }

    fn project(&mut self) -> String {
        (*self.of(&["p", "q", "r"])).to_owned()
    }
}

async fn random_image(db: &dyn Database, chance: &mut Chance) -> Known {
    let mut image = image_of(&chance.project(), chance.small().into());
    image.owner = if chance.one_in(8) { None } else { image.owner };
    image.name = chance.maybe();
    image.status = *chance.of(&[Status::Queued, Status::Active, Status::Active, Status::Saving, Status::Killed]);
    image.visibility = *chance.of(&Visibility::ALL);
    image.protected = chance.one_in(2);
    image.hidden = chance.one_in(4);
    image.disk_format = chance.maybe();
    image.container_format = chance.maybe();
    image.min_disk = chance.small();
    image.size = (!chance.one_in(3)).then(|| chance.small().into());
    image.checksum = chance.maybe();
    image.updated_at = at(chance.small().into());
    image.properties = (0..chance.below(3)).map(|_| (chance.word(), chance.maybe())).collect();
    image.tags = (0..chance.below(3)).map(|_| chance.word()).collect();
    let image = created(db, image).await;
    let mut members = Vec::new();
    for project in ["p", "q", "r"] {
        if chance.one_in(2) {
            let status = *chance.of(&MemberStatus::ALL);
            db.add_member(image.id, project, None, at(0)).await.unwrap();
            db.set_member_status(image.id, project, status, at(0)).await.unwrap();
            members.push((project.to_owned(), status));
        }
    }
    Known { image, members }
}

fn random_query(chance: &mut Chance, known: &[Known]) -> ImageQuery {
    let project = (!chance.one_in(4)).then(|| chance.project());
    let mut query = all_for(chance.one_in(3), project.as_deref());
    query.visibility = match chance.below(6) {
        0 => VisibilityFilter::All,
        n if n <= 4 => VisibilityFilter::Only(Visibility::ALL[n - 1]),
        _ => VisibilityFilter::Usual,
    };
    query.member_status = (!chance.one_in(3)).then(|| *chance.of(&MemberStatus::ALL));
    query.hidden = chance.one_in(4);
    query.filters = (0..chance.below(3)).map(|_| random_filter(chance, known)).collect();
    query.tags = if chance.one_in(4) { vec![chance.word()] } else { Vec::new() };
    query.limit = *chance.of(&[1, 2, 7, 1000]);
    query.sort = random_order(chance);
    query
}

fn random_order(chance: &mut Chance) -> Vec<(SortKey, Direction)> {
    let direction = |chance: &mut Chance| *chance.of(&[Direction::Ascending, Direction::Descending]);
    let keys = [
        SortKey::Name,
        SortKey::Status,
        SortKey::ContainerFormat,
        SortKey::DiskFormat,
        SortKey::Size,
        SortKey::CreatedAt,
        SortKey::UpdatedAt,
    ];
    let mut order: Vec<_> = (0..chance.below(3)).map(|_| (*chance.of(&keys), direction(chance))).collect();
    let last = direction(chance);
    order.extend([(SortKey::CreatedAt, last), (SortKey::Id, last)]);
    order
}

fn random_filter(chance: &mut Chance, known: &[Known]) -> Filter {
    let comparison = *chance.of(&[
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::AtMost,
        Comparison::Greater,
        Comparison::AtLeast,
    ]);
    let text =
        [TextField::Name, TextField::Owner, TextField::DiskFormat, TextField::ContainerFormat, TextField::Checksum];
    match chance.below(8) {
        0 => Filter::Number(NumberField::Size, comparison, chance.small().into()),
        1 => Filter::Number(NumberField::MinDisk, comparison, chance.small().into()),
        2 => Filter::Time(TimeField::CreatedAt, comparison, at(chance.small().into())),
        3 => Filter::Time(TimeField::UpdatedAt, comparison, at(chance.small().into())),
        4 => Filter::Protected(chance.one_in(2)),
        5 => Filter::Property(chance.word(), chance.word()),
        6 => Filter::Text(TextField::Id, (0..9).map(|_| chance.of(known).image.id.to_string()).collect()),
        _ => Filter::Text(*chance.of(&text), vec![chance.word(), chance.project()]),
    }
}
