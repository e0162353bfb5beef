//! A proxy in front of Swift that refuses, breaks off, changes and loses what a test tells it to.

use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::super::*;
use crate::outbound::testing::Head;

/// What happens to a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    /// Swift does not hear of it; this is the status of the answer.
    Refused(&'static str),
    /// As [`Fault::Refused`], when so many bytes of its data have come.
    RefusedAfter(&'static str, usize),
    /// So many bytes of its data go on to Swift, then both connections are closed.
    Cut(usize),
    /// It is done, and nobody learns of that.
    AnswerLost,
    /// It is done, and the answer has the checksum of other data.
    OtherChecksum,
}

type Judge = dyn Fn(&Head, usize) -> Option<Fault> + Send + Sync;

/// A proxy until it is dropped.
pub(super) struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Stands in front of the Swift at an auth address. `judge` is given each request, and how many there were of the
    /// same method and target, this one included.
    pub(super) async fn new<F>(auth: &str, judge: F) -> Self
    where
        F: Fn(&Head, usize) -> Option<Fault> + Send + Sync + 'static,
    {
        let behind = auth.split('/').nth(2).unwrap().to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, judge): (_, Arc<Judge>) = (Arc::new(Mutex::new(Vec::new())), Arc::new(judge));
        let log = Arc::clone(&asked);
        let accepting = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                // Whoever asked may have gone.
                let (behind, log, judge) = (behind.clone(), Arc::clone(&log), Arc::clone(&judge));
                tokio::spawn(async move { serve(socket, &behind, &log, &*judge).await.unwrap_or_default() });
            }
        });
        Self { address, asked, accepting }
    }

    /// The auth address on this side.
    pub(super) fn auth(&self) -> String {
        format!("http://{}/auth/v1.0", self.address)
    }

    /// How many requests there were of a method and with such an end of the target.
    pub(super) fn asked(&self, method: &str, end: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|line| line.starts_with(method) && line.ends_with(end)).count()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(mut client: TcpStream, behind: &str, log: &Mutex<Vec<String>>, judge: &Judge) -> io::Result<()> {
    let mut read = Vec::new();
    let end = loop {
        if let Some(at) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if client.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
    };
    let mut data = read.split_off(end);
    let head = Head(String::from_utf8(read).unwrap());
    let line = format!("{} {}", head.method(), head.target());
    let nth = {
        let mut log = log.lock().unwrap();
        log.push(line.clone());
        log.iter().filter(|asked| **asked == line).count()
    };
    let fault = judge(&head, nth);
    if let Some(Fault::Refused(status) | Fault::RefusedAfter(status, _)) = fault {
        if let Some(Fault::RefusedAfter(_, bytes)) = fault {
            take(&mut client, &mut data, bytes).await?;
        }
        let answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        client.write_all(answer.as_bytes()).await?;
        // The data is taken as well: closed before, the connection would take the answer with it.
        return tokio::io::copy(&mut client, &mut tokio::io::sink()).await.map(drop);
    }
    #[expect(clippy::disallowed_methods, reason = "the server behind the one under test")]
    let mut swift = TcpStream::connect(behind).await?;
    // One request for each connection: where it ends, all has been said.
    swift.write_all(head.0.replacen("\r\n", "\r\nConnection: close\r\n", 1).as_bytes()).await?;
    if let Some(Fault::Cut(bytes)) = fault {
        return pass_on(&mut client, data, bytes, &mut swift).await;
    }
    swift.write_all(&data).await?;
    let answer = exchange(&mut client, &mut swift).await?;
    match fault {
        Some(Fault::AnswerLost) => Ok(()),
        Some(Fault::OtherChecksum) => client.write_all(&with_other_checksum(answer)).await,
        _ => client.write_all(&answer).await,
    }
}

/// Passes on as much of the data, of which some has come.
async fn pass_on(client: &mut TcpStream, mut data: Vec<u8>, bytes: usize, swift: &mut TcpStream) -> io::Result<()> {
    take(client, &mut data, bytes).await?;
    data.truncate(bytes);
    swift.write_all(&data).await
}

/// Waits until so many bytes have come, or there are no more.
async fn take(client: &mut TcpStream, data: &mut Vec<u8>, bytes: usize) -> io::Result<()> {
    while data.len() < bytes && client.read_buf(data).await? > 0 {}
    Ok(())
}

/// Passes on the data as it comes, until Swift has answered.
async fn exchange(client: &mut TcpStream, swift: &mut TcpStream) -> io::Result<Vec<u8>> {
    let (mut from_client, _) = client.split();
    let (mut from_swift, mut to_swift) = swift.split();
    let mut answer = Vec::new();
    let passing = async {
        let _ = tokio::io::copy(&mut from_client, &mut to_swift).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        read = from_swift.read_to_end(&mut answer) => read.map(|_| answer),
        () = passing => Ok(Vec::new()),
    }
}

fn with_other_checksum(answer: Vec<u8>) -> Vec<u8> {
    let answer = String::from_utf8(answer).unwrap();
    let lines = answer.split("\r\n").map(|line| match line.split_once(": ") {
        Some((name, _)) if name.eq_ignore_ascii_case("etag") => format!("{name}: 00000000000000000000000000000000"),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\r\n").into_bytes()
}
