use crate::support::{ALICE, Lab};

const ID: &str = "71c675ab-d94f-49cd-a114-e12490b328d9";

#[tokio::test]
async fn a_known_path_names_its_methods() {
    let lab = Lab::new();
    for (path, allow) in [
        ("/v2/images".to_owned(), "GET, POST"),
        (format!("/v2/images/{ID}"), "GET, PATCH, DELETE"),
        (format!("/v2/images/{ID}/file"), "GET, PUT"),
        (format!("/v2/images/{ID}/actions/deactivate"), "POST"),
        (format!("/v2/images/{ID}/actions/reactivate"), "POST"),
        (format!("/v2/images/{ID}/tags/t"), "PUT, DELETE"),
        (format!("/v2/images/{ID}/members"), "GET, POST"),
        (format!("/v2/images/{ID}/members/m"), "GET, PUT, DELETE"),
        (format!("/v2/stores/fast/{ID}"), "DELETE"),
        ("/v2/info/import".to_owned(), "GET"),
        ("/v2/info/stores".to_owned(), "GET"),
        ("/v2/info/stores/detail".to_owned(), "GET"),
        ("/v2/schemas/image".to_owned(), "GET"),
        ("/v2/schemas/tasks".to_owned(), "GET"),
    ] {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "LINK"] {
            let answer = lab.ask(ALICE, &format!("{method} {path}")).await;
            if allow.split(", ").any(|allowed| allowed == method) {
                assert_ne!(answer.status, 405, "{method} {path}");
            } else {
                assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, Some(allow)), "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn an_unknown_path_knows_usual_methods_only() {
    let lab = Lab::new();
    for path in ["/v2/nothing", "/v2/images/", "/v2/schemas/image/", "/v2/info/usage/", "/v2/images/x%2Fy/z"] {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
            assert_eq!(lab.ask(ALICE, &format!("{method} {path}")).await.status, 404, "{method} {path}");
        }
        for method in ["LINK", "FOO"] {
            assert_eq!(lab.ask(ALICE, &format!("{method} {path}")).await.status, 501, "{method} {path}");
        }
    }
    assert_eq!(lab.ask(ALICE, "PUT /v2/info/usage").await.status, 404);
    assert_eq!(lab.ask(ALICE, "LINK /v2/info/usage").await.status, 501);
}

#[tokio::test]
async fn bodies_are_refused_where_none_is_expected() {
    let lab = Lab::new();
    for line in [
        format!("GET /v2/images/{ID}"),
        format!("DELETE /v2/images/{ID}"),
        format!("GET /v2/images/{ID}/file"),
        format!("POST /v2/images/{ID}/actions/deactivate"),
        format!("PUT /v2/images/{ID}/tags/t"),
        format!("DELETE /v2/images/{ID}/tags/t"),
        format!("GET /v2/images/{ID}/members"),
        format!("DELETE /v2/images/{ID}/members/m"),
        format!("DELETE /v2/stores/fast/{ID}"),
        "GET /v2/info/stores".to_owned(),
    ] {
        assert_eq!(lab.text(ALICE, &line, "application/json", "{}").await.status, 400, "{line}");
    }
    let chunked = [("transfer-encoding", "chunked")];
    let line = format!("POST /v2/images/{ID}/actions/deactivate");
    assert_eq!(lab.ask_with(ALICE, &line, &chunked, "{}").await.status, 400);
    assert_eq!(lab.text(ALICE, "GET /v2/images", "application/json", "{}").await.status, 200);
}
