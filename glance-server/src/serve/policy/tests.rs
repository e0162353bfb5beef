use glance_core::RequestContext;
use glance_core::policy::NoTarget;

use super::*;
use crate::config::{self, CliArgs, Source};

/// Policy files in `folder`, as a configuration beside them names them.
fn files(folder: &Path) -> Files {
    let conf = folder.join("glance-api.conf");
    fs::File::options().append(true).create(true).open(folder.join("protections.conf")).unwrap();
    let text = "[DEFAULT]\nproperty_protection_file = protections.conf\n[database]\nconnection = sqlite://\n\
        [glance_rs]\nauth_mode = none\n";
    fs::write(&conf, text).unwrap();
    let args = CliArgs { sources: vec![Source::File(conf)], ..CliArgs::default() };
    Files::of(&config::load(&args).unwrap().settings)
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("policy.d")).unwrap();
    fs::write(folder.path().join("policy.yaml"), "").unwrap();
    fs::write(folder.path().join("protections.conf"), "").unwrap();
    folder
}

fn may(policy: &Policy, call: &str, role: &str) -> bool {
    policy.allows(call, &NoTarget, &RequestContext::new("u", "p", [role]))
}

#[test]
fn later_files_count_over_earlier_ones() {
    let folder = folder();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("policy.yaml", "\"x\": \"role:a\"\ny: role:a\nz: [[role:a], [role:b]]\nstores_info_detail: '@'\n");
    write("policy.d/20.yaml", "{\"x\": \"role:c\"}");
    write("policy.d/10.yaml", "x: role:b");
    write("policy.d/.hidden", "x: '@'");
    let policy = files(folder.path()).load().unwrap().policy;
    assert!(may(&policy, "x", "c") && !may(&policy, "x", "a") && !may(&policy, "x", "b"));
    assert!(may(&policy, "y", "a") && may(&policy, "z", "b") && may(&policy, "stores_info_detail", "a"));
}

#[test]
fn files_that_are_no_rules_are_named_without_their_text() {
    for text in ["- a\n- b", "a: b: secret", "text", "{"] {
        let folder = folder();
        fs::write(folder.path().join("policy.yaml"), text).unwrap();
        let error = files(folder.path()).load().unwrap_err().to_string();
        assert!(error.contains("policy.yaml") && !error.contains("secret"), "{error}");
    }
}

#[test]
fn flaws_are_named_with_file_and_line() {
    let folder = folder();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("policy.yaml", "# a comment\nhelper: role:a\nget_image: rule:helper\nget_images: rule:nowhere\n");
    write("policy.d/10.yaml", "\nadd_image: role:a or\nget_imagez: role:a\n");
    let found = files(folder.path()).load().unwrap().findings;
    let mut shown: Vec<_> = found.iter().map(ToString::to_string).collect();
    shown.sort();
    assert_eq!(shown.len(), 3, "{shown:?}");
    for (shown, (place, about)) in shown.iter().zip([
        ("policy.d/10.yaml:2: ", "add_image is always false"),
        ("policy.d/10.yaml:3: ", "get_imagez is none"),
        ("policy.yaml:4: ", "get_images refers to rule nowhere"),
    ]) {
        assert!(shown.contains(place) && shown.contains(about), "{shown}");
    }
}

