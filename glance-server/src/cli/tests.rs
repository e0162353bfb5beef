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
    assert_eq!(code(format!("glance-server inspect --as QCOW2 {raw}")), expected(1));
    assert_eq!(code(format!("glance-server inspect {banned}")), expected(3));
    assert_eq!(code(format!("glance-server inspect {raw}.missing")), expected(1));
    assert_eq!(code("glance-server inspect".to_owned()), expected(2));
}

/// A folder for data and one with definitions.
struct Library {
    folder: tempfile::TempDir,
}

impl Library {
    fn new() -> Self {
        let library = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(library.path("definitions")).unwrap();
        library
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn define(&self, name: &str, content: &str) {
        std::fs::write(self.path(&format!("definitions/{name}")), content).unwrap();
    }

    /// Runs `line`, in which `DATA` stands for the options of a configuration and `DIR` for the folder.
    fn run(&self, line: &str) -> String {
        let data = format!("--data-dir {}", self.path("data"));
        let line = line.replace("DATA", &data).replace("DIR", &self.folder.path().display().to_string());
        format!("{:?}", run(line.split_whitespace().map(OsString::from)))
    }

    /// Everything that an export writes, one file after the other.
    fn exported(&self, name: &str) -> Vec<(String, serde_json::Value)> {
        assert_eq!(self.run(&format!("glance-manage DATA db export_metadefs --path DIR/{name}")), succeeded());
        let mut files: Vec<_> = std::fs::read_dir(self.path(name))
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let content = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
                (path.file_name().unwrap().to_str().unwrap().to_owned(), content)
            })
            .collect();
        files.sort_by(|a, b| a.0.cmp(&b.0));
        files
    }
}

fn succeeded() -> String {
    format!("{:?}", ExitCode::SUCCESS)
}

const PROCESSOR: &str = r#"{"namespace": "OS::Cpu", "display_name": "The CPU", "visibility": "public", "owner": "o",
    "resource_type_associations": [{"name": "Image", "prefix": "hw_"}],
    "properties": {"cores": {"title": "Cores", "type": "integer", "minimum": 1, "default": 5}},
    "objects": [{"name": "o", "required": ["a"], "properties": {"a": {"title": "A", "type": "string"}}}],
    "tags": [{"name": "t"}]}"#;

#[test]
fn definitions_are_loaded_exported_and_loaded_again() {
    let library = Library::new();
    library.define("cpu.json", PROCESSOR);
    library.define("same.json", r#"{"namespace": "twin", "display_name": "The CPU"}"#);
    library.define("broken.json", "{");
    library.define("twice.json", r#"{"namespace": "x", "tags": [{"name": "t"}, {"name": "t"}]}"#);
    library.define("ignored.txt", "{");
    assert_eq!(library.run("glance-server db load_metadefs --path DIR/definitions DATA"), succeeded());
    let exported = library.exported("first");
    let names: Vec<_> = exported.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["TheCPU-2.json", "TheCPU.json", "x.json"]);
    let processor = &exported[1].1;
    assert_eq!(exported[2].1["tags"], serde_json::json!([{"name": "t"}]));
    assert_eq!((&processor["owner"], &processor["objects"][0]["required"][0]), (&"o".into(), &"a".into()));
    assert_eq!(processor["properties"]["cores"]["default"], 5);
    assert_eq!(library.run("glance-manage DATA db unload_metadefs"), succeeded());
    assert_eq!(library.exported("empty"), []);
    assert_eq!(library.run("glance-manage db load_metadefs --path DIR/first DATA"), succeeded());
    assert_eq!(library.exported("second"), exported);
}

#[test]
fn what_is_there_changes_as_far_as_the_options_say() {
    let newer = r#"{"namespace": "OS::Cpu", "display_name": "New", "tags": [{"name": "u"}],
        "properties": {"cores": {"title": "new", "type": "integer"}}}"#;
    for (options, name, title, tags) in [
        ("", "TheCPU.json", "Cores", 1),
        ("--merge", "TheCPU.json", "Cores", 2),
        ("--merge --prefer_new", "New.json", "new", 2),
        ("--merge --overwrite", "New.json", "new", 1),
        ("--overwrite", "TheCPU.json", "Cores", 1),
        ("--prefer_new", "TheCPU.json", "Cores", 1),
        ("--merge --prefer_new --overwrite", "TheCPU.json", "Cores", 1),
    ] {
        let library = Library::new();
        library.define("cpu.json", PROCESSOR);
        assert_eq!(library.run("glance-manage DATA db_load_metadefs DIR/definitions"), succeeded());
        library.define("cpu.json", newer);
        assert_eq!(
            library.run(&format!("glance-manage DATA db load_metadefs --path DIR/definitions/cpu.json {options}")),
            succeeded()
        );
        let exported = library.exported("after");
        let [(file, content)] = &exported[..] else { panic!("{exported:?}") };
        let shown = (file.as_str(), content["properties"]["cores"]["title"].as_str().unwrap());
        assert_eq!((shown, content["tags"].as_array().unwrap().len()), ((name, title), tags), "{options}");
    }
}

