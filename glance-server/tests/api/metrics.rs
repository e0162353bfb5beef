use axum::body::Body;
use axum::extract::Request;

use crate::keystone::fake::FakeKeystone;
use crate::support::{ALICE, Lab, NOBODY};

fn has(page: &str, line: &str) -> bool {
    page.lines().any(|found| found == line)
}

#[tokio::test]
async fn a_download_counts_as_what_became_of_it() {
    let lab = Lab::new();
    let id = lab.active(ALICE, "the data").await;
    assert_eq!(lab.download(ALICE, &id, &[]).await.status, 200);
    assert_eq!(lab.download(ALICE, &id, &[("range", "bytes=0-2")]).await.status, 206);
    let mut request = Request::get(format!("/v2/images/{id}/file")).header("host", "api.test");
    for (name, value) in ALICE {
        request = request.header(*name, *value);
    }
    let body = lab.open(request.body(Body::empty()).unwrap()).await;
    assert!(has(&lab.figures(), r#"glance_downloads_in_flight{store="fast"} 1"#), "{}", lab.figures());
    drop(body);
    let page = lab.figures();
    for line in [
        r#"glance_store_operations_total{store="fast",operation="read",outcome="ok"} 2"#,
        r#"glance_store_operations_total{store="fast",operation="read",outcome="cancelled"} 1"#,
        r#"glance_store_read_bytes_total{store="fast"} 11"#,
        r#"glance_downloads_in_flight{store="fast"} 0"#,
        r#"glance_http_requests_total{method="GET",route="/v2/images/{image_id}/file",status="2xx"} 3"#,
        "glance_http_requests_in_flight 0",
    ] {
        assert!(has(&page, line), "{line}: {page}");
    }
}

#[tokio::test]
async fn a_request_whose_client_went_away_counts() {
    let lab = Lab::new();
    let id = lab.queued(ALICE, &serde_json::json!({})).await;
    // Data that never comes.
    let body = Body::from_stream(futures::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
    let line = format!("PUT /v2/images/{id}/file");
    let upload = lab.ask_with(ALICE, &line, &[("content-type", "application/octet-stream")], body);
    tokio::select! {
        biased;
        answer = upload => panic!("{answer:?}"),
        () = lab.until(|page| has(page, "glance_http_requests_in_flight 1")) => {}
    }
    let line = r#"glance_http_requests_total{method="PUT",route="/v2/images/{image_id}/file",status="none"} 1"#;
    assert!(has(&lab.figures(), line), "{}", lab.figures());
}

#[tokio::test]
async fn tokens_that_are_remembered_are_told_from_those_asked_about() {
    let keystone = FakeKeystone::new().await;
    let lab = keystone.lab(|_| {});
    keystone.issue_member("t", "a");
    for _ in 0..3 {
        let answer = lab.ask_with(NOBODY, "GET /v2/images", &[("x-auth-token", "t")], Body::empty()).await;
        assert_eq!(answer.status, 200);
    }
    let page = lab.figures();
    assert!(has(&page, "glance_token_cache_misses_total 1") && has(&page, "glance_token_cache_hits_total 2"), "{page}");
}
