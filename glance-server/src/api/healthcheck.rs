//! `/healthcheck`: whether a load balancer should send requests here, as oslo.middleware answers it.

use std::net::IpAddr;
use std::path::PathBuf;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, FORWARDED};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::json;

use super::error::ApiError;
use super::{Api, accept, json};
use crate::config::Network;
use crate::http::PeerAddr;

/// What the health check looks at, and who may ask.
#[derive(Debug, Clone, Default)]
pub struct Healthcheck {
    /// While any of these files exists, the answer is 503 (`disable_by_file_path`).
    pub disabled_by: Vec<PathBuf>,
    /// Files that must all exist (`enable_by_file_paths`).
    pub enabled_by: Vec<PathBuf>,
    /// Whether the JSON form names what was looked at (`detailed`).
    pub detailed: bool,
    /// Who may ask (`allowed_source_ranges`); empty: everybody.
    pub allowed_sources: Vec<Network>,
    /// Whether requests that came through a proxy are refused (`ignore_proxied_requests`).
    pub ignore_proxied: bool,
}

/// What one backend found.
struct Finding {
    backend: &'static str,
    reason: &'static str,
    healthy: bool,
}

/// Any method, and any path below.
pub(super) async fn check(State(api): State<Api>, request: Request) -> Response {
    let settings = &api.options.healthcheck;
    let peer = request.extensions().get::<PeerAddr>().map(|peer| peer.0.ip());
    if !settings.answers(peer, request.headers()) {
        return ApiError::not_found().into_response();
    }
    let findings = settings.findings().await;
    let healthy = findings.iter().all(|finding| finding.healthy);
    let status = match (healthy, request.method()) {
        (true, &Method::HEAD) => return StatusCode::NO_CONTENT.into_response(),
        (true, _) => StatusCode::OK,
        (false, _) => StatusCode::SERVICE_UNAVAILABLE,
    };
    match accept::best(request.headers(), &["text/plain", "text/html", "application/json"]) {
        Some(1) => html(status, &findings),
        Some(2) => json(status, &findings, settings.detailed),
        _ => plain(status, &findings),
    }
}

impl Healthcheck {
    fn answers(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> bool {
        let allowed = self.allowed_sources.is_empty()
            || peer.is_some_and(|peer| self.allowed_sources.iter().any(|range| range.contains(peer)));
        let proxied =
            headers.contains_key(FORWARDED) || headers.keys().any(|name| name.as_str().starts_with("x-forwarded-"));
        allowed && !(self.ignore_proxied && proxied)
    }

    async fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for path in &self.disabled_by {
            let healthy = !tokio::fs::try_exists(path).await.unwrap_or(false);
            findings.push(Finding {
                backend: "disable_by_file",
                reason: if healthy { "OK" } else { "DISABLED BY FILE" },
                healthy,
            });
        }
        for path in &self.enabled_by {
            let healthy = tokio::fs::try_exists(path).await.unwrap_or(false);
            let reason = if healthy { "OK" } else { "FILE PATH MISSING" };
            findings.push(Finding { backend: "enable_by_files", reason, healthy });
        }
        if findings.is_empty() {
            findings.push(Finding { backend: "none", reason: "OK", healthy: true });
        }
        findings
    }
}

fn plain(status: StatusCode, findings: &[Finding]) -> Response {
    let reasons: Vec<_> = findings.iter().map(|finding| finding.reason).collect();
    typed(status, "text/plain; charset=UTF-8", reasons.join("\n"))
}

fn html(status: StatusCode, findings: &[Finding]) -> Response {
    let reasons: Vec<_> = findings.iter().map(|finding| finding.reason).collect();
    let rows = reasons.join("</td></tr><tr><td>");
    let title = if status == StatusCode::OK { "Healthy" } else { "Unhealthy" };
    let body =
        format!("<html><head><title>{title}</title></head><body><table><tr><td>{rows}</td></tr></table></body></html>");
    typed(status, "text/html; charset=UTF-8", body)
}

fn json(status: StatusCode, findings: &[Finding], detailed: bool) -> Response {
    let reasons = findings.iter().map(|finding| {
        if detailed { json!({ "class": finding.backend, "reason": finding.reason }) } else { finding.reason.into() }
    });
    json::answer(status, &json!({ "detailed": detailed, "reasons": reasons.collect::<Vec<_>>() }))
}

fn typed(status: StatusCode, media_type: &'static str, body: String) -> Response {
    (status, [(CONTENT_TYPE, HeaderValue::from_static(media_type))], body).into_response()
}
