//! Data that is compared with the checksum the server has of it. These need no backend.

use super::*;

/// The SHA-256 of `data`, in base64.
const DATA: &str = "Om6weQ85rIfJTzhWst0sXREOaBFgImGpqSPTuyOtyLc=";

/// What reading `ranges` gives where the server says this checksum of `data`.
async fn read(checksum: &str, range: ByteRange) -> Result<Bytes, StoreError> {
    let head = format!(
        "Content-Length: 4\r\nETag: \"e\"\r\nLast-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
         x-amz-checksum-sha256: {checksum}\r\n"
    );
    let (url, asked) = server::answering(move |request| match request {
        look if look.starts_with("HEAD ") => format!("HTTP/1.1 200 OK\r\n{head}\r\n"),
        part if part.contains("range: ") => {
            format!("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-3/4\r\n{head}\r\ndata")
        }
        _ => format!("HTTP/1.1 200 OK\r\n{head}\r\ndata"),
    })
    .await;
    let config = S3Config::new(&url, "bucket", "a", "s").unwrap().check_reads(true);
    let store = S3Store::new(config, client()).unwrap();
    let read = store.read(&location::written(&store.config, "x"), range).await;
    let asked = asked.lock().unwrap();
    let get = asked.iter().find(|head| head.starts_with("GET ")).unwrap();
    let signed = get.contains("x-amz-checksum-mode: ENABLED") && get.contains("x-amz-checksum-mode;");
    assert_eq!(signed, range == ByteRange::ALL, "{get}");
    read
}

#[tokio::test]
async fn data_with_the_checksum_that_the_server_has_is_read() {
    assert_eq!(read(DATA, ByteRange::ALL).await.unwrap(), "data");
}

#[tokio::test]
async fn data_with_another_checksum_is_not_read_as_if_it_were_whole() {
    let other = DATA.replace('O', "P");
    assert!(read(&other, ByteRange::ALL).await.is_err());
}

#[tokio::test]
async fn a_checksum_of_checksums_and_one_of_more_than_is_read_are_passed_over() {
    assert_eq!(read(&format!("{DATA}-2"), ByteRange::ALL).await.unwrap(), "data");
    assert_eq!(read("AAAA", ByteRange { start: 0, end: Some(4) }).await.unwrap(), "data");
}