#[test]
fn the_older_spellings_mean_the_same() {
    let library = Library::new();
    library.define("cpu.json", PROCESSOR);
    assert_eq!(library.run("glance-manage DATA db_load_metadefs DIR/definitions True False True"), succeeded());
    assert_eq!(library.run("glance-manage DATA db_export_metadefs DIR/out"), succeeded());
    assert!(std::fs::exists(library.path("out/TheCPU.json")).unwrap());
    assert_eq!(library.run("glance-manage DATA db_unload_metadefs"), succeeded());
    assert_eq!(library.exported("empty"), []);
    assert_eq!(library.run("glance-manage DATA db load_metadefs --path DIR/missing"), succeeded());
    assert_eq!(library.run("glance-manage DATA db nothing"), format!("{:?}", ExitCode::from(2)));
}

#[test]
fn properties_are_held_against_definitions() {
    let library = Library::new();
    library.define("cpu.json", PROCESSOR);
    for (properties, options, code) in [
        (r#"{"hw_cores":"4"}"#, "", 0),
        (r#"{"hw_cores":"0"}"#, "", 3),
        (r#"{"cores":"0"}"#, "", 0),
        (r#"{"cores":"0"}"#, "--strict --json", 3),
        ("[]", "", 1),
    ] {
        std::fs::write(library.path("properties"), properties).unwrap();
        for from in ["--definitions DIR/definitions", "DATA"] {
            let line = format!("glance-server metadefs validate --resource-type Image DIR/properties {options} {from}");
            if from == "DATA" {
                library.run("glance-server db load_metadefs DATA --path DIR/definitions");
            }
            assert_eq!(library.run(&line), format!("{:?}", ExitCode::from(code)), "{properties} {line}");
        }
    }
}

#[test]
fn properties_are_held_against_nothing_but_what_was_meant() {
    let library = Library::new();
    library.define("cpu.json", PROCESSOR);
    std::fs::write(library.path("properties"), r#"{"hw_cores":"4"}"#).unwrap();
    let run = |options: &str| {
        library.run(&format!("glance-server metadefs validate DIR/properties --definitions DIR/{options}"))
    };
    let failed = format!("{:?}", ExitCode::from(1));
    assert_eq!(run("definitions --resource-type Image"), succeeded());
    assert_eq!(run("definitions/cpu.json --resource-type Image"), succeeded());
    assert_eq!(run("definitions --resource-type Imgae"), failed);
    assert_eq!(run("missing --resource-type Image"), failed);
    std::fs::create_dir(library.path("empty")).unwrap();
    assert_eq!(run("empty --resource-type Image"), failed);
    library.define("broken.json", "{");
    assert_eq!(run("definitions --resource-type Image"), failed);
}

#[test]
fn names_leave_the_terminal_alone() {
    assert_eq!(super::manage::printable("é \u{1b}[2J\u{9b}2J\n::"), "é \\u{1b}[2J\\u{9b}2J\\n::");
}
