//! `/healthcheck`: whether a load balancer should send requests here, as oslo.middleware answers it.
//!
//! The database is asked as well, and one that does not answer takes the server out of service. A store that does not
//! answer does not: the server goes on serving records, and the data of other stores.

use std::fmt::Display;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use glance_core::{Glance, NamedStore};
use http::header::{CONTENT_TYPE, FORWARDED};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Mutex;

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
    /// Whether JSON and HTML name what was looked at, stores included (`detailed`).
    pub detailed: bool,
    /// Who may ask (`allowed_source_ranges`); empty: everybody.
    pub allowed_sources: Vec<Network>,
    /// Whether requests that came through a proxy are refused (`ignore_proxied_requests`).
    pub ignore_proxied: bool,
    /// Whether paths below are not answered, as by a filter of a pipeline, where an application of its own answers
    /// them.
    pub is_filter: bool,
}

/// How long the database may take. Whoever asks has little patience.
const TO_ANSWER: Duration = Duration::from_secs(5);

/// How long what a look at the database showed counts for everybody who asks. Anybody may ask, as often as they like.
const FRESH: Duration = Duration::from_secs(1);

/// What the database is called among what was looked at.
const DATABASE: &str = "database";

/// What one look found.
struct Finding {
    backend: &'static str,
    reason: &'static str,
    /// What was looked at, where there is more than one: never a path or an address, as nobody is asked who they are.
    details: String,
    healthy: bool,
}

impl Finding {
    fn of(backend: &'static str, healthy: bool, otherwise: &'static str) -> Self {
        Self { backend, reason: if healthy { "OK" } else { otherwise }, details: String::new(), healthy }
    }
}

/// Where it answers: any method, and any path below.
pub(super) fn routes(settings: Option<&Healthcheck>) -> Router<Api> {
    let Some(settings) = settings else { return Router::new() };
    let routes = Router::new().route("/healthcheck", any(check));
    if settings.is_filter { routes } else { routes.route("/healthcheck/{*below}", any(check)) }
}

async fn check(State(api): State<Api>, request: Request) -> Response {
    let Some(settings) = &api.options.healthcheck else { return ApiError::not_found().into_response() };
    let peer = request.extensions().get::<PeerAddr>().map(|peer| peer.0.ip());
    if !settings.answers(peer, request.headers()) {
        return ApiError::not_found().into_response();
    }
    let mut findings = settings.findings().await;
    let database = Finding::of(DATABASE, api.look.answers(&api.glance).await, "DATABASE DOES NOT ANSWER");
    // While all is well, the answer is what load balancers were told to expect.
    findings.extend(Some(database).filter(|database| settings.detailed || !database.healthy));
    let healthy = findings.iter().all(|finding| finding.healthy);
    let status = match (healthy, request.method()) {
        (true, &Method::HEAD) => return StatusCode::NO_CONTENT.into_response(),
        (true, _) => StatusCode::OK,
        (false, _) => StatusCode::SERVICE_UNAVAILABLE,
    };
    match accept::best(request.headers(), &["text/plain", "text/html", "application/json"]) {
        Some(1) if settings.detailed => html_in_detail(status, &findings, api.glance.stores().iter()),
        Some(1) => html(status, &findings),
        Some(2) if settings.detailed => json_in_detail(status, &findings, api.glance.stores().iter()),
        Some(2) => json(status, &findings),
        _ => plain(status, &findings),
    }
}

/// Looks at the database: one at a time, which all share who ask meanwhile and within [`FRESH`].
#[derive(Debug, Default)]
pub(super) struct Look(Mutex<Option<Seen>>);

#[derive(Debug, Clone, Copy)]
struct Seen {
    at: Instant,
    answers: bool,
}

