//! Failures as HTTP answers: the only place that turns one into a status and a body.
//!
//! The bodies are laid out as `WebOb` lays them out, because clients take the message out of all
//! three forms.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use glance_core::Error;
use glance_core::database::RepoError;
use glance_core::limits::LimitsError;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use hyper::ext::ReasonPhrase;
use serde_json::json;

use super::accept;
use crate::auth::AuthError;
use crate::http::TargetError;

/// Seconds after which a store or database that was away may be back.
const SOON: HeaderValue = HeaderValue::from_static("5");

/// Why a request was not answered as it hoped.
///
/// As a response it has no body yet: what body the client understands is decided where all answers
/// pass, in [`render`].
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    status: StatusCode,
    explanation: Cow<'static, str>,
    detail: Cow<'static, str>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

impl ApiError {
    /// A failure that says `explanation` and nothing else.
    pub(crate) fn new(status: StatusCode, explanation: impl Into<Cow<'static, str>>) -> Self {
        Self { status, explanation: explanation.into(), detail: "".into(), headers: Vec::new(), cause: None }
    }

    /// A failure that says what its status says, and `detail` behind it.
    pub(crate) fn with_detail(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { detail: detail.into(), ..Self::new(status, generic(status)) }
    }

    /// 400: the request makes no sense.
    pub(crate) fn invalid(explanation: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, explanation)
    }

    /// 404 for a path or an id that stands for nothing.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, generic(StatusCode::NOT_FOUND))
    }

    /// 401 with `challenge` if nobody vouches for the caller, 503 if that cannot be found out.
    pub(crate) fn unidentified(error: AuthError, challenge: Option<HeaderValue>) -> Self {
        match error {
            AuthError::Unavailable(cause) => {
                let explanation = "It cannot be found out now who is asking.";
                let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, explanation).header(RETRY_AFTER, SOON);
                Self { cause: Some(cause), ..error }
            }
            AuthError::Throttled { seconds } => {
                let explanation = "Too many wrong passwords: wait before the next one.";
                Self::new(StatusCode::TOO_MANY_REQUESTS, explanation).header(RETRY_AFTER, HeaderValue::from(seconds))
            }
            AuthError::Unauthenticated => {
                let error = Self::new(StatusCode::UNAUTHORIZED, generic(StatusCode::UNAUTHORIZED));
                challenge.into_iter().fold(error, |error, challenge| error.header(WWW_AUTHENTICATE, challenge))
            }
        }
    }

    /// 405 on a path that takes the methods `allow`.
    pub(crate) fn method_not_allowed(method: &Method, allow: &'static str) -> Self {
        let explanation = format!("The method {method} is not allowed for this resource. ");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, explanation).header(ALLOW, HeaderValue::from_static(allow))
    }

    /// What a path that stands for nothing says to `method`: 501 to one that HTTP itself does not
    /// define for such resources.
    pub(crate) fn unknown_path(method: &Method) -> Self {
        match method.as_str() {
            "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "PATCH" => Self::not_found(),
            _ => Self::new(StatusCode::NOT_IMPLEMENTED, generic(StatusCode::NOT_IMPLEMENTED)),
        }
    }

    /// 500 for a handler that panicked; the panic itself was logged where it happened.
    pub(crate) fn panicked() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, generic(StatusCode::INTERNAL_SERVER_ERROR))
    }

    /// The same failure with another header line.
    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    fn caused(status: StatusCode, error: Error) -> Self {
        let explanation = match status {
            StatusCode::INTERNAL_SERVER_ERROR => generic(status).into(),
            _ => Cow::Owned(error.to_string()),
        };
        Self { cause: Some(Arc::new(error)), ..Self::new(status, explanation) }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::NotFound(_) => StatusCode::NOT_FOUND,
            Error::NoData(_) => StatusCode::NO_CONTENT,
            Error::Forbidden(_) => StatusCode::FORBIDDEN,
            Error::Invalid(_) | Error::Interrupted(_) => StatusCode::BAD_REQUEST,
            Error::Conflict(_) => StatusCode::CONFLICT,
            Error::Gone(_) => StatusCode::GONE,
            Error::OverLimit(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Error::BadData(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Error::OutOfRange { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Error::Unavailable(_)
            | Error::Limits(LimitsError::Unavailable(_))
            | Error::Database(RepoError::Unavailable { .. }) => {
                return Self::caused(StatusCode::SERVICE_UNAVAILABLE, error).header(RETRY_AFTER, SOON);
            }
            _ => return Self::caused(StatusCode::INTERNAL_SERVER_ERROR, error),
        };
        match error {
            Error::BadData(_) | Error::OutOfRange { .. } => Self::with_detail(status, error.to_string()),
            _ => Self::new(status, error.to_string()),
        }
    }
}

impl From<TargetError> for ApiError {
    fn from(error: TargetError) -> Self {
        match error {
            TargetError::Control => Self::not_found(),
            TargetError::PathNotUtf8 | TargetError::QueryNotUtf8 => Self::invalid(error.to_string()),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        for (name, value) in &self.headers {
            response.headers_mut().append(name.clone(), value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Gives a failure the body that the client's `Accept` asks for, and logs what is the server's fault.
/// Every other response passes as it is.
pub(super) fn render(mut response: Response, request_headers: &HeaderMap) -> Response {
    let Some(error) = response.extensions_mut().remove::<ApiError>() else { return response };
    if let Some(cause) = &error.cause {
        tracing::error!(status = error.status.as_u16(), error = %Chain(cause.as_ref()), "a request failed");
    }
    if error.status == StatusCode::NO_CONTENT {
        return response;
    }
    let (media_type, body) = match accept::best(request_headers, &["text/html", "application/json"]) {
        Some(0) => ("text/html; charset=UTF-8", error.html()),
        Some(_) => ("application/json", error.json()),
        None => ("text/plain; charset=UTF-8", error.plain()),
    };
    // The router has measured the body that is not there yet.
    response.headers_mut().remove(CONTENT_LENGTH);
    *response.body_mut() = Body::from(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    if Some(title(error.status)) != error.status.canonical_reason() {
        response.extensions_mut().insert(ReasonPhrase::from_static(title(error.status).as_bytes()));
    }
    response
}

/// The three bodies. Their odd spacing is that of `WebOb`'s template filled in.
impl ApiError {
    fn status_line(&self) -> String {
        format!("{} {}", self.status.as_u16(), title(self.status))
    }

    fn json(&self) -> String {
        let message = format!("{}<br /><br />\n{}\n\n", self.explanation, self.detail);
        json!({ "message": message, "code": self.status_line(), "title": title(self.status) }).to_string()
    }

    fn plain(&self) -> String {
        let plain = |text: &str| without_tags(&text.replace('\n', " ").replace('\r', ""));
        format!("{}\n\n{}\n\n {}  ", self.status_line(), plain(&self.explanation), plain(&self.detail))
    }

    fn html(&self) -> String {
        let (line, explanation, detail) = (self.status_line(), escaped(&self.explanation), escaped(&self.detail));
        format!(
            "<html>\n <head>\n  <title>{line}</title>\n </head>\n <body>\n  <h1>{line}</h1>\n  \
             {explanation}<br /><br />\n{detail}\n\n\n </body>\n</html>"
        )
    }
}

/// An error with all its causes.
struct Chain<'a>(&'a (dyn StdError + Send + Sync));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#x27;"),
            char => out.push(char),
        }
    }
    out
}

/// `text` without whatever stands between `<` and `>`.
fn without_tags(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('<') {
        out.push_str(before);
        if let Some((_, after)) = behind.split_once('>') {
            rest = after;
        } else {
            out.push('<');
            rest = behind;
        }
    }
    out + rest
}

/// The reason phrase that the Python server sends and clients show. It keeps the names of RFC 2616.
fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => "Request Entity Too Large",
        StatusCode::RANGE_NOT_SATISFIABLE => "Request Range Not Satisfiable",
        status => status.canonical_reason().unwrap_or("Unknown"),
    }
}

/// What a status says when there is nothing better to say.
fn generic(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "Nobody confirmed who is asking, so the request is not answered.",
        StatusCode::FORBIDDEN => "Access was denied to this resource.",
        StatusCode::NOT_FOUND => "The resource could not be found.",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "This resource does not take data of the media type sent.",
        StatusCode::RANGE_NOT_SATISFIABLE => "The range requested is not available.",
        StatusCode::NOT_IMPLEMENTED => "The request method is not implemented by this server.",
        _ => "The server failed to perform the requested operation.",
    }
}

