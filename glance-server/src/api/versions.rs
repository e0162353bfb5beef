//! Which version of the API a request means, and the document that names those there are.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::ACCEPT;
use http::uri::PathAndQuery;
use http::{StatusCode, Uri};
use serde_json::{Value, json};

use super::error::ApiError;
use super::origin::Origin;
use super::{Api, json};

/// How `Accept` names a version in place of the path.
const MEDIA_TYPE: &str = "application/vnd.openstack.images-";

/// The minor versions that every configuration has.
const ALWAYS: [u32; 10] = [0, 1, 2, 3, 4, 5, 6, 7, 9, 15];

/// The minor versions about several stores.
const STORES: [u32; 5] = [8, 10, 11, 12, 13];

/// The minor versions about the cache.
const CACHE: [u32; 3] = [14, 16, 18];

/// The minor version of the newer location calls, which every configuration has.
const LOCATIONS: u32 = 17;

/// What the configuration makes of the versions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Versions {
    /// Whether clients name stores (`enabled_backends`).
    pub(super) stores: bool,
    /// Whether there is an image cache (`image_cache_dir`).
    pub(super) cache: bool,
}

impl Versions {
    /// The minor versions of major version 2, newest first.
    fn minors(self) -> Vec<u32> {
        let mut minors: Vec<u32> = ALWAYS.into_iter().chain([LOCATIONS]).collect();
        if self.stores {
            minors.extend(STORES);
        }
        if self.cache {
            minors.extend(CACHE);
        }
        minors.sort_unstable_by(|a, b| b.cmp(a));
        minors
    }

    /// Whether `text` names a version: `v2`, `v2.0`, … Minor versions are all served alike.
    fn knows(self, text: &str) -> bool {
        let minor = |text: &str| self.minors().into_iter().any(|minor| minor.to_string() == text);
        text == "v2" || text.strip_prefix("v2.").is_some_and(minor)
    }

    /// The versions document, with links below `base`.
    fn document(self, base: &str) -> Value {
        let href = format!("{}/v2/", base.trim_end_matches('/'));
        let versions = self.minors().into_iter().enumerate().map(|(at, minor)| {
            json!({
                "id": format!("v2.{minor}"),
                "status": if at == 0 { "CURRENT" } else { "SUPPORTED" },
                "links": [{ "rel": "self", "href": href }],
            })
        });
        json!({ "versions": versions.collect::<Vec<_>>() })
    }
}

/// Brings every request to the path `/v2…`, or answers it with the versions there are. Without the filter in the
/// pipeline, it stays as it is.
pub(super) async fn negotiate(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    if !api.options.pipeline.version_negotiation {
        return next.run(request).await;
    }
    let (first, rest) = first_segment(request.uri().path());
    if first == "versions" {
        return choices(&api, &request, StatusCode::OK);
    }
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let (version, path) = match accept.and_then(|accept| accept.strip_prefix(MEDIA_TYPE)) {
        Some(version) => (version, request.uri().path()),
        None => (first, rest),
    };
    if !api.versions.knows(version) {
        return choices(&api, &request, StatusCode::MULTIPLE_CHOICES);
    }
    match with_path(request.uri(), &format!("/v2{path}")) {
        Some(uri) => *request.uri_mut() = uri,
        None => return ApiError::not_found().into_response(),
    }
    next.run(request).await
}

/// Whether a path is none of the API's: the versions there are answer it, to those who may ask.
pub(super) fn is_beside(path: &str) -> bool {
    !(path == "/v2" || path.starts_with("/v2/"))
}

/// The versions there are.
pub(super) fn beside(api: &Api, request: &Request) -> Response {
    choices(api, request, StatusCode::MULTIPLE_CHOICES)
}

fn choices(api: &Api, request: &Request, status: StatusCode) -> Response {
    let base = match &api.options.public_endpoint {
        Some(endpoint) => endpoint.clone(),
        None => {
            Origin::of(request.headers(), request.uri(), request.extensions(), api.options.proxy_headers).application()
        }
    };
    json::answer(status, &api.versions.document(&base))
}

/// The first segment of a path, and the rest with its slash.
fn first_segment(path: &str) -> (&str, &str) {
    let path = path.trim_start_matches('/');
    path.split_at(path.find('/').unwrap_or(path.len()))
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let target = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(target).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_decides_which_minor_versions_there_are() {
        let minors = |stores, cache| Versions { stores, cache }.minors();
        assert_eq!(minors(true, true), (0..=18).rev().collect::<Vec<_>>());
        assert_eq!(minors(false, false), [17, 15, 9, 7, 6, 5, 4, 3, 2, 1, 0]);
        assert_eq!(minors(true, false), [17, 15, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
        assert_eq!(minors(false, true), [18, 17, 16, 15, 14, 9, 7, 6, 5, 4, 3, 2, 1, 0]);
    }

    #[test]
    fn versions_are_known_by_their_exact_spelling() {
        let all = Versions { stores: true, cache: true };
        for known in ["v2", "v2.0", "v2.9", "v2.18"] {
            assert!(all.knows(known), "{known}");
        }
        for unknown in ["", "v1", "V2", "v2.", "v2.19", "v2.05", "v3", "2", "v2.0.0"] {
            assert!(!all.knows(unknown), "{unknown}");
        }
        assert!(!Versions { stores: false, cache: true }.knows("v2.8"));
        assert!(!Versions { stores: true, cache: false }.knows("v2.18"));
    }

    #[test]
    fn every_link_leads_to_the_major_version() {
        let document = Versions { stores: false, cache: false }.document("https://api.example/image/");
        for version in document["versions"].as_array().unwrap() {
            assert_eq!(version["links"][0]["href"], "https://api.example/image/v2/");
        }
        assert_eq!(document["versions"][0]["status"], "CURRENT");
        assert_eq!(document["versions"][1]["status"], "SUPPORTED");
    }
}
