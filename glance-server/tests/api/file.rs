use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{ADMIN, ALICE, BOB, Lab, RITA};

const DATA: &str = "0123456789";
const MD5: &str = "781e5e245d69b566979b86e28d23f2c7";

#[tokio::test]
async fn what_goes_in_comes_out() {
    let lab = Lab::new();
    let id = lab.active(ALICE, DATA).await;
    let image = lab.image(ALICE, &id).await;
    assert_eq!((&image["status"], &image["size"], &image["checksum"]), (&json!("active"), &json!(10), &json!(MD5)));
    assert_eq!((&image["os_hash_algo"], &image["stores"]), (&json!("sha512"), &json!("fast")));
    let answer = lab.download(ALICE, &id, &[]).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, DATA));
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    assert_eq!(answer.header("content-length"), Some("10"));
    assert_eq!(answer.header("content-md5"), Some(MD5));
    assert_eq!(answer.header("etag"), Some(format!("\"{MD5}\"").as_str()));
}

#[tokio::test]
async fn empty_data_is_data() {
    let lab = Lab::new();
    let id = lab.active(ALICE, "").await;
    let answer = lab.download(ALICE, &id, &[]).await;
    assert_eq!((answer.status, answer.header("content-length"), answer.text()), (StatusCode::OK, Some("0"), ""));
    assert_eq!(lab.download(ALICE, &id, &[("range", "bytes=0-")]).await.status, 416);
    let last = lab.download(ALICE, &id, &[("range", "bytes=-3")]).await;
    assert_eq!(
        (last.status, last.text(), last.header("content-range")),
        (StatusCode::PARTIAL_CONTENT, "", Some("bytes 0--1/0"))
    );
}

#[tokio::test]
async fn one_range_is_served() {
    let lab = Lab::new();
    let id = lab.active(ALICE, DATA).await;
    for (range, text, content_range) in [
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=7-100", "789", "bytes 7-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=-100", DATA, "bytes 0-9/10"),
        ("bytes=0-9", DATA, "bytes 0-9/10"),
    ] {
        let answer = lab.download(ALICE, &id, &[("range", range)]).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::PARTIAL_CONTENT, text), "{range}");
        assert_eq!(answer.header("content-range"), Some(content_range), "{range}");
        assert_eq!(answer.header("content-length"), Some(text.len().to_string().as_str()), "{range}");
        assert_eq!(answer.header("content-md5"), Some(MD5), "{range}");
    }
    let legacy = lab.download(ALICE, &id, &[("content-range", "bytes 2-4/10")]).await;
    assert_eq!((legacy.status, legacy.text()), (StatusCode::PARTIAL_CONTENT, "234"));
}

#[tokio::test]
async fn other_ranges_are_refused() {
    let lab = Lab::new();
    let id = lab.active(ALICE, DATA).await;
    for (name, range, status) in [
        ("range", "bytes=10-", 416),
        ("range", "bytes=5-2", 416),
        ("range", "lines=0-1", 416),
        ("range", "x", 416),
        ("range", "", 416),
        ("range", "bytes=0-1,3-4", 400),
        ("content-range", "bytes */10", 416),
        ("content-range", "bytes 2-40/*", 416),
        ("content-range", "bytes 2-4/99", 416),
    ] {
        assert_eq!(lab.download(ALICE, &id, &[(name, range)]).await.status, status, "{name}: {range}");
    }
}

#[tokio::test]
async fn data_the_client_has_is_not_sent_again() {
    let lab = Lab::new();
    let id = lab.active(ALICE, DATA).await;
    let tag = format!("\"{MD5}\"");
    let answer = lab.download(ALICE, &id, &[("if-none-match", &tag)]).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::NOT_MODIFIED, ""));
    assert_eq!(answer.header("etag"), Some(tag.as_str()));
    assert_eq!(lab.download(ALICE, &id, &[("if-none-match", "\"x\"")]).await.status, 200);
    for (condition, status) in [(tag.as_str(), 206), ("\"x\"", 200), ("not a tag", 206)] {
        let headers = [("range", "bytes=2-4"), ("if-range", condition)];
        assert_eq!(lab.download(ALICE, &id, &headers).await.status, status, "{condition}");
    }
    let beyond = [("range", "bytes=50-"), ("if-range", "\"x\"")];
    assert_eq!(lab.download(ALICE, &id, &beyond).await.status, 200);
}

#[tokio::test]
async fn an_image_without_data_has_nothing_to_send() {
    let lab = Lab::new();
    let id = lab.queued(ALICE, &json!({})).await;
    let answer = lab.download(ALICE, &id, &[]).await;
    assert_eq!((answer.status, answer.header("content-type"), answer.text()), (StatusCode::NO_CONTENT, None, ""));
    assert_eq!(lab.download(ALICE, &id, &[("range", "bytes=0-5")]).await.status, 204);
    assert_eq!(lab.download(ALICE, &id, &[("range", "x")]).await.status, 416);
}

/// `errors.md` section 3.4, Download.
#[tokio::test]
async fn downloads_that_may_not_be_are_refused() {
    let lab = Lab::new();
    let id = lab.active(ALICE, DATA).await;
    assert_eq!(lab.download(BOB, &id, &[]).await.status, 404);
    assert_eq!(lab.download(RITA, &id, &[]).await.status, 403);
    for (query, status) in
        [("prefer=cheap,fast", 200), ("prefer=%20fast%20,,", 200), ("prefer=", 200), ("prefer=nostore", 400)]
    {
        assert_eq!(lab.ask(ALICE, &format!("GET /v2/images/{id}/file?{query}")).await.status, status, "{query}");
    }
    lab.ask(ALICE, &format!("POST /v2/images/{id}/actions/deactivate")).await;
    assert_eq!(lab.download(ALICE, &id, &[]).await.status, 403);
    assert_eq!(lab.download(ADMIN, &id, &[]).await.status, 200);
}