#[cfg(test)]
mod tests {
    use http::header::ACCEPT;
    use http_body_util::BodyExt;

    use super::*;

    async fn rendered(error: ApiError, accept: Option<&'static str>) -> (HeaderMap, String) {
        let asked: HeaderMap = accept.map(|accept| (ACCEPT, HeaderValue::from_static(accept))).into_iter().collect();
        let response = render(error.into_response(), &asked);
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn what_may_be_back_soon_says_when_to_ask_again() {
        let (headers, _) = rendered(Error::Unavailable("the store cannot be reached".to_owned()).into(), None).await;
        assert_eq!(headers[RETRY_AFTER], "5");
    }

    #[tokio::test]
    async fn the_three_bodies_are_laid_out_as_webob_does() {
        let error = || ApiError::with_detail(StatusCode::NOT_FOUND, "no <b>image</b>\nhere & there");
        let (headers, plain) = rendered(error(), None).await;
        assert_eq!(headers[CONTENT_TYPE], "text/plain; charset=UTF-8");
        assert_eq!(plain, "404 Not Found\n\nThe resource could not be found.\n\n no image here & there  ");
        let (headers, json) = rendered(error(), Some("application/json")).await;
        assert_eq!(headers[CONTENT_TYPE], "application/json");
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(
            json,
            json!({
                "message": "The resource could not be found.<br /><br />\nno <b>image</b>\nhere & there\n\n",
                "code": "404 Not Found",
                "title": "Not Found",
            })
        );
        let (headers, html) = rendered(error(), Some("*/*")).await;
        assert_eq!(headers[CONTENT_TYPE], "text/html; charset=UTF-8");
        assert_eq!(
            html,
            "<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n  <h1>404 Not Found</h1>\n  \
             The resource could not be found.<br /><br />\nno &lt;b&gt;image&lt;/b&gt;\nhere &amp; there\n\n\n \
             </body>\n</html>"
        );
    }

    #[tokio::test]
    async fn a_failure_of_ours_says_nothing_of_its_cause() {
        let failed = glance_core::database::RepoError::failed("reading")("disk on fire at /srv/secret");
        for accept in [None, Some("*/*"), Some("application/json")] {
            let (_, body) = rendered(Error::Database(failed_again(&failed)).into(), accept).await;
            assert!(body.contains("500 Internal Server Error") && !body.contains("secret"), "{body}");
        }
    }

    #[tokio::test]
    async fn a_database_that_cannot_work_now_is_asked_again_later() {
        let busy = RepoError::Unavailable { doing: "writing", source: "full at /srv/secret".into() };
        let (headers, body) = rendered(Error::Database(busy).into(), None).await;
        assert!(headers.contains_key(RETRY_AFTER) && body.starts_with("503 Service Unavailable"), "{body}");
        assert!(!body.contains("secret"), "{body}");
    }

    fn failed_again(error: &glance_core::database::RepoError) -> glance_core::database::RepoError {
        glance_core::database::RepoError::failed("reading")(error.to_string())
    }

    #[tokio::test]
    async fn old_reason_phrases_are_kept() {
        let (_, body) = rendered(Error::OverLimit("too long".to_owned()).into(), Some("application/json")).await;
        assert!(body.contains("\"413 Request Entity Too Large\""), "{body}");
        let (_, body) = rendered(Error::OutOfRange { size: 5 }.into(), None).await;
        assert!(body.starts_with("416 Request Range Not Satisfiable\n\n"), "{body}");
    }

    #[test]
    fn tags_are_taken_out_and_lone_brackets_are_not() {
        assert_eq!(without_tags("a<br />b<c"), "ab<c");
        assert_eq!(without_tags("1 > 0"), "1 > 0");
    }
}
