use serde_json::json;

use super::*;

fn image() -> [(&'static str, Value<'static>); 8] {
    [
        ("owner", "p1".into()),
        ("name", "web server".into()),
        ("visibility", "public".into()),
        ("a.b", "p1".into()),
        ("role", "MEMBER".into()),
        ("protected", true.into()),
        ("min_disk", Value::Integer(5)),
        ("member", Value::Null),
    ]
}

fn holds(rule: impl Into<RuleSource>) -> bool {
    policy_of(rule).allows("r", &image(), &member())
}

#[test]
fn words_combine_as_the_grammar_says() {
    for (rule, expected) in [
        ("", true),
        ("@", true),
        ("!", false),
        ("not !", true),
        ("not @", false),
        ("not not @", true),
        ("NOT !", true),
        ("@ and !", false),
        ("@ AND @", true),
        ("! or @", true),
        ("! Or !", false),
        // `and` binds tighter than `or`, `not` tighter than both.
        ("@ or @ and !", true),
        ("! and ! or @", true),
        ("(@ or @) and !", false),
        ("not ! and !", false),
        ("not (! and !)", true),
        ("not @ or @", true),
        ("! or not ! and @", true),
        ("(@)", true),
        ("((@))", true),
        ("( @ )", true),
        ("(!)or @", false),
        ("@\tand\n@", true),
        ("  @  ", true),
    ] {
        assert_eq!(holds(rule), expected, "{rule:?}");
    }
}

#[test]
fn checks_compare_as_python_prints() {
    for (rule, expected) in [
        ("role:member", true),
        ("role:MEMBER", true),
        ("role:%(role)s", true),
        ("role:admin", false),
        ("role:%(absent)s", false),
        ("user_id:u1", true),
        ("user:u1", true),
        ("project_id:%(owner)s", true),
        ("tenant:%(owner)s", true),
        ("project:%(owner)s", true),
        ("project_id:P1", false),
        ("project_id:%(absent)s", false),
        ("project_id:%(a.b)s", true),
        ("project_id:%(a)s", false),
        ("user_domain_id:ud", true),
        ("user_domain:ud", true),
        ("project_domain_id:pd", true),
        ("project_domain:pd", true),
        ("roles:member", true),
        ("roles:admin", false),
        ("service_roles:compute", true),
        ("service_roles:member", false),
        ("service_user_id:nova", true),
        ("service_project_id:services", true),
        ("request_id:req-1", true),
        ("auth_token:secret-token", true),
        ("is_admin_project:True", true),
        ("is_admin_project:true", false),
        ("is_admin_project:1", false),
        ("read_only:False", true),
        ("domain_id:None", true),
        ("system_scope:None", true),
        // Neither known of a caller nor nested.
        ("is_admin:True", false),
        ("is_admin:False", false),
        ("user_id.x:u1", false),
        ("roles.x:member", false),
        ("nonsense:nonsense", false),
        // Literals on the left.
        ("'public':%(visibility)s", true),
        ("\"public\":%(visibility)s", true),
        ("'shared':%(visibility)s", false),
        ("'public':public", true),
        ("True:%(protected)s", true),
        ("False:%(protected)s", false),
        ("5:%(min_disk)s", true),
        ("5.0:%(min_disk)s", false),
        ("None:%(member)s", true),
        ("'None':%(member)s", true),
        ("None:%(absent)s", false),
        // Places inside text, and several of them.
        ("'is-public':is-%(visibility)s", true),
        ("'p1/public/5':%(owner)s/%(visibility)s/%(min_disk)s", true),
        ("'p1/public':%(owner)s/%(visibility)s/", false),
        ("'100%':100%%", true),
        // The match may hold colons and parentheses.
        ("'a:b':a:b", false),
        ("'x':x:y", false),
        ("request_id:req-1:x", false),
        ("(project_id:%(owner)s)", true),
        ("((project_id:%(owner)s) and(role:member))", false),
        ("(project_id:%(owner)s and (role:member))", true),
    ] {
        assert_eq!(holds(rule), expected, "{rule:?}");
    }
}

#[test]
fn a_rule_that_cannot_be_read_is_false_and_named() {
    for (rule, word) in [
        (" ", 1),
        ("and", 1),
        ("@ and", 3),
        ("or @", 1),
        ("@ or or @", 3),
        ("not", 2),
        ("not and @", 2),
        ("@ not @", 2),
        ("@ @", 2),
        ("(@", 3),
        ("@)", 2),
        ("()", 2),
        (") @ (", 1),
        ("@ 'quoted'", 2),
        ("'a':'b'", 1),
        ("\"\"", 1),
    ] {
        let policy = policy_of(rule);
        let flaw = Flaw::Syntax { word };
        assert_eq!(policy.warnings(), [Warning::Unparsable { rule: "r".to_owned(), flaw }], "{rule:?}");
        assert!(!policy.allows("r", &image(), &member()), "{rule:?}");
    }
}

