//! Servers that do not do what they should.

use super::*;

/// What becomes of a reading of everything, and of a part.
async fn both(web: &Web) -> [Result<Bytes, StoreError>; 2] {
    [store().read(&at(web), ByteRange::ALL).await, store().read(&at(web), range(2, 6)).await]
}

#[tokio::test]
async fn what_is_gone_is_not_found() {
    for status in ["404 Not Found", "410 Gone"] {
        let web = answering(status).await;
        for read in both(&web).await {
            assert!(matches!(read, Err(StoreError::NotFound { .. })), "{status}: {read:?}");
        }
        let size = store().size(&at(&web)).await;
        assert!(matches!(size, Err(StoreError::NotFound { .. })), "{status}: {size:?}");
    }
}

#[tokio::test]
async fn other_answers_are_errors_of_their_kind() {
    type Kind = fn(&StoreError) -> bool;
    let denied: Kind = |error| matches!(error, StoreError::Denied { .. });
    let unavailable: Kind = |error| matches!(error, StoreError::Unavailable { .. });
    let failed: Kind = |error| matches!(error, StoreError::Failed { .. });
    for (status, kind) in [
        ("401 No", denied),
        ("403 No", denied),
        ("408 Slow", unavailable),
        ("429 Busy", unavailable),
        ("500 Broken", unavailable),
        ("503 Away", unavailable),
        ("400 What", failed),
        ("418 Tea", failed),
        ("204 Nothing", failed),
        ("300 Many", failed),
        ("302 Nowhere", failed),
        ("304 Same", failed),
    ] {
        let web = answering(status).await;
        let size = store().size(&at(&web)).await.map(|_| Bytes::new());
        for read in both(&web).await.into_iter().chain([size]) {
            assert!(read.as_ref().is_err_and(kind), "{status}: {read:?}");
        }
    }
}

#[tokio::test]
async fn a_part_other_than_the_one_asked_for_is_refused() {
    for told in [
        "Content-Range: bytes 0-3/10\r\n",
        "Content-Range: bytes 2-4/10\r\n",
        "Content-Range: bytes 2-6/10\r\n",
        "Content-Range: bytes 2-5/4\r\n",
        "Content-Range: bytes 2-5/*\r\n",
        "Content-Range: items 2-5/10\r\n",
        "Content-Range: bytes 2-5/99999999999999999999\r\n",
        "Content-Type: multipart/byteranges; boundary=x\r\n",
        "",
    ] {
        let web = always(move || Reply::new("206 Part", &format!("{told}Content-Length: 4\r\n"), b"2345")).await;
        for read in both(&web).await {
            assert!(matches!(read, Err(StoreError::Failed { .. })), "{told}: {read:?}");
        }
    }
}

#[tokio::test]
async fn a_part_of_another_length_than_told_breaks_off() {
    for (length, body) in [("Content-Length: 3\r\n", &b"234"[..]), ("Content-Length: 5\r\n", b"23456"), ("", b"234")] {
        let web =
            always(move || Reply::new("206 Part", &format!("Content-Range: bytes 2-5/10\r\n{length}"), body)).await;
        let read = store().read(&at(&web), range(2, 6)).await;
        assert!(matches!(read, Err(StoreError::Failed { doing: "reading", .. })), "{length}: {read:?}");
    }
}

#[tokio::test]
async fn a_refused_range_that_exists_is_an_error() {
    let web = Web::new(|head| match asked(head) {
        Some(_) => Reply::new("416 No", "Content-Range: bytes */10\r\nContent-Length: 0\r\n", b""),
        None => Reply::new("200 OK", "Content-Length: 10\r\n", b"0123456789"),
    })
    .await;
    let read = store().read(&at(&web), range(2, 6)).await;
    assert!(matches!(read, Err(StoreError::Failed { .. })), "{read:?}");
}

#[tokio::test]
async fn data_of_untold_length_is_not_guessed_at() {
    let web = Web::new(|head| Reply::new("200 OK", "", if head.method() == "HEAD" { b"" } else { b"0123" })).await;
    let size = store().size(&at(&web)).await.map(|_| Bytes::new());
    for read in both(&web).await.into_iter().chain([size]) {
        assert!(matches!(read, Err(StoreError::Failed { .. })), "{read:?}");
    }
}

#[tokio::test]
async fn a_body_that_ends_early_breaks_off() {
    let web = always(|| Reply::new("200 OK", "Content-Length: 10\r\n", b"0123")).await;
    for read in both(&web).await {
        assert!(matches!(read, Err(StoreError::Failed { doing: "reading", .. })), "{read:?}");
    }
}

#[tokio::test]
async fn a_body_longer_than_the_head_said_breaks_off() {
    let web = Web::new(|head| match head.method() {
        "HEAD" => Reply::new("200 OK", "Content-Length: 4\r\n", b""),
        _ => Reply::new("200 OK", "", b"0123456789"),
    })
    .await;
    let read = store().read(&at(&web), ByteRange::ALL).await;
    assert!(matches!(read, Err(StoreError::Failed { doing: "reading", .. })), "{read:?}");
}

#[tokio::test]
async fn what_is_no_http_is_unavailable() {
    for answer in [&b""[..], b"\0\0\0", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"] {
        let web = always(move || Reply::Close(answer.to_vec())).await;
        for read in both(&web).await {
            assert!(matches!(read, Err(StoreError::Unavailable { .. })), "{answer:?}: {read:?}");
        }
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up() {
    let silent = always(|| Reply::Hang(Vec::new())).await;
    let read = patient(short()).get(&at(&silent), ByteRange::ALL).await;
    assert!(matches!(read, Err(StoreError::Unavailable { .. })), "{read:?}");
    let stuck = always(|| Reply::Hang(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123".to_vec())).await;
    let read = patient(short()).read(&at(&stuck), ByteRange::ALL).await;
    assert!(matches!(read, Err(StoreError::Failed { doing: "reading", .. })), "{read:?}");
}

#[tokio::test]
async fn a_redirect_to_a_bad_place_is_unavailable() {
    for place in ["http://[::1]/canary", "http://169.254.169.254/canary", "file:///etc/canary"] {
        let web = always(move || Reply::redirect(302, place)).await;
        for read in both(&web).await {
            assert!(matches!(read, Err(StoreError::Unavailable { .. })), "{place}: {read:?}");
            assert!(!format!("{read:?}").contains("canary"), "{read:?}");
        }
    }
}

#[tokio::test]
async fn a_reading_dropped_halfway_harms_nothing() {
    let web = server(data(4 * 1024 * 1024)).await;
    let (store, at) = (store(), at(&web));
    drop(store.get(&at, ByteRange::ALL).await.unwrap());
    let mut half = store.get(&at, ByteRange::ALL).await.unwrap().stream;
    futures::StreamExt::next(&mut half).await.unwrap().unwrap();
    drop(half);
    assert_eq!(store.read(&at, range(0, 9)).await.unwrap(), data(9));
}