/// `errors.md` section 3.4, Upload.
#[tokio::test]
async fn uploads_that_may_not_be_are_refused() {
    let lab = Lab::with(|rules| rules.image_size_cap = 10, |_| {});
    let id = lab.queued(ALICE, &json!({})).await;
    let line = format!("PUT /v2/images/{id}/file");
    let octets = ("content-type", "application/octet-stream");
    for (who, headers, data, status) in [
        (ALICE, vec![("content-type", "application/json")], DATA, 415),
        (ALICE, vec![], DATA, 415),
        (ALICE, vec![octets, ("x-openstack-image-size", "x")], DATA, 400),
        (ALICE, vec![octets, ("x-openstack-image-size", "-1")], DATA, 400),
        (ALICE, vec![octets, ("x-openstack-image-size", "5")], DATA, 400),
        (ALICE, vec![octets, ("x-openstack-image-size", "10"), ("x-openstack-image-size", "5")], DATA, 400),
        (ALICE, vec![octets, ("x-image-meta-store", "nostore")], DATA, 400),
        (ALICE, vec![octets, ("x-image-meta-store", "os_glance_staging_store")], DATA, 400),
        (ALICE, vec![octets, ("x-image-meta-store", "web")], DATA, 410),
        (ALICE, vec![octets], "longer than it may be", 413),
        (RITA, vec![octets], DATA, 403),
        (BOB, vec![octets], DATA, 404),
    ] {
        assert_eq!(lab.ask_with(who, &line, &headers, data).await.status, status, "{headers:?}");
    }
    let image = lab.image(ALICE, &id).await;
    assert_eq!((&image["status"], &image["size"], &image["checksum"]), (&json!("queued"), &Value::Null, &Value::Null));
    assert_eq!(lab.upload(ALICE, &id, DATA).await.status, 204);
    assert_eq!(lab.upload(ALICE, &id, DATA).await.status, 409);
    let unset = lab.queued(ALICE, &json!({"disk_format": null})).await;
    assert_eq!(lab.upload(ALICE, &unset, DATA).await.status, 400);
    assert_eq!(lab.upload(ALICE, "bogus", DATA).await.status, 404);
}

/// As after any data that a store refuses: the image was saving, and is queued again.
#[tokio::test]
async fn an_image_whose_data_was_refused_was_updated() {
    let lab = Lab::new();
    let (refused, other) = (lab.queued(ALICE, &json!({})).await, lab.queued(ALICE, &json!({})).await);
    assert_eq!(lab.ids(ALICE, "sort=updated_at:desc").await, [other.clone(), refused.clone()]);
    let headers = [("content-type", "application/octet-stream"), ("x-image-meta-store", "web")];
    let answer = lab.ask_with(ALICE, &format!("PUT /v2/images/{refused}/file"), &headers, DATA).await;
    assert_eq!(answer.status, 410);
    assert_eq!(lab.ids(ALICE, "sort=updated_at:desc").await, [refused, other]);
}

/// `format-inspection.md` section 2.
#[tokio::test]
async fn data_that_is_not_what_it_says_gets_415_and_leaves_nothing() {
    let lab = Lab::new();
    for (format, data, found) in [("qcow2", DATA, "but the data is raw"), ("raw", "QED\0", "banned")] {
        let id = lab.queued(ALICE, &json!({"disk_format": format})).await;
        let answer = lab.upload(ALICE, &id, data).await;
        assert_eq!(answer.status, 415);
        assert!(answer.text().contains(found), "{answer:?}");
        let image = lab.image(ALICE, &id).await;
        assert_eq!((&image["status"], &image["locations"]), (&json!("queued"), &json!([])));
    }
    let raw = lab.active(ALICE, DATA).await;
    assert_eq!(lab.image(ALICE, &raw).await["virtual_size"], DATA.len());
}

#[tokio::test]
async fn a_client_names_the_store() {
    let lab = Lab::new();
    let id = lab.queued(ALICE, &json!({})).await;
    let headers = [("content-type", "application/octet-stream; x=y"), ("x-image-meta-store", "cheap")];
    assert_eq!(lab.ask_with(ALICE, &format!("PUT /v2/images/{id}/file"), &headers, DATA).await.status, 204);
    assert_eq!(lab.image(ALICE, &id).await["stores"], "cheap");
}

#[tokio::test]
async fn data_that_breaks_off_leaves_nothing() {
    let lab = Lab::new();
    let id = lab.queued(ALICE, &json!({})).await;
    let broken = futures::stream::iter([Ok(Bytes::from("0123")), Err(std::io::Error::other("gone"))]);
    let mut request = Request::put(format!("/v2/images/{id}/file")).header("content-type", "application/octet-stream");
    for (name, value) in ALICE {
        request = request.header(*name, *value);
    }
    let answer = lab.send(request.body(Body::from_stream(broken)).unwrap(), "127.0.0.1:1").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let image = lab.image(ALICE, &id).await;
    assert_eq!((&image["status"], &image["locations"]), (&json!("queued"), &json!([])));
    assert_eq!(lab.upload(ALICE, &id, DATA).await.status, 204);
}
