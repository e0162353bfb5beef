use super::*;

/// Who asks, in the order of the letters used below.
const CALLERS: [char; 8] = ['n', 'r', 'm', 'R', 'M', 'S', 'a', 's'];

/// `n`obody, `r`eader and `m`ember of another project, `R`eader and `M`ember of the owner's project,
/// member of a project the image is `S`hared with, `a`dministrator, `s`ervice.
fn caller(letter: char) -> RequestContext {
    match letter {
        'n' => RequestContext { read_only: true, ..RequestContext::default() },
        'r' => RequestContext::new("u", "other", ["reader"]),
        'm' => RequestContext::new("u", "other", ["member", "reader"]),
        'R' => RequestContext::new("u", "owner", ["reader"]),
        'M' => RequestContext::new("u", "owner", ["member", "reader"]),
        'S' => RequestContext::new("u", "friend", ["member", "reader"]),
        'a' => RequestContext::new("u", "other", ["admin"]),
        _ => RequestContext::new("u", "other", ["service"]),
    }
}

fn object(visibility: &'static str) -> [(&'static str, Value<'static>); 4] {
    [
        ("project_id", "owner".into()),
        ("owner", "owner".into()),
        ("member_id", "friend".into()),
        ("visibility", visibility.into()),
    ]
}

fn allowed(policy: &Policy, rule: &str, target: &dyn Target) -> String {
    CALLERS.iter().filter(|letter| policy.allows(rule, target, &caller(**letter))).collect()
}

/// Rules and who passes them for a private object of project `owner`.
const PRIVATE: [(&str, &str); 12] = [
    ("default metadef_default get_task get_tasks add_task modify_task", "nrmRMSas"),
    ("context_is_admin metadef_admin", "a"),
    ("service_api fetch_image_location stores_info_detail", "as"),
    (
        "publicize_image copy_image delete_image_location manage_image_cache list_cached_nodes \
         tasks_api_access cache_image cache_list cache_delete cache_clean cache_prune",
        "a",
    ),
    (
        "add_image modify_image delete_image communitize_image upload_image set_image_location \
         add_member delete_member deactivate reactivate",
        "Ma",
    ),
    ("add_image_location", "Mas"),
    ("get_image", "RMSa"),
    ("get_images get_image_location get_metadef_namespaces", "RMa"),
    ("download_image download_from_store", "MSa"),
    ("get_member get_members", "RMSa"),
    ("modify_member", "Sa"),
    (
        "get_metadef_namespace get_metadef_object get_metadef_objects get_metadef_property \
         get_metadef_properties get_metadef_tag get_metadef_tags list_metadef_resource_types \
         get_metadef_resource_type",
        "RMa",
    ),
];

const METADEF_CHANGES: &str = "add_metadef_namespace modify_metadef_namespace delete_metadef_namespace \
     add_metadef_object modify_metadef_object delete_metadef_object \
     add_metadef_property modify_metadef_property remove_metadef_property \
     add_metadef_resource_type_association remove_metadef_resource_type_association \
     add_metadef_tag add_metadef_tags modify_metadef_tag delete_metadef_tag delete_metadef_tags";

fn expected_of_a_private_object() -> Vec<(&'static str, &'static str)> {
    PRIVATE
        .iter()
        .chain([&(METADEF_CHANGES, "a")])
        .flat_map(|(rules, who)| rules.split_whitespace().map(|rule| (rule, *who)))
        .collect()
}

#[test]
fn every_default_rule_lets_pass_whom_it_should() {
    let policy = Policy::defaults();
    for (rule, who) in expected_of_a_private_object() {
        assert_eq!(allowed(&policy, rule, &object("private")), who, "{rule}");
    }
}

#[test]
fn the_expectations_cover_all_67_rules() {
    let mut expected: Vec<_> = expected_of_a_private_object().into_iter().map(|(rule, _)| rule).collect();
    let mut rules: Vec<_> = DEFAULT_RULES.iter().map(|rule| rule.name).collect();
    expected.sort_unstable();
    rules.sort_unstable();
    assert_eq!(expected, rules);
    rules.dedup();
    assert_eq!(rules.len(), 67);
}

#[test]
fn visibility_opens_reading_and_nothing_else() {
    let policy = Policy::defaults();
    for visibility in ["public", "community", "shared"] {
        let object = object(visibility);
        for (rule, private) in expected_of_a_private_object() {
            let metadef = rule.contains("metadef") && rule != "get_metadef_namespaces";
            let who = match rule {
                "get_image" => "rmRMSa",
                "download_image" | "download_from_store" => "mMSa",
                _ if metadef && private == "RMa" && visibility == "public" => "rmRMSa",
                _ => private,
            };
            assert_eq!(allowed(&policy, rule, &object), who, "{rule} on {visibility}");
        }
    }
}

#[test]
fn what_nobody_owns_is_for_administrators() {
    let policy = Policy::defaults();
    let nobodys = [
        ("project_id", Value::Null),
        ("owner", Value::Null),
        ("member_id", Value::Null),
        ("visibility", "private".into()),
    ];
    for rule in ["add_image", "get_image", "modify_image", "delete_image", "get_images", "modify_member"] {
        assert_eq!(allowed(&policy, rule, &nobodys), "a", "{rule}");
        assert!(!policy.allows(rule, &nobodys, &without_project(&["member", "reader"])), "{rule}");
    }
}

#[test]
fn implied_roles_are_keystones_to_expand() {
    let policy = Policy::defaults();
    let alone = |role| RequestContext::new("u", "owner", [role]);
    assert!(!policy.allows("get_image", &object("private"), &alone("member")));
    assert!(!policy.allows("modify_image", &object("private"), &alone("manager")));
    assert!(policy.allows("modify_image", &object("private"), &alone("admin")));
}

#[test]
fn the_defaults_have_no_flaw() {
    assert_eq!(Policy::defaults().warnings(), []);
    assert_eq!(Policy::builder().enforce_new_defaults(false).build().warnings(), []);
}

#[test]
fn only_helper_rules_are_open_to_every_scope() {
    let policy = Policy::builder().rule("mine", "@").build();
    let mut system = RequestContext::admin("p");
    system.system_scope = Some("all".to_owned());
    let mut domain = RequestContext::admin("p");
    domain.domain_id = Some("d".to_owned());
    let open = ["default", "context_is_admin", "service_api", "metadef_default", "metadef_admin"];
    for rule in DEFAULT_RULES {
        let expected = open.contains(&rule.name);
        assert_eq!(policy.allows(rule.name, &object("public"), &system), expected, "{}", rule.name);
        assert_eq!(policy.allows(rule.name, &object("public"), &domain), expected, "{}", rule.name);
    }
    assert!(policy.allows("mine", &NoTarget, &system));
    assert!(policy.is_admin(&system));
}
