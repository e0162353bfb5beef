//! The program itself: started, told things by signals, started again.

#![expect(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

mod check;
mod logs;
mod metrics;
mod notify;
mod server;
mod stores;

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use self::server::{Server, eventually};

const ID: &str = "71c675ab-d94f-49cd-a114-e12490b328d9";
const OCTETS: &str = "Content-Type: application/octet-stream\r\n";

#[test]
fn what_was_uploaded_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--data-dir", folder.path().to_str().unwrap()];
    let server = Server::start(&arguments);
    let image = format!(r#"{{"id": "{ID}", "disk_format": "raw", "container_format": "bare"}}"#);
    assert_eq!(server.ask("POST /v2/images", "", &image).0, 201);
    assert_eq!(server.ask(&format!("PUT /v2/images/{ID}/file"), OCTETS, "the data").0, 204);
    server.stop();
    let server = Server::start(&arguments);
    let (status, answer) = server.ask(&format!("GET /v2/images/{ID}/file"), "", "");
    assert_eq!(status, 200);
    assert!(answer.ends_with("\r\n\r\nthe data"), "{answer}");
    server.stop();
}

#[test]
fn rules_change_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (config, policy) = (folder.path().join("glance-api.conf"), folder.path().join("policy.yaml"));
    let data = folder.path().join("data");
    fs::write(&config, format!("[glance_rs]\nauth_mode = none\ndata_dir = {}\n", data.display())).unwrap();
    fs::write(&policy, "get_images: '!'\n").unwrap();
    let server = Server::start(&["--config-file", config.to_str().unwrap()]);
    assert_eq!(server.ask("GET /v2/images", "", "").0, 403);
    fs::write(&policy, "get_images: '@'\n").unwrap();
    server.signal(Signal::HUP);
    eventually(|| server.ask("GET /v2/images", "", "").0 == 200);
    fs::write(&policy, "- no rules").unwrap();
    server.signal(Signal::HUP);
    assert_eq!(server.ask("GET /v2/images", "", "").0, 200);
    server.stop();
}

#[test]
fn a_store_that_is_down_at_the_start_harms_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (folder.path().join("good"), folder.path().join("bad"));
    let config = folder.path().join("glance-api.conf");
    // A file where the folder should be.
    fs::write(&bad, "in the way").unwrap();
    let text = format!(
        "[DEFAULT]\nenabled_backends = good:file, bad:file\n[glance_store]\ndefault_backend = bad\n\
         [good]\nfilesystem_store_datadir = {}\n[bad]\nfilesystem_store_datadir = {}/images\n\
         [glance_rs]\nauth_mode = none\ndata_dir = {}\n",
        good.display(),
        bad.display(),
        folder.path().join("data").display()
    );
    fs::write(&config, text).unwrap();
    let server = Server::start(&["--config-file", config.to_str().unwrap()]);
    let image = format!(r#"{{"id": "{ID}", "disk_format": "raw", "container_format": "bare"}}"#);
    assert_eq!(server.ask("POST /v2/images", "", &image).0, 201);
    let upload = |headers: &str| server.ask(&format!("PUT /v2/images/{ID}/file"), headers, "the data");
    assert_eq!(upload(OCTETS).0, 410);
    fs::remove_file(&bad).unwrap();
    eventually(|| upload(OCTETS).0 == 204);
    let other = r#"{"id": "71c675ab-d94f-49cd-a114-e12490b328da", "disk_format": "raw", "container_format": "bare"}"#;
    assert_eq!(server.ask("POST /v2/images", "", other).0, 201);
    let into_good = format!("{OCTETS}X-Image-Meta-Store: good\r\n");
    let path = "PUT /v2/images/71c675ab-d94f-49cd-a114-e12490b328da/file";
    assert_eq!(server.ask(path, &into_good, "the data").0, 204);
    server.stop();
}

