use glance_core::database::{Comparison, Direction, Filter, NumberField, SortKey, TextField, TimeField};
use glance_core::image::Visibility;
use proptest::prelude::*;

use super::*;

fn read(query: &str) -> ListRequest {
    whole(query).unwrap_or_else(|error| panic!("{query}: {error:?}")).request
}

fn whole(query: &str) -> Result<ListQuery, ApiError> {
    ListQuery::read(query)?.filtered()
}

fn filters(query: &str) -> Vec<Filter> {
    read(query).filters
}

#[test]
fn no_query_asks_for_the_newest_images() {
    for query in ["", "&&&"] {
        let sort = vec![(SortKey::CreatedAt, Direction::Descending)];
        assert_eq!(read(query), ListRequest { sort, ..ListRequest::default() });
    }
}

#[test]
fn every_parameter_has_its_place() {
    let request = read(
        "limit=3&marker=71c675ab-d94f-49cd-a114-e12490b328d9&visibility=community&member_status=all&os_hidden=TRUE\
         &tag=+a&tag=b&deleted=true",
    );
    assert_eq!((request.limit, request.hidden, request.member_status), (Some(3), true, None));
    assert_eq!(request.marker.unwrap().as_str(), "71c675ab-d94f-49cd-a114-e12490b328d9");
    assert_eq!(request.visibility, VisibilityWish::Only(Visibility::Community));
    assert_eq!(request.tags, ["a", "b"]);
    assert_eq!(request.filters, []);
}

