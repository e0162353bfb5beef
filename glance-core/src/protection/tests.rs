//! Who may do what to which property, and what is wrong with a file.

use super::*;

fn section(name: &str, values: [&str; 4]) -> String {
    let [create, read, update, delete] = values;
    format!("[{name}]\ncreate = {create}\nread = {read}\nupdate = {update}\ndelete = {delete}\n")
}

fn roles(text: &str) -> PropertyProtections {
    PropertyProtections::parse(text, RuleFormat::Roles).unwrap()
}

fn caller(role: &str) -> RequestContext {
    RequestContext::new("u", "p", [role])
}

/// The operations allowed to `caller`, by the first letters of their names.
fn allowed(protections: &PropertyProtections, policy: &Policy, caller: &RequestContext, name: &str) -> String {
    let allow = |operation: &Operation| protections.allow(*operation, name, policy, caller);
    Operation::ALL.iter().filter(|operation| allow(operation)).filter_map(|one| one.as_str().chars().next()).collect()
}

#[test]
fn the_first_section_that_is_found_in_a_name_decides() {
    let text = section("^x_", ["admin", "Admin, Member", "admin,member", "!"])
        + &section("^x_y", ["@", "@", "@", "@"])
        + &section("_open$", ["@", "member,@", "", "member,!"]);
    let (protections, policy) = (roles(&text), Policy::defaults());
    for (role, name, may) in [
        ("admin", "x_y", "cru"),
        ("member", "x_y", "ru"),
        ("reader", "x_y", ""),
        ("reader", "is_open", "cr"),
        ("member", "is_open", "cr"),
        // Administrators are nobody special, and what no section is about is nobody's.
        ("admin", "is_open", "cr"),
        ("admin", "other", ""),
        // The registry's own, whatever is written.
        ("reader", "os_glance_x", "crud"),
        // Only names that begin so are.
        ("reader", "my_os_glance_x", ""),
    ] {
        assert_eq!(allowed(&protections, &policy, &caller(role), name), may, "{role} {name}");
    }
}

#[test]
fn roles_of_the_service_count_for_properties() {
    let protections = roles(&section(".*", ["service", "service", "service", "service"]));
    let mut user = caller("member");
    assert_eq!(allowed(&protections, &Policy::defaults(), &user, "p"), "");
    user.service_roles.push("service".to_owned());
    assert_eq!(allowed(&protections, &Policy::defaults(), &user, "p"), "crud");
}

#[test]
fn policies_decide_where_they_are_named() {
    let text = section("^spl_", ["spl_creator", "@", "!", "nowhere"]) + &section(".*", ["context_is_admin"; 4]);
    let protections = PropertyProtections::parse(&text, RuleFormat::Policies).unwrap();
    let policy = Policy::builder().rule("spl_creator", "role:spl or role:admin").build();
    for (role, name, may) in [
        ("spl", "spl_x", "cr"),
        ("admin", "spl_x", "cr"),
        ("member", "spl_x", "r"),
        ("admin", "x", "crud"),
        ("spl", "x", ""),
    ] {
        assert_eq!(allowed(&protections, &policy, &caller(role), name), may, "{role} {name}");
    }
    let told: Vec<_> = protections.warnings(&policy).iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("[^spl_] delete") && told[0].contains("nowhere"), "{told:?}");
}

#[test]
fn an_empty_value_is_warned_of() {
    let protections = roles(&section("a", ["", "@", "!", ","]));
    let told: Vec<_> = protections.warnings(&Policy::defaults());
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(allowed(&protections, &Policy::defaults(), &caller("admin"), "a"), "r");
}

#[test]
fn a_file_is_read_as_configparser_reads_it() {
    let text = "\u{feff}# comment\n[DEFAULT]\ndelete: !\n\n[[^x]_.*]  ; behind\n  CREATE: admin,\n    # between\n\n      member\n  \
                read=@\n  update = admin\n";
    let protections = roles(text);
    assert_eq!(allowed(&protections, &Policy::defaults(), &caller("member"), "a_b"), "cr");
    assert_eq!(allowed(&protections, &Policy::defaults(), &caller("member"), "x_b"), "");
    let own = section("os_glance_mine", ["!"; 4]) + &section("os_glance_(", ["@"; 4]);
    assert!(roles(&own).sections.is_empty());
}

#[test]
fn faults_are_told_with_their_place() {
    let good = section("a", ["@"; 4]);
    for (text, format, told) in [
        ("create = @".to_owned(), RuleFormat::Roles, "line 1: a key must stand below"),
        ("[a]\nword".to_owned(), RuleFormat::Roles, "line 2, section [a]: neither"),
        ("[]\n".to_owned(), RuleFormat::Roles, "line 1: neither"),
        (format!("{good}{good}"), RuleFormat::Roles, "line 6, section [a]: the section stands there twice"),
        (format!("{good}read = @"), RuleFormat::Roles, "line 6, section [a]: \"read\" stands there twice"),
        (good.replace("delete", "delet"), RuleFormat::Roles, "line 1, section [a]: delete is missing"),
        (section("(", ["@"; 4]), RuleFormat::Roles, "line 1, section [(]: not a regular expression"),
        (section("a(?=b)", ["@"; 4]), RuleFormat::Roles, "line 1, section [a(?=b)]: not a regular expression"),
        (section("a", ["@", "@,!", "@", "@"]), RuleFormat::Roles, "line 3, section [a]: read: @"),
        (section("a", ["@", "@", "x,y", "@"]), RuleFormat::Policies, "line 4, section [a]: update: one policy rule"),
        (section("a", ["@", "@", "@", "%(x)s"]), RuleFormat::Roles, "line 5, section [a]: delete: %"),
    ] {
        let error = PropertyProtections::parse(&text, format).unwrap_err().to_string();
        assert!(error.starts_with(told), "{error}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(\\[|\\]|[a-z\\\\(&~^-]|\n| |=|:|#){0,80}", format in 0..2) {
        let format = if format == 0 { RuleFormat::Roles } else { RuleFormat::Policies };
        let _ = PropertyProtections::parse(&text, format);
    }
}
