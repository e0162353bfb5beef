use std::error::Error;
use std::sync::{Arc, Mutex};

use super::*;

#[test]
fn an_operators_rule_takes_the_place_of_the_default() {
    let policy = Policy::builder()
        .rules([("get_image", "!"), ("publicize_image", "role:publisher"), ("get_image", "role:x")])
        .build();
    let x = RequestContext::new("u", "p", ["x"]);
    assert!(policy.allows("get_image", &NoTarget, &x));
    assert!(!policy.allows("get_image", &NoTarget, &RequestContext::admin("p")));
    assert!(policy.allows("publicize_image", &NoTarget, &RequestContext::new("u", "p", ["publisher"])));
    // What is not overridden stays, and sees the operator's rules.
    assert!(policy.allows("copy_image", &NoTarget, &RequestContext::admin("p")));
    let policy = Policy::builder().rule("context_is_admin", "role:boss").build();
    assert!(policy.allows("copy_image", &NoTarget, &RequestContext::new("u", "p", ["boss"])));
    assert!(!policy.is_admin(&RequestContext::admin("p")));
}

#[test]
fn an_overridden_rule_keeps_its_scope() {
    let policy = Policy::builder().rule("get_image", "@").build();
    let system = RequestContext { system_scope: Some("all".to_owned()), ..RequestContext::admin("p") };
    assert!(!policy.allows("get_image", &NoTarget, &system));
    let unscoped = RequestContext { system_scope: Some(String::new()), ..RequestContext::admin("p") };
    assert!(policy.allows("get_image", &NoTarget, &unscoped));
}

#[test]
fn a_rule_nobody_defined_denies() {
    let policy = Policy::defaults();
    let denied = policy.enforce("no_such_rule", &NoTarget, &RequestContext::admin("p"));
    assert_eq!(denied, Err(Denied { rule: "no_such_rule".to_owned() }));
    assert_eq!(denied.unwrap_err().to_string(), "You are not authorized to complete no_such_rule action");
    assert!(!policy.defines("no_such_rule"));
    // A name that is only referred to is not defined by that.
    let policy = policy_of("rule:hearsay");
    assert!(policy.defines("r"));
    assert!(!policy.defines("hearsay"));
    assert!(!policy.allows("hearsay", &NoTarget, &RequestContext::admin("p")));
}

#[test]
fn rules_refer_to_custom_rules() {
    let policy = Policy::builder().rule("a", "rule:b and not rule:c").rule("b", "role:x").rule("c", "role:y").build();
    assert!(policy.allows("a", &NoTarget, &RequestContext::new("u", "p", ["x"])));
    assert!(!policy.allows("a", &NoTarget, &RequestContext::new("u", "p", ["x", "y"])));
    assert_eq!(policy.warnings(), []);
}

#[test]
fn an_undefined_reference_means_the_default_rule() {
    let undefined = [Warning::Undefined { rule: "r".to_owned(), reference: "typo".to_owned() }];
    let policy = policy_of("rule:typo");
    assert!(policy.allows("r", &NoTarget, &member()));
    assert_eq!(policy.warnings(), undefined);

    let closed = Policy::builder().rule("r", "rule:typo").rule("default", "!").build();
    assert!(!closed.allows("r", &NoTarget, &member()));

    let renamed = Policy::builder().rule("r", "rule:typo").default_rule("context_is_admin").build();
    assert!(!renamed.allows("r", &NoTarget, &member()));
    assert!(renamed.allows("r", &NoTarget, &RequestContext::admin("p")));

    let nowhere = Policy::builder().rule("r", "rule:typo").default_rule("missing").build();
    assert!(!nowhere.allows("r", &NoTarget, &member()));
    assert_eq!(nowhere.warnings(), undefined);
}

#[test]
fn legacy_mode_also_allows_what_the_deprecated_defaults_did() {
    let old = Policy::builder().enforce_new_defaults(false).build();
    assert!(!old.enforces_new_defaults());
    assert!(Policy::defaults().enforces_new_defaults());
    let nobody = RequestContext::default();
    for rule in DEFAULT_RULES {
        let opened = matches!(rule.legacy, Some("rule:default" | "rule:metadef_default"));
        let expected = opened || Policy::defaults().allows(rule.name, &NoTarget, &nobody);
        assert_eq!(old.allows(rule.name, &NoTarget, &nobody), expected, "{}", rule.name);
    }
    let opened = DEFAULT_RULES.iter().filter(|rule| rule.legacy.is_some()).count();
    // 18 image rules, 10 of metadefs, 3 of the cache, stores_info_detail and default.
    assert_eq!(opened, 33);
}

