//! Answers that are lost between the server and us. These need no backend.

use super::*;

const UPLOAD: &str = "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
const ENDED: &str = "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>";
const GATEWAY: &str = "504 Gateway Timeout";

/// Whose object the server has once it was asked to make one.
#[derive(Debug, Clone, Copy, PartialEq)]
enum There {
    Ours,
    Theirs,
    Nothing,
}

/// A store whose server answers the requests that make an object with these, one after the other, the last one for
/// ever.
async fn losing(answers: &'static [&'static str], there: There) -> (S3Store, server::Asked) {
    let (mark, made) = (Mutex::new(String::new()), AtomicUsize::new(0));
    let answer = move |head: &str| {
        if let Some((_, rest)) = head.split_once("x-amz-meta-glanceupload: ") {
            rest.split_once("\r\n").unwrap().0.clone_into(&mut mark.lock().unwrap());
        }
        let (makes, parts) = (head.contains("uploadId=u"), head.contains("partNumber"));
        match head.split(' ').next().unwrap() {
            "HEAD" if made.load(Ordering::SeqCst) == 0 || there == There::Nothing => {
                server::answer(head, "404 Not Found", "")
            }
            "HEAD" => {
                let mark = if there == There::Ours { mark.lock().unwrap().clone() } else { "theirs".to_owned() };
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nETag: e\r\nx-amz-meta-glanceupload: {mark}\r\n\
                     Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n"
                )
            }
            "POST" if head.contains("?uploads") => server::answer(head, "200 OK", UPLOAD),
            "PUT" if parts => "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "DELETE" => server::answer(head, "204 No Content", ""),
            _ => {
                let number = made.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
                server::answer(head, answers[number], if makes { ENDED } else { "" })
            }
        }
    };
    let (url, asked) = server::answering(answer).await;
    let config = S3Config::new(&url, "bucket", "a", "s").unwrap().parts(5 * MIB, 5 * MIB, 2).unwrap();
    (S3Store::new(config, client()).unwrap(), asked)
}

async fn put(store: &S3Store, len: usize) -> Result<Stored, StoreError> {
    store.write(ImageId::random(), data(len)).await
}

/// In one request, and in parts.
const LENGTHS: [usize; 2] = [10, 6 * MIB];

#[tokio::test]
async fn a_repeated_request_that_meets_its_own_object_has_succeeded() {
    for len in LENGTHS {
        let (store, asked) = losing(&[GATEWAY, "412 Precondition Failed"], There::Ours).await;
        put(&store, len).await.unwrap();
        assert!(!asked.lock().unwrap().iter().any(|head| head.starts_with("DELETE /bucket/") && !head.contains('?')));
    }
}

#[tokio::test]
async fn a_request_without_an_answer_whose_object_is_there_has_succeeded() {
    for len in LENGTHS {
        let (store, _) = losing(&[GATEWAY], There::Ours).await;
        put(&store, len).await.unwrap();
    }
}

#[tokio::test]
async fn an_object_of_somebody_else_is_neither_ours_nor_removed() {
    for len in LENGTHS {
        for answers in [&["412 Precondition Failed"][..], &[GATEWAY, "412 Precondition Failed"]] {
            let (store, asked) = losing(answers, There::Theirs).await;
            let put = put(&store, len).await;
            assert!(matches!(put, Err(StoreError::Exists { .. })), "{answers:?}: {put:?}");
            let asked = asked.lock().unwrap();
            assert!(!asked.iter().any(|head| head.starts_with("DELETE /bucket/") && !head.contains('?')));
        }
    }
}

#[tokio::test]
async fn what_may_still_appear_is_left_to_discard() {
    for len in LENGTHS {
        let (store, _) = losing(&[GATEWAY], There::Nothing).await;
        let put = put(&store, len).await;
        assert!(matches!(put, Err(StoreError::LeftBehind { .. })), "{put:?}");
        assert!(matches!(put.unwrap_err().reason(), StoreError::Unavailable { .. }));
    }
}

#[tokio::test]
async fn what_was_refused_after_an_answer_was_lost_may_still_appear() {
    for len in LENGTHS {
        for refusal in ["503 Slow Down", "403 Forbidden", "507 Full"] {
            let (store, _) = losing(vec![GATEWAY, refusal].leak(), There::Nothing).await;
            let put = put(&store, len).await;
            assert!(matches!(put, Err(StoreError::LeftBehind { .. })), "{refusal}: {put:?}");
        }
    }
}

#[tokio::test]
async fn what_the_server_refused_leaves_nothing() {
    for len in LENGTHS {
        for (answer, kind) in [("503 Slow Down", "Unavailable"), ("403 Forbidden", "Denied"), ("507 Full", "Full")] {
            let (store, _) = losing(vec![answer].leak(), There::Nothing).await;
            let put = put(&store, len).await.unwrap_err();
            assert!(format!("{put:?}").starts_with(kind), "{put:?}");
        }
    }
}

#[tokio::test]
async fn an_upload_in_parts_ends_only_where_there_is_no_object() {
    let (store, asked) = losing(&["501 Not Implemented", "200 OK"], There::Nothing).await;
    for _ in 0..2 {
        put(&store, 6 * MIB).await.unwrap();
    }
    let asked = asked.lock().unwrap();
    let ends = asked.iter().filter(|head| head.starts_with("POST") && head.contains("uploadId="));
    // A server that does not know the condition is asked without it, and not with it again.
    assert_eq!(ends.map(|head| head.contains("if-none-match: *")).collect::<Vec<_>>(), [true, false, false]);
}
