//! A client that costs as little as a client can: bytes that arrive are dropped in the kernel, and
//! bytes that leave come straight from a file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use glance_core::digest::{HashAlgorithm, Hasher};
use glance_core::store::BoxError;
use rustix::net::{RecvFlags, SendFlags, recv, send};

/// Bytes that are asked for or handed over at once.
const AT_ONCE: usize = 1 << 20;
/// Chunks of an upload without a length, as python-glanceclient cuts them.
const CHUNK: u64 = 64 << 10;
/// No answer takes longer than writing a large image to a slow disk.
const PATIENCE: Duration = Duration::from_secs(900);

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// Data that is sent: the bytes of a file, over and over.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) file: &'a File,
    /// Length of the file.
    pub(super) block: u64,
    /// Bytes to send.
    pub(super) size: u64,
}

/// What becomes of a body that arrives.
enum Sink {
    Discarded,
    Hashed(Box<Hasher>),
}

/// Sends one request with a body of JSON, or none, and reads the answer.
pub(super) fn call(to: SocketAddr, method: &str, path: &str, json: &str) -> Result<Answer, BoxError> {
    let mut stream = connect(to)?;
    let length = json.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{json}"
    )?;
    answer(stream)
}

/// Uploads `source` to `path`, chunk by chunk if its length is not to be told in advance.
pub(super) fn upload(to: SocketAddr, path: &str, source: &Source<'_>, chunked: bool) -> Result<(), BoxError> {
    let mut stream = connect(to)?;
    let framing =
        if chunked { "Transfer-Encoding: chunked".to_owned() } else { format!("Content-Length: {}", source.size) };
    write!(
        stream,
        "PUT {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\
         Content-Type: application/octet-stream\r\n{framing}\r\n\r\n"
    )?;
    if chunked {
        send_chunks(&mut stream, source)?;
    } else {
        send_part(&stream, source, 0, source.size)?;
    }
    match answer(stream)? {
        Answer { status: 204, .. } => Ok(()),
        refused => Err(format!("an upload was answered {}", refused.status).into()),
    }
}

fn send_chunks(stream: &mut TcpStream, source: &Source<'_>) -> io::Result<()> {
    let mut sent = 0;
    while sent < source.size {
        let length = CHUNK.min(source.size - sent);
        let head = format!("{length:x}\r\n");
        send_all(stream, head.as_bytes())?;
        send_part(stream, source, sent, length)?;
        send_all(stream, b"\r\n")?;
        sent += length;
    }
    stream.write_all(b"0\r\n\r\n")
}

/// Sends a few bytes that more will follow.
fn send_all(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let sent = send(stream, bytes, SendFlags::MORE | SendFlags::NOSIGNAL)?;
        bytes = &bytes[sent..];
    }
    Ok(())
}

/// Sends `length` bytes of the data from `begin` on.
fn send_part(stream: &TcpStream, source: &Source<'_>, begin: u64, length: u64) -> io::Result<()> {
    let (mut at, end) = (begin, begin + length);
    while at < end {
        let mut offset = at % source.block;
        let most = (source.block - offset).min(end - at).min(AT_ONCE as u64);
        match rustix::fs::sendfile(stream, source.file, Some(&mut offset), usize::try_from(most).unwrap_or(AT_ONCE)) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(sent) => at += sent as u64,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Downloads `path` and drops it; returns how many bytes came.
pub(super) fn download(from: SocketAddr, path: &str) -> Result<u64, BoxError> {
    fetch(from, path, &mut Sink::Discarded)
}

/// Downloads `path` and returns the digest of what came.
pub(super) fn digest(from: SocketAddr, path: &str, algorithm: HashAlgorithm) -> Result<String, BoxError> {
    let mut sink = Sink::Hashed(Box::new(Hasher::new(algorithm)));
    fetch(from, path, &mut sink)?;
    match sink {
        Sink::Hashed(hasher) => Ok(hasher.finish()),
        Sink::Discarded => Err("nothing was hashed".into()),
    }
}

fn fetch(from: SocketAddr, path: &str, sink: &mut Sink) -> Result<u64, BoxError> {
    let mut stream = connect(from)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {from}\r\nConnection: close\r\n\r\n")?;
    let mut reader = BufReader::new(stream);
    let head = head(&mut reader)?;
    let length = head.length.filter(|_| head.status == 200).ok_or_else(|| format!("answered {}", head.status))?;
    let mut buffer = vec![0; AT_ONCE];
    let mut missing = length;
    take(sink, &mut missing, reader.buffer());
    let stream = reader.into_inner();
    while missing > 0 {
        let flags = if matches!(sink, Sink::Discarded) { RecvFlags::TRUNC } else { RecvFlags::empty() };
        let (_, count) = recv(&stream, buffer.as_mut_slice(), flags)?;
        if count == 0 {
            return Err(format!("a download ended {missing} bytes early").into());
        }
        take(sink, &mut missing, &buffer[..count.min(AT_ONCE)]);
    }
    Ok(length)
}

fn take(sink: &mut Sink, missing: &mut u64, bytes: &[u8]) {
    *missing = missing.saturating_sub(bytes.len() as u64);
    if let Sink::Hashed(hasher) = sink {
        hasher.update(bytes);
    }
}

fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    #[expect(clippy::disallowed_methods, reason = "a client of the server that is measured")]
    let stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn answer(stream: TcpStream) -> Result<Answer, BoxError> {
    let mut reader = BufReader::new(stream);
    let head = head(&mut reader)?;
    let mut body = Vec::new();
    reader.take(head.length.unwrap_or(0)).read_to_end(&mut body)?;
    Ok(Answer { status: head.status, body })
}

struct Head {
    status: u16,
    length: Option<u64>,
}

fn head(reader: &mut impl BufRead) -> Result<Head, BoxError> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).ok_or("no status in an answer")?.parse()?;
    let mut length = None;
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err("an answer broke off".into());
        }
        match line.trim_end().split_once(':') {
            None => return Ok(Head { status, length }),
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = Some(value.trim().parse()?),
            Some(_) => {}
        }
    }
}
