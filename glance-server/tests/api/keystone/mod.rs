//! Callers whom Keystone vouches for.

pub(crate) mod fake;

use axum::body::Body;
use futures::future::join_all;
use serde_json::{Value, json};

use self::fake::{FakeKeystone, Manner, project_scope};
use crate::support::{Answer, Lab};

/// Asks with a token, and perhaps a service token.
async fn ask(lab: &Lab, line: &str, token: &str, service: Option<&str>) -> Answer {
    let service = service.map(|token| ("x-service-token", token));
    let headers: Vec<_> = [("x-auth-token", token)].into_iter().chain(service).collect();
    lab.ask_with(&[], line, &headers, Body::empty()).await
}

async fn status(lab: &Lab, token: &str) -> u16 {
    ask(lab, "GET /v2/images", token, None).await.status.as_u16()
}

async fn create(lab: &Lab, token: &str) -> Answer {
    let headers = [("x-auth-token", token), ("content-type", "application/json"), ("content-length", "2")];
    lab.ask_with(&[], "POST /v2/images", &headers, "{}").await
}

#[tokio::test]
async fn a_token_says_who_is_asking() {
    let keystone = FakeKeystone::new().await;
    let lab = keystone.lab(|_| {});
    keystone.issue_member("alice", "a");
    keystone.issue_member("bob", "b");
    keystone.issue("reader", &["reader"], &project_scope("a"));
    let made = create(&lab, "alice").await;
    assert_eq!((made.status.as_u16(), &made.value()["owner"]), (201, &json!("a")));
    let id = made.value()["id"].as_str().unwrap().to_owned();
    let line = format!("GET /v2/images/{id}");
    for (token, status) in [("alice", 200), ("reader", 200), ("bob", 404)] {
        assert_eq!(ask(&lab, &line, token, None).await.status, status, "{token}");
    }
    assert_eq!(create(&lab, "reader").await.status, 403);
    let login = &keystone.said().logins;
    assert_eq!(login.len(), 1);
    assert_eq!(login[0]["auth"]["scope"]["project"]["name"], "service");
}

#[tokio::test]
async fn headers_of_clients_say_nothing() {
    let keystone = FakeKeystone::new().await;
    let lab = keystone.lab(|_| {});
    keystone.issue("reader", &["reader"], &project_scope("a"));
    let forged = [
        ("x-identity-status", "Confirmed"),
        ("x-user-id", "root"),
        ("x-project-id", "admins"),
        ("x-roles", "admin,member"),
        ("x-service-roles", "service"),
        ("x-service-identity-status", "Confirmed"),
        ("openstack-system-scope", "all"),
        ("content-type", "application/json"),
        ("content-length", "2"),
    ];
    assert_eq!(lab.ask_with(&[], "GET /v2/images", &forged, Body::empty()).await.status, 401);
    let with_token: Vec<_> = forged.iter().copied().chain([("x-auth-token", "reader")]).collect();
    assert_eq!(lab.ask_with(&[], "POST /v2/images", &with_token, "{}").await.status, 403);
    // Two tokens, of which one would do.
    let two = [("x-auth-token", "reader"), ("x-auth-token", "other")];
    assert_eq!(lab.ask_with(&[], "GET /v2/images", &two, Body::empty()).await.status, 401);
    let storage = [("x-storage-token", "reader")];
    assert_eq!(lab.ask_with(&[], "GET /v2/images", &storage, Body::empty()).await.status, 200);
}

#[tokio::test]
async fn a_bad_token_gets_401_and_where_to_get_a_good_one() {
    let keystone = FakeKeystone::new().await;
    let lab = keystone.lab(|_| {});
    keystone.issue("ended", &["admin"], &json!({ "expires_at": "2020-01-01T00:00:00Z" }));
    let long = "x".repeat(9000);
    for token in ["nonsense", "ended", "", "\u{e9}t\u{e9}", &long] {
        let answer = ask(&lab, "GET /v2/images", token, None).await;
        assert_eq!(answer.status, 401, "{token}");
        assert_eq!(answer.header("www-authenticate"), Some("Keystone uri=\"http://keystone.example\""));
    }
    assert_eq!(keystone.questions(), 2, "the others are no tokens at all");
    let answer = ask(&keystone.lab(|options| options.public_uri = None), "GET /v2/images", "nonsense", None).await;
    assert_eq!(answer.header("www-authenticate"), Some("Keystone"));
    assert_eq!(lab.ask(&[], "GET /versions").await.status, 200);
}

