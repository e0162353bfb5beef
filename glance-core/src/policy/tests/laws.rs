use proptest::collection::{hash_map, vec};
use proptest::prelude::*;

use super::*;

/// Text that looks enough like rules to get far into the parser.
fn ruleish() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("and".to_owned()),
        Just("OR".to_owned()),
        Just("not".to_owned()),
        Just("(".to_owned()),
        Just(")".to_owned()),
        Just("@".to_owned()),
        Just("!".to_owned()),
        Just("role:member".to_owned()),
        Just("rule:r".to_owned()),
        Just("'a':%(x)s".to_owned()),
        "[a-z'\"(:%]{0,4}:[%()a-z]{0,6}",
        "\\PC{0,8}",
    ];
    (vec(word, 0..12), prop_oneof![Just(" "), Just("")]).prop_map(|(words, gap)| words.join(gap))
}

/// An expression and what it comes to.
fn expression() -> impl Strategy<Value = (String, bool)> {
    let atom = prop_oneof![
        Just(("@".to_owned(), true)),
        Just(("!".to_owned(), false)),
        Just(("role:reader".to_owned(), true)),
        Just(("role:admin".to_owned(), false)),
        Just(("project_id:%(absent)s".to_owned(), false)),
        Just(("rule:context_is_admin".to_owned(), false)),
    ];
    atom.prop_recursive(6, 64, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|(text, holds)| (format!("not ({text})"), !holds)),
            vec(inner.clone(), 2..4).prop_map(|parts| joined(" and ", &parts, parts.iter().all(|part| part.1))),
            vec(inner, 2..4).prop_map(|parts| joined(" or ", &parts, parts.iter().any(|part| part.1))),
        ]
    })
}

fn joined(word: &str, parts: &[(String, bool)], holds: bool) -> (String, bool) {
    let texts: Vec<_> = parts.iter().map(|(text, _)| format!("({text})")).collect();
    (texts.join(word), holds)
}

fn holds(rule: &str) -> bool {
    policy_of(rule).allows("r", &NoTarget, &member())
}

proptest! {
    #[test]
    fn any_text_makes_a_policy_that_answers(rule in ruleish(), junk in any::<String>()) {
        for text in [rule, junk] {
            let policy = policy_of(text);
            let _ = policy.allows("r", &[("x", "a".into())], &member());
        }
    }

    #[test]
    fn expressions_come_to_what_logic_says((text, expected) in expression()) {
        prop_assert_eq!(holds(&text), expected, "{}", text);
    }

    #[test]
    fn the_laws_of_logic_hold((a, _) in expression(), (b, _) in expression(), (c, _) in expression()) {
        prop_assert_eq!(holds(&format!("not ({a})")), !holds(&a));
        prop_assert_eq!(holds(&format!("not (({a}) and ({b}))")), holds(&format!("not ({a}) or not ({b})")));
        prop_assert_eq!(holds(&format!("({a}) or ({b}) and ({c})")), holds(&a) || holds(&b) && holds(&c));
        prop_assert_eq!(holds(&format!("({a}) and ({b}) or ({c})")), holds(&a) && holds(&b) || holds(&c));
        prop_assert_eq!(holds(&format!("not ({a}) and ({b})")), !holds(&a) && holds(&b));
    }

    #[test]
    fn rules_that_refer_to_each_other_anyhow_are_answered(
        rules in hash_map("[a-d]", "(not )?rule:[a-e]( (and|or) (not )?(rule:[a-e]|@|!)){0,3}", 1..5),
    ) {
        let policy = Policy::builder().rules(rules.clone()).build();
        for name in rules.keys() {
            let _ = policy.allows(name, &NoTarget, &member());
        }
    }

    #[test]
    fn a_filled_match_equals_the_text_it_makes(before in "[a-z%]{0,3}", value in "\\PC{0,6}", after in "[a-z]{0,3}") {
        let rule = RuleSource::Lists(vec![vec![
            format!("user_id:{}%(x)s{after}", before.replace('%', "%%")),
        ]]);
        let policy = policy_of(rule);
        let target = [("x", Value::from(&value))];
        let user = |id: String| RequestContext::new(id, "p", ["x"]);
        let whole = format!("{before}{value}{after}");
        prop_assert!(policy.allows("r", &target, &user(whole.clone())));
        prop_assert!(!policy.allows("r", &target, &user(whole + "x")));
    }
}
