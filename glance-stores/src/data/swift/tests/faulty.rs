//! A Swift whose answers somebody spoils on their way.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;

use super::super::*;
use super::support::Container;
use crate::outbound::testing::{Head, Reply, Web};

/// What becomes of the answer to one request for the data of an object.
pub(super) enum Spoil {
    /// Nothing.
    Not,
    /// The connection ends behind so many bytes of the data.
    CutBehind(usize),
    /// This status comes in its place.
    Status(&'static str),
}

/// Passes on what is asked for and, spoiled or not, what is answered.
pub(super) struct Faulty {
    web: Web,
    spoils: Arc<Mutex<VecDeque<Spoil>>>,
    storage: url::Url,
}

impl Faulty {
    /// Stands before the Swift of a container.
    pub(super) async fn before(container: &Container) -> Self {
        Self::new(container, false).await
    }

    /// Stands before it and answers for manifests as Swift does where there are more segments than it adds up.
    pub(super) async fn adding_nothing_up(container: &Container) -> Self {
        Self::new(container, true).await
    }

    async fn new(container: &Container, hides: bool) -> Self {
        let storage = container.swift.tried_grant(&container.name).await.unwrap().storage.expose().clone();
        let swift = format!("{}:{}", storage.host_str().unwrap(), storage.port_or_known_default().unwrap());
        let spoils = Arc::new(Mutex::new(VecDeque::new()));
        let next = Arc::clone(&spoils);
        let web = Web::new(move |head| {
            let is_data = head.method() == "GET" && !head.target().contains('?');
            let spoil = if is_data { next.lock().unwrap().pop_front() } else { None };
            let answer = |hides| if hides { unsummed(head, &answer_of(&swift, head)) } else { answer_of(&swift, head) };
            match spoil.unwrap_or(Spoil::Not) {
                Spoil::Not => Reply::Close(answer(hides)),
                Spoil::Status(status) => Reply::new(status, "Content-Length: 0\r\n", b""),
                Spoil::CutBehind(bytes) => {
                    let mut answer = answer(hides);
                    answer.truncate(body_of(&answer) + bytes);
                    Reply::Close(answer)
                }
            }
        })
        .await;
        Self { web, spoils, storage }
    }

    /// A store that reads through here what is in the container.
    pub(super) fn store(&self, container: &Container, change: impl FnOnce(&mut SwiftConfig)) -> SwiftStore {
        let mut config = SwiftConfig::new(container.account.clone());
        config.container.clone_from(&container.name);
        config.endpoint.fixed = Some(self.web.url(self.storage.path()));
        change(&mut config);
        SwiftStore::open(config).unwrap()
    }

    /// What becomes of the next answers.
    pub(super) fn spoil(&self, spoils: impl IntoIterator<Item = Spoil>) {
        let mut next = self.spoils.lock().unwrap();
        assert!(next.is_empty(), "{} answers were not asked for", next.len());
        next.extend(spoils);
    }

    /// Whether all that was to be spoiled was.
    pub(super) fn is_done(&self) -> bool {
        self.spoils.lock().unwrap().is_empty()
    }

    /// The last request.
    pub(super) fn last(&self) -> Head {
        self.web.requests().pop().unwrap()
    }
}

/// What Swift answers, byte for byte.
fn answer_of(swift: &str, head: &Head) -> Vec<u8> {
    #[expect(clippy::disallowed_methods, reason = "the server behind the one under test")]
    let mut connection = TcpStream::connect(swift).unwrap();
    let (first, rest) = head.0.split_once("\r\n").unwrap();
    connection.write_all(format!("{first}\r\nConnection: close\r\n{rest}").as_bytes()).unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).unwrap();
    answer
}

fn body_of(answer: &[u8]) -> usize {
    answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4
}

/// The same answer as it is for a manifest of many segments: a length of 0 to whoever only looks, and none to whoever
/// reads; the checksum is that of no data.
fn unsummed(head: &Head, answer: &[u8]) -> Vec<u8> {
    let (top, body) = answer.split_at(body_of(answer));
    let top = std::str::from_utf8(top).unwrap();
    let is = |line: &str, name: &str| line.to_ascii_lowercase().starts_with(name);
    if !top.lines().any(|line| is(line, "x-object-manifest:")) {
        return answer.to_vec();
    }
    let mut lines: Vec<&str> = top.trim_end().split("\r\n").collect();
    lines.retain(|line| !is(line, "content-length:") && !is(line, "etag:"));
    lines.push("Etag: d41d8cd98f00b204e9800998ecf8427e");
    if head.method() == "HEAD" {
        lines.push("Content-Length: 0");
    }
    [format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes(), body].concat()
}
