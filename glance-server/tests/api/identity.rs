use axum::body::Body;
use axum::extract::Request;
use glance_server::auth::{Identity, TrustedHeaders};

use crate::support::{ADMIN, ALICE, Lab, NOBODY, Who};

fn request(who: Who) -> Request {
    let mut request = Request::get("/v2/images");
    for (name, value) in who {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn identity_counts_from_listed_peers_only() {
    let lab = Lab::new();
    for (peer, status) in [("127.0.0.1:1", 200), ("[::ffff:127.0.0.1]:1", 200), ("127.0.0.2:1", 401), ("[::1]:1", 401)]
    {
        assert_eq!(lab.send(request(ALICE), peer).await.status, status, "{peer}");
    }
}

#[tokio::test]
async fn nobody_gets_in_by_spelling_headers_in_another_way() {
    let lab = Lab::new();
    for smuggled in [
        &[("x_identity_status", "Confirmed"), ("x-roles", "admin"), ("x-project-id", "a")][..],
        &[("x-identity_status", "Confirmed"), ("x-roles", "admin"), ("x-project-id", "a")],
        &[("x-identity-status", "confirmed"), ("x-roles", "admin"), ("x-project-id", "a")],
        &[("x-identity-status", "Confirmed"), ("x-identity-status", "Invalid"), ("x-roles", "admin")],
        &[("x-identity-status", "Invalid"), ("x-identity-status", "Confirmed"), ("x-roles", "admin")],
    ] {
        let answer = lab.send(request(smuggled), "127.0.0.1:1").await;
        assert_eq!(answer.status, 401, "{smuggled:?}");
        assert_eq!(answer.header("x-openstack-request-id"), None);
    }
    // What is spelled with underscores is not read, so it takes nothing away from what is not.
    let both: Who =
        &[("x-identity-status", "Confirmed"), ("x-project-id", "a"), ("x-roles", "nothing"), ("x_roles", "admin")];
    assert_eq!(lab.send(request(both), "127.0.0.1:1").await.status, 403);
}

#[tokio::test]
async fn request_ids_are_kept_or_made() {
    let lab = Lab::new();
    let longest = "q".repeat(64);
    for (chosen, shown) in [("req-0123", "req-0123"), ("plain", "req-plain"), (&longest, &*format!("req-{longest}"))] {
        let headers = [("x-openstack-request-id", chosen)];
        for (line, status) in [("GET /v2/images", 200), ("GET /v2/nothing", 404)] {
            let answer = lab.ask_with(ALICE, line, &headers, Body::empty()).await;
            assert_eq!((answer.status.as_u16(), answer.header("x-openstack-request-id")), (status, Some(shown)));
        }
    }
    let made = lab.ask(ALICE, "GET /v2/images").await;
    assert!(made.header("x-openstack-request-id").unwrap().starts_with("req-"));
    let long = [("x-openstack-request-id", &*"q".repeat(65))];
    assert_eq!(lab.ask_with(ALICE, "GET /v2/images", &long, Body::empty()).await.status, 431);
    assert_eq!(lab.ask_with(NOBODY, "GET /v2/images", &long, Body::empty()).await.status, 401);
}

#[tokio::test]
async fn without_authentication_everybody_has_full_rights_in_one_project() {
    let lab = Lab::with(|_| {}, |options| options.identity = Identity::default());
    let headers =
        [("host", "localhost"), ("x-openstack-request-id", "mine"), ("x-project-id", "other"), ("x-roles", "reader")];
    let body = r#"{"visibility": "public"}"#;
    let answer =
        lab.ask_with(NOBODY, "POST /v2/images", &[&headers[..], &[("content-length", "24")]].concat(), body).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.value()["owner"], "default");
    assert_ne!(answer.header("x-openstack-request-id"), Some("req-mine"));
}

#[tokio::test]
async fn anonymous_callers_read_what_takes_no_role() {
    let anonymous = TrustedHeaders { peers: Vec::new(), allow_anonymous: true };
    let lab = Lab::with(|_| {}, |options| options.identity = Identity::TrustedHeaders(anonymous));
    assert_eq!(lab.ask(ADMIN, "GET /v2/schemas/image").await.status, 200);
    assert_eq!(lab.ask(ADMIN, "GET /v2/images").await.status, 403);
    assert_eq!(lab.text(ADMIN, "POST /v2/images", "application/json", "{}").await.status, 403);
}
