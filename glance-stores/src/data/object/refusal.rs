//! What a backend means by an answer that is no success.

use std::fmt;

use http::StatusCode;

/// Why a backend did not do what it was asked, where the status alone does not say it or its client would ask again in
/// vain. It is the cause at the bottom of an [`object_store::Error`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::data) enum Refusal {
    /// There is no room, or a quota is used up.
    Full,
    /// The bucket that should hold the object does not exist.
    NoBucket,
    /// The backend does not know this kind of request.
    NotImplemented,
    /// The backend cannot now; later it may.
    Busy(StatusCode),
}

/// Codes by which backends say that there is no room: those of S3, of servers that speak it, and of Azurite. Azure
/// itself documents none.
const FULL: &[&str] = &[
    "EntityTooLarge",
    "InsufficientCapacity",
    "InsufficientStorage",
    "MemoryExtentStoreAtSizeLimit",
    "NotEnoughStorage",
    "QuotaExceeded",
    "ServiceQuotaExceeded",
    "StorageQuotaExceeded",
    "XMinioStorageFull",
];

/// Codes by which they say that there is no such bucket.
const NO_BUCKET: &[&str] = &["ContainerBeingDeleted", "ContainerNotFound", "NoSuchBucket"];

impl Refusal {
    /// What an answer with this status and code means; `None` if the status says all there is to say.
    pub(in crate::data) fn of(status: StatusCode, code: &str) -> Option<Self> {
        if FULL.contains(&code) || matches!(status, StatusCode::INSUFFICIENT_STORAGE | StatusCode::PAYLOAD_TOO_LARGE) {
            return Some(Self::Full);
        }
        if NO_BUCKET.contains(&code) {
            return Some(Self::NoBucket);
        }
        if status == StatusCode::NOT_IMPLEMENTED || code == "NotImplemented" {
            return Some(Self::NotImplemented);
        }
        let later = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
        (later || status.is_server_error()).then_some(Self::Busy(status))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("no room is left"),
            Self::NoBucket => f.write_str("the bucket does not exist"),
            Self::NotImplemented => f.write_str("the backend does not know this kind of request"),
            Self::Busy(status) => write!(f, "the backend answers {status}"),
        }
    }
}

impl std::error::Error for Refusal {}

/// The code in an answer such as `<Error><Code>NoSuchKey</Code>…`; the empty text where there is none. The rest of such
/// an answer may repeat what was sent to it, and nobody gets to see it.
pub(in crate::data) fn code_in(answer: &[u8]) -> &str {
    let text = std::str::from_utf8(answer).unwrap_or_default();
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    let code = code.map_or("", |(code, _)| code.trim());
    let plain = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    if plain { code } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_and_nothing_else() {
        assert_eq!(
            code_in(b"<?xml version='1.0'?><Error><Code>NoSuchBucket</Code><Key>k</Key></Error>"),
            "NoSuchBucket"
        );
        for bad in
            [&b""[..], b"<Code>", b"<Code>a</Cod", b"<Code>a b</Code>", b"<Code>\xff</Code>", b"<Code>&lt;</Code>"]
        {
            assert_eq!(code_in(bad), "");
        }
        assert_eq!(code_in(format!("<Code>{}</Code>", "x".repeat(65)).as_bytes()), "");
    }

    #[test]
    fn each_refusal_is_told_by_status_or_code() {
        let of = |status: u16, code| Refusal::of(StatusCode::from_u16(status).unwrap(), code);
        assert_eq!(of(507, ""), Some(Refusal::Full));
        assert_eq!(of(403, "QuotaExceeded"), Some(Refusal::Full));
        assert_eq!(of(400, "EntityTooLarge"), Some(Refusal::Full));
        assert_eq!(of(409, "MemoryExtentStoreAtSizeLimit"), Some(Refusal::Full));
        assert_eq!(of(404, "NoSuchBucket"), Some(Refusal::NoBucket));
        assert_eq!(of(501, ""), Some(Refusal::NotImplemented));
        assert_eq!(of(503, "SlowDown"), Some(Refusal::Busy(StatusCode::SERVICE_UNAVAILABLE)));
        assert_eq!((of(404, "NoSuchKey"), of(403, "AccessDenied"), of(412, ""), of(400, "")), (None, None, None, None));
        assert_eq!(of(409, "BlobAlreadyExists"), None);
    }
}
