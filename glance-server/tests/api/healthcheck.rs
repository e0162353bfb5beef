use axum::body::Body;
use glance_server::api::Healthcheck;
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
    let lab = Lab::with(|_| {}, |options| options.healthcheck = healthcheck);
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
    let lab = Lab::with(|_| {}, |options| options.healthcheck = healthcheck);
    let request = |proxied: bool| {
        let request = axum::extract::Request::get("/healthcheck");
        let request = if proxied { request.header("x-forwarded-for", "1.2.3.4") } else { request };
        request.body(Body::empty()).unwrap()
    };
    assert_eq!(lab.send(request(false), "10.1.2.3:1").await.status, 200);
    assert_eq!(lab.send(request(false), "127.0.0.1:1").await.status, 404);
    assert_eq!(lab.send(request(true), "10.1.2.3:1").await.status, 404);
}