#[test]
fn a_request_leaves_one_line_whatever_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("api.log");
    let arguments = ["--data-dir", folder.path().to_str().unwrap(), "--log-file", log.to_str().unwrap()];
    let server = Server::start(&arguments);
    let headers = "X-Auth-Token: canary\r\nX-Openstack-Request-ID: chosen\r\n";
    assert_eq!(server.ask("GET /v2/images/%0aERROR%20forged?name=canary", headers, "").0, 404);
    assert_eq!(server.ask("GET /v2/images?name=%1b%5b31m", headers, "").0, 200);
    server.stop();
    let lines = fs::read_to_string(&log).unwrap();
    let answered = |status: &str| lines.lines().filter(|line| line.contains(&format!("status={status}"))).count();
    assert_eq!((answered("404"), answered("200")), (1, 1), "{lines}");
    assert!(lines.lines().all(|line| line.starts_with("20")), "{lines}");
    assert!(!lines.contains("canary") && !lines.contains('\u{1b}'), "{lines}");
}

/// A broker that is away harms nobody, and what notifications say shows no password.
#[test]
fn notifications_without_a_broker_keep_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let (config, log) = (folder.path().join("glance-api.conf"), folder.path().join("api.log"));
    let text = format!(
        "[DEFAULT]\ntransport_url = rabbit://glance:canary@127.0.0.1:1/\nlog_file = {}\ndebug = true\n\
         [oslo_messaging_notifications]\ndriver = messagingv2\ndriver = log\n\
         [oslo_limit]\nauth_url = http://127.0.0.1:1\nusername = glance\npassword = canary\n\
         [glance_rs]\nauth_mode = none\ndata_dir = {}\n",
        log.display(),
        folder.path().join("data").display()
    );
    fs::write(&config, text).unwrap();
    let server = Server::start(&["--config-file", config.to_str().unwrap()]);
    let image = format!(r#"{{"id": "{ID}", "disk_format": "raw", "container_format": "bare"}}"#);
    assert_eq!(server.ask("POST /v2/images", "X-Auth-Token: canary\r\n", &image).0, 201);
    assert_eq!(server.ask(&format!("PUT /v2/images/{ID}/file"), OCTETS, "the data").0, 204);
    assert_eq!(server.ask(&format!("GET /v2/images/{ID}/file"), "", "").0, 200);
    let empty = ID.replace("71c675ab", "81c675ab");
    assert_eq!(server.ask("POST /v2/images", "", &image.replace(ID, &empty)).0, 201);
    assert_eq!(server.ask(&format!("PUT /v2/images/{empty}/file"), OCTETS, "").0, 204);
    assert_eq!(server.ask(&format!("GET /v2/images/{empty}/file"), "", "").0, 200);
    eventually(|| fs::read_to_string(&log).unwrap().contains("notifications wait"));
    server.stop();
    let lines = fs::read_to_string(&log).unwrap();
    let told = |text: &str| lines.lines().filter(|line| line.contains(text)).count();
    assert_eq!((told("\"event_type\":\"image.update\""), told("\"event_type\":\"image.send\"")), (4, 2), "{lines}");
    let mut sent = lines.lines().filter(|line| line.contains("\"event_type\":\"image.send\""));
    assert!(sent.all(|line| line.contains("request_id=req-")), "{lines}");
    assert!(lines.contains("left=14") && !lines.contains("canary"), "{lines}");
    let check = Command::new(env!("CARGO_BIN_EXE_glance-server"))
        .args(["config", "check", "--config-file", config.to_str().unwrap()])
        .output()
        .unwrap();
    let shown = String::from_utf8([check.stdout, check.stderr].concat()).unwrap();
    assert!(check.status.success() && !shown.contains("canary"), "{shown}");
}

#[test]
fn a_database_that_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("glance.db");
    fs::write(&database, "this is no database, but it is long enough to be looked at as one").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_glance-server"))
        .args(["api", "--bind", "127.0.0.1:0", "--data-dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(names(&error, &database), "{error}");
}

fn names(text: &str, path: &Path) -> bool {
    text.contains(path.to_str().unwrap())
}
