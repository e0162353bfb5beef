//! A client of image data.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

use serde_json::{Value, json};

use crate::OCTETS;
use crate::server::Server;

/// Whether the length of data is told before it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Length {
    Known,
    Unknown,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().filter_map(|line| line.split_once(": ")).find(|(found, _)| found == &name).map(|(_, v)| v)
    }

    /// Whether it says that the store cannot be asked now, and when to come back.
    pub(crate) fn is_later(&self) -> bool {
        self.status == 503 && self.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok())
    }
}

/// Creates an image and says its id.
pub(crate) fn create(server: &Server) -> String {
    let image = json!({"name": "everywhere", "disk_format": "raw", "container_format": "bare"}).to_string();
    let answer = ask(server, "POST", "/v2/images", "Content-Type: application/json\r\n", image.as_bytes());
    assert_eq!(answer.status, 201);
    let image: Value = serde_json::from_slice(&answer.body).unwrap();
    image["id"].as_str().unwrap().to_owned()
}

/// The record of an image.
pub(crate) fn show(server: &Server, id: &str) -> Value {
    let answer = ask(server, "GET", &format!("/v2/images/{id}"), "", b"");
    assert_eq!(answer.status, 200);
    serde_json::from_slice(&answer.body).unwrap()
}

pub(crate) fn upload(server: &Server, id: &str, store: &str, data: &[u8], length: Length) -> Answer {
    let headers = format!("{OCTETS}X-Image-Meta-Store: {store}\r\n");
    let path = format!("/v2/images/{id}/file");
    match length {
        Length::Known => ask(server, "PUT", &path, &headers, data),
        Length::Unknown => {
            let mut chunks = Vec::with_capacity(data.len() + data.len() / 1000);
            for chunk in data.chunks(100_000) {
                write!(chunks, "{:x}\r\n", chunk.len()).unwrap();
                chunks.extend_from_slice(chunk);
                chunks.extend_from_slice(b"\r\n");
            }
            chunks.extend_from_slice(b"0\r\n\r\n");
            send(server, "PUT", &path, &format!("{headers}Transfer-Encoding: chunked\r\n"), &chunks)
        }
    }
}

/// All of the data, or the part that `headers` ask for.
pub(crate) fn download(server: &Server, id: &str, headers: &str) -> Answer {
    ask(server, "GET", &format!("/v2/images/{id}/file"), headers, b"")
}

pub(crate) fn delete(server: &Server, id: &str) -> u16 {
    ask(server, "DELETE", &format!("/v2/images/{id}"), "", b"").status
}

/// Adds a location to an image.
pub(crate) fn add_location(server: &Server, id: &str, url: &str) -> Answer {
    let patch = json!([{"op": "add", "path": "/locations/-", "value": {"url": url, "metadata": {}}}]).to_string();
    let kind = "Content-Type: application/openstack-images-v2.1-json-patch\r\n";
    ask(server, "PATCH", &format!("/v2/images/{id}"), kind, patch.as_bytes())
}

pub(crate) fn ask(server: &Server, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
    send(server, method, path, &format!("{headers}Content-Length: {}\r\n", body.len()), body)
}

fn send(server: &Server, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
    #[expect(clippy::disallowed_methods, reason = "a client of the server under test")]
    let mut stream = TcpStream::connect(&server.address).unwrap();
    let mut sender = stream.try_clone().unwrap();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
    let mut answer = Vec::new();
    thread::scope(|scope| {
        // That the server stops reading is no failure: it answers.
        scope.spawn(move || sender.write_all(head.as_bytes()).and_then(|()| sender.write_all(body)));
        stream.read_to_end(&mut answer).unwrap();
    });
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let body = answer.split_off(end + 4);
    let head = String::from_utf8(answer).unwrap().to_ascii_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let answer = Answer { status, head, body };
    if let Some(length) = answer.header("content-length") {
        assert_eq!(answer.body.len(), length.parse::<usize>().unwrap(), "{method} {path}");
    }
    answer
}