#[test]
fn a_check_that_cannot_be_read_is_named_and_leaves_the_rest_of_its_rule() {
    let unknown = |name: &str| BadCheck::UnknownCredential { name: name.to_owned() };
    for (rule, expected, flaw) in [
        ("nocolon or @", true, BadCheck::NoColon),
        ("nocolon", false, BadCheck::NoColon),
        ("is_admin:True or @", true, unknown("is_admin")),
        ("not x-y.z:1", true, unknown("x-y.z")),
        ("@ or :x", true, BadCheck::Kind),
        ("@ or 05:5", true, BadCheck::Kind),
        ("HTTP://h", false, unknown("HTTP")),
        ("@ or role:50%", true, BadCheck::Format),
    ] {
        let policy = policy_of(rule);
        assert_eq!(policy.warnings(), [Warning::BadCheck { rule: "r".to_owned(), flaw }], "{rule:?}");
        assert_eq!(policy.allows("r", &image(), &member()), expected, "{rule:?}");
    }
}

#[test]
fn a_check_that_cannot_be_filled_denies_even_behind_not() {
    for rule in [
        "role:50%",
        "not role:50%",
        "not (@ and user_id:%d)",
        "user_id:%(owner)d or @",
        "not 05:5",
        "not [1]:2",
        "not :x",
        "x(:y or @",
    ] {
        assert!(!holds(rule), "{rule}");
    }
}

#[test]
fn lists_are_alternatives_of_conjunctions() {
    for (json, expected) in [
        (json!([]), true),
        (json!(null), true),
        (json!([[]]), false),
        (json!([""]), false),
        (json!(["@"]), true),
        (json!([["@", "!"], ["@"]]), true),
        (json!([["@", "!"], "!"]), false),
        (json!([["@", "role:member"], "!"]), true),
        (json!([[], ["@"]]), true),
        (json!([[""]]), false),
        (json!([["project_id:%(owner)s", "role:member"]]), true),
        // No policy language in here: blanks belong to the check.
        (json!([["'web server':%(name)s"]]), true),
        (json!(["not @"]), false),
        (json!(["@ or @"]), false),
        (json!(false), false),
        (json!(true), false),
        (json!({}), false),
        (json!([["@"], 5]), false),
    ] {
        assert_eq!(holds(RuleSource::from(json.clone())), expected, "{json}");
    }
}

#[test]
fn no_attribute_of_the_caller_equals_a_null() {
    let nobodys = [("owner", Value::Null), ("name", "None".into())];
    for rule in ["project_id:%(owner)s", "tenant:%(owner)s", "user_id:%(owner)s", "roles:%(owner)s"] {
        let policy = policy_of(rule);
        assert!(!policy.allows("r", &nobodys, &without_project(&["member"])), "{rule}");
        // Nor do ids that read like one.
        let named_none = RequestContext::new("None", "None", ["None", "none"]);
        assert!(!policy.allows("r", &nobodys, &named_none), "{rule}");
    }
    assert!(!policy_of("role:%(owner)s").allows("r", &nobodys, &RequestContext::new("u", "p", ["none"])));
    assert!(!policy_of("project_id:%(name)s").allows("r", &nobodys, &without_project(&[])));
    let empty = [("name", Value::from(""))];
    assert!(!policy_of("project_id:%(name)s").allows("r", &empty, &RequestContext::new("u", "", ["x"])));
    assert!(policy_of("project_id:None").allows("r", &nobodys, &without_project(&[])));
}

#[test]
fn roles_are_compared_without_case_beyond_ascii_too() {
    let caller = RequestContext { roles: vec!["Prüfer".to_owned(), "Ops".to_owned()], ..member() };
    for (rule, expected) in [("role:PRÜFER", true), ("role:prüfer", true), ("role:prufer", false), ("role:oPS", true)]
    {
        assert_eq!(policy_of(rule).allows("r", &NoTarget, &caller), expected, "{rule}");
    }
}

#[test]
fn tags_equal_no_text() {
    let tags = ["a".to_owned()];
    let target = [("tags", Value::from(&tags[..]))];
    assert!(!policy_of("'a':%(tags)s").allows("r", &target, &member()));
    assert!(!policy_of("'[a]':%(tags)s").allows("r", &target, &member()));
}
