//! Whoever a server connects to: a web with an image, and services that repeat what they were sent and refuse it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use crate::listening::listening;

/// The data of the image on the web.
pub(crate) const DATA: &str = "0123456789";

/// Listens as long as the test runs.
#[derive(Debug, Clone)]
pub(crate) struct Echo {
    pub(crate) address: String,
    sent: Arc<Mutex<Vec<u8>>>,
}

impl Echo {
    pub(crate) fn new() -> Self {
        let sent = Arc::new(Mutex::new(Vec::new()));
        Self { address: listening("127.0.0.2:0", &sent, serve), sent }
    }

    /// All that was sent here.
    pub(crate) fn sent(&self) -> Vec<u8> {
        self.sent.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, all: &Mutex<Vec<u8>>) -> std::io::Result<()> {
    let mut asked = Vec::new();
    let mut buffer = [0; 4096];
    while !is_whole(&asked) {
        let count = stream.read(&mut buffer)?;
        asked.extend_from_slice(&buffer[..count]);
        // TLS is not spoken here, and who begins with it waits for an answer.
        if count == 0 || asked[0] == 0x16 {
            return Ok(());
        }
    }
    all.lock().unwrap().extend_from_slice(&asked);
    let line = String::from_utf8_lossy(&asked).lines().next().unwrap_or_default().to_owned();
    let (status, body) = if line.contains("/image") { ("200 OK", DATA.into()) } else { ("403 Forbidden", asked) };
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    if line.starts_with("HEAD") { Ok(()) } else { stream.write_all(&body) }
}

/// Whether a request has come with as much of a body as it announced.
fn is_whole(asked: &[u8]) -> bool {
    let Some(end) = asked.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&asked[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    asked.len() >= end + 4 + length.unwrap_or(0)
}