impl Look {
    async fn answers(&self, glance: &Glance) -> bool {
        let mut last = self.0.lock().await;
        if let Some(seen) = last.filter(|seen| seen.at.elapsed() < FRESH) {
            return seen.answers;
        }
        let answered = last.is_none_or(|seen| seen.answers);
        let answers = match tokio::time::timeout(TO_ANSWER, glance.check_database()).await {
            Ok(Ok(())) => {
                if !answered {
                    tracing::info!("the database answers the health check again");
                }
                true
            }
            outcome => {
                if answered {
                    let error = outcome.map_or_else(|_| "it takes too long".to_owned(), |asked| told(&asked));
                    tracing::warn!(error, "the health check cannot ask the database");
                }
                false
            }
        };
        *last = Some(Seen { at: Instant::now(), answers });
        answers
    }
}

fn told<E: Display>(asked: &Result<(), E>) -> String {
    asked.as_ref().err().map(ToString::to_string).unwrap_or_default()
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
            findings.push(Finding::of("disable_by_file", healthy, "DISABLED BY FILE"));
        }
        for path in &self.enabled_by {
            let healthy = tokio::fs::try_exists(path).await.unwrap_or(false);
            findings.push(Finding::of("enable_by_files", healthy, "FILE PATH MISSING"));
        }
        if findings.is_empty() {
            findings.push(Finding::of("none", true, ""));
        }
        findings
    }
}

/// The shape is that of the reference, where nothing but the files is looked at.
fn plain(status: StatusCode, findings: &[Finding]) -> Response {
    let named = findings.iter().filter(|finding| finding.backend != DATABASE || !finding.healthy);
    let reasons: Vec<_> = named.map(|finding| finding.reason).collect();
    typed(status, "text/plain; charset=UTF-8", reasons.join("\n"))
}

fn html(status: StatusCode, findings: &[Finding]) -> Response {
    let reasons: Vec<_> = findings.iter().map(|finding| finding.reason).collect();
    page(status, &format!("<tr><td>{}</td></tr>", reasons.join("</td></tr><tr><td>")))
}

fn html_in_detail<'a>(
    status: StatusCode,
    findings: &[Finding],
    stores: impl Iterator<Item = &'a NamedStore>,
) -> Response {
    let stores: Vec<_> = stores.map(state_of).collect();
    let rows = findings.iter().chain(&stores).map(|Finding { backend, reason, details, .. }| {
        format!("<tr><td>{backend}</td><td>{reason}</td><td>{}</td></tr>", escaped(details))
    });
    let head = "<tr><th>Kind</th><th>Reason</th><th>Details</th></tr>".to_owned();
    page(status, &[head].into_iter().chain(rows).collect::<String>())
}

fn page(status: StatusCode, rows: &str) -> Response {
    let title = if status == StatusCode::OK { "Healthy" } else { "Unhealthy" };
    let body = format!("<html><head><title>{title}</title></head><body><table>{rows}</table></body></html>");
    typed(status, "text/html; charset=UTF-8", body)
}

/// Ids of stores are the operator's, who may call them what they like.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn json(status: StatusCode, findings: &[Finding]) -> Response {
    let reasons: Vec<_> = findings.iter().map(|finding| finding.reason).collect();
    json::answer(status, &json!({ "detailed": false, "reasons": reasons }))
}

fn json_in_detail<'a>(
    status: StatusCode,
    findings: &[Finding],
    stores: impl Iterator<Item = &'a NamedStore>,
) -> Response {
    let stores: Vec<_> = stores.map(state_of).collect();
    let reasons: Vec<Value> = findings
        .iter()
        .chain(&stores)
        .map(|Finding { backend, reason, details, .. }| json!({ "class": backend, "reason": reason, "details": details }))
        .collect();
    let now = Timestamp::now().strftime("%Y-%m-%d %H:%M:%S.%6f").to_string();
    json::answer(status, &json!({ "detailed": true, "now": now, "reasons": reasons }))
}

fn state_of(named: &NamedStore) -> Finding {
    let store = Finding::of("store", named.store.answers(), "STORE DOES NOT ANSWER");
    Finding { details: named.id.clone(), ..store }
}

fn typed(status: StatusCode, media_type: &'static str, body: String) -> Response {
    (status, [(CONTENT_TYPE, HeaderValue::from_static(media_type))], body).into_response()
}
