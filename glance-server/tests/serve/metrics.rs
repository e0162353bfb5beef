//! `/metrics`, on its listener.

use std::collections::HashMap;
use std::fs;

use crate::server::{Server, ask_at};
use crate::{ID, OCTETS};

/// A server with metrics, and where they are.
fn with_metrics(folder: &std::path::Path) -> (Server, String) {
    let (config, log) = (folder.join("glance-api.conf"), folder.join("api.log"));
    let data = folder.join("data");
    let text = format!(
        "[DEFAULT]\nenabled_backends = main:file, spare:file\nlog_file = {}\nmetadata_encryption_key = canary-key-01234\n\
         [glance_store]\ndefault_backend = main\n[main]\nfilesystem_store_datadir = {}\n\
         [spare]\nfilesystem_store_datadir = {}\n\
         [glance_rs]\nauth_mode = fake\ndata_dir = {}\nmetrics_bind = 127.0.0.1:0\n",
        log.display(),
        folder.join("main").display(),
        folder.join("spare").display(),
        data.display()
    );
    fs::write(&config, text).unwrap();
    let server = Server::start(&["--config-file", config.to_str().unwrap()]);
    let lines = fs::read_to_string(&log).unwrap();
    let shown = lines.lines().find(|line| line.contains("metrics are shown"));
    let line = shown.unwrap_or_else(|| panic!("{lines}"));
    let address = line.rsplit_once("address=").unwrap().1.to_owned();
    (server, address)
}

/// The samples of a page by name and labels.
fn samples(page: &str) -> HashMap<String, f64> {
    let (_, body) = page.split_once("\r\n\r\n").unwrap();
    assert!(body.ends_with("# EOF\n"), "{page}");
    let lines = body.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

#[test]
fn the_figures_are_those_of_the_work_and_name_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (server, metrics) = with_metrics(folder.path());
    let caller = "X-Auth-Token: canary-user:canary-project:admin\r\n";
    let image = format!(r#"{{"id": "{ID}", "disk_format": "raw", "container_format": "bare", "name": "canary-name"}}"#);
    assert_eq!(server.ask("POST /v2/images", caller, &image).0, 201);
    let data = "d".repeat(100_000);
    let file = format!("/v2/images/{ID}/file");
    assert_eq!(server.ask(&format!("PUT {file}"), &format!("{caller}{OCTETS}"), &data).0, 204);
    assert_eq!(server.ask(&format!("GET {file}"), caller, "").0, 200);
    assert_eq!(server.ask("GET /v2/images/canary?name=canary", caller, "").0, 404);
    assert_eq!(server.ask("GET /canary", caller, "").0, 300);
    assert_eq!(server.ask("BREW /v2/images", caller, "").0, 405);
    assert_eq!(server.ask("no request", "", "").0, 400);
    let (status, page) = ask_at(&metrics, "GET /metrics", "", "");
    assert_eq!(status, 200);
    let found = samples(&page);
    let file = r#"route="/v2/images/{image_id}/file""#;
    for (name, expected) in [
        (format!(r#"glance_http_requests_total{{method="PUT",{file},status="2xx"}}"#), 1.0),
        (format!(r#"glance_http_request_duration_seconds_count{{method="GET",{file}}}"#), 1.0),
        (r#"glance_http_requests_total{method="GET",route="/v2/images/{image_id}",status="4xx"}"#.to_owned(), 1.0),
        (r#"glance_http_requests_total{method="GET",route="none",status="3xx"}"#.to_owned(), 1.0),
        (r#"glance_http_requests_total{method="other",route="/v2/images",status="4xx"}"#.to_owned(), 1.0),
        ("glance_http_requests_in_flight".to_owned(), 0.0),
        ("glance_http_connections_accepted_total".to_owned(), 7.0),
        ("glance_http_connections_refused_total".to_owned(), 1.0),
        (r#"glance_store_written_bytes_total{store="main"}"#.to_owned(), 100_000.0),
        (r#"glance_store_read_bytes_total{store="main"}"#.to_owned(), 100_000.0),
        (r#"glance_store_read_bytes_total{store="spare"}"#.to_owned(), 0.0),
        (r#"glance_store_operations_total{store="main",operation="put",outcome="ok"}"#.to_owned(), 1.0),
        (r#"glance_store_operations_total{store="main",operation="read",outcome="ok"}"#.to_owned(), 1.0),
        (r#"glance_uploads_in_flight{store="main"}"#.to_owned(), 0.0),
        (r#"glance_downloads_in_flight{store="main"}"#.to_owned(), 0.0),
        (r#"glance_store_up{store="spare"}"#.to_owned(), 1.0),
        (r#"glance_journal_entries{work="upload"}"#.to_owned(), 0.0),
        ("glance_database_failures_total".to_owned(), 0.0),
    ] {
        assert_eq!(found.get(&name), Some(&expected), "{name}: {page}");
    }
    for positive in [
        "process_start_time_seconds",
        "glance_hashing_seconds_total",
        "glance_database_seconds_total",
        r#"glance_database_transactions_total{kind="write"}"#,
        "glance_http_connections_limit",
        concat!(r#"glance_build_info{version=""#, env!("CARGO_PKG_VERSION"), r#""}"#),
    ] {
        assert!(found.get(positive).is_some_and(|value| *value > 0.0), "{positive}: {page}");
    }
    assert!(!page.contains("canary") && !page.contains(ID), "{page}");
    server.stop();
}

#[test]
fn the_listener_shows_metrics_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (server, metrics) = with_metrics(folder.path());
    for (line, status) in [
        ("HEAD /metrics", 200),
        ("POST /metrics", 405),
        ("DELETE /metrics", 405),
        ("GET /", 404),
        ("GET /v2/images", 404),
        ("GET /healthcheck", 404),
    ] {
        assert_eq!(ask_at(&metrics, line, "", "").0, status, "{line}");
    }
    let (_, head) = ask_at(&metrics, "HEAD /metrics", "", "");
    assert!(head.ends_with("\r\n\r\n") && head.contains("application/openmetrics-text"), "{head}");
    assert_eq!(server.ask("GET /metrics", "X-Auth-Token: u:p:admin\r\n", "").0, 300, "the API shows none");
    server.stop();
}
