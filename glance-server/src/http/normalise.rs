//! Request targets in one canonical form, before anything is routed.
//!
//! Clients spell a path in many ways. The router sees one: percent-escapes only where they are
//! needed, one slash between segments, valid UTF-8, no controls. A percent-encoded slash counts as
//! a slash, as in the Python server. What an extractor decodes is decoded once.

use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use futures::future::{Either, Ready, ready};
use http::request::Parts;
use http::uri::{PathAndQuery, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tower::Service;

/// What stays escaped in a canonical path: all but the characters of RFC 3986's `pchar` and `/`.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@')
    .remove(b'/');

/// Why a request target cannot be routed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// To be answered with 400.
    #[error("The path is not UTF-8 once its escapes are decoded")]
    PathNotUtf8,
    /// To be answered with 400.
    #[error("The query is not UTF-8 once its escapes are decoded")]
    QueryNotUtf8,
    /// Line breaks or other controls, which nothing here has in its name: to be answered with 404.
    #[error("The resource could not be found")]
    Control,
}

/// `router` behind a door that brings every request target into canonical form.
///
/// What cannot be routed is answered by `refuse`, which knows how the API words its errors.
pub fn normalised<F>(router: Router, refuse: F) -> Router
where
    F: Fn(&Parts, TargetError) -> Response + Clone + Send + Sync + 'static,
{
    Router::new().fallback_service(Normalise { router, refuse })
}

/// `uri` in canonical form; `None` if it is in that form already.
///
/// # Errors
///
/// [`TargetError`]
pub fn canonical(uri: &Uri) -> Result<Option<Uri>, TargetError> {
    let query_is_utf8 = uri.query().is_none_or(|query| percent_decode_str(query).decode_utf8().is_ok());
    let path = canonical_path(uri.path())?;
    if !query_is_utf8 {
        return Err(TargetError::QueryNotUtf8);
    }
    if path == uri.path() {
        return Ok(None);
    }
    let target = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let mut parts = uri.clone().into_parts();
    // The path is ASCII now and the query was good enough before.
    parts.path_and_query = Some(PathAndQuery::try_from(target).map_err(|_| TargetError::QueryNotUtf8)?);
    Uri::from_parts(parts).map(Some).map_err(|_| TargetError::Control)
}

fn canonical_path(path: &str) -> Result<String, TargetError> {
    let decoded = percent_decode_str(path).decode_utf8().map_err(|_| TargetError::PathNotUtf8)?;
    if decoded.contains(breaks_lines) {
        return Err(TargetError::Control);
    }
    let mut single = String::with_capacity(decoded.len());
    for char in decoded.chars() {
        if char != '/' || !single.ends_with('/') {
            single.push(char);
        }
    }
    Ok(utf8_percent_encode(&single, ESCAPED).to_string())
}

/// Controls, and the two separators that Unicode and some log readers take for line breaks.
fn breaks_lines(char: char) -> bool {
    char.is_control() || matches!(char, '\u{2028}' | '\u{2029}')
}

#[derive(Clone)]
struct Normalise<F> {
    router: Router,
    refuse: F,
}

