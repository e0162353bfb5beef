use super::*;
use crate::config::{CliArgs, Source};

fn args(line: &str) -> CliArgs {
    let arguments = with_command(line.split_whitespace().map(OsString::from).collect());
    let matches = command().try_get_matches_from(arguments).unwrap();
    let command = Cli::from_arg_matches(&matches).unwrap().command;
    let (Command::Api(options) | Command::Config { command: ConfigCommand::Check(options) }) = command else {
        panic!("{line} reads no configuration");
    };
    options.into_args(innermost(&matches))
}

fn set(line: &str) -> Vec<(&'static str, String)> {
    args(line).overrides.into_iter().map(|(_, name, value)| (name, value)).collect()
}

#[test]
fn the_command_line_is_consistent() {
    command().debug_assert();
}

#[test]
fn a_link_called_glance_api_serves() {
    let direct = args("glance-server api --config-file a.conf");
    let linked = args("/usr/bin/glance-api --config-file a.conf");
    assert_eq!(direct.sources, linked.sources);
    assert_eq!(direct.sources, args("glance-api api --config-file a.conf").sources);
}

#[test]
fn files_and_folders_keep_their_order() {
    let file = |name: &str| Source::File(name.into());
    let dir = |name: &str| Source::Dir(name.into());
    assert_eq!(
        args("glance-api --config-file a --config-dir b --config-file=c --config-dir d").sources,
        [file("a"), dir("b"), file("c"), dir("d")]
    );
    assert_eq!(args("glance-api --config-dir b --config-file a").sources, [dir("b"), file("a")]);
}

#[test]
fn the_last_switch_wins() {
    assert_eq!(set("glance-api --debug"), [("debug", "true".to_owned())]);
    assert_eq!(set("glance-api --debug --nodebug"), [("debug", "false".to_owned())]);
    assert_eq!(set("glance-api --nodebug --debug"), [("debug", "true".to_owned())]);
    assert_eq!(set("glance-api"), []);
}

#[test]
fn bind_sets_host_and_port() {
    let host = |host: &str| ("bind_host", host.to_owned());
    let port = |port: &str| ("bind_port", port.to_owned());
    assert_eq!(set("glance-api --bind 127.0.0.1:1"), [host("127.0.0.1"), port("1")]);
    assert_eq!(set("glance-api --bind [::1]:0"), [host("::1"), port("0")]);
    assert_eq!(set("glance-api --bind :9"), [port("9")]);
    for wrong in ["9292", "::1:9", "h:port", "h:65536"] {
        let line = ["glance-server", "api", "--bind", wrong];
        assert!(command().try_get_matches_from(line).is_err(), "{wrong}");
    }
}

#[test]
fn a_dollar_on_the_command_line_is_a_dollar() {
    assert_eq!(set("glance-api --data-dir /a$b"), [("data_dir", "/a$$b".to_owned())]);
}

#[test]
fn data_can_be_inspected_without_a_configuration() {
    let run = |line: &str| run(line.split_whitespace().map(OsString::from));
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, data: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, data).unwrap();
        path.display().to_string()
    };
    let (raw, banned) = (write("raw", b"data"), write("banned", b"QED\0"));
    let code = |line: String| format!("{:?}", run(&line));
    let expected = |code: u8| format!("{:?}", ExitCode::from(code));
    assert_eq!(code(format!("glance-server inspect --json {raw}")), expected(0));
    assert_eq!(code(format!("glance-server inspect --as qcow2 {raw}")), expected(3));
    assert_eq!(code(format!("glance-server inspect {banned}")), expected(3));
    assert_eq!(code(format!("glance-server inspect {raw}.missing")), expected(1));
    assert_eq!(code("glance-server inspect".to_owned()), expected(2));
}
