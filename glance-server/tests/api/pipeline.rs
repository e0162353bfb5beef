//! Filters that a paste pipeline has or leaves out.

use std::io::Read;

use axum::body::Body;
use flate2::read::GzDecoder;
use glance_server::api::{Healthcheck, Pipeline};
use serde_json::{Value, json};

use crate::support::{ALICE, Answer, Lab, NOBODY, Who};

fn lab(pipeline: Pipeline) -> Lab {
    Lab::with(|_| {}, |options| options.pipeline = pipeline)
}

async fn gzipped(lab: &Lab, who: Who, line: &str) -> Answer {
    lab.ask_with(who, line, &[("accept-encoding", "gzip, deflate")], Body::empty()).await
}

fn unpacked(answer: &Answer) -> Value {
    let mut text = String::new();
    GzDecoder::new(answer.body.as_slice()).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn json_is_compressed_where_the_pipeline_says_so_and_the_client_asks() {
    let lab = lab(Pipeline { gzip: true, ..Pipeline::default() });
    for line in ["GET /v2/schemas/image", "GET /versions", "GET /"] {
        let answer = gzipped(&lab, ALICE, line).await;
        assert_eq!(answer.header("content-encoding"), Some("gzip"), "{line}");
        assert_eq!(answer.header("vary"), Some("Accept-Encoding"), "{line}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{line}");
        let plain = lab.ask(ALICE, line).await;
        assert_eq!((plain.header("content-encoding"), plain.header("vary")), (None, Some("Accept-Encoding")), "{line}");
        assert_eq!(unpacked(&answer), plain.value(), "{line}");
        assert!(answer.body.len() < plain.body.len() / 2, "{line}");
    }
    let other = self::lab(Pipeline::default());
    assert_eq!(gzipped(&other, ALICE, "GET /v2/schemas/image").await.header("content-encoding"), None);
}

#[tokio::test]
async fn neither_image_data_nor_short_answers_nor_failures_are_compressed() {
    let lab = lab(Pipeline { gzip: true, ..Pipeline::default() });
    let data = "a".repeat(5000);
    let id = lab.active(ALICE, &data).await;
    for (line, status) in [
        (format!("GET /v2/images/{id}/file"), 200),
        (format!("GET /v2/images/{id}/members"), 200),
        ("GET /v2/images/none".to_owned(), 404),
        (format!("HEAD /v2/images/{id}"), 405),
    ] {
        let answer = gzipped(&lab, ALICE, &line).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-encoding")), (status, None), "{line}");
    }
    let headers = [("accept-encoding", "gzip"), ("range", "bytes=1-3")];
    let part = lab.download(ALICE, &id, &headers).await;
    assert_eq!((part.status.as_u16(), part.text()), (206, "aaa"));
}

#[tokio::test]
async fn without_cross_origin_rules_options_is_a_method_as_any_other() {
    let lab = lab(Pipeline { cors: false, ..Pipeline::default() });
    assert_eq!(self::lab(Pipeline::default()).ask(ALICE, "OPTIONS /v2/images").await.status, 200);
    let answer = lab.ask(ALICE, "OPTIONS /v2/images").await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, Some("GET, POST")));
    assert_eq!(lab.ask(NOBODY, "OPTIONS /v2/images").await.status, 401);
}

#[tokio::test]
async fn without_version_negotiation_the_api_is_at_v2_alone() {
    let lab = lab(Pipeline { version_negotiation: false, ..Pipeline::default() });
    let vendor = [("accept", "application/vnd.openstack.images-v2.5")];
    for (who, line, headers, status) in [
        (ALICE, "GET /v2/images", &[][..], 200),
        (ALICE, "GET /v2/schemas/image", &[], 200),
        (ALICE, "GET /v2", &[], 302),
        (ALICE, "GET /v2/nothing", &[], 404),
        (ALICE, "GET /", &[], 300),
        (ALICE, "GET /versions", &[], 300),
        (ALICE, "GET /v2.3/images", &[], 300),
        (ALICE, "GET /v3/images", &[], 300),
        (ALICE, "GET /images", &vendor, 300),
        (ALICE, "GET /v2/images", &vendor, 200),
        // Who is asking comes first.
        (NOBODY, "GET /", &[], 401),
        (NOBODY, "GET /v3", &[], 401),
    ] {
        let answer = lab.ask_with(who, line, headers, Body::empty()).await;
        assert_eq!(answer.status.as_u16(), status, "{line} {answer:?}");
        if status == 300 {
            assert_eq!(answer.value()["versions"][0]["id"], "v2.18", "{line}");
        }
    }
}

#[tokio::test]
async fn a_health_check_answers_where_the_pipeline_has_it() {
    let lab = Lab::with(|_| {}, |options| options.healthcheck = None);
    for line in ["GET /healthcheck", "GET /healthcheck/x"] {
        assert_eq!(lab.ask(NOBODY, line).await.status, 300, "{line}");
    }
    let filter = Healthcheck { is_filter: true, ..Healthcheck::default() };
    let lab = Lab::with(|_| {}, |options| options.healthcheck = Some(filter));
    assert_eq!(lab.ask(NOBODY, "GET /healthcheck").await.value(), json!({"detailed": false, "reasons": ["OK"]}));
    assert_eq!(lab.ask(NOBODY, "GET /healthcheck/x").await.status, 300);
}
