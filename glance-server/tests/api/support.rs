//! A router, those who ask it, and what it answers.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use glance_core::events::Notifier;
use glance_core::image::Formats;
use glance_core::memory::{MemoryDatabase, MemoryStore};
use glance_core::store::Store;
use glance_core::{Glance, NamedStore, Settings, Stores};
use glance_server::api::{self, ApiOptions};
use glance_server::auth::{Identity, TrustedHeaders};
use glance_server::http::PeerAddr;
use glance_server::metrics::{Metrics, Sources};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::BodyExt;
use prometheus_client::encoding::text::encode;
use serde_json::{Value, json};
use tower::ServiceExt;

pub(crate) const V20: &str = "application/openstack-images-v2.0-json-patch";
pub(crate) const V21: &str = "application/openstack-images-v2.1-json-patch";

/// Somebody who asks, by the headers a proxy sends for them.
pub(crate) type Who = &'static [(&'static str, &'static str)];

pub(crate) const ADMIN: Who = &[
    ("x-identity-status", "Confirmed"),
    ("x-user-id", "root"),
    ("x-project-id", "admins"),
    ("x-roles", "admin,member,reader"),
];
pub(crate) const ALICE: Who =
    &[("x-identity-status", "Confirmed"), ("x-user-id", "alice"), ("x-project-id", "a"), ("x-roles", "member,reader")];
pub(crate) const BOB: Who =
    &[("x-identity-status", "Confirmed"), ("x-user-id", "bob"), ("x-project-id", "b"), ("x-roles", "member,reader")];
/// Reads in Alice's project.
pub(crate) const RITA: Who =
    &[("x-identity-status", "Confirmed"), ("x-user-id", "rita"), ("x-project-id", "a"), ("x-roles", "reader")];
/// In Alice's project, with a role that no rule knows.
pub(crate) const VISITOR: Who =
    &[("x-identity-status", "Confirmed"), ("x-user-id", "vic"), ("x-project-id", "a"), ("x-roles", "visitor")];
pub(crate) const NOBODY: Who = &[];

/// A server, or what of it can be asked without a socket.
pub(crate) struct Lab {
    /// What the server works on.
    pub(crate) glance: Glance,
    router: Router,
    identity: Identity,
    metrics: Metrics,
}

impl Lab {
    /// Three stores with names, the last of which only reads; locations are shown.
    pub(crate) fn new() -> Self {
        Self::with(|_| {}, |_| {})
    }

    pub(crate) fn with(rules: impl FnOnce(&mut Settings), options: impl FnOnce(&mut ApiOptions)) -> Self {
        let mut settings = Settings { show_multiple_locations: true, ..Settings::default() };
        rules(&mut settings);
        let stores = vec![
            NamedStore { description: Some("quick".to_owned()), ..named("fast", MemoryStore::new("fast")) },
            named("cheap", MemoryStore::new("cheap")),
            named("web", MemoryStore::new("web").read_only()),
        ];
        Self::over(Stores::several(stores, "fast").unwrap(), settings, options)
    }

    /// One store without a name.
    pub(crate) fn single() -> Self {
        let store = Arc::new(MemoryStore::new("one"));
        Self::over(Stores::single(store), Settings::default(), |options| options.import_methods.clear())
    }

    pub(crate) fn over(stores: Stores, settings: Settings, change: impl FnOnce(&mut ApiOptions)) -> Self {
        Self::on(&Glance::builder(Arc::new(MemoryDatabase::new()), stores).settings(settings).build(), change)
    }

    /// One store, and somebody who is told what happens.
    pub(crate) fn heard_by(notifier: Arc<dyn Notifier>) -> Self {
        let stores = Stores::single(Arc::new(MemoryStore::new("one")));
        Self::on(&Glance::builder(Arc::new(MemoryDatabase::new()), stores).notifier(notifier).build(), |_| {})
    }

    pub(crate) fn on(glance: &Glance, change: impl FnOnce(&mut ApiOptions)) -> Self {
        let identity = TrustedHeaders { peers: vec!["127.0.0.1".parse().unwrap()], allow_anonymous: false };
        let mut options = ApiOptions {
            identity: Identity::TrustedHeaders(identity),
            show_image_direct_url: true,
            import_methods: vec!["glance-direct".to_owned(), "web-download".to_owned()],
            has_cache: true,
            ..ApiOptions::default()
        };
        change(&mut options);
        let (identity, metrics) = (options.identity.clone(), options.metrics.clone());
        Self { router: api::router(glance.clone(), options).unwrap(), glance: glance.clone(), identity, metrics }
    }

