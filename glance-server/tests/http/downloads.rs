//! Files as response bodies.

use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::Path;
use axum::routing::get;
use axum::{Extension, Router};
use bytes::Bytes;
use glance_server::http::{FileBody, FileSender, HttpOptions, Sent};
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;

use crate::client::{Client, Server};

/// Bytes without a pattern, so that zeros or a shift anywhere would show.
pub(crate) fn random(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

pub(crate) fn file_of(bytes: &[u8]) -> Arc<File> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Arc::new(file)
}

/// Serves `/file/{start}/{end}`, the bytes of `file` in that range.
fn router(file: &Arc<File>) -> Router {
    let file = Arc::clone(file);
    let part = move |sender: Extension<FileSender>, Path((start, end)): Path<(u64, u64)>| {
        let body = FileBody::new(&sender, Arc::clone(&file), start..end);
        async move { Body::new(body) }
    };
    Router::new().route("/file/{start}/{end}", get(part)).route("/hello", get(|| async { "hello" }))
}

fn server(file: &Arc<File>) -> Server {
    Server::start(router(file), HttpOptions::default())
}

fn request(range: &Range<usize>) -> String {
    format!("GET /file/{}/{} HTTP/1.1\r\nHost: glance\r\n\r\n", range.start, range.end)
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

async fn expect(client: &mut Client, data: &[u8], range: Range<usize>) {
    let head = client.head().await;
    assert_eq!((head.status, head.length()), (200, range.len()));
    let body = client.body(range.len()).await;
    assert_eq!(digest(&body), digest(&data[range.clone()]), "{range:?}");
}

const MIB: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn whole_files_of_every_size_arrive() {
    for length in [0, 1, 4095, 65536, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1, 33 * MIB + 7] {
        let data = random(length, 11);
        let server = server(&file_of(&data));
        let mut client = server.connect().await;
        client.send(request(&(0..length))).await;
        expect(&mut client, &data, 0..length).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_follow_each_other_on_one_connection() {
    let data = random(21 * MIB + 13, 5);
    let server = server(&file_of(&data));
    let mut client = server.connect().await;
    for step in 0..60_usize {
        let start = step * 347_701 % data.len();
        let end = (start + 1 + step * step * 4001).min(data.len());
        client.send(request(&(start..end))).await;
        expect(&mut client, &data, start..end).await;
        let greeting = client.get("/hello").await;
        assert_eq!(client.body(greeting.length()).await, b"hello");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests_are_answered_in_order() {
    let data = random(9 * MIB, 23);
    let server = server(&file_of(&data));
    let mut client = server.connect().await;
    let ranges: Vec<_> = (0..24).map(|n| n * 1001..(n * 1001 + 1 + n * n * 16_000).min(data.len())).collect();
    client.send(ranges.iter().map(request).collect::<String>()).await;
    for range in ranges {
        expect(&mut client, &data, range).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_downloads_at_once_do_not_mix() {
    let data = Arc::new(random(24 * MIB + 5, 99));
    let server = Arc::new(server(&file_of(&data)));
    let downloads: Vec<_> = (0..16_usize)
        .map(|n| {
            let (data, server) = (Arc::clone(&data), Arc::clone(&server));
            tokio::spawn(async move {
                let mut client = server.connect().await;
                for range in [n * 77_777..data.len(), 0..data.len() - n] {
                    client.send(request(&range)).await;
                    expect(&mut client, &data, range).await;
                }
            })
        })
        .collect();
    for download in downloads {
        download.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shortened_file_breaks_the_download() {
    let data = random(10 * MIB, 3);
    let file = file_of(&data);
    file.set_len(5 * MIB as u64).unwrap();
    let server = server(&file);
    let mut client = server.connect().await;
    client.send(request(&(0..10 * MIB))).await;
    assert_eq!(client.head().await.length(), 10 * MIB);
    let arrived = client.rest().await;
    assert!(arrived.len() <= 5 * MIB);
    assert!(arrived == data[..arrived.len()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stops_reading_holds_up_nobody_and_goes_on_later() {
    let data = random(40 * MIB, 17);
    let server = server(&file_of(&data));
    let mut stopped = server.connect().await;
    stopped.send(request(&(0..data.len()))).await;
    assert_eq!(stopped.head().await.length(), data.len());
    let mut body = stopped.body(100).await;

    let mut other = server.connect().await;
    for _ in 0..5 {
        other.send(request(&(0..data.len()))).await;
        expect(&mut other, &data, 0..data.len()).await;
    }

    body.extend(stopped.body(data.len() - 100).await);
    assert_eq!(digest(&body), digest(&data));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_in_memory_is_read_on_the_way() {
    let data = random(18 * MIB + 1, 43);
    let file = file_of(&data);
    file.sync_all().unwrap();
    // No effect where files live in memory anyway.
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
    let server = server(&file);
    let mut client = server.connect().await;
    let range = 5 * MIB + 3..data.len();
    client.send(request(&range)).await;
    expect(&mut client, &data, range).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_client_gets_the_file_and_the_end() {
    let data = random(5 * MIB, 29);
    let server = server(&file_of(&data));
    let mut client = server.connect().await;
    let range = 7..data.len();
    client.send(request(&range).replace("1.1", "1.0")).await;
    expect(&mut client, &data, range).await;
    assert!(client.rest().await.is_empty());
}

/// Copies every frame, as a layer that compresses or collects would.
async fn copied(sender: Extension<FileSender>, file: Arc<File>, length: u64) -> Body {
    let body = FileBody::new(&sender, file, 0..length);
    let whole = axum::body::to_bytes(Body::new(body), usize::MAX).await;
    let copy = Bytes::from(whole.unwrap().to_vec());
    Body::from(copy)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_that_copies_file_data_breaks_the_connection() {
    let data = random(MIB, 31);
    let file = file_of(&data);
    let router = Router::new().route("/", get(move |sender| copied(sender, Arc::clone(&file), MIB as u64)));
    let server = Server::start(router, HttpOptions::default());
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: glance\r\n\r\n").await;
    assert!(client.rest().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_lets_the_file_go() {
    let data = random(40 * MIB, 37);
    let file = file_of(&data);
    let server = server(&file);
    let before = Arc::strong_count(&file);
    for _ in 0..8 {
        let mut client = server.connect().await;
        client.send(request(&(0..data.len()))).await;
        let mut some = [0; 1000];
        client.0.get_mut().read_exact(&mut some).await.unwrap();
    }
    for _ in 0..1000 {
        if Arc::strong_count(&file) == before {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{} still open", Arc::strong_count(&file) - before);
}

/// Adds up what it is told, and says when nobody can tell it more.
fn counter() -> (Sent, tokio::sync::oneshot::Receiver<u64>) {
    struct Sum(AtomicU64, Option<tokio::sync::oneshot::Sender<u64>>);
    impl Drop for Sum {
        fn drop(&mut self) {
            let _ = self.1.take().unwrap().send(*self.0.get_mut());
        }
    }
    let (sender, sum) = tokio::sync::oneshot::channel();
    let adding = Sum(AtomicU64::new(0), Some(sender));
    let add = move |bytes| {
        adding.0.fetch_add(bytes, Ordering::Relaxed);
    };
    (Arc::new(add), sum)
}

/// Serves `/`, a file of which it is counted how much was sent, once.
fn counted(file: Arc<File>, length: u64, sent: Sent) -> Server {
    let sent = Arc::new(Mutex::new(Some(sent)));
    let part = move |sender: Extension<FileSender>| {
        let sent = sent.lock().unwrap().take().unwrap();
        let body = FileBody::new(&sender, Arc::clone(&file), 0..length).counted(sent);
        async move { Body::new(body) }
    };
    Server::start(Router::new().route("/", get(part)), HttpOptions::default())
}

const ASK: &str = "GET / HTTP/1.1\r\nHost: glance\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn what_the_kernel_sends_is_counted() {
    for length in [1, 4 * MIB, 9 * MIB + 3] {
        let data = random(length, 5);
        let (sent, sum) = counter();
        let server = counted(file_of(&data), length as u64, sent);
        let mut client = server.connect().await;
        client.send(ASK).await;
        expect(&mut client, &data, 0..length).await;
        assert_eq!(sum.await.unwrap(), length as u64);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_does_not_wait_for_is_not_counted() {
    let length = 64 * MIB;
    let (sent, sum) = counter();
    let server = counted(file_of(&random(length, 5)), length as u64, sent);
    let mut client = server.connect().await;
    client.send(ASK).await;
    client.head().await;
    drop(client);
    assert!(sum.await.unwrap() < length as u64);
}
