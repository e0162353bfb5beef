//! What is told of requests.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use glance_core::events::{Event, Notifier};
use serde_json::{Value, json};

use crate::support::{ALICE, Lab};

/// Keeps what it is told.
#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<Event>>);

impl Notifier for Recorder {
    fn notify(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

impl Recorder {
    fn told(&self) -> Vec<Value> {
        let events = std::mem::take(&mut *self.0.lock().unwrap());
        let told = |event: Event| json!([event.event_type.as_str(), event.priority.as_str(), event.payload]);
        events.into_iter().map(told).collect()
    }
}

/// A server that is listened to, with an active image of four bytes.
async fn lab() -> (Lab, Arc<Recorder>, String) {
    let heard = Arc::new(Recorder::default());
    let lab = Lab::heard_by(heard.clone());
    let new = json!({"disk_format": "raw", "container_format": "bare"});
    let image = lab.json(ALICE, "POST /v2/images", &new).await.value()["id"].as_str().unwrap().to_owned();
    let kind = [("content-type", "application/octet-stream")];
    lab.ask_with(ALICE, &format!("PUT /v2/images/{image}/file"), &kind, Body::from("data")).await;
    let kinds: Vec<_> = heard.told().iter().map(|event| event[0].clone()).collect();
    let upload = ["image.create", "image.update", "image.prepare", "image.upload", "image.activate", "image.update"];
    assert_eq!(kinds, upload);
    (lab, heard, image)
}

#[tokio::test]
async fn downloads_are_told_with_the_bytes_that_were_sent() {
    let (lab, heard, image) = lab().await;
    let path = format!("GET /v2/images/{image}/file");
    let sent = |bytes: u64| {
        let who = json!({"owner_id": "a", "receiver_tenant_id": "a", "receiver_user_id": "alice"});
        let mut payload = json!({"bytes_sent": bytes, "image_id": image});
        payload.as_object_mut().unwrap().extend(who.as_object().unwrap().clone());
        json!([["image.send", "INFO", payload]])
    };
    lab.ask(ALICE, &path).await;
    assert_eq!(json!(heard.told()), sent(4));
    for (range, bytes) in [("bytes=1-2", 2), ("bytes=-1", 1), ("bytes=0-99", 4)] {
        assert_eq!(lab.ask_with(ALICE, &path, &[("range", range)], Body::empty()).await.status, 206);
        assert_eq!(json!(heard.told()), sent(bytes), "{range}");
    }
    // A condition that is not met gets all of it.
    lab.ask_with(ALICE, &path, &[("range", "bytes=1-2"), ("if-range", "\"other\"")], Body::empty()).await;
    assert_eq!(json!(heard.told()), sent(4));
}

#[tokio::test]
async fn what_sends_no_data_is_not_told_as_a_download() {
    let (lab, heard, image) = lab().await;
    let path = format!("/v2/images/{image}/file");
    for (line, header) in [
        (format!("GET {path}"), ("if-none-match", "*")),
        (format!("GET {path}"), ("range", "bytes=9-")),
        (format!("HEAD {path}"), ("range", "")),
        ("GET /v2/images".to_owned(), ("range", "")),
    ] {
        lab.ask_with(ALICE, &line, &[header], Body::empty()).await;
        assert_eq!(heard.told(), [Value::Null; 0], "{line} {header:?}");
    }
}

#[tokio::test]
async fn no_event_holds_a_token_or_a_place() {
    let (lab, heard, image) = lab().await;
    let secret = [("x-auth-token", "canary-token"), ("x-service-token", "canary-service")];
    for line in [format!("GET /v2/images/{image}/file"), format!("DELETE /v2/images/{image}")] {
        lab.ask_with(ALICE, &line, &secret, Body::empty()).await;
    }
    let told = json!(heard.told()).to_string();
    assert!(told.contains("image.send") && told.contains("image.delete"), "{told}");
    assert!(!told.contains("canary") && !told.contains("memory://"), "{told}");
}
