//! Data around the lengths at which something changes.

use futures::StreamExt;
use glance_core::store::stream_of;

use super::*;

/// `bytes` in chunks as they come from a client.
fn chunks(bytes: &Bytes) -> ByteStream {
    let bytes = bytes.clone();
    let pieces = (0..bytes.len()).step_by(100_000).map(move |at| bytes.slice(at..bytes.len().min(at + 100_000)));
    Box::pin(futures::stream::iter(pieces.map(Ok)))
}

#[tokio::test]
async fn data_around_part_and_threshold_comes_back() {
    let Some(settings) = backend(VARIABLE) else { return };
    let here = Here::new(&settings).await;
    // Parts of 5 MiB; what is known to be shorter than 7 MiB goes in one request.
    let config = here.config.clone().parts(5 * MIB, 7 * MIB, 2).unwrap();
    let store = S3Store::new(config, client()).unwrap();
    let part = 5 * MIB;
    for len in [0, 1, part - 1, part, part + 1, 7 * MIB - 1, 7 * MIB, 7 * MIB + 1, 3 * part, 3 * part + 1] {
        let bytes = data(len);
        for size in [Some(len as u64), None] {
            let stored = store.put(ImageId::random(), size, chunks(&bytes)).await.unwrap();
            assert_eq!((stored.size, store.size(&stored.location).await.unwrap()), (len as u64, len as u64));
            assert!(store.read(&stored.location, ByteRange::ALL).await.unwrap() == bytes, "{len} bytes as {size:?}");
            let tail = ByteRange { start: (len as u64).saturating_sub(10), end: None };
            if len > 0 {
                assert!(store.read(&stored.location, tail).await.unwrap() == bytes[len.saturating_sub(10)..]);
            }
            store.delete(&stored.location).await.unwrap();
        }
    }
    assert_eq!((here.uploads().await, here.objects().await.len()), (0, 0));
}

#[tokio::test]
async fn known_data_below_the_threshold_takes_one_request_and_the_rest_parts() {
    let answer = |head: &str| {
        let created = "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
        let ended = "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>";
        match head.split(' ').next().unwrap() {
            "HEAD" => server::answer(head, "404 Not Found", ""),
            "POST" if head.contains("?uploads") => server::answer(head, "200 OK", created),
            "POST" => server::answer(head, "200 OK", ended),
            _ => "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 0\r\n\r\n".to_owned(),
        }
    };
    let requests = async |size: Option<usize>, len: usize| {
        let (url, asked) = server::answering(answer).await;
        let config = S3Config::new(&url, "bucket", "a", "s").unwrap().parts(5 * MIB, 7 * MIB, 2).unwrap();
        let store = S3Store::new(config, client()).unwrap();
        let bytes = stream_of(data(len));
        store.put(ImageId::random(), size.map(|size| size as u64), bytes.boxed()).await.unwrap();
        let asked = asked.lock().unwrap();
        let count = |start: &str| asked.iter().filter(|head| head.starts_with(start)).count();
        (count("PUT"), count("POST"))
    };
    assert_eq!(requests(Some(0), 0).await, (1, 0));
    assert_eq!(requests(Some(7 * MIB - 1), 7 * MIB - 1).await, (1, 0));
    assert_eq!(requests(Some(7 * MIB), 7 * MIB).await, (2, 2));
    assert_eq!(requests(None, 5 * MIB - 1).await, (1, 0));
    assert_eq!(requests(None, 5 * MIB).await, (1, 2));
    assert_eq!(requests(None, 5 * MIB + 1).await, (2, 2));
}
