//! `/v2/images/{id}` with locations on the web, and the data there.

use std::sync::{Arc, Mutex};

use glance_core::memory::MemoryStore;
use glance_core::{Settings, Stores};
use glance_stores::data::http::HttpStore;
use glance_stores::outbound::{Client, Guard, Tls};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::support::{ALICE, Answer, Lab};

/// A server whose answer to everything can be changed.
struct Web {
    url: String,
    answer: Arc<Mutex<String>>,
}

impl Web {
    /// At an address that the store of [`lab`] may read from.
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.2:0").await.unwrap();
        let url = format!("http://user:canary@{}/image", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new(String::new()));
        let served = Arc::clone(&answer);
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut read = Vec::new();
                while !read.ends_with(b"\r\n\r\n") && socket.read_buf(&mut read).await.unwrap() > 0 {}
                let (head, body) = served.lock().unwrap().clone().split_once('|').map(owned).unwrap();
                let body = if read.starts_with(b"HEAD") { String::new() } else { body };
                let bytes = format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n{body}");
                let _ = socket.write_all(bytes.as_bytes()).await;
            }
        });
        Self { url, answer }
    }

    fn answers(&self, answer: &str) {
        answer.clone_into(&mut self.answer.lock().unwrap());
    }
}

fn owned((head, body): (&str, &str)) -> (String, String) {
    (head.to_owned(), body.to_owned())
}

const DATA: &str = "200 OK\r\nContent-Length: 10|0123456789";

/// A server with a store for uploads and one on the web, both without names.
fn lab() -> Lab {
    let guard = Guard::default().except("127.0.0.2".parse().unwrap());
    let web = HttpStore::new(Client::builder(Tls::default()).guard(guard).build().unwrap());
    let stores = Stores::single_with(Arc::new(MemoryStore::new("one")), [Arc::new(web) as Arc<_>]);
    Lab::over(stores, Settings { show_multiple_locations: true, ..Settings::default() }, |_| {})
}

async fn add(lab: &Lab, id: &str, url: &str) -> Answer {
    let location = json!({"url": url, "metadata": {}});
    lab.patch(ALICE, id, &json!([{"op": "add", "path": "/locations/-", "value": location}])).await
}

#[tokio::test]
async fn an_image_on_the_web_is_added_and_read() {
    let (lab, web) = (lab(), Web::new().await);
    web.answers(DATA);
    let id = lab.queued(ALICE, &json!({})).await;
    let added = add(&lab, &id, &web.url).await;
    assert_eq!((added.status.as_u16(), &added.value()["size"]), (200, &json!(10)), "{added:?}");
    assert_eq!(lab.download(ALICE, &id, &[]).await.text(), "0123456789");
    let part = lab.download(ALICE, &id, &[("range", "bytes=3-5")]).await;
    assert_eq!((part.status.as_u16(), part.text()), (206, "345"));
    web.answers("404 Gone\r\nContent-Length: 0|");
    assert_eq!(lab.download(ALICE, &id, &[]).await.status, 204);
    web.answers("200 OK\r\nContent-Length: 9|012345678");
    assert_eq!(lab.download(ALICE, &id, &[]).await.status, 503);
}

#[tokio::test]
async fn refused_and_unreachable_locations_look_alike() {
    let (lab, web) = (lab(), Web::new().await);
    let gone = std::net::TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap();
    let id = lab.queued(ALICE, &json!({})).await;
    let mut told = Vec::new();
    for url in [
        format!("http://user:canary@{gone}/"),
        "http://127.0.0.1:22/canary".to_owned(),
        "http://169.254.169.254/canary".to_owned(),
        "http://[::ffff:127.0.0.1]/canary".to_owned(),
        "http://canary.invalid/".to_owned(),
    ] {
        let answer = add(&lab, &id, &url).await;
        told.push((answer.status.as_u16(), String::from_utf8(answer.body).unwrap()));
    }
    web.answers(DATA);
    assert_eq!(add(&lab, &id, &web.url).await.status, 200);
    told.dedup();
    assert!(told.len() == 1 && told[0].0 == 400 && !told[0].1.contains("canary"), "{told:?}");
    let mut told = Vec::new();
    for reply in [
        "302 Away\r\nLocation: http://127.0.0.1:22/canary|".to_owned(),
        "302 Away\r\nLocation: http://169.254.169.254/canary|".to_owned(),
        format!("302 Away\r\nLocation: http://{gone}/canary|"),
    ] {
        web.answers(&reply);
        let answer = lab.download(ALICE, &id, &[]).await;
        told.push((answer.status.as_u16(), String::from_utf8(answer.body).unwrap()));
    }
    told.dedup();
    assert!(told.len() == 1 && told[0].0 == 503 && !told[0].1.contains("canary"), "{told:?}");
}
