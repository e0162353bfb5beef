use crate::config::testing::{COMPLETE, Folder, dir, file};
use crate::config::{CliArgs, ConfigError, Loaded, Source, load_in};

fn port(loaded: Result<Loaded, ConfigError>) -> u16 {
    loaded.unwrap().settings.default.bind.port
}

fn conf(port: u16) -> String {
    format!("[DEFAULT]\nbind_port = {port}\n{COMPLETE}")
}

#[test]
fn files_and_folders_apply_in_the_order_given() {
    let folder = Folder::new();
    let one = folder.write("one.conf", &conf(1));
    folder.write("d/a.conf", &conf(2));
    folder.write("d/b.conf", &conf(3));
    folder.write("d/c.ini", &conf(4));
    folder.write("d/.d.conf", &conf(5));
    let d = folder.path("d");
    assert_eq!(port(folder.load(&[file(&one), dir(&d)])), 3);
    assert_eq!(port(folder.load(&[dir(&d), file(&one)])), 1);
}

#[test]
fn the_environment_beats_files_and_the_command_line_beats_both() {
    let mut folder = Folder::new();
    let path = folder.write("glance-api.conf", &conf(1));
    folder.variable("OS_DEFAULT__BIND_PORT", "2");
    assert_eq!(port(folder.load(&[file(&path)])), 2);
    let overrides = vec![("DEFAULT", "bind_port", "3".to_owned())];
    let args = CliArgs { sources: vec![file(&path)], overrides };
    assert_eq!(port(load_in(&args, &folder.around)), 3);
}

#[test]
fn each_default_name_is_taken_from_the_first_folder_that_has_it() {
    let mut folder = Folder::new();
    folder.around.system = vec![folder.path("etc")];
    folder.write("etc/glance-api.conf", &conf(1));
    assert_eq!(port(folder.load(&[])), 1);
    folder.write("etc/glance.conf", &conf(2));
    assert_eq!(port(folder.load(&[])), 1, "glance-api.conf is read after glance.conf");
    folder.write("home/.glance/glance-api.conf", COMPLETE);
    assert_eq!(port(folder.load(&[])), 2, "the file in /etc is not read any more");
    folder.write("etc/glance-api.conf.d/x.conf", &conf(3));
    assert_eq!(port(folder.load(&[])), 3);
}

#[test]
fn a_named_file_replaces_the_default_files_but_not_the_default_folders() {
    let mut folder = Folder::new();
    folder.around.system = vec![folder.path("etc")];
    folder.write("etc/glance-api.conf", &conf(1));
    folder.write("etc/glance-api.conf.d/x.conf", "[DEFAULT]\nbacklog = 7\nbind_port = 2\n");
    let named = folder.write("named.conf", &conf(3));
    let settings = folder.load(&[file(&named)]).unwrap().settings;
    assert_eq!((settings.default.bind.port, settings.default.backlog), (3, 7));
}

#[test]
fn the_import_configuration_is_read_beside_the_main_one_and_before_it() {
    let mut folder = Folder::new();
    folder.write("etc/glance-api.conf", COMPLETE);
    folder.write("etc/glance-image-import.conf", &conf(4));
    folder.around.system = vec![folder.path("etc")];
    assert_eq!(port(folder.load(&[])), 4);
    folder.around.system = Vec::new();
    folder.variable("OS_GLANCE_CONFIG_DIR", &folder.path("etc").display().to_string());
    assert_eq!(port(folder.load(&[])), 4);
    folder.write("etc/glance-api.conf", &conf(5));
    assert_eq!(port(folder.load(&[])), 5);
}

#[test]
fn what_was_asked_for_must_be_there() {
    let mut folder = Folder::new();
    let none = folder.path("none");
    let unreadable = |loaded| matches!(loaded, Err(ConfigError::Unreadable { .. }));
    assert!(unreadable(folder.load(&[file(&none)])));
    assert!(unreadable(folder.load(&[dir(&none)])));
    folder.variable("OS_GLANCE_CONFIG_DIR", &none.display().to_string());
    assert!(unreadable(folder.load(&[])));
}

#[test]
fn no_configuration_at_all_is_seen_as_such() {
    let folder = Folder::new();
    assert!(folder.load(&[]).unwrap().settings.files.is_empty());
    let path = folder.write("glance-api.conf", COMPLETE);
    assert!(!folder.load(&[Source::File(path)]).unwrap().settings.files.is_empty());
}

#[test]
fn names_in_options_are_found_beside_the_file_then_in_the_search_folders() {
    let mut folder = Folder::new();
    let path = folder.write("one/glance-api.conf", COMPLETE);
    folder.around.system = vec![folder.path("etc")];
    let elsewhere = folder.write("etc/policy.yaml", "");
    let find = |folder: &Folder| {
        let mut settings = folder.load(&[file(&path)]).unwrap().settings.oslo_policy;
        settings.policy_file.look().map(ToOwned::to_owned)
    };
    assert_eq!(find(&folder), Some(elsewhere));
    let beside = folder.write("one/policy.yaml", "");
    assert_eq!(find(&folder), Some(beside));
}

#[test]
fn a_syntax_error_names_file_and_line() {
    let folder = Folder::new();
    let path = folder.write("glance-api.conf", "[DEFAULT]\nbind_port\n");
    let error = folder.load(&[file(&path)]).unwrap_err().to_string();
    assert!(error.contains("glance-api.conf: line 2: "), "{error}");
}

#[test]
fn a_file_too_large_is_not_read() {
    let folder = Folder::new();
    let path = folder.write("glance-api.conf", &"#\n".repeat(3 << 20));
    assert!(matches!(folder.load(&[file(&path)]), Err(ConfigError::TooLarge { .. })));
}
