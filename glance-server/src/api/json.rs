//! JSON in and out. Bodies are read more strictly than Python reads them: what two readers could
//! understand differently is refused.

use std::fmt;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::Api;
use super::error::ApiError;

/// How deep arrays and objects of a body may stand inside each other.
const DEPTH: usize = 64;

/// A body that is a JSON array or object.
#[derive(Debug)]
pub(super) struct JsonBody(pub(super) Value);

impl FromRequest<Api> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        if !has_body(&parts) {
            return Err(ApiError::invalid("A JSON body is expected with this request."));
        }
        let bytes = read(body, &parts, api.options.max_json_body).await?;
        match parse(&bytes) {
            Ok(value @ (Value::Array(_) | Value::Object(_))) => Ok(Self(value)),
            Ok(_) => Err(ApiError::invalid("The body must be a JSON array or object.")),
            Err(error) => Err(ApiError::invalid(format!("Malformed JSON in the request body: {error}"))),
        }
    }
}

/// A body that is a JSON object.
#[derive(Debug)]
pub(super) struct JsonObject(pub(super) Map<String, Value>);

impl FromRequest<Api> for JsonObject {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, ApiError> {
        match JsonBody::from_request(request, api).await?.0 {
            Value::Object(object) => Ok(Self(object)),
            _ => Err(ApiError::invalid("The body must be a JSON object.")),
        }
    }
}

/// Whether a request brings a body, as the Python server finds out.
pub(super) fn has_body(parts: &Parts) -> bool {
    let writes = matches!(parts.method, Method::POST | Method::PUT | Method::PATCH);
    (writes && parts.headers.contains_key(TRANSFER_ENCODING)) || content_length(parts).is_some_and(|length| length > 0)
}

/// The length a request announces, in bytes; `None` if it announces none.
pub(super) fn content_length(parts: &Parts) -> Option<u64> {
    parts.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn read(body: Body, parts: &Parts, limit: usize) -> Result<Vec<u8>, ApiError> {
    let too_long = || {
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, format!("The body is longer than the maximum of {limit} bytes."))
    };
    if content_length(parts).is_some_and(|length| length > limit as u64) {
        return Err(too_long());
    }
    match Limited::new(body, limit).collect().await {
        Ok(read) => Ok(read.to_bytes().into()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_long()),
        Err(_) => Err(ApiError::invalid("The body broke off.")),
    }
}

/// Reads one JSON text.
///
/// # Errors
///
/// What RFC 8259 does not allow, and beyond that: a name twice in one object, more than 64 levels,
/// NUL in a text, a number that no double holds, a byte order mark.
pub(super) fn parse(text: &[u8]) -> serde_json::Result<Value> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Strict { levels: DEPTH }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Reads a value with at most `levels` arrays and objects inside each other.
#[derive(Clone, Copy)]
struct Strict {
    levels: usize,
}

impl Strict {
    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        let levels = self.levels.checked_sub(1);
        levels.map(|levels| Self { levels }).ok_or_else(|| E::custom(format_args!("more than {DEPTH} levels")))
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

fn text<E: serde::de::Error>(text: &str) -> Result<String, E> {
    if text.contains('\0') { Err(E::custom("NUL in a text")) } else { Ok(text.to_owned()) }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        if value.is_finite() { Ok(value.into()) } else { Err(E::custom("number out of range")) }
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        text(value).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let name = text(&name)?;
            let value = members.next_value_seed(inner)?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a name stands twice in one object"));
            }
        }
        Ok(Value::Object(object))
    }
}

/// A JSON answer of `view`.
pub(super) fn answer(status: StatusCode, view: &impl Serialize) -> Response {
    match serde_json::to_vec(view) {
        Ok(body) => (status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response(),
        Err(error) => {
            // Views have text keys and finite numbers, so this does not happen.
            tracing::error!(%error, "an answer cannot be written as JSON");
            ApiError::panicked().into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_json_is_read_as_it_is() {
        let text = br#" {"a": [1, -1, 1.5, true, null, "\u00e9\ud83d\ude00"], "b": {}} "#;
        assert_eq!(parse(text).unwrap(), json!({"a": [1, -1, 1.5, true, null, "é😀"], "b": {}}));
    }

    #[test]
    fn what_could_mean_two_things_is_refused() {
        for bad in [
            &b""[..],
            b"{bad",
            b"{} {}",
            b"\xef\xbb\xbf{}",
            b"\xff\xfe{}",
            br#"{"a": 1, "a": 2}"#,
            br#"{"a": {"b": 1, "b": 1}}"#,
            br#"{"a": NaN}"#,
            br#"{"a": Infinity}"#,
            br#"{"a": 1e999}"#,
            br#"{"a": 01}"#,
            br#"{"a": "\ud800"}"#,
            br#"{"a": "\udc00\ud800"}"#,
            br#"{"a": "x\u0000y"}"#,
            br#"{"a\u0000": 1}"#,
            b"{\"a\": \"line\nbreak\"}",
            b"{\"a\": \"\xff\"}",
            b"{'a': 1}",
            br#"{"a": 1,}"#,
            br"{1: 2}",
        ] {
            assert!(parse(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn depth_has_a_limit() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(nested(64).as_bytes()).is_ok());
        assert!(parse(nested(65).as_bytes()).is_err());
        assert!(parse("[".repeat(1_000_000).as_bytes()).is_err());
        assert!(parse(r#"{"a":"#.repeat(100_000).as_bytes()).is_err());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            "[^\0]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("[^\0]{0,4}", inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_again(value in any_json()) {
            prop_assert_eq!(parse(&serde_json::to_vec(&value).unwrap()).unwrap(), value);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }
    }
}