#[test]
fn fields_are_filtered_by_their_type() {
    let text = |field, values: &[&str]| vec![Filter::Text(field, values.iter().map(|&v| v.to_owned()).collect())];
    let number = |field, comparison, value| vec![Filter::Number(field, comparison, value)];
    let time =
        |comparison| vec![Filter::Time(TimeField::CreatedAt, comparison, "2000-01-01T00:00:00Z".parse().unwrap())];
    for (query, expected) in [
        ("name=a", text(TextField::Name, &["a"])),
        ("name=", text(TextField::Name, &[""])),
        ("name", text(TextField::Name, &[""])),
        ("name=a&name=b", text(TextField::Name, &["b"])),
        ("name=eq:x:y", text(TextField::Name, &["x:y"])),
        ("name=in:%22c,d%22,a", text(TextField::Name, &["c,d", "a"])),
        ("name=in:", text(TextField::Name, &[])),
        ("name=h%C3%A9", text(TextField::Name, &["hé"])),
        ("owner=in:a", text(TextField::Owner, &["in:a"])),
        ("checksum=x", text(TextField::Checksum, &["x"])),
        ("size=5", number(NumberField::Size, Comparison::Equal, 5)),
        ("size_min=5", number(NumberField::Size, Comparison::AtLeast, 5)),
        ("min_ram_max=-1", number(NumberField::MinRam, Comparison::AtMost, -1)),
        ("size=abc", vec![Filter::Nothing]),
        ("visibility=", vec![Filter::Nothing]),
        ("tag=", vec![Filter::Nothing]),
        ("name=%00", vec![Filter::Nothing]),
        ("protected=false", vec![Filter::Protected(false)]),
        ("created_at=2000-01-01T00:00:00Z", time(Comparison::Equal)),
        ("created_at=gte:2000-01-01", time(Comparison::AtLeast)),
        ("created_at=lt:2000-01-01T05:00:00%2B05:00", time(Comparison::Less)),
        ("foo=in:x,y", vec![Filter::Property("foo".into(), "in:x,y".into())]),
        ("tags=x", vec![Filter::Property("tags".into(), "x".into())]),
        ("members=x", vec![Filter::Property("members".into(), "x".into())]),
    ] {
        assert_eq!(filters(query), expected, "{query}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for query in [
        "limit=abc",
        "limit=-1",
        "limit=1.5",
        "limit=",
        "marker=nope",
        "marker=",
        "visibility=bogus",
        "visibility=Public",
        "member_status=bogus",
        "member_status=",
        "os_hidden=1",
        "os_hidden=",
        "protected=True",
        "protected=",
        "changes-since=2000-01-01",
        "changes-since=",
        "name=neq:a",
        "name=x:y",
        "name=in:%22a",
        "created_at=bad:2000-01-01T00:00:00Z",
        "created_at=gt:garbage",
        "created_at=in:2000-01-01",
        "created_at=",
        "size_min=abc",
        "size_min=",
        "size_max=1.5",
        "foo_min=3",
        "foo_max=x",
        "sort=bogus",
        "sort=",
        "sort=:asc",
        "sort=name,",
        "sort=name:up",
        "sort=name:ASC",
        "sort=name&sort_key=id",
        "sort=name&sort_dir=asc",
        "sort_key=min_disk",
        "sort_key=",
        "sort_dir=bogus",
        "sort_key=name&sort_dir=asc&sort_dir=desc",
    ] {
        assert!(whole(query).is_err(), "{query}");
    }
}

#[test]
fn both_ways_to_sort_come_to_the_same() {
    use Direction::{Ascending, Descending};
    for (query, sort, tie_break) in [
        ("sort=name", vec![(SortKey::Name, Descending)], Descending),
        ("sort=name:%20asc", vec![(SortKey::Name, Ascending)], Ascending),
        ("sort=name:asc,size", vec![(SortKey::Name, Ascending), (SortKey::Size, Descending)], Descending),
        ("sort_key=name&sort_dir=asc", vec![(SortKey::Name, Ascending)], Ascending),
        (
            "sort_key=name&sort_key=size&sort_dir=asc",
            vec![(SortKey::Name, Ascending), (SortKey::Size, Ascending)],
            Ascending,
        ),
        (
            "sort_key=name&sort_key=size&sort_dir=asc&sort_dir=desc",
            vec![(SortKey::Name, Ascending), (SortKey::Size, Descending)],
            Descending,
        ),
        ("sort_dir=asc", vec![(SortKey::CreatedAt, Ascending)], Ascending),
    ] {
        let request = read(query);
        assert_eq!((request.sort, request.tie_break), (sort, tie_break), "{query}");
    }
}

#[test]
fn a_request_has_a_bounded_number_of_conditions() {
    let many = |name: &str, count: usize| {
        (0..count).map(|at| name.replace('#', &at.to_string())).collect::<Vec<_>>().join("&")
    };
    assert_eq!(filters(&many("p#=x", 32)).len(), 32);
    assert!(whole(&many("p#=x", 33)).is_err());
    assert_eq!(read(&many("tag=t#", 32)).tags.len(), 32);
    assert!(whole(&many("tag=t#", 33)).is_err());
    assert_eq!(filters(&many("name=#", 256)).len(), 1);
    assert!(whole(&many("name=#", 257)).is_err());
}

#[test]
fn links_keep_every_parameter_but_the_marker() {
    let id = "71c675ab-d94f-49cd-a114-e12490b328d9";
    let links = whole(&format!("tag=a&tag=b&marker={id}&limit=1&foo=x%20y:%C3%A9")).unwrap().links;
    assert_eq!(links.first(), "/v2/images?tag=a&tag=b&limit=1&foo=x+y%3A%C3%A9");
    assert_eq!(links.next("m"), "/v2/images?tag=a&tag=b&limit=1&foo=x+y%3A%C3%A9&marker=m");
    let links = whole("").unwrap().links;
    assert_eq!(links.first(), "/v2/images");
    assert_eq!(links.next("m"), "/v2/images?marker=m");
}

proptest! {
    #[test]
    fn no_query_makes_the_reader_panic(query in "[a-z_=&:,%\"\\\\0-9+ -]{0,60}") {
        let _ = whole(&query);
    }

    #[test]
    fn a_link_leads_to_the_same_list(names in prop::collection::vec(("p[a-zé =&]{0,5}", "[a-zé =&+%]{0,5}"), 0..5)) {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&names);
        let first = whole(&query.finish()).unwrap();
        let link = first.links.first();
        let again = whole(link.split_once('?').map_or("", |(_, query)| query)).unwrap();
        prop_assert_eq!(again.request, first.request);
    }
}
