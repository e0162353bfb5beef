//! Explanations: which check decided, what it compared, and no secret.

use proptest::prelude::*;

use super::*;

fn allowed_because(policy: &Policy, rule: &str, target: &dyn Target, context: &RequestContext) -> (bool, String) {
    let explained = policy.explain(rule, target, context);
    assert_eq!(explained.allowed, policy.allows(rule, target, context), "{rule}");
    let why = match explained.reason {
        Reason::Check { rules, check } => format!("{} > {check}", rules.join(" > ")),
        Reason::Scope => "scope".to_owned(),
        Reason::Undefined => "undefined".to_owned(),
    };
    (explained.allowed, why)
}

#[test]
fn the_part_that_decides_is_named() {
    let policy = Policy::builder()
        .rule("a", "role:x and not role:y")
        .rule("b", "rule:a or role:z")
        .rule("c", "rule:nowhere")
        .rule("d", "rule:d or @")
        .rule("e", "role:50% or @")
        .rule("default", "role:last")
        .build();
    let system = RequestContext { system_scope: Some("all".to_owned()), ..RequestContext::admin("p1") };
    let mine = [("project_id", "p1".into()), ("visibility", "private".into()), ("member_id", Value::Null)];
    let with = |roles: &[&str]| RequestContext::new("u1", "p1", roles);
    for (rule, context, allowed, why) in [
        ("get_image", with(&["admin"]), true, "get_image > context_is_admin > role:admin"),
        (
            "get_image",
            with(&["member"]),
            false,
            "get_image > rule:context_is_admin or (role:reader and (project_id:%(project_id)s or project_id:%(member_id)s or 'community':%(visibility)s or 'public':%(visibility)s or 'shared':%(visibility)s))",
        ),
        ("delete_image", with(&["member"]), true, "delete_image > role:member and project_id:%(project_id)s"),
        ("copy_image", with(&["member"]), false, "copy_image > context_is_admin > role:admin"),
        ("copy_image", system, false, "scope"),
        ("a", with(&["x"]), true, "a > role:x and not role:y"),
        ("a", with(&["x", "y"]), false, "a > not role:y"),
        ("b", with(&["x"]), true, "b > a > role:x and not role:y"),
        ("b", with(&["z"]), true, "b > role:z"),
        ("c", with(&["last"]), true, "c > default > role:last"),
        ("c", with(&[]), false, "c > default > role:last"),
        ("d", with(&[]), false, "d > rule:d"),
        ("e", with(&[]), false, "e > (unreadable)"),
        ("nowhere", with(&["admin"]), false, "undefined"),
        ("no_such_rule", with(&["admin"]), false, "undefined"),
    ] {
        assert_eq!(allowed_because(&policy, rule, &mine, &context), (allowed, why.to_owned()), "{rule}");
    }
}

/// The nodes of a tree, each with its depth in blanks.
fn lines(shown: &Node, depth: usize, into: &mut Vec<String>) {
    let way = if shown.reached { "" } else { "~" };
    let note = shown.note.as_ref().map(|note| format!(" [{note}]")).unwrap_or_default();
    into.push(format!("{:depth$}{way}{} {:?}{note}", "", shown.check, shown.outcome));
    shown.inner.iter().for_each(|inner| lines(inner, depth + 1, into));
}

#[test]
fn every_check_is_shown_with_what_it_compared() {
    let policy = Policy::builder().rule("r", "role:a and (project_id:%(owner)s or user_id:%(gone)s) or rule:b").build();
    let target = [("owner", "p2".into())];
    let explained = policy.explain("r", &target, &RequestContext::new("u1", "p1", ["A", "B"]));
    let mut shown = Vec::new();
    lines(explained.tree.as_ref().unwrap(), 0, &mut shown);
    assert_eq!(
        shown,
        [
            "or Holds",
            " and Fails",
            "  role:a Holds [the caller has a, b]",
            "  or Fails",
            "   project_id:%(owner)s Fails [the caller has p1, the target p2]",
            "   user_id:%(gone)s Fails [the caller has u1, the target has no such value]",
            " rule:b Holds [there is no such rule; rule:default stands in]",
            "  @ Holds",
        ]
    );
    let explained = policy.explain("delete_image", &[("project_id", "p1".into())], &RequestContext::admin("p1"));
    let mut shown = Vec::new();
    lines(explained.tree.as_ref().unwrap(), 0, &mut shown);
    assert_eq!(
        shown[2..],
        [
            "  role:admin Holds [the caller has admin, member, reader]",
            " ~and Holds",
            "  ~role:member Holds [the caller has admin, member, reader]",
            "  ~project_id:%(project_id)s Holds [the caller has p1, the target p1]",
        ]
    );
}

#[test]
fn neither_tokens_nor_passwords_are_shown() {
    let policy = Policy::builder().rule("r", "auth_token:%(x)s or https://me:secret@h/%(x)s").build();
    let told = format!("{:?}", policy.explain("r", &[("x", "y".into())], &member()));
    assert!(!told.contains("secret") && told.contains("https://***@h/"), "{told}");
}

#[test]
fn rules_that_double_their_work_are_explained_in_bounded_time() {
    let mut policy = Policy::builder().rule("r0", "role:nobody");
    for level in 1..60 {
        policy = policy.rule(format!("r{level}"), format!("rule:r{0} and rule:r{0} or rule:r{0}", level - 1));
    }
    let policy = policy.build();
    for rule in ["r59", "r5"] {
        allowed_because(&policy, rule, &NoTarget, &member());
    }
}

proptest! {
    #[test]
    fn an_explanation_says_what_the_policy_does(
        rules in prop::collection::vec("((not )?(role:[ab]|rule:[rst]|'p1':%\\(x\\)s|role:5%|!|@)( and | or )){0,4}role:[ab]", 3),
        roles in prop::collection::vec("[ab]", 0..3),
    ) {
        let policy = Policy::builder().rules(["r", "s", "t"].into_iter().zip(rules.iter().map(String::as_str))).build();
        let context = RequestContext::new("u", "p", roles);
        for rule in ["r", "s", "t"] {
            let explained = policy.explain(rule, &[("x", "p1".into())], &context);
            prop_assert_eq!(explained.allowed, policy.allows(rule, &[("x", "p1".into())], &context));
        }
    }
}
