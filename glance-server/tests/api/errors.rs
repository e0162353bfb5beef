use axum::body::Body;
use serde_json::json;

use crate::support::{ALICE, Lab};

const LINE: &str = "GET /v2/images/71c675ab-d94f-49cd-a114-e12490b328d9";

#[tokio::test]
async fn the_form_of_an_error_follows_accept() {
    let lab = Lab::new();
    for (accept, media_type) in [
        ("*/*", "text/html; charset=UTF-8"),
        ("text/html", "text/html; charset=UTF-8"),
        ("application/json", "application/json"),
        ("text/html;q=0.2, application/json", "application/json"),
        ("image/png", "text/plain; charset=UTF-8"),
        ("application/json;q=0", "text/plain; charset=UTF-8"),
        ("", "text/plain; charset=UTF-8"),
    ] {
        let answer = lab.ask_with(ALICE, LINE, &[("accept", accept)], Body::empty()).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (404, Some(media_type)), "{accept}");
        assert!(answer.text().contains("404 Not Found") && answer.text().contains("no image found"), "{answer:?}");
        assert_eq!(answer.header("content-length"), None, "the router's own measure must not stay");
    }
}

#[tokio::test]
async fn an_error_in_json_has_three_members() {
    let lab = Lab::new();
    let answer = lab.ask(ALICE, "LINK /v2/images").await;
    let error = answer.value();
    assert_eq!((&error["code"], &error["title"]), (&json!("405 Method Not Allowed"), &json!("Method Not Allowed")));
    assert!(error["message"].as_str().unwrap().contains("LINK"));
    assert_eq!(error.as_object().unwrap().len(), 3);
}

#[tokio::test]
async fn what_a_client_wrote_is_not_markup_in_the_answer() {
    let lab = Lab::new();
    let line = "GET /v2/images?limit=%3Cscript%3Ealert(1)%3C/script%3E";
    let answer = lab.ask_with(ALICE, line, &[("accept", "text/html")], Body::empty()).await;
    assert!(!answer.text().contains("<script>"), "{}", answer.text());
    let plain = lab.ask_with(ALICE, line, &[("accept", "text/plain")], Body::empty()).await;
    assert!(!plain.text().contains("<script>"), "{}", plain.text());
}
