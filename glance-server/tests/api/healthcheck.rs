use std::sync::Arc;

use axum::body::Body;
use glance_core::memory::{MemoryDatabase, MemoryStore};
use glance_core::{Glance, NamedStore, Stores, Watched};
use glance_server::api::Healthcheck;
use glance_stores::database::Sqlite;
use serde_json::json;

use crate::support::{Lab, NOBODY};

#[tokio::test]
async fn a_healthy_server_says_so_in_every_form() {
    let lab = Lab::new();
    for (line, accept, status, body) in [
        ("GET /healthcheck", "*/*", 200, "OK"),
        ("POST /healthcheck", "text/plain", 200, "OK"),
        ("GET /healthcheck/x", "", 200, "OK"),
        ("HEAD /healthcheck", "*/*", 204, ""),
    ] {
        let answer = lab.ask_with(NOBODY, line, &[("accept", accept)], Body::empty()).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (status, body), "{line}");
        assert_eq!(answer.header("x-openstack-request-id"), None);
    }
    assert_eq!(lab.ask(NOBODY, "GET /healthcheck").await.value(), json!({"detailed": false, "reasons": ["OK"]}));
}

#[tokio::test]
async fn a_file_takes_the_server_out_of_service() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("disabled");
    let healthcheck = Healthcheck { disabled_by: vec![file.clone()], ..Healthcheck::default() };
    let lab = Lab::with(|_| {}, |options| options.healthcheck = Some(healthcheck));
    assert_eq!(lab.ask(NOBODY, "GET /healthcheck").await.status, 200);
    std::fs::write(&file, "").unwrap();
    let answer = lab.ask_with(NOBODY, "GET /healthcheck", &[("accept", "*/*")], Body::empty()).await;
    assert_eq!((answer.status.as_u16(), answer.text()), (503, "DISABLED BY FILE"));
}

#[tokio::test]
async fn the_health_check_answers_those_it_is_for() {
    let healthcheck = Healthcheck {
        allowed_sources: vec!["10.0.0.0/8".parse().unwrap()],
        ignore_proxied: true,
        ..Healthcheck::default()
    };
    let lab = Lab::with(|_| {}, |options| options.healthcheck = Some(healthcheck));
    let request = |proxied: bool| {
        let request = axum::extract::Request::get("/healthcheck");
        let request = if proxied { request.header("x-forwarded-for", "1.2.3.4") } else { request };
        request.body(Body::empty()).unwrap()
    };
    assert_eq!(lab.send(request(false), "10.1.2.3:1").await.status, 200);
    assert_eq!(lab.send(request(false), "127.0.0.1:1").await.status, 404);
    assert_eq!(lab.send(request(true), "10.1.2.3:1").await.status, 404);
}

/// A registry whose database is a file with nothing of use in it.
fn over_a_ruin(folder: &std::path::Path) -> Glance {
    let file = folder.join("canary.db");
    let database = Sqlite::open(&file).unwrap();
    for suffix in ["", "-wal"] {
        let mut path = file.clone().into_os_string();
        path.push(suffix);
        let length = std::fs::metadata(&path).unwrap().len();
        std::fs::write(&path, vec![b'x'; usize::try_from(length).unwrap()]).unwrap();
    }
    Glance::builder(Arc::new(database), Stores::single(Arc::new(MemoryStore::new("one")))).build()
}

#[tokio::test]
async fn a_database_that_cannot_be_asked_takes_the_server_out_of_service() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::on(&over_a_ruin(folder.path()), |_| {});
    let answer = lab.ask_with(NOBODY, "GET /healthcheck", &[("accept", "*/*")], Body::empty()).await;
    assert_eq!((answer.status.as_u16(), answer.text()), (503, "OK\nDATABASE DOES NOT ANSWER"));
    let answer = lab.ask(NOBODY, "GET /healthcheck").await;
    assert_eq!(answer.value()["reasons"][1], "DATABASE DOES NOT ANSWER");
    assert_eq!(lab.ask(NOBODY, "HEAD /healthcheck").await.status, 503);
    let detailed = Healthcheck { detailed: true, ..Healthcheck::default() };
    let lab =
        Lab::on(&over_a_ruin(tempfile::tempdir().unwrap().path()), |options| options.healthcheck = Some(detailed));
    let answer = lab.ask(NOBODY, "GET /healthcheck").await;
    assert_eq!((answer.status.as_u16(), answer.text().contains("canary")), (503, false), "{answer:?}");
}

#[tokio::test]
async fn every_store_is_named_in_detail_and_none_takes_the_server_out_of_service() {
    let broken = || Err("canary-path is not mounted".into());
    let stores = vec![
        NamedStore::new("good", Arc::new(MemoryStore::new("good"))),
        NamedStore::new("<bad>", Arc::new(Watched::opening("bad", "memory", &["memory"], Box::new(broken)))),
    ];
    let stores = Stores::several(stores, "good").unwrap();
    let glance = Glance::builder(Arc::new(MemoryDatabase::new()), stores).build();
    let detailed = Healthcheck { detailed: true, ..Healthcheck::default() };
    let lab = Lab::on(&glance, |options| options.healthcheck = Some(detailed));
    let answer = lab.ask(NOBODY, "GET /healthcheck").await;
    let page = answer.value();
    assert_eq!((answer.status.as_u16(), &page["detailed"]), (200, &json!(true)));
    let reasons = json!([
        {"class": "none", "reason": "OK", "details": ""},
        {"class": "database", "reason": "OK", "details": ""},
        {"class": "store", "reason": "OK", "details": "good"},
        {"class": "store", "reason": "STORE DOES NOT ANSWER", "details": "<bad>"},
    ]);
    assert_eq!(page["reasons"], reasons);
    assert!(page["now"].is_string() && !answer.text().contains("canary"));
    let html = lab.ask_with(NOBODY, "GET /healthcheck", &[("accept", "text/html")], Body::empty()).await;
    assert!(html.text().contains("<td>STORE DOES NOT ANSWER</td><td>&lt;bad&gt;</td>"), "{html:?}");
    let text = lab.ask_with(NOBODY, "GET /healthcheck", &[("accept", "text/plain")], Body::empty()).await;
    assert_eq!(text.text(), "OK");
}