#[test]
fn protections_that_cannot_be_read_are_named_with_their_place() {
    let folder = folder();
    for (text, told) in [
        ("[a]\ncreate = @\n", "protections.conf: line 1, section [a]: read is missing"),
        ("[(]\ncreate = @\nread = @\nupdate = @\ndelete = @\n", "protections.conf: line 1, section [(]: not a"),
    ] {
        fs::write(folder.path().join("protections.conf"), text).unwrap();
        let error = files(folder.path()).load().unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn rules_that_protections_refer_to_are_in_use() {
    let folder = folder();
    fs::write(folder.path().join("policy.yaml"), "bill: role:billing\nother: role:b\n").unwrap();
    fs::write(folder.path().join("protections.conf"), "[a]\ncreate = bill\nread = @\nupdate = !\ndelete = !\n")
        .unwrap();
    let mut files = files(folder.path());
    let (path, _) = files.protections.take().unwrap();
    files.protections = Some((path, RuleFormat::Policies));
    let found: Vec<_> = files.load().unwrap().findings.iter().map(ToString::to_string).collect();
    assert!(found.len() == 1 && found[0].contains("policy rule other is none"), "{found:?}");
}

#[test]
fn a_change_is_noticed_once() {
    let folder = folder();
    let mut files = files(folder.path());
    files.load().unwrap();
    assert!(!files.changed());
    fs::write(folder.path().join("policy.d/new.yaml"), "x: role:a").unwrap();
    assert!(files.changed());
    assert!(!files.changed());
    fs::remove_file(folder.path().join("protections.conf")).unwrap();
    assert!(files.changed());
    fs::remove_file(folder.path().join("policy.d/new.yaml")).unwrap();
    assert!(files.changed());
}

#[test]
fn a_file_that_is_deleted_or_broken_is_told_of_once_and_puts_no_other_rules_in_force() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("policy.d/a.yaml"), "x: role:a").unwrap();
    let mut files = files(folder.path());
    files.load().unwrap();
    let mut breaks = |what: &dyn Fn(), name: &str| {
        what();
        assert!(files.changed(), "{name}");
        let error = files.load().unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
        assert!(!files.changed(), "{name}");
    };
    breaks(&|| fs::remove_file(path("policy.yaml")).unwrap(), "policy.yaml");
    fs::write(path("policy.yaml"), "").unwrap();
    breaks(&|| fs::write(path("policy.d/a.yaml"), "x: [").unwrap(), "policy.d/a.yaml: line");
    breaks(&|| fs::remove_dir_all(path("policy.d")).unwrap(), "policy.d");
    fs::create_dir(path("policy.d")).unwrap();
    assert!(files.changed());
    // The last file of the folder is gone for good, and the folder is there.
    assert!(!may(&files.load().unwrap().policy, "x", "a"));
}

#[test]
fn what_is_broken_keeps_nothing_else_out_of_force() {
    let folder = folder();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let mut files = files(folder.path());
    write("protections.conf", "no protection");
    write("policy.yaml", "x: role:a");
    let (written, protections) = files.load_each();
    assert!(may(&written.unwrap().policy, "x", "a") && protections.is_err());
    write("policy.yaml", "x: [");
    write("protections.conf", "[a]\ncreate = @\nread = @\nupdate = @\ndelete =\n");
    let (written, protections) = files.load_each();
    assert!(written.is_err() && protections.unwrap().is_some());
    write("policy.yaml", "");
    let found = files.load().unwrap().findings;
    assert!(found.len() == 1 && found[0].to_string().contains("protections.conf:5: property protection [a] delete"));
}

#[test]
fn what_could_not_be_read_for_a_while_is_read_again() {
    let folder = folder();
    let mut files = files(folder.path());
    // What opens for nobody: a folder.
    fs::remove_file(folder.path().join("protections.conf")).unwrap();
    fs::create_dir(folder.path().join("protections.conf")).unwrap();
    assert!(files.load().is_err() && files.changed() && files.changed());
    fs::remove_dir(folder.path().join("protections.conf")).unwrap();
    assert!(files.load().is_err() && !files.changed());
}

#[test]
fn files_and_folders_that_come_later_count() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = files(folder.path());
    assert!(!may(&files.load().unwrap().policy, "x", "a"));
    fs::write(folder.path().join("policy.yaml"), "x: role:a").unwrap();
    assert!(files.changed());
    assert!(may(&files.load().unwrap().policy, "x", "a"));
    fs::create_dir(folder.path().join("policy.d")).unwrap();
    fs::write(folder.path().join("policy.d/b.yaml"), "x: role:b").unwrap();
    assert!(files.changed());
    assert!(may(&files.load().unwrap().policy, "x", "b"));
}

#[test]
fn a_file_that_another_is_moved_over_has_changed_whatever_its_time() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("policy.yaml"), "x: role:a").unwrap();
    let mut files = files(folder.path());
    files.load().unwrap();
    fs::write(path("new"), "x: role:b").unwrap();
    let time = fs::metadata(path("policy.yaml")).unwrap().modified().unwrap();
    fs::File::open(path("new")).unwrap().set_modified(time).unwrap();
    fs::rename(path("new"), path("policy.yaml")).unwrap();
    assert!(files.changed());
    assert!(may(&files.load().unwrap().policy, "x", "b"));
}
