use super::*;

fn limits(list: &[(&str, i64)]) -> HashMap<String, i64> {
    list.iter().map(|(name, limit)| ((*name).to_owned(), *limit)).collect()
}

#[test]
fn own_limits_come_first_and_what_is_nowhere_is_nothing() {
    let registered = limits(&[("image_size_total", 5), ("image_count_total", 7), ("cores", 9)]);
    let own = limits(&[("image_count_total", 3), ("image_stage_total", 2), ("image_count_uploading", -1)]);
    let expected = ProjectLimits {
        image_size_total: Some(5 << 20),
        image_stage_total: Some(2 << 20),
        image_count_total: Some(3),
        image_count_uploading: None,
    };
    assert_eq!(together(&own, &registered), expected);
    let nothing = ProjectLimits {
        image_size_total: Some(0),
        image_stage_total: Some(0),
        image_count_total: Some(0),
        image_count_uploading: Some(0),
    };
    assert_eq!(together(&HashMap::new(), &HashMap::new()), nothing);
    let odd = limits(&[("image_size_total", i64::MAX), ("image_count_total", i64::MIN)]);
    let read = together(&odd, &HashMap::new());
    assert_eq!((read.image_size_total, read.image_count_total), (Some(u64::MAX), Some(0)));
}