#[tokio::test]
async fn a_token_is_asked_about_once_however_many_come_with_it() {
    let keystone = FakeKeystone::new().await;
    let lab = keystone.lab(|_| {});
    keystone.issue_member("alice", "a");
    let answers = join_all((0..50).map(|_| status(&lab, "alice"))).await;
    assert_eq!(answers, [200; 50]);
    assert_eq!(keystone.questions(), 1);
    assert_eq!(status(&lab, "alice").await, 200);
    assert_eq!((keystone.questions(), keystone.said().logins.len()), (1, 1));
}

#[tokio::test]
async fn a_revoked_token_is_good_as_long_as_the_cache_says_and_no_longer() {
    let keystone = FakeKeystone::new().await;
    let (cached, uncached) = (keystone.lab(|_| {}), keystone.lab(|options| options.cache_time = None));
    keystone.issue_member("alice", "a");
    assert_eq!((status(&cached, "alice").await, status(&uncached, "alice").await), (200, 200));
    keystone.said().tokens.clear();
    assert_eq!((status(&cached, "alice").await, status(&uncached, "alice").await), (200, 401));
}

#[tokio::test]
async fn an_outage_is_no_open_door_and_no_refusal() {
    let keystone = FakeKeystone::new().await;
    let lab = keystone.lab(|options| options.allow_anonymous = true);
    keystone.issue_member("alice", "a");
    keystone.issue("admin", &["admin"], &project_scope("a"));
    assert_eq!(status(&lab, "alice").await, 200);
    let nested = "[".repeat(100_000);
    let huge = format!("{{\"token\": \"{}\"}}", "x".repeat(5 << 20));
    for manner in [
        Manner::Status(500),
        Manner::Status(503),
        Manner::Status(429),
        Manner::Status(302),
        Manner::Status(403),
        Manner::Text(String::new()),
        Manner::Text("<html>".to_owned()),
        Manner::Text("{}".to_owned()),
        Manner::Text(r#"{"token": {"user": {"id": "x"}, "roles": [{"name": "admin"}]}}"#.to_owned()),
        Manner::Text(r#"{"token": {"user": "admin", "expires_at": "2999-01-01T00:00:00Z"}}"#.to_owned()),
        Manner::Text(nested),
        Manner::Text(huge),
        Manner::Silence,
    ] {
        let shown = format!("{manner:.40?}");
        keystone.said().manner = manner;
        let answer = ask(&lab, "GET /v2/images", "admin", None).await;
        assert_eq!(answer.status, 503, "{shown}");
        assert!(answer.header("retry-after").is_some() && answer.header("www-authenticate").is_none());
        assert_eq!(status(&lab, "alice").await, 200, "what is known goes on counting");
    }
    keystone.said().manner = Manner::Usual;
    assert_eq!(status(&lab, "admin").await, 200, "an outage is not remembered");
    keystone.stop();
    assert_eq!((status(&lab, "alice").await, status(&lab, "new").await), (200, 503));
}

#[tokio::test]
async fn its_own_token_is_renewed_when_keystone_does_not_take_it_any_more() {
    let keystone = FakeKeystone::new().await;
    let lab = keystone.lab(|options| options.cache_time = None);
    keystone.issue_member("alice", "a");
    assert_eq!(status(&lab, "alice").await, 200);
    keystone.said().refusals = 1;
    assert_eq!(status(&lab, "alice").await, 200);
    assert_eq!(keystone.said().logins.len(), 2);
    // An account that may not ask is the operator's mistake, not the caller's.
    keystone.said().refusals = 2;
    assert_eq!(status(&lab, "alice").await, 503);
    let locked = keystone.lab(|_| {});
    keystone.said().locked = true;
    let logins = keystone.said().logins.len();
    assert_eq!(join_all((0..20).map(|n| ask_other(&locked, n))).await, [503; 20]);
    assert_eq!(keystone.said().logins.len(), logins + 1, "those who waited got the answer of the one who asked");
    assert_eq!(ask_other(&locked, 20).await, 503);
    assert_eq!(keystone.said().logins.len(), logins + 1, "an account that goes on trying may be locked");
}

async fn ask_other(lab: &Lab, number: usize) -> u16 {
    status(lab, &format!("token-{number}")).await
}

#[tokio::test]
async fn a_service_may_go_on_with_a_token_that_ended() {
    let keystone = FakeKeystone::new().await;
    let ended: Value = json!({ "expires_at": "2020-01-01T00:00:00Z", "project": project_scope("a")["project"] });
    keystone.issue("ended", &["reader"], &ended);
    keystone.issue_member("alice", "a");
    keystone.issue("service", &["service"], &project_scope("services"));
    keystone.issue("no-service", &["member"], &project_scope("a"));
    let ask = async |lab: &Lab, token: &str, service: &str| {
        ask(lab, "GET /v2/images", token, Some(service)).await.status.as_u16()
    };
    let delaying = keystone.lab(|_| {});
    let strict = keystone.lab(|options| options.delay = false);
    let lenient = keystone.lab(|options| options.service_roles_required = false);
    for (token, service, wanted) in [
        ("ended", "service", [200, 200, 200]),
        ("ended", "no-service", [401, 401, 401]),
        ("ended", "nonsense", [401, 401, 401]),
        ("alice", "service", [200, 200, 200]),
        ("alice", "no-service", [200, 401, 200]),
        ("alice", "nonsense", [200, 401, 401]),
        ("nonsense", "service", [401, 401, 401]),
    ] {
        let mut found = Vec::new();
        for lab in [&delaying, &strict, &lenient] {
            found.push(ask(lab, token, service).await);
        }
        // A bad service token spoils nothing where the decision is delayed.
        let wanted = if (token, service) == ("alice", "nonsense") { [200, 401, 200] } else { wanted };
        assert_eq!(found, wanted, "{token} {service}");
    }
    assert_eq!(status(&delaying, "ended").await, 401, "what a service may, others may not");
}

#[tokio::test]
async fn nobody_reads_where_that_is_allowed() {
    let keystone = FakeKeystone::new().await;
    let lab = keystone.lab(|options| options.allow_anonymous = true);
    for token in ["", "nonsense"] {
        assert_eq!(ask(&lab, "GET /v2/schemas/image", token, None).await.status, 200);
        assert_eq!(create(&lab, token).await.status, 403);
    }
    let early = keystone.lab(|options| (options.allow_anonymous, options.delay) = (true, false));
    assert_eq!(ask(&early, "GET /v2/schemas/image", "", None).await.status, 401);
}

#[tokio::test]
async fn only_projects_have_images() {
    let keystone = FakeKeystone::new().await;
    let lab = keystone.lab(|_| {});
    keystone.issue("system", &["admin", "member", "reader"], &json!({ "system": { "all": true } }));
    keystone.issue("domain", &["admin", "member", "reader"], &json!({ "domain": { "id": "d", "name": "D" } }));
    keystone.issue("nothing", &[], &json!({}));
    for token in ["system", "domain", "nothing"] {
        assert_eq!(create(&lab, token).await.status, 403, "{token}");
        assert_eq!(status(&lab, token).await, 403, "{token}");
    }
    keystone.issue_member("alice", "a");
    let id = create(&lab, "alice").await.value()["id"].as_str().unwrap().to_owned();
    let image = format!("/v2/images/{id}");
    for line in [
        format!("GET {image}"),
        format!("DELETE {image}"),
        format!("GET {image}/file"),
        format!("GET {image}/members"),
        format!("PUT {image}/tags/x"),
        format!("POST {image}/actions/deactivate"),
        format!("DELETE /v2/stores/fast/{id}"),
        "GET /v2/info/stores/detail".to_owned(),
        "GET /v2/metadefs/namespaces".to_owned(),
        "GET /v2/metadefs/resource_types".to_owned(),
    ] {
        for token in ["system", "domain"] {
            let status = ask(&lab, &line, token, None).await.status.as_u16();
            assert!(matches!(status, 403 | 404), "{token} {line}: {status}");
        }
    }
    assert_eq!(ask(&lab, &format!("GET {image}"), "alice", None).await.status, 200);
}

#[tokio::test]
async fn an_application_credential_is_held_to_its_access_rules() {
    let keystone = FakeKeystone::new().await;
    let mut restricted = project_scope("a");
    restricted["application_credential"] = json!({ "id": "c", "access_rules": [{ "id": "1", "service": "image", "method": "GET", "path": "/v2/images" }] });
    keystone.issue("restricted", &["member", "reader"], &restricted);
    let lab = keystone.lab(|options| options.service_type = Some("image".to_owned()));
    assert_eq!(status(&lab, "restricted").await, 200);
    assert_eq!(create(&lab, "restricted").await.status, 401);
    assert_eq!(ask(&lab, "GET /v2/images/x", "restricted", None).await.status, 401);
    assert_eq!(status(&keystone.lab(|_| {}), "restricted").await, 401, "nobody looks at the rules");
    keystone.issue("service", &["service"], &project_scope("services"));
    keystone.issue("no-service", &["member"], &project_scope("a"));
    let lenient = keystone.lab(|options| {
        (options.service_type, options.service_roles_required) = (Some("image".to_owned()), false);
    });
    // 404: let in, and there is no such image.
    for (token, wanted) in [("service", 404), ("no-service", 401), ("nonsense", 401)] {
        for lab in [&lab, &lenient] {
            assert_eq!(ask(lab, "GET /v2/images/x", "restricted", Some(token)).await.status, wanted, "{token}");
        }
    }
}
