//! What a server may answer, and what comes of it. These need no backend.

use super::*;

const CANARY: &str = "canary-secret-key";

fn store_at(url: &str) -> S3Store {
    let config = S3Config::new(url, "bucket", "canary-access", CANARY).unwrap();
    S3Store::new(config.credentials_in_locations(true), client()).unwrap()
}

fn at(store: &S3Store) -> Location {
    location::written(&store.config, &ImageId::random().to_string())
}

/// A store whose server answers all but a look with this, and with 404 to that.
async fn refusing(status: &'static str, code: &str) -> (S3Store, server::Asked) {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{CANARY}</Message></Error>");
    let (url, asked) = server::answering(move |head| match head {
        look if look.starts_with("HEAD ") => server::answer(head, "404 Not Found", ""),
        _ => server::answer(head, status, &body),
    })
    .await;
    (store_at(&url), asked)
}

#[tokio::test]
async fn a_full_server_is_full_and_not_asked_again() {
    for (status, code) in [
        ("507 Insufficient Storage", ""),
        ("403 Forbidden", "QuotaExceeded"),
        ("400 Bad Request", "EntityTooLarge"),
        ("500 Internal Server Error", "XMinioStorageFull"),
    ] {
        let (store, asked) = refusing(status, code).await;
        for len in [10, 6 * MIB] {
            let put = store.put(ImageId::random(), None, glance_core::store::stream_of(data(len))).await;
            assert!(matches!(put, Err(StoreError::Full { .. })), "{status} {code}: {put:?}");
        }
        let puts = asked.lock().unwrap().iter().filter(|head| !head.starts_with("HEAD ")).count();
        assert!(puts <= 4, "{puts} requests for two puts and their removal");
    }
}

#[tokio::test]
async fn a_busy_server_is_asked_four_times_and_then_unavailable() {
    let (store, asked) = refusing("503 Slow Down", "SlowDown").await;
    let read = store.get(&at(&store), ByteRange::ALL).await;
    assert!(matches!(read, Err(StoreError::Unavailable { .. })), "{read:?}");
    assert_eq!(asked.lock().unwrap().len(), 4);
    let made = store.bucket.create().await;
    assert!(matches!(made, Err(StoreError::Unavailable { .. })), "{made:?}");
    assert_eq!(asked.lock().unwrap().len(), 8);
}

#[tokio::test]
async fn a_missing_bucket_is_made_once_and_only_if_wanted() {
    let (store, asked) = refusing("404 Not Found", "NoSuchBucket").await;
    for len in [10, 101 * MIB] {
        let put = store.write(ImageId::random(), data(len)).await.unwrap_err();
        let StoreError::Failed { source, .. } = &put else { panic!("{put:?}") };
        assert!(source.to_string().contains("s3_store_create_bucket_on_put"), "{source}");
    }
    assert!(!asked.lock().unwrap().iter().any(|head| head.starts_with("PUT /bucket HTTP")));

    let (url, asked) = server::answering(|head| match head {
        look if look.starts_with("HEAD ") => server::answer(head, "404 Not Found", ""),
        _ => "HTTP/1.1 200 OK\r\nETag: e\r\nContent-Length: 0\r\n\r\n".to_owned(),
    })
    .await;
    let config = S3Config::new(&url, "bucket", "a", "s").unwrap().region("r-1").unwrap().create_bucket(true);
    let store = S3Store::new(config, client()).unwrap();
    for _ in 0..2 {
        store.write(ImageId::random(), data(10)).await.unwrap();
    }
    let asked = asked.lock().unwrap();
    let starts: Vec<_> = asked.iter().map(|head| head.split(['-', ' ']).take(2).collect::<Vec<_>>()).collect();
    assert_eq!(starts[..2], [["HEAD", "/bucket"], ["PUT", "/bucket"]]);
    assert_eq!(asked.iter().filter(|head| head.starts_with("PUT /bucket HTTP")).count(), 1);
}

#[tokio::test]
async fn nobody_listening_is_unavailable() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let store = store_at(&format!("http://{}", listener.local_addr().unwrap()));
    drop(listener);
    for refused in [
        store.write(ImageId::random(), data(10)).await.map(drop),
        store.get(&at(&store), ByteRange::ALL).await.map(drop),
        store.delete(&at(&store)).await,
        store.discard(ImageId::random()).await,
    ] {
        assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn no_answer_brings_credentials_into_an_error() {
    for (status, code) in [
        ("400 Bad Request", CANARY),
        ("403 Forbidden", "SignatureDoesNotMatch"),
        ("404 Not Found", "NoSuchBucket"),
        ("418 Teapot", "Short"),
        ("503 Slow Down", "SlowDown"),
    ] {
        let (store, _) = refusing(status, code).await;
        for refused in [
            store.write(ImageId::random(), data(10)).await.map(drop),
            store.get(&at(&store), ByteRange::ALL).await.map(drop),
            store.bucket.create().await,
        ] {
            let error = refused.unwrap_err();
            let mut told = format!("{error:?}");
            let mut cause: Option<&dyn std::error::Error> = Some(&error);
            while let Some(error) = cause {
                told.push_str(&error.to_string());
                cause = error.source();
            }
            // A code is shown if it looks like one; this one does not.
            assert!(!told.contains("canary"), "{told}");
        }
    }
}

#[tokio::test]
async fn absurd_answers_are_errors() {
    let long = "x".repeat(3 * MIB);
    let listing = "<ListMultipartUploadsResult><Upload><Key>".repeat(50_000);
    let answers = [
        "HTTP/1.1 206 OK\r\nContent-Length: 1\r\nContent-Range: bytes 0-18446744073709551615/9\r\nETag: e\r\nLast-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\nx".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nETag: e\r\nLast-Modified: yesterday\r\n\r\nxxxx".to_owned(),
        "HTTP/1.1 301 Moved\r\nContent-Length: 0\r\nLocation: http://192.0.2.1/\r\n\r\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{long}", long.len()),
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{listing}", listing.len()),
        format!("HTTP/1.1 404 Not Found\r\nContent-Length: {}\r\n\r\n{long}", long.len()),
    ];
    for answer in answers {
        let (url, _) = {
            let answer = answer.clone();
            server::answering(move |_| answer.clone()).await
        };
        let store = store_at(&url);
        let range = ByteRange { start: 0, end: Some(1) };
        assert!(store.read(&at(&store), range).await.is_err(), "{}", &answer[..60]);
        assert!(store.bucket.open_uploads("key", None).await.is_err(), "{}", &answer[..60]);
    }
}