#[test]
fn legacy_mode_leaves_overridden_rules_alone() {
    let old = Policy::builder()
        .enforce_new_defaults(false)
        .rule("get_image", "!")
        .rule("manage_image_cache", "role:cacher")
        .rule("metadef_default", "role:librarian")
        .build();
    let with = |role| RequestContext::new("u", "p", [role]);
    assert!(!old.allows("get_image", &NoTarget, &RequestContext::admin("p")));
    assert!(old.allows("cache_list", &NoTarget, &with("cacher")));
    assert!(!old.allows("cache_clean", &NoTarget, &with("cacher")));
    assert!(old.allows("get_metadef_tags", &NoTarget, &with("librarian")));
    assert!(!old.allows("get_metadef_tags", &NoTarget, &with("x")));
    let new = Policy::builder().rule("manage_image_cache", "role:cacher").build();
    assert!(!new.allows("cache_list", &NoTarget, &with("cacher")));
}

#[test]
fn being_admin_is_judged_on_the_caller_as_target() {
    let policy = Policy::builder().rule("context_is_admin", "role:admin or 'boss':%(user_id)s").build();
    assert!(policy.is_admin(&RequestContext::new("boss", "p", ["x"])));
    assert!(!policy.is_admin(&RequestContext::new("u", "p", ["x"])));
    assert!(!policy.is_admin(&RequestContext::default()));
    let same_project = Policy::builder().rule("context_is_admin", "project_id:%(project_id)s").build();
    assert!(!same_project.is_admin(&without_project(&["x"])));
}

/// Notes what it is asked, and answers what the URL ends in.
#[derive(Debug, Default)]
struct Oracle(Mutex<Vec<String>>);

impl RemoteCheck for Oracle {
    fn check(&self, question: &Question<'_>) -> Result<bool, Box<dyn Error + Send + Sync>> {
        let user = question.context.user_id.as_deref().unwrap_or_default();
        let keys = question.target.keys().join(",");
        let asked = format!("{} {} {user} {keys}", question.rule, question.url);
        self.0.lock().unwrap().push(asked);
        match question.url.rsplit('/').next() {
            Some("yes") => Ok(true),
            Some("no") => Ok(false),
            _ => Err("unreachable".into()),
        }
    }
}

#[test]
fn remote_checks_are_asked_of_whom_the_builder_was_given() {
    let target = [("id", Value::from("i1")), ("answer", "yes".into())];
    for (rule, allowed, asked) in [
        ("http://h/%(id)s/%(answer)s", true, &["r http://h/i1/yes u1 id,answer"][..]),
        ("https://h/no", false, &["r https://h/no u1 id,answer"]),
        ("not https://h/no", true, &["r https://h/no u1 id,answer"]),
        ("@ or http://h/yes", true, &[]),
        ("http://h/fails", false, &["r http://h/fails u1 id,answer"]),
        ("not http://h/fails", false, &["r http://h/fails u1 id,answer"]),
        ("http://h/fails or @", false, &["r http://h/fails u1 id,answer"]),
        ("not http://h/%(absent)s", false, &[]),
    ] {
        let oracle = Arc::new(Oracle::default());
        let policy = Policy::builder().rule("r", rule).remote(Arc::clone(&oracle) as Arc<_>).build();
        assert_eq!(policy.allows("r", &target, &member()), allowed, "{rule}");
        assert_eq!(*oracle.0.lock().unwrap(), asked, "{rule}");
        assert_eq!(policy.warnings(), [], "{rule}");
        assert!(policy.asks_others());
    }
}

#[test]
fn a_remote_check_nobody_answers_denies() {
    for rule in ["http://h/", "not http://h/", "https://h/ or @"] {
        let policy = policy_of(rule);
        assert!(!policy.allows("r", &NoTarget, &member()), "{rule}");
        assert_eq!(policy.warnings(), [Warning::NobodyToAsk { rule: "r".to_owned() }]);
    }
    assert!(policy_of("@ or http://h/").allows("r", &NoTarget, &member()));
    assert!(!Policy::defaults().asks_others());
}

#[test]
fn nothing_printed_quotes_a_rule() {
    let secret = "http://user:pa55word@host/ or auth_token:pa55word and (pa55word";
    let policy = Policy::builder().rule("r", secret).rule("s", "https://u:pa55word@h/").build();
    let builder = Policy::builder().rule("r", secret);
    let shown: Vec<_> = policy.warnings().iter().map(ToString::to_string).collect();
    let warnings = format!("{} {:?}", shown.join(" "), policy.warnings());
    assert!(warnings.contains("rule r") && warnings.contains("rule s"), "{warnings}");
    for printed in [warnings, format!("{policy:?}"), format!("{builder:?}")] {
        assert!(!printed.contains("pa55word"), "{printed}");
    }
}
