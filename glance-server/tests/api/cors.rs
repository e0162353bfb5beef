use std::sync::Arc;

use axum::body::Body;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use glance_server::auth::{BasicAuth, Grant, Identity, UserFiles};
use glance_server::config::CorsSettings;

use crate::support::{ALICE, Answer, Lab, NOBODY, Who};

const PAGE: &str = "https://dashboard.test";

fn lab() -> Lab {
    let settings = CorsSettings {
        allowed_origin: vec![PAGE.to_owned()],
        allow_credentials: true,
        expose_headers: vec!["X-OpenStack-Request-ID".to_owned()],
        max_age: 3600,
        allow_methods: vec!["GET".to_owned()],
        allow_headers: vec!["X-Auth-Token".to_owned()],
    };
    Lab::with(|_| {}, |options| options.cors = vec![settings])
}

async fn from_page(lab: &Lab, who: Who, line: &str, headers: &[(&str, &str)]) -> Answer {
    lab.ask_with(who, line, &[&[("origin", PAGE)][..], headers].concat(), Body::empty()).await
}

#[tokio::test]
async fn a_listed_page_may_ask_and_read() {
    let lab = lab();
    let asked = [("access-control-request-method", "GET"), ("access-control-request-headers", "x-auth-token, accept")];
    let answer = from_page(&lab, NOBODY, "OPTIONS /v2/images", &asked).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
    assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE));
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("x-auth-token,accept"));
    assert_eq!(answer.header("access-control-max-age"), Some("3600"));
    let answer = from_page(&lab, ALICE, "GET /v2/images", &[]).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(answer.header("access-control-expose-headers"), Some("X-OpenStack-Request-ID"));
    assert_eq!(answer.header("vary"), Some("Origin"));
}

#[tokio::test]
async fn what_is_not_listed_is_not_granted() {
    let lab = lab();
    for asked in [
        vec![],
        vec![("access-control-request-method", "DELETE")],
        vec![("access-control-request-method", "GET"), ("access-control-request-headers", "x-evil")],
    ] {
        let answer = from_page(&lab, NOBODY, "OPTIONS /v2/images", &asked).await;
        assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (200, None), "{asked:?}");
    }
    let evil = lab.ask_with(ALICE, "GET /v2/images", &[("origin", "https://evil.test")], Body::empty()).await;
    assert_eq!((evil.status.as_u16(), evil.header("access-control-allow-origin")), (200, None));
}

#[tokio::test]
async fn a_foreign_page_cannot_act_for_everybody() {
    let lab = Lab::with(|_| {}, |options| options.identity = Identity::default());
    let headers = [("origin", PAGE), ("host", "localhost"), ("content-type", "text/plain"), ("content-length", "2")];
    assert_eq!(lab.ask_with(NOBODY, "POST /v2/images", &headers, "{}").await.status, 403);
    assert_eq!(lab.ask_with(NOBODY, "POST /v2/images", &headers[1..], "{}").await.status, 201);
}

#[tokio::test]
async fn a_foreign_page_may_not_even_try_passwords() {
    let folder = tempfile::tempdir().unwrap();
    let files = UserFiles { passwords: folder.path().join("htpasswd"), projects: folder.path().join("projects") };
    let grant = Grant { project: "a".to_owned(), roles: vec!["reader".to_owned()] };
    files.add("alice", "right", &grant).unwrap();
    let users = Arc::new(BasicAuth::open(files).unwrap());
    let lab = Lab::with(|_| {}, |options| options.identity = Identity::Basic(users));
    let basic = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
    let (wrong, right) = (basic("alice:wrong"), basic("alice:right"));
    for _ in 0..10 {
        assert_eq!(from_page(&lab, NOBODY, "GET /v2/images", &[("authorization", &wrong)]).await.status, 403);
    }
    let ask = async |authorization| {
        lab.ask_with(NOBODY, "GET /v2/images", &[("authorization", authorization)], Body::empty()).await
    };
    assert_eq!(ask(right.as_str()).await.status, 200, "alice does not wait for what a page did");
    let refused = ask(wrong.as_str()).await;
    assert_eq!((refused.status.as_u16(), refused.header("www-authenticate").is_some()), (401, true));
}

#[tokio::test]
async fn a_page_whose_name_was_turned_to_this_machine_reads_nothing() {
    let lab = Lab::with(|_| {}, |options| options.identity = Identity::default());
    for (host, status) in [
        ("rebound.example:9292", 403),
        ("rebound.example", 403),
        ("127.0.0.1:9292", 200),
        ("[::1]:9292", 200),
        ("localhost", 200),
    ] {
        let answer = lab.ask_with(NOBODY, "GET /v2/images", &[("host", host)], Body::empty()).await;
        assert_eq!(answer.status, status, "{host}");
    }
}
