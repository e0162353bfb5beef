//! `/v2/images/{id}` with locations on the web, and the data there.

use std::sync::{Arc, Mutex};

use glance_core::memory::MemoryStore;
use glance_core::{Settings, Stores};
use glance_stores::data::http::HttpStore;
use glance_stores::outbound::{Client, Guard, Tls};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::support::{ADMIN, ALICE, Answer, BOB, Lab, NOBODY, RITA};

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

/// What is wrong first is told, and a store is asked of a location only when everything before it can be done.
#[tokio::test]
async fn a_patch_with_locations_is_judged_in_its_order() {
    let web = Web::new().await;
    let lab = lab();
    let id = lab.queued(ALICE, &json!({"disk_format": "raw", "container_format": "bare"})).await;
    let missing = json!({"op": "replace", "path": "/missing", "value": "x"});
    let add = |url: &str| json!({"op": "add", "path": "/locations/-", "value": {"url": url, "metadata": {}}});
    web.answers("404 Not Found|");
    for (patch, status) in [
        (json!([missing, add(&web.url)]), 409),
        (json!([add(&web.url), missing]), 400),
        (json!([add("bogus"), missing]), 400),
        (json!([{"op": "replace", "path": "/locations", "value": []}, missing]), 403),
    ] {
        assert_eq!(lab.patch(ALICE, &id, &patch).await.status, status, "{patch}");
    }
    web.answers("200 OK\r\nContent-Length: 4|data");
    assert_eq!(lab.patch(ALICE, &id, &json!([add(&web.url), missing])).await.status, 409);
    assert_eq!(lab.image(ALICE, &id).await["status"], "queued");
}

/// As with the Python server, that there is no data counts as not knowing how much.
#[tokio::test]
async fn a_location_gives_an_image_without_data_its_size() {
    let web = Web::new().await;
    let lab = lab();
    let id = lab.active(ALICE, "").await;
    assert_eq!(lab.image(ALICE, &id).await["size"], 0);
    web.answers("200 OK\r\nContent-Length: 4|data");
    assert_eq!(add(&lab, &id, &web.url).await.status, 200);
    assert_eq!(lab.image(ALICE, &id).await["size"], 4);
    // Its first location ends before the range begins, and is not the image's data.
    web.answers("206 Partial Content\r\nContent-Range: bytes 1-3/4\r\nContent-Length: 3|ata");
    assert_eq!(lab.download(ALICE, &id, &[("range", "bytes=1-")]).await.text(), "ata");
}

/// The image, once nothing is under way any more.
async fn settled(lab: &Lab, id: &str) -> Value {
    loop {
        let image = lab.image(ADMIN, id).await;
        if image["status"] != "importing" {
            return image;
        }
        tokio::task::yield_now().await;
    }
}

const SHA256: &str = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882";

fn known(url: &str, algorithm: &str, value: &str) -> Value {
    json!({"url": url, "validation_data": {"os_hash_algo": algorithm, "os_hash_value": value}})
}

/// `members-tags-locations.md` section 4.
#[tokio::test]
async fn a_location_is_registered_and_its_data_digested() {
    let (lab, web) = (lab(), Web::new().await);
    web.answers(DATA);
    for (body, algorithm) in
        [(json!({"url": web.url, "other": 1}), "sha512"), (known(&web.url, "sha256", SHA256), "sha256")]
    {
        let id = lab.queued(ALICE, &json!({})).await;
        let answer = lab.json(ALICE, &format!("POST /v2/images/{id}/locations"), &body).await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (202, 0), "{answer:?}");
        let image = settled(&lab, &id).await;
        assert_eq!((&image["status"], &image["size"]), (&json!("active"), &json!(10)));
        while lab.image(ADMIN, &id).await["os_hash_algo"] != algorithm {
            tokio::task::yield_now().await;
        }
        assert_eq!(lab.image(ALICE, &id).await["checksum"], "781e5e245d69b566979b86e28d23f2c7");
        let again = lab.json(ALICE, &format!("POST /v2/images/{id}/locations"), &body).await;
        assert_eq!(again.status, 409);
        let read = lab.ask(ADMIN, &format!("GET /v2/images/{id}/locations")).await;
        assert_eq!((read.status.as_u16(), read.value()), (200, json!([{"url": web.url, "metadata": {}}])));
    }
}

#[tokio::test]
async fn a_location_that_does_not_do_leaves_no_trace() {
    let (lab, web) = (lab(), Web::new().await);
    let id = lab.queued(ALICE, &json!({})).await;
    let line = format!("POST /v2/images/{id}/locations");
    for (reply, url) in [
        ("404 Gone\r\nContent-Length: 0|", web.url.as_str()),
        ("200 OK\r\nContent-Length: 0|", &web.url),
        (DATA, "http://127.0.0.1:22/canary"),
        (DATA, "http://169.254.169.254/canary"),
        (DATA, "httpx://canary"),
        (DATA, &web.url),
    ] {
        web.answers(reply);
        assert_eq!(lab.json(ALICE, &line, &known(url, "sha256", &SHA256.replace('8', "9"))).await.status, 202);
        let image = settled(&lab, &id).await;
        let left = (&image["status"], &image["locations"], &image["os_hash_value"]);
        assert_eq!(left, (&json!("queued"), &json!([]), &json!(null)), "{reply} {url}");
    }
}

#[tokio::test]
async fn new_locations_are_refused_by_the_table() {
    let (lab, web) = (lab(), Web::new().await);
    web.answers(DATA);
    let id = lab.queued(ALICE, &json!({})).await;
    let active = lab.active(ALICE, "data").await;
    let bare = lab.json(ALICE, "POST /v2/images", &json!({})).await.value()["id"].as_str().unwrap().to_owned();
    let there = json!({"url": web.url});
    for (who, id, body, status) in [
        (ALICE, &id, json!([]), 400),
        (ALICE, &id, json!({}), 400),
        (ALICE, &id, json!({"url": 5}), 400),
        (ALICE, &id, json!({"url": web.url, "validation_data": null}), 400),
        (ALICE, &id, known(&web.url, "sha256", "00"), 400),
        (ALICE, &id, known(&web.url, "sha384", SHA256), 400),
        (BOB, &id, there.clone(), 404),
        (RITA, &id, there.clone(), 403),
        (ALICE, &active, there.clone(), 409),
        (ALICE, &bare, there.clone(), 400),
        (ALICE, &id, json!({"url": "memory://one/x"}), 403),
        (ADMIN, &id, json!({"url": "memory://one/x"}), 403),
        (NOBODY, &id, there.clone(), 401),
    ] {
        let answer = lab.json(who, &format!("POST /v2/images/{id}/locations"), &body).await;
        assert_eq!(answer.status, status, "{body} {answer:?}");
    }
    assert_eq!(lab.ask(ALICE, &format!("POST /v2/images/{id}/locations")).await.status, 400);
    for (who, status) in [(ALICE, 403), (BOB, 404), (ADMIN, 200)] {
        assert_eq!(lab.ask(who, &format!("GET /v2/images/{id}/locations")).await.status, status);
    }
    assert_eq!(lab.image(ALICE, &id).await["status"], "queued");
}
