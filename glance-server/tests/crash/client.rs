//! A client that can stop in the middle of anything.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::eventually;

/// Speaks to one server, with a connection for each request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client(SocketAddr);

/// An answer whose body is read as the test likes.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    length: Option<usize>,
    body: BufReader<TcpStream>,
}

/// An upload whose header is sent; its data follows as the test likes.
#[derive(Debug)]
pub(crate) struct Upload(TcpStream);

impl Client {
    pub(crate) fn of(address: SocketAddr) -> Self {
        Self(address)
    }

    /// Whether there is a server that answers.
    pub(crate) fn is_answered(self) -> bool {
        self.ask("GET", "/versions", "", b"").is_ok()
    }

    /// Registers an image that is ready for data, and says its id.
    pub(crate) fn create(self) -> String {
        let image = json!({"name": "crash", "disk_format": "raw", "container_format": "bare"}).to_string();
        let answer = self.ask("POST", "/v2/images", "application/json", image.as_bytes()).unwrap();
        assert_eq!(answer.status, 201);
        let image: Value = serde_json::from_slice(&answer.read_all().unwrap()).unwrap();
        image["id"].as_str().unwrap().to_owned()
    }

    /// The status of an image; `None` if there is no such image.
    pub(crate) fn status(self, id: &str) -> Option<String> {
        let answer = self.ask("GET", &format!("/v2/images/{id}"), "", b"").unwrap();
        if answer.status == 404 {
            return None;
        }
        assert_eq!(answer.status, 200);
        let image: Value = serde_json::from_slice(&answer.read_all().unwrap()).unwrap();
        Some(image["status"].as_str().unwrap().to_owned())
    }

    /// Waits until an image has a status.
    pub(crate) fn becomes(self, id: &str, status: &str) {
        eventually(&format!("image {id} to be {status}"), || (self.status(id)? == status).then_some(()));
    }

    /// The status an image has when nobody works on it any longer.
    pub(crate) fn settled(self, id: &str) -> Option<String> {
        eventually(&format!("image {id} not to be saving"), || {
            let status = self.status(id);
            (status.as_deref() != Some("saving")).then_some(status)
        })
    }

    pub(crate) fn upload(self, id: &str, data: &[u8]) -> io::Result<u16> {
        self.begin_upload(id, data.len())?.and(data)?.answer()
    }

    /// Announces `length` bytes of data.
    pub(crate) fn begin_upload(self, id: &str, length: usize) -> io::Result<Upload> {
        self.begin("PUT", &format!("/v2/images/{id}/file"), "application/octet-stream", length).map(Upload)
    }

    /// Begins an upload whose length is not announced; what is sent has to be chunks.
    pub(crate) fn begin_upload_in_chunks(self, id: &str) -> io::Result<Upload> {
        let headers = "Content-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n";
        self.begin_with("PUT", &format!("/v2/images/{id}/file"), headers).map(Upload)
    }

    pub(crate) fn begin_download(self, id: &str) -> io::Result<Answer> {
        self.ask("GET", &format!("/v2/images/{id}/file"), "", b"")
    }

    /// The data of an active image.
    pub(crate) fn download(self, id: &str) -> Vec<u8> {
        let answer = self.begin_download(id).unwrap();
        assert_eq!(answer.status, 200);
        answer.read_all().unwrap()
    }

    pub(crate) fn delete(self, id: &str) -> io::Result<u16> {
        self.begin_delete(id)?.answer()
    }

    pub(crate) fn begin_delete(self, id: &str) -> io::Result<Upload> {
        self.begin("DELETE", &format!("/v2/images/{id}"), "", 0).map(Upload)
    }

    fn ask(self, method: &str, path: &str, kind: &str, body: &[u8]) -> io::Result<Answer> {
        let mut stream = self.begin(method, path, kind, body.len())?;
        stream.write_all(body)?;
        Answer::from(stream)
    }

    fn begin(self, method: &str, path: &str, kind: &str, length: usize) -> io::Result<TcpStream> {
        let mut headers = String::new();
        if !kind.is_empty() {
            write!(headers, "Content-Type: {kind}\r\nContent-Length: {length}\r\n").map_err(io::Error::other)?;
        }
        self.begin_with(method, path, &headers)
    }

    fn begin_with(self, method: &str, path: &str, headers: &str) -> io::Result<TcpStream> {
        #[expect(clippy::disallowed_methods, reason = "a client of the server under test")]
        let mut stream = TcpStream::connect(self.0)?;
        // A server that says nothing at all must not stop the test for ever.
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}\r\n", self.0);
        stream.write_all(head.as_bytes())?;
        Ok(stream)
    }
}

impl Upload {
    /// Sends some of the data.
    pub(crate) fn and(mut self, data: &[u8]) -> io::Result<Self> {
        self.0.write_all(data)?;
        Ok(self)
    }

    /// Sends data until the server has enough, and says what it answers meanwhile.
    pub(crate) fn answer_to(self, data: &[u8]) -> io::Result<u16> {
        let mut sender = self.0.try_clone()?;
        thread::scope(|scope| {
            // That the server stops reading is no failure: it answers.
            scope.spawn(move || sender.write_all(data));
            self.answer()
        })
    }

    /// The status the server answers with.
    pub(crate) fn answer(self) -> io::Result<u16> {
        Answer::from(self.0).map(|answer| answer.status)
    }
}

impl Answer {
    fn from(stream: TcpStream) -> io::Result<Self> {
        let mut body = BufReader::new(stream);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if body.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_ascii_lowercase()),
            }
        }
        let status = lines.first().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let length = lines.iter().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        Ok(Self { status: status.ok_or(io::ErrorKind::InvalidData)?, length, body })
    }

    /// Reads `length` bytes of the body.
    pub(crate) fn read(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut data = vec![0; length];
        self.body.read_exact(&mut data)?;
        self.length = self.length.map(|left| left - length);
        Ok(data)
    }

    /// Reads what is left of the body.
    pub(crate) fn read_all(mut self) -> io::Result<Vec<u8>> {
        match self.length {
            Some(length) => self.read(length),
            None => Err(io::Error::other("a body of unknown length")),
        }
    }
}
