use super::*;

#[test]
fn circles_end_in_denial_and_are_named() {
    let policy = Policy::builder()
        .rule("self", "rule:self")
        .rule("a", "rule:b")
        .rule("b", "not rule:c")
        .rule("c", "role:member or rule:a")
        .rule("leads", "! or rule:a")
        .rule("fine", "rule:context_is_admin")
        .build();
    let admin = RequestContext::admin("p");
    let stranger = RequestContext::new("u", "p", ["x"]);
    for rule in ["self", "a", "b", "c", "leads"] {
        assert!(!policy.allows(rule, &NoTarget, &stranger), "{rule}");
    }
    // Who need not go round is judged.
    assert!(policy.allows("c", &NoTarget, &member()));
    assert!(policy.allows("fine", &NoTarget, &admin));
    let cyclic = |rule: &str| Warning::Cyclic { rule: rule.to_owned() };
    assert_eq!(policy.warnings(), ["a", "b", "c", "leads", "self"].map(cyclic));
}

#[test]
fn a_circle_denies_behind_not_too() {
    let policy = Policy::builder().rule("r", "not rule:s").rule("s", "rule:s").build();
    assert!(!policy.allows("r", &NoTarget, &member()));
}

#[test]
fn the_default_rule_can_be_part_of_a_circle() {
    let policy = Policy::builder().rule("default", "rule:undefined").build();
    assert!(!policy.allows("default", &NoTarget, &member()));
    assert!(policy.warnings().contains(&Warning::Cyclic { rule: "default".to_owned() }));
}

#[test]
fn parentheses_nest_up_to_a_bound() {
    let nested = |depth: usize| format!("{}@{}", "(".repeat(depth), ")".repeat(depth));
    assert!(policy_of(nested(64)).allows("r", &NoTarget, &member()));
    for depth in [65, 100_000] {
        let policy = policy_of(nested(depth));
        assert!(!policy.allows("r", &NoTarget, &member()));
        let flaw = Flaw::TooDeep;
        assert_eq!(policy.warnings(), [Warning::Unparsable { rule: "r".to_owned(), flaw }]);
    }
}

#[test]
fn the_deepest_rule_that_can_be_read_can_be_judged() {
    let rule = (0..64).fold("@".to_owned(), |inner, _| format!("! or @ and not ( {inner} )"));
    let policy = policy_of(rule);
    assert_eq!(policy.warnings(), []);
    // 64 times turned round.
    assert!(policy.allows("r", &NoTarget, &member()));
}

#[test]
fn any_number_of_nots_is_read() {
    assert!(policy_of("not ".repeat(100_000) + "@").allows("r", &NoTarget, &member()));
    assert!(!policy_of("not ".repeat(100_001) + "@").allows("r", &NoTarget, &member()));
}

#[test]
fn long_chains_of_references_are_denied_rather_than_followed_for_ever() {
    let chain = |length: usize| {
        (0..length).fold(Policy::builder().rule("r0", "@"), |builder, step| {
            builder.rule(format!("r{}", step + 1), format!("rule:r{step}"))
        })
    };
    assert!(chain(100).build().allows("r100", &NoTarget, &member()));
    assert!(!chain(10_000).build().allows("r10000", &NoTarget, &member()));
}

#[test]
fn rules_that_double_their_work_end() {
    let builder = (0..60).fold(Policy::builder().rule("r0", "!"), |builder, step| {
        builder.rule(format!("r{}", step + 1), format!("rule:r{step} or rule:r{step}"))
    });
    assert!(!builder.build().allows("r60", &NoTarget, &member()));
}

#[test]
fn the_worst_rules_fit_a_small_stack() {
    let judged = std::thread::Builder::new()
        .stack_size(512 * 1024)
        .spawn(|| {
            let deep = (0..64).fold("rule:r".to_owned(), |inner, _| format!("! or @ and not ( {inner} )"));
            policy_of(deep).allows("r", &NoTarget, &member())
        })
        .unwrap();
    assert!(!judged.join().unwrap());
}
