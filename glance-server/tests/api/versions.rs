use axum::body::Body;
use http::StatusCode;

use crate::support::{ALICE, Lab, NOBODY};

#[tokio::test]
async fn the_versions_are_told_to_everybody() {
    let lab = Lab::new();
    for (line, status) in [
        ("GET /", 300),
        ("POST /v1/images", 300),
        ("GET /v3", 300),
        ("GET /v2.99/images", 300),
        ("GET /V2/images", 300),
        ("GET /versions", 200),
        ("DELETE /versions/x", 200),
    ] {
        let answer = lab.ask(NOBODY, line).await;
        assert_eq!(answer.status, status, "{line}");
        let versions = answer.value();
        assert_eq!(versions["versions"][0]["id"], "v2.18", "{line}");
        assert_eq!(versions["versions"][0]["links"][0]["href"], "http://api.test/v2/", "{line}");
        assert_eq!(answer.header("x-openstack-request-id"), None, "{line}");
    }
}

#[tokio::test]
async fn a_minor_version_stands_for_the_whole() {
    let lab = Lab::new();
    for line in ["GET /v2/images", "GET /v2.0/images", "GET /v2.18/images", "GET //v2//images"] {
        assert_eq!(lab.ask(ALICE, line).await.status, 200, "{line}");
    }
    let vendor = [("accept", "application/vnd.openstack.images-v2.5")];
    assert_eq!(lab.ask_with(ALICE, "GET /images", &vendor, Body::empty()).await.status, 200);
    assert_eq!(lab.ask_with(ALICE, "GET /v2/images", &vendor, Body::empty()).await.status, 404);
    let unknown = [("accept", "application/vnd.openstack.images-v9")];
    assert_eq!(lab.ask_with(ALICE, "GET /images", &unknown, Body::empty()).await.status, 300);
}

#[tokio::test]
async fn links_lead_where_the_operator_says() {
    let endpoint = "https://images.example/glance/";
    let lab = Lab::with(|_| {}, |options| options.public_endpoint = Some(endpoint.to_owned()));
    let versions = lab.ask(NOBODY, "GET /").await.value();
    assert_eq!(versions["versions"][0]["links"][0]["href"], "https://images.example/glance/v2/");
    let lab = Lab::with(|_| {}, |options| options.proxy_headers = true);
    let headers = [("x-forwarded-proto", "https"), ("x-forwarded-prefix", "/image")];
    let versions = lab.ask_with(NOBODY, "GET /", &headers, Body::empty()).await.value();
    assert_eq!(versions["versions"][0]["links"][0]["href"], "https://api.test/image/v2/");
}

#[tokio::test]
async fn the_bare_version_leads_to_the_one_with_a_slash() {
    let lab = Lab::new();
    let answer = lab.ask(ALICE, "GET /v2").await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::FOUND, Some("http://api.test/v2/")));
    assert_eq!(lab.ask(ALICE, "GET /v2/").await.status, 404);
    assert_eq!(lab.ask(NOBODY, "GET /v2").await.status, 401);
}
