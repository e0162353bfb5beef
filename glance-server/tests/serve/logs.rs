//! The log: whose request a line is about, and that it is one line.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::server::Server;
use crate::{ID, OCTETS};

/// Begins an upload whose store goes away under it and asks for rubbish; returns the lines after the start.
fn lines_of_a_bad_day(json: bool) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let log = path("api.log");
    let data = path("data");
    let mut arguments = vec!["--data-dir", &data, "--log-file", &log, "--debug"];
    arguments.extend(json.then_some("--use-json"));
    let server = Server::start(&arguments);
    let image = format!(r#"{{"id": "{ID}", "disk_format": "raw", "container_format": "bare"}}"#);
    assert_eq!(server.ask("POST /v2/images", "", &image).0, 201);
    replace_by_file(&folder.path().join("data/images"));
    let upload = server.ask(&format!("PUT /v2/images/{ID}/file"), OCTETS, "the data").0;
    assert!(upload >= 400, "{upload}");
    let hostile = r#"{"name": "a\r\nERROR forged\u0085\u2028\u202e", "disk_format": "b\nERROR forged"}"#;
    assert_eq!(server.ask("POST /v2/images", "", hostile).0, 400);
    assert_eq!(server.ask("GET /v2/images/%0aERROR%20forged%e2%80%a8", "", "").0, 404);
    server.stop();
    let lines = fs::read_to_string(&log).unwrap();
    assert!(!lines.contains(['\u{85}', '\u{2028}', '\u{202e}', '\r']), "{lines}");
    let lines = lines.lines().skip_while(|line| !line.contains("serving the Image API")).skip(1);
    lines.take_while(|line| !line.contains("told to stop")).map(ToOwned::to_owned).collect()
}

fn replace_by_file(folder: &Path) {
    fs::remove_dir_all(folder).unwrap();
    fs::write(folder, "in the way").unwrap();
}

/// Lines about what every process does now and then, for nobody's sake.
fn is_housekeeping(line: &str) -> bool {
    line.contains("housekeeping")
}

#[test]
fn every_line_that_a_request_causes_has_its_id() {
    let lines = lines_of_a_bad_day(false);
    let of_requests: Vec<_> = lines.iter().filter(|line| !is_housekeeping(line)).collect();
    assert!(of_requests.iter().all(|line| line.contains("request_id=req-")), "{lines:#?}");
    // What the store says of the upload comes from a task and a thread of its own.
    let answered = of_requests.iter().filter(|line| line.contains("answered")).count();
    assert!(answered == 4 && of_requests.len() > answered, "{lines:#?}");
    assert!(!lines.iter().any(|line| line.starts_with("ERROR")), "{lines:#?}");
}

#[test]
fn a_line_in_json_is_an_object_with_the_id() {
    let lines = lines_of_a_bad_day(true);
    let objects: Vec<Value> =
        lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    let of_requests: Vec<_> = objects.iter().filter(|line| !is_housekeeping(&line.to_string())).collect();
    for line in &of_requests {
        let id = line["span"]["request_id"].as_str().unwrap_or_default();
        assert!(id.starts_with("req-") && line["level"].is_string(), "{line}");
    }
    let of_upload = |line: &&&Value| line["span"]["request_id"] == of_requests[1]["span"]["request_id"];
    assert!(of_requests.iter().filter(of_upload).count() > 1, "{objects:#?}");
    assert!(of_requests.iter().any(|line| line["status"] == 404 && line["path"].is_string()), "{objects:#?}");
}

#[test]
fn lines_from_tasks_that_work_for_a_request_have_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    // Nobody listens there, so the store tries again and again, in the task of the upload.
    let text = format!(
        "[DEFAULT]\nenabled_backends = far:swift\ndebug = true\nlog_file = {}\n[glance_store]\ndefault_backend = far\n\
         [far]\nswift_store_auth_address = http://127.0.0.1:1/v3\nswift_store_user = project:user\n\
         swift_store_key = canary\n[glance_rs]\nauth_mode = none\ndata_dir = {}\n",
        path("api.log"),
        path("data")
    );
    fs::write(path("glance-api.conf"), text).unwrap();
    let server = Server::start(&["--config-file", &path("glance-api.conf")]);
    let image = format!(r#"{{"id": "{ID}", "disk_format": "raw", "container_format": "bare"}}"#);
    assert_eq!(server.ask("POST /v2/images", "", &image).0, 201);
    let (status, answer) = server.ask(&format!("PUT /v2/images/{ID}/file"), OCTETS, "the data");
    assert_eq!(status, 503, "{answer}");
    server.stop();
    let id = answer.lines().find_map(|line| line.strip_prefix("x-openstack-request-id: ")).unwrap();
    let lines = fs::read_to_string(path("api.log")).unwrap();
    let of_store: Vec<_> = lines.lines().filter(|line| line.contains("glance_stores::data::swift")).collect();
    let id = format!("request_id={id} ");
    assert!(!of_store.is_empty() && of_store.iter().all(|line| line.contains(&id)), "{id}: {lines}");
    assert!(!lines.contains("canary"), "{lines}");
}