impl<F> Service<Request> for Normalise<F>
where
    F: Fn(&Parts, TargetError) -> Response,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Either<<Router as Service<Request>>::Future, Ready<Result<Self::Response, Self::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request>::poll_ready(&mut self.router, cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        match canonical(request.uri()) {
            Ok(None) => {}
            Ok(Some(uri)) => *request.uri_mut() = uri,
            Err(error) => {
                let (parts, _) = request.into_parts();
                return Either::Right(ready(Ok((self.refuse)(&parts, error))));
            }
        }
        Either::Left(self.router.call(request))
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::{Path, RawQuery};
    use axum::response::IntoResponse;
    use axum::routing::get;
    use http::StatusCode;
    use http_body_util::BodyExt;
    use proptest::prelude::*;
    use tower::ServiceExt;

    use super::*;

    fn canonical_of(target: &str) -> Result<String, TargetError> {
        let uri: Uri = target.parse().unwrap();
        canonical(&uri).map(|changed| changed.unwrap_or(uri).to_string())
    }

    #[test]
    fn one_path_has_one_spelling() {
        for (given, expected) in [
            ("/", "/"),
            ("/v2/images", "/v2/images"),
            ("//v2/images", "/v2/images"),
            ("/v2///images", "/v2/images"),
            ("/v2/images//", "/v2/images/"),
            ("/v2/images/", "/v2/images/"),
            ("/%76%32/im%61ges", "/v2/images"),
            ("/v2/images/a%2Fb", "/v2/images/a/b"),
            ("/v2/%2Fimages", "/v2/images"),
            ("/v2/images/x/tags/%c3%a4", "/v2/images/x/tags/%C3%A4"),
            ("/v2/images/x/tags/ä", "/v2/images/x/tags/%C3%A4"),
            ("/v2/images/x/tags/a%20b", "/v2/images/x/tags/a%20b"),
            ("/v2/images/x/tags/a+b", "/v2/images/x/tags/a+b"),
            ("/v2/images/x/tags/50%", "/v2/images/x/tags/50%25"),
            ("/v2/images/x/tags/%zz", "/v2/images/x/tags/%25zz"),
            ("/v2/images/x/tags/%2541", "/v2/images/x/tags/%2541"),
            ("/v2/images/x/tags/%3Fa%23", "/v2/images/x/tags/%3Fa%23"),
            ("/v2/../x", "/v2/../x"),
            ("//v2/images?name=%2F//a+b", "/v2/images?name=%2F//a+b"),
            ("http://host:1/%76%32", "http://host:1/v2"),
            ("*", "*"),
        ] {
            assert_eq!(canonical_of(given).as_deref(), Ok(expected), "{given}");
        }
    }

    #[test]
    fn what_is_no_utf8_is_told_from_what_cannot_exist() {
        for (given, expected) in [
            ("/v2/images/%ff", TargetError::PathNotUtf8),
            ("/v2/images/%c3/%a4", TargetError::PathNotUtf8),
            ("/v2/images/%ed%a0%80", TargetError::PathNotUtf8),
            ("/v2/images/%0a", TargetError::Control),
            ("/v2/images/a%00", TargetError::Control),
            ("/v2/images/a%7f", TargetError::Control),
            ("/v2/images/%e2%80%a8", TargetError::Control),
            ("/v2/images?name=%ff", TargetError::QueryNotUtf8),
            ("/v2/images?%c3=%a4", TargetError::QueryNotUtf8),
        ] {
            assert_eq!(canonical_of(given), Err(expected), "{given}");
        }
    }

    async fn ask(router: Router, target: &str) -> (StatusCode, String) {
        let request = Request::get(target).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    fn tags() -> Router {
        let show = |Path((id, tag)): Path<(String, String)>, RawQuery(query): RawQuery| async move {
            let query = query.unwrap_or_default();
            let query: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
            format!("{id} {tag} {query:?}")
        };
        let refuse = |parts: &Parts, error: TargetError| {
            (StatusCode::BAD_REQUEST, format!("{} {error:?}", parts.method)).into_response()
        };
        normalised(Router::new().route("/v2/images/{id}/tags/{tag}", get(show)), refuse)
    }

    #[tokio::test]
    async fn handlers_see_names_decoded_once() {
        let (status, body) = ask(tags(), "//v2/images/%41%2542/tags/%e2%82%ac+?a=b+%2b").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(body, "A%42 €+ [(\"a\", \"b +\")]");
    }

    #[tokio::test]
    async fn an_encoded_slash_splits_a_segment() {
        assert_eq!(ask(tags(), "/v2/images/x/tags/a%2fb").await.0, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn refusals_are_worded_by_the_caller() {
        let (status, body) = ask(tags(), "/v2/images/x/tags/%ff").await;
        assert_eq!((status, body.as_str()), (StatusCode::BAD_REQUEST, "GET PathNotUtf8"));
    }

    proptest! {
        #[test]
        fn canonical_is_final(path in "/[ -~]{0,40}") {
            let Ok(uri) = path.parse::<Uri>() else { return Ok(()) };
            if let Ok(Some(once)) = canonical(&uri) {
                prop_assert_eq!(canonical(&once), Ok(None));
            }
        }

        #[test]
        fn any_name_survives_its_escapes(name in "[^/\\p{Cc}\u{2028}\u{2029}]{1,20}") {
            let escaped = utf8_percent_encode(&name, NON_ALPHANUMERIC);
            let path = canonical_of(&format!("/{escaped}")).unwrap();
            prop_assert_eq!(percent_decode_str(&path[1..]).decode_utf8().unwrap(), name);
        }
    }
}
