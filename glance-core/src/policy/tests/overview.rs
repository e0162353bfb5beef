//! What a policy says as a whole, and in what two differ.

use super::*;

#[test]
fn every_rule_is_listed_with_where_it_comes_from() {
    let policy = Policy::builder()
        .rule("get_image", "role:auditor")
        .rule("copy_image", "(rule:context_is_admin)")
        .rule("mine", "https://u:p@h/")
        .build();
    let rules = policy.rules();
    assert_eq!(rules.len(), 68);
    assert!(rules.is_sorted_by(|a, b| a.name < b.name));
    let named = |name: &str| rules.iter().find(|rule| rule.name == name).unwrap();
    for (name, standing, redundant, check) in [
        ("get_image", Standing::Overridden, false, "role:auditor"),
        ("copy_image", Standing::Overridden, true, "rule:context_is_admin"),
        ("mine", Standing::Custom, false, "https://***@h/"),
        ("default", Standing::Default, false, "@"),
        (
            "modify_member",
            Standing::Default,
            false,
            "rule:context_is_admin or (role:member and project_id:%(member_id)s)",
        ),
    ] {
        let rule = named(name);
        assert_eq!((rule.standing, rule.is_redundant, rule.check.as_str()), (standing, redundant, check), "{name}");
    }
}

#[test]
fn deprecated_defaults_show_where_they_count() {
    let policy = Policy::builder().enforce_new_defaults(false).build();
    let check = |name: &str| policy.rules().into_iter().find(|rule| rule.name == name).unwrap().check;
    assert_eq!(check("cache_list"), "rule:context_is_admin or rule:manage_image_cache");
    assert_eq!(
        check("delete_image"),
        "rule:context_is_admin or (role:member and project_id:%(project_id)s) or rule:default"
    );
}

#[test]
fn rules_that_nothing_asks_are_found() {
    let policy = Policy::builder()
        .rules([
            ("get_imags", "@"),
            ("alias", "@"),
            ("other", "rule:alias"),
            ("get_image", "rule:other"),
            ("last", "@"),
        ])
        .default_rule("last")
        .build();
    assert_eq!(policy.unused(), ["get_imags"]);
    for (name, meant) in [
        ("get_imags", Some("get_image")),
        ("getimage", Some("get_image")),
        ("delete-image", Some("delete_image")),
        ("alias", None),
        ("", None),
    ] {
        assert_eq!(likely_meant(name), meant, "{name}");
    }
}

fn differing(one: &Policy, other: &Policy) -> Vec<(String, Vec<String>)> {
    one.differences(other).into_iter().map(|found| (found.name, found.through)).collect()
}

#[test]
fn what_differs_is_found_directly_and_through_others() {
    let one = Policy::builder().rules([("a", "role:x"), ("b", "rule:a"), ("c", "rule:b"), ("d", "role:Y")]).build();
    let other =
        Policy::builder().rules([("a", "role:z"), ("b", "rule:a"), ("c", "@"), ("d", "role:y"), ("e", "!")]).build();
    let named = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        differing(&one, &other),
        [
            ("a".to_owned(), named(&[])),
            ("b".to_owned(), named(&["a"])),
            ("c".to_owned(), named(&["a"])),
            ("e".to_owned(), named(&[])),
        ]
    );
    let found = one.differences(&other);
    assert_eq!((found[0].before.as_deref(), found[0].after.as_deref()), (Some("role:x"), Some("role:z")));
    assert_eq!((found[3].before.as_deref(), found[3].after.as_deref()), (None, Some("!")));
    assert_eq!(differing(&one, &one), []);
}

#[test]
fn passwords_count_and_do_not_show() {
    let asking = |url: &str| Policy::builder().rule("a", url).build();
    let found = asking("http://u:one@h/").differences(&asking("http://u:two@h/"));
    assert_eq!(found.len(), 1);
    assert!(!format!("{found:?}").contains("one"));
}

#[test]
fn the_deprecated_defaults_make_a_difference() {
    let legacy = Policy::builder().enforce_new_defaults(false).build();
    let names: Vec<_> = Policy::defaults().differences(&legacy).into_iter().map(|found| found.name).collect();
    assert!(names.contains(&"delete_image".to_owned()) && !names.contains(&"copy_image".to_owned()), "{names:?}");
}
