//! Requests of web pages from other origins (the WHATWG fetch standard), as oslo.middleware grants
//! them: only to configured origins.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::Api;
use crate::config::CorsSettings;

/// Headers that every page may send.
const SIMPLE: [&str; 8] = [
    "Accept",
    "Accept-Language",
    "Content-Type",
    "Cache-Control",
    "Content-Language",
    "Expires",
    "Last-Modified",
    "Pragma",
];

/// Answers every `OPTIONS`, and says on other answers which pages may read them, where the pipeline has the filter.
pub(super) async fn cross_origin(State(api): State<Api>, request: Request, next: Next) -> Response {
    if !api.options.pipeline.cors {
        return next.run(request).await;
    }
    let origin = request.headers().get(ORIGIN).cloned();
    let granted = origin.and_then(|origin| Grant::for_origin(&api.options.cors, origin));
    if request.method() == Method::OPTIONS {
        let mut response = StatusCode::OK.into_response();
        if let Some(granted) = granted {
            granted.preflight(request.headers(), response.headers_mut());
        }
        return response;
    }
    let mut response = next.run(request).await;
    if let Some(granted) = granted {
        granted.expose(response.headers_mut());
    }
    response
}

/// Whether a request comes from a web page that is not listed. Browsers say so themselves, other
/// clients have nothing to say.
pub(super) fn is_foreign_page(settings: &[CorsSettings], headers: &HeaderMap) -> bool {
    let origin = headers.get(ORIGIN).cloned();
    origin.is_some_and(|origin| Grant::for_origin(settings, origin).is_none())
}

/// What one origin is allowed.
struct Grant<'a> {
    settings: &'a CorsSettings,
    /// The origin as the answer names it.
    origin: HeaderValue,
}

impl<'a> Grant<'a> {
    fn for_origin(settings: &'a [CorsSettings], origin: HeaderValue) -> Option<Self> {
        let listing = |name: &[u8]| {
            settings.iter().find(|settings| settings.allowed_origin.iter().any(|allowed| allowed.as_bytes() == name))
        };
        if let Some(settings) = listing(origin.as_bytes()) {
            return Some(Self { settings, origin });
        }
        listing(b"*").map(|settings| Self { settings, origin: HeaderValue::from_static("*") })
    }

    fn preflight(&self, asked: &HeaderMap, answer: &mut HeaderMap) {
        let Some(method) = asked.get(ACCESS_CONTROL_REQUEST_METHOD) else { return };
        let wanted: Vec<&str> = asked
            .get(ACCESS_CONTROL_REQUEST_HEADERS)
            .and_then(|names| names.to_str().ok())
            .into_iter()
            .flat_map(|names| names.split(','))
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .collect();
        let settings = self.settings;
        let method_allowed = settings.allow_methods.iter().any(|allowed| allowed.as_bytes() == method.as_bytes());
        let header_allowed = |name: &&str| {
            let mut allowed = settings.allow_headers.iter().map(String::as_str).chain(SIMPLE);
            allowed.any(|allowed| allowed.eq_ignore_ascii_case(name))
        };
        if !method_allowed || !wanted.iter().all(header_allowed) {
            return;
        }
        self.name_origin(answer);
        if settings.max_age > 0 {
            answer.insert(ACCESS_CONTROL_MAX_AGE, settings.max_age.into());
        }
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, method.clone());
        insert(answer, ACCESS_CONTROL_ALLOW_HEADERS, &wanted.join(","));
    }

    fn expose(&self, answer: &mut HeaderMap) {
        self.name_origin(answer);
        insert(answer, ACCESS_CONTROL_EXPOSE_HEADERS, &self.settings.expose_headers.join(","));
    }

    fn name_origin(&self, answer: &mut HeaderMap) {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, self.origin.clone());
        answer.append(VARY, HeaderValue::from_static("Origin"));
        if self.settings.allow_credentials {
            answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }
}

fn insert(answer: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value)
        && !value.is_empty()
    {
        answer.insert(name, value);
    }
}
