//! Readings from servers as they should be, on the road that each kind of server takes.

use futures::TryStreamExt;
use glance_core::store::Reading;

use super::*;

/// The kinds of server, all of which tell the same data.
async fn servers(all: &Bytes) -> Vec<(&'static str, Web)> {
    let serve = |change: fn(&Head, &Bytes) -> Reply| {
        let data = all.clone();
        Web::new(move |head| change(head, &data))
    };
    vec![
        ("ranges", serve(served).await),
        ("no ranges", serve(|head, data| without_range(head, data, true)).await),
        ("no ranges, no HEAD", serve(|head, data| no_head(head, &|head| without_range(head, data, true))).await),
        ("ranges, no HEAD", serve(|head, data| no_head(head, &|head| served(head, data))).await),
        ("chunked", serve(chunked).await),
        ("size hidden in parts", serve(hidden).await),
    ]
}

fn no_head(head: &Head, otherwise: &dyn Fn(&Head) -> Reply) -> Reply {
    if head.method() == "HEAD" { Reply::new("405 No", "Content-Length: 0\r\n", b"") } else { otherwise(head) }
}

fn without_range(head: &Head, data: &Bytes, length: bool) -> Reply {
    let length = if length { format!("Content-Length: {}\r\n", data.len()) } else { String::new() };
    Reply::new("200 OK", &length, if head.method() == "HEAD" { b"" } else { data })
}

/// Tells no length with data, only when asked for nothing else.
fn chunked(head: &Head, data: &Bytes) -> Reply {
    if head.method() == "HEAD" {
        return served(head, data);
    }
    let mut body = Vec::new();
    for chunk in data.chunks(1000) {
        body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        body.extend_from_slice(chunk);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\n\r\n");
    Reply::new("200 OK", "Transfer-Encoding: chunked\r\n", &body)
}

/// Does not say in a part how long the whole is.
fn hidden(head: &Head, data: &Bytes) -> Reply {
    let Reply::Close(reply) = served(head, data) else { unreachable!() };
    let size = format!("/{}\r\n", data.len());
    let at = reply.windows(size.len()).position(|window| window == size.as_bytes());
    Reply::Close(match at.filter(|_| asked(head).is_some()) {
        Some(at) => [&reply[..at], b"/*\r\n", &reply[at + size.len()..]].concat(),
        None => reply,
    })
}

async fn collect(reading: Reading) -> Bytes {
    let chunks: Vec<Bytes> = reading.stream.try_collect().await.unwrap();
    chunks.concat().into()
}

#[tokio::test]
async fn every_range_is_read_from_every_kind_of_server() {
    let all = data(5000);
    for (kind, web) in servers(&all).await {
        let reading = store().get(&at(&web), ByteRange::ALL).await.unwrap();
        assert_eq!((reading.size, reading.range.clone()), (5000, 0..5000), "{kind}");
        assert!(collect(reading).await == all, "{kind}");
        assert_eq!(store().size(&at(&web)).await.unwrap(), 5000, "{kind}");
        for (start, end) in [(0, 1), (0, 5000), (1, 4999), (4999, 5000), (17, 17), (2000, 9000), (10, u64::MAX)] {
            let reading = store().get(&at(&web), range(start, end)).await.unwrap();
            let means = start..end.min(5000);
            assert_eq!((reading.size, reading.range.clone()), (5000, means.clone()), "{kind} {start}-{end}");
            let means = usize::try_from(means.start).unwrap()..usize::try_from(means.end).unwrap();
            assert!(collect(reading).await == all[means], "{kind} {start}-{end}");
        }
        assert!(store().read(&at(&web), range(4000, None)).await.unwrap() == all[4000..], "{kind}");
    }
}

#[tokio::test]
async fn a_range_behind_the_data_names_its_size() {
    for len in [0, 10] {
        for (kind, web) in servers(&data(len)).await {
            let len = len as u64;
            for (start, end) in
                [(len.max(1), None), (len, Some(len + 1)), (len + 5, None), (u64::MAX, None), (5, Some(3))]
            {
                let read = store().get(&at(&web), range(start, end)).await;
                let size = matches!(&read, Err(StoreError::OutOfRange { size, .. }) if *size == len);
                assert!(size, "{kind} {start}-{end:?} of {len}: {read:?}");
            }
        }
    }
}

#[tokio::test]
async fn no_data_is_data_too() {
    for (kind, web) in servers(&Bytes::new()).await {
        let reading = store().get(&at(&web), ByteRange::ALL).await.unwrap();
        assert_eq!((reading.size, collect(reading).await.len()), (0, 0), "{kind}");
        assert_eq!(store().size(&at(&web)).await.unwrap(), 0, "{kind}");
    }
}

#[tokio::test]
async fn long_data_is_read_in_pieces() {
    let all = data(8 * 1024 * 1024 + 3);
    let web = server(all.clone()).await;
    let reading = store().get(&at(&web), range(3, None)).await.unwrap();
    let mut chunks = 0;
    let mut read = Vec::new();
    let mut stream = reading.stream;
    while let Some(chunk) = stream.try_next().await.unwrap() {
        assert!(chunk.len() <= 512 * 1024, "{} bytes at once", chunk.len());
        chunks += 1;
        read.extend_from_slice(&chunk);
    }
    assert!(chunks > 1 && read == all[3..]);
}

#[tokio::test]
async fn redirects_are_followed_five_requests_long() {
    let all = data(100);
    let web = Web::new(move |head| match head.target().strip_prefix("/hop") {
        Some("0") => Reply::redirect(307, "image"),
        Some(n) => Reply::redirect(302, &format!("/hop{}", n.parse::<u32>().unwrap() - 1)),
        None => served(head, &all),
    })
    .await;
    let at = |hops: u32| Location::new(web.url(&format!("/hop{}", hops - 1)));
    assert_eq!(store().read(&at(4), range(90, 95)).await.unwrap(), data(100).slice(90..95));
    let read = store().get(&at(5), ByteRange::ALL).await;
    assert!(matches!(read, Err(StoreError::Failed { .. })), "{read:?}");
}

#[tokio::test]
async fn encoded_data_is_handed_on_as_it_is() {
    let packed = b"\x1f\x8b\x08not really gzip";
    let headers = format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n", packed.len());
    let web = always(move || Reply::new("200 OK", &headers, packed)).await;
    assert_eq!(&store().read(&at(&web), ByteRange::ALL).await.unwrap()[..], packed);
}