    /// Begins to ask from this machine, and leaves the body of the answer unread.
    pub(crate) async fn open(&self, mut request: Request) -> Body {
        let peer: SocketAddr = "127.0.0.1:5000".parse().unwrap();
        request.extensions_mut().insert(PeerAddr(peer));
        self.router.clone().oneshot(request).await.unwrap().into_body()
    }

    /// Waits for figures that `hold`.
    pub(crate) async fn until(&self, hold: impl Fn(&str) -> bool) {
        while !hold(&self.figures()) {
            tokio::task::yield_now().await;
        }
    }

    /// What Prometheus would see.
    pub(crate) fn figures(&self) -> String {
        let sources = Sources {
            glance: self.glance.clone(),
            database: None,
            identity: self.identity.clone(),
            brokers: Vec::new(),
        };
        let mut page = String::new();
        encode(&mut page, &self.metrics.registry(sources)).unwrap();
        page
    }

    /// Asks with whatever `request` holds, from `peer`.
    pub(crate) async fn send(&self, mut request: Request, peer: &str) -> Answer {
        let peer: SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(PeerAddr(peer));
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body: body.to_vec() }
    }

    pub(crate) async fn ask(&self, who: Who, line: &str) -> Answer {
        self.ask_with(who, line, &[], Body::empty()).await
    }

    /// Asks `method path`, with more headers and a body.
    pub(crate) async fn ask_with(
        &self,
        who: Who,
        line: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path).header("host", "api.test");
        request = request.header("accept", "application/json");
        for (name, value) in who.iter().chain(headers) {
            let name: HeaderName = name.parse().unwrap();
            if name == "accept" || name == "host" {
                request.headers_mut().unwrap().remove(&name);
            }
            request = request.header(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        self.send(request.body(body.into()).unwrap(), "127.0.0.1:5000").await
    }

    pub(crate) async fn json(&self, who: Who, line: &str, body: &Value) -> Answer {
        self.text(who, line, "application/json", &body.to_string()).await
    }

    /// Asks with a body of the length it has.
    pub(crate) async fn text(&self, who: Who, line: &str, media_type: &str, body: &str) -> Answer {
        let length = body.len().to_string();
        self.ask_with(who, line, &[("content-type", media_type), ("content-length", &length)], body.to_owned()).await
    }

    pub(crate) async fn patch(&self, who: Who, id: &str, steps: &Value) -> Answer {
        self.text(who, &format!("PATCH /v2/images/{id}"), V21, &steps.to_string()).await
    }

    pub(crate) async fn upload(&self, who: Who, id: &str, data: &str) -> Answer {
        self.text(who, &format!("PUT /v2/images/{id}/file"), "application/octet-stream", data).await
    }

    pub(crate) async fn download(&self, who: Who, id: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask_with(who, &format!("GET /v2/images/{id}/file"), headers, Body::empty()).await
    }

    /// A new image with both formats; `fields` on top.
    pub(crate) async fn queued(&self, who: Who, fields: &Value) -> String {
        let mut body = json!({"name": "n", "disk_format": "raw", "container_format": "bare"});
        let members = fields.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(members);
        let answer = self.json(who, "POST /v2/images", &body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.value()["id"].as_str().unwrap().to_owned()
    }

    /// A new image with data.
    pub(crate) async fn active(&self, who: Who, data: &str) -> String {
        let id = self.queued(who, &json!({})).await;
        assert_eq!(self.upload(who, &id, data).await.status, StatusCode::NO_CONTENT);
        id
    }

    pub(crate) async fn image(&self, who: Who, id: &str) -> Value {
        self.ask(who, &format!("GET /v2/images/{id}")).await.value()
    }

    /// Ids on the page that `query` asks for.
    pub(crate) async fn ids(&self, who: Who, query: &str) -> Vec<String> {
        let page = self.ask(who, &format!("GET /v2/images?{query}")).await.value();
        page["images"].as_array().unwrap().iter().map(|image| image["id"].as_str().unwrap().to_owned()).collect()
    }
}

fn named(id: &str, store: MemoryStore) -> NamedStore {
    let store: Arc<dyn Store> = Arc::new(store);
    NamedStore::new(id, store)
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Formats as they are by default, for comparison with what schemas publish.
pub(crate) fn formats() -> Formats {
    Formats::default()
}
