//! Tokens and passwords on the way of a request, as the whole log of every level has them.
//!
//! What is logged goes to whoever listens first, so this is the one test here that runs the server in its own process.

use std::io;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use glance_server::auth::{BasicAuth, Grant, Identity, UserFiles};

use crate::fake::{FakeKeystone, Manner, OWN_TOKEN, PASSWORD, project_scope};
use crate::support::{Answer, Lab};

async fn ask(lab: &Lab, token: &str, service: &str) -> Answer {
    let headers = [("x-auth-token", token), ("x-service-token", service)];
    lab.ask_with(&[], "GET /v2/images", &headers, Body::empty()).await
}

/// What a server says to a user with a right and a wrong password.
async fn passwords() -> String {
    let folder = tempfile::tempdir().unwrap();
    let files = UserFiles { passwords: folder.path().join("htpasswd"), projects: folder.path().join("projects") };
    files.add("alice", "canary-basic", &Grant { project: "a".to_owned(), roles: Vec::new() }).unwrap();
    let users = BasicAuth::open(files).unwrap();
    assert!(!format!("{users:?}").contains("canary"));
    let lab = Lab::with(|_| {}, |options| options.identity = Identity::Basic(Arc::new(users)));
    let mut bodies = String::new();
    for text in ["alice:canary-basic", "alice:canary-wrong", "canary-wrong:", "canary-wrong"] {
        let encoded = BASE64_STANDARD.encode(text);
        let headers = [("authorization", &*format!("Basic {encoded}"))];
        let answer = lab.ask_with(&[], "GET /v2/images", &headers, Body::empty()).await;
        bodies += answer.text();
        assert!(!answer.text().contains(&encoded));
    }
    bodies + &figures_of(&lab)
}

/// The figures that such requests leave.
fn figures_of(lab: &Lab) -> String {
    let page = lab.figures();
    assert!(page.contains(r#"glance_http_requests_total{method="GET",route="#), "{page}");
    page
}

/// All that is logged, at every level.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn tokens_and_passwords_are_in_no_line_no_answer_and_no_metric() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_max_level(tracing::Level::TRACE);
    tracing::subscriber::set_global_default(subscriber.with_writer(move || writer.clone()).finish()).unwrap();
    let keystone = FakeKeystone::new().await;
    let lab = keystone.lab(|options| options.cache_time = None);
    keystone.issue_member("canary-token", "a");
    keystone.issue("canary-service", &["service"], &project_scope("s"));
    let mut bodies = String::new();
    for manner in [
        Manner::Usual,
        Manner::Status(500),
        Manner::Status(403),
        Manner::Text("{\"token\": \"canary-answer\"}".to_owned()),
    ] {
        keystone.said().manner = manner;
        for token in ["canary-token", "canary-unknown"] {
            bodies += ask(&lab, token, "canary-service").await.text();
        }
    }
    keystone.said().locked = true;
    keystone.said().refusals = 5;
    keystone.said().manner = Manner::Usual;
    bodies += ask(&lab, "canary-token", "canary-service").await.text();
    bodies += &passwords().await;
    bodies += &figures_of(&lab);
    let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    // Keystone calls users after their tokens here, and lines name users.
    let logged = logged.replace("user_id=user-of-canary-token", "");
    assert!(logged.contains("a request failed") && logged.contains("answered"), "{logged}");
    for secret in [
        "canary-token",
        "canary-service",
        "canary-unknown",
        "canary-answer",
        "canary-basic",
        "canary-wrong",
        // The beginning of alice's, encoded.
        "YWxpY2U6Y2FuYXJ5",
        PASSWORD,
        OWN_TOKEN,
    ] {
        assert!(!logged.contains(secret), "{secret}: {logged}");
        assert!(!bodies.contains(secret), "{secret}: {bodies}");
    }
}
