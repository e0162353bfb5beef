//! Copies from bucket to bucket.

use glance_core::store::stream_of;

use super::copy::Source;
use super::*;

#[tokio::test]
async fn a_copy_goes_from_bucket_to_bucket_inside_the_server() {
    let Some(settings) = backend(VARIABLE) else { return };
    let ((_here, store), (there, other)) = (here(settings.clone()).await, here(settings).await);
    assert_eq!(store.system(), other.system());
    for len in [0, 1, 6 * MIB] {
        let (id, bytes) = (ImageId::random(), data(len));
        let from = store.write(id, bytes.clone()).await.unwrap().location;
        let copied = other.copy(id, &from, len as u64).await.unwrap();
        assert!(copied.location.expose().contains(&there.config.bucket));
        assert!(other.read(&copied.location, ByteRange::ALL).await.unwrap() == bytes, "{len} bytes");
        let again = other.copy(id, &from, len as u64).await;
        assert!(matches!(again, Err(StoreError::Exists { .. })), "{again:?}");
        let wrong = other.copy(ImageId::random(), &from, len as u64 + 1).await;
        assert!(matches!(wrong, Err(StoreError::SizeMismatch { .. })), "{wrong:?}");
    }
    assert_eq!((there.uploads().await, there.objects().await.len()), (0, 3));
}

#[tokio::test]
async fn a_copy_in_many_parts_is_the_whole_of_its_source() {
    let Some(settings) = backend(VARIABLE) else { return };
    let (here, store) = here(settings).await;
    let bytes = data(23 * MIB + 7);
    let from = store.write(ImageId::random(), bytes.clone()).await.unwrap().location;
    let objects = amazon(&here.config, &client(), &here.config.bucket).unwrap();
    let source = Source::new(objects, Arc::clone(&store.bucket), &Place::of(&from).unwrap(), bytes.len() as u64);
    let source = source.unwrap().in_parts_of(5 * MIB as u64);
    let id = ImageId::random();
    store.objects.copy_through(id, Arc::new(source)).await.unwrap();
    let at = location::written(&here.config, &id.to_string());
    assert!(store.read(&at, ByteRange::ALL).await.unwrap() == bytes);
}

#[tokio::test]
async fn a_copy_that_breaks_off_leaves_nothing() {
    let Some(settings) = backend(VARIABLE) else { return };
    let (here, store) = here(settings).await;
    let from = store.write(ImageId::random(), data(6 * MIB)).await.unwrap().location;
    let objects = || amazon(&here.config, &client(), &here.config.bucket).unwrap();
    // The last part lies behind the end of the source.
    let source = Source::new(objects(), Arc::clone(&store.bucket), &Place::of(&from).unwrap(), 16 * MIB as u64);
    let id = ImageId::random();
    let copied = store.objects.copy_through(id, Arc::new(source.unwrap().in_parts_of(5 * MIB as u64))).await;
    assert!(matches!(copied, Err(StoreError::Failed { .. })), "{copied:?}");
    assert_eq!((here.uploads().await, here.objects().await.len()), (0, 1));
    for polls in 0..20 {
        let mut copy = store.copy(ImageId::random(), &from, 6 * MIB as u64);
        for _ in 0..polls * 3 {
            if futures::poll!(&mut copy).is_ready() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        drop(copy);
    }
    store.put(id, None, stream_of(data(10))).await.unwrap();
    for _ in 0..100 {
        if here.uploads().await == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("parts of a copy stay behind");
}

/// A copy on a server that answers these requests so.
async fn copied(start: &'static str, part: &'static str) -> Result<Stored, StoreError> {
    const UPLOAD: &str = "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
    let (url, _) = server::answering(move |head| match head {
        look if look.starts_with("HEAD ") && look.contains("/theirs/") => {
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nETag: e\r\nLast-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n"
                .to_owned()
        }
        look if look.starts_with("HEAD ") => server::answer(head, "404 Not Found", ""),
        begin if begin.starts_with("POST ") => server::answer(head, start, UPLOAD),
        copy if copy.starts_with("PUT ") => server::answer(head, part, ""),
        _ => server::answer(head, "204 No Content", ""),
    })
    .await;
    let store = S3Store::new(S3Config::new(&url, "bucket", "a", "s").unwrap(), client()).unwrap();
    let from = Location::new(format!("s3://{}/theirs/x", url.strip_prefix("http://").unwrap()));
    store.copy(ImageId::random(), &from, 9).await
}

#[tokio::test]
async fn a_copy_that_the_account_may_not_make_is_left_to_others() {
    let copied = copied("403 Forbidden", "200 OK").await;
    assert!(matches!(copied, Err(StoreError::Unsupported { .. })), "{copied:?}");
}

#[tokio::test]
async fn a_copy_that_the_server_does_not_know_is_left_to_others() {
    for (start, part) in [("501 Not Implemented", "200 OK"), ("200 OK", "501 Not Implemented")] {
        let copied = copied(start, part).await;
        assert!(matches!(copied, Err(StoreError::Unsupported { .. })), "{start}, {part}: {copied:?}");
    }
    let full = copied("200 OK", "507 Insufficient Storage").await;
    assert!(matches!(full, Err(StoreError::Full { .. })), "{full:?}");
}
