//! A Keystone that says what a test tells it to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{OriginalUri, RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use glance_server::auth::{Identity, KeystoneAuth, KeystoneOptions};
use glance_stores::keystone::{Credentials, Domain, Key, Keystone, KeystoneConfig, Login, Project, Scope, User};
use glance_stores::outbound::{Client, Deadlines, OperatorUrl, Tls};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::Lab;

pub(crate) const PASSWORD: &str = "canary-password";
pub(crate) const OWN_TOKEN: &str = "canary-own-token";

/// How questions about tokens are answered.
#[derive(Debug, Clone, Default)]
pub(crate) enum Manner {
    /// As Keystone does.
    #[default]
    Usual,
    /// With this status and nothing else.
    Status(u16),
    /// With 200 and this text.
    Text(String),
    /// With nothing, ever.
    Silence,
}

#[derive(Debug, Default)]
pub(crate) struct Said {
    /// What each token is good for.
    pub(crate) tokens: HashMap<String, Value>,
    pub(crate) manner: Manner,
    /// Whether logging in fails.
    pub(crate) locked: bool,
    /// How often its own token is refused.
    pub(crate) refusals: usize,
    /// What was asked about tokens: the token and the query.
    pub(crate) asked: Vec<(String, String)>,
    pub(crate) logins: Vec<Value>,
    /// What each path of the identity API says, without `/v3`, but for tokens.
    pub(crate) says: HashMap<String, Value>,
    /// What was asked beside tokens: path and query.
    pub(crate) wondered: Vec<String>,
}

/// A Keystone until it is dropped.
pub(crate) struct FakeKeystone {
    pub(crate) address: String,
    said: Arc<Mutex<Said>>,
    serving: JoinHandle<()>,
}

type Shared = State<Arc<Mutex<Said>>>;

impl FakeKeystone {
    pub(crate) async fn new() -> Self {
        let said = Arc::new(Mutex::new(Said::default()));
        let router = Router::new()
            .route("/v3/auth/tokens", get(about).post(log_in))
            .fallback(other)
            .with_state(Arc::clone(&said));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, said, serving }
    }

    pub(crate) fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap()
    }

    /// Gives out a token; `more` on top of what all tokens have.
    pub(crate) fn issue(&self, token: &str, roles: &[&str], more: &Value) {
        let roles: Vec<_> = roles.iter().map(|role| json!({ "id": format!("id of {role}"), "name": role })).collect();
        let mut body = json!({
            "user": { "id": format!("user-of-{token}"), "name": "n", "domain": { "id": "default", "name": "Default" } },
            "expires_at": "2999-01-01T00:00:00.000000Z",
            "roles": roles,
            "catalog": [],
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.said().tokens.insert(token.to_owned(), body);
    }

    /// Gives out a token of a member and reader of `project`.
    pub(crate) fn issue_member(&self, token: &str, project: &str) {
        self.issue(token, &["Member", "reader"], &project_scope(project));
    }

    pub(crate) fn questions(&self) -> usize {
        self.said().asked.len()
    }

    /// A server that asks this Keystone.
    pub(crate) fn lab(&self, change: impl FnOnce(&mut KeystoneOptions)) -> Lab {
        let mut options = KeystoneOptions {
            cache_time: Some(Duration::from_secs(300)),
            service_roles: vec!["service".to_owned()],
            service_roles_required: true,
            delay: true,
            allow_anonymous: false,
            service_type: None,
            public_uri: Some("http://keystone.example".to_owned()),
        };
        change(&mut options);
        let config = KeystoneConfig {
            login: Login {
                address: OperatorUrl::parse(&self.address).unwrap(),
                credentials: Credentials::Password(
                    User::Name("glance".to_owned(), Domain::default()),
                    Key::new(PASSWORD),
                ),
                scope: Scope::Project(Project::Name("service".to_owned(), Domain::default())),
            },
            interface: "internal".to_owned(),
            region: None,
            with_catalog: true,
            retries: 1,
            patience: Duration::from_secs(2),
        };
        let client = Client::new(&Tls::default(), Deadlines::default()).unwrap();
        let identity = Identity::Keystone(Arc::new(KeystoneAuth::new(Keystone::new(client, config), options)));
        Lab::with(|_| {}, |options| options.identity = identity)
    }

    /// The connection is gone from now on.
    pub(crate) fn stop(&self) {
        self.serving.abort();
    }
}

impl Drop for FakeKeystone {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

pub(crate) fn project_scope(project: &str) -> Value {
    json!({ "project": { "id": project, "name": "pn", "domain": { "id": "default", "name": "Default" } } })
}

async fn log_in(State(said): Shared, body: Bytes) -> Response {
    let mut said = said.lock().unwrap();
    said.logins.push(serde_json::from_slice(&body).unwrap());
    if said.locked {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let token = json!({ "token": {
        "user": { "id": "glance" }, "expires_at": "2999-01-01T00:00:00.000000Z", "catalog": [],
    } });
    (StatusCode::CREATED, [("x-subject-token", OWN_TOKEN)], token.to_string()).into_response()
}

async fn other(State(said): Shared, OriginalUri(uri): OriginalUri, headers: HeaderMap) -> Response {
    // Those who ask at once shall really be under way at once.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let (manner, answer) = {
        let mut said = said.lock().unwrap();
        said.wondered.push(uri.to_string());
        if headers["x-auth-token"] != OWN_TOKEN || said.refusals > 0 {
            said.refusals = said.refusals.saturating_sub(1);
            return StatusCode::UNAUTHORIZED.into_response();
        }
        (said.manner.clone(), said.says.get(uri.path().trim_start_matches("/v3")).cloned())
    };
    match (manner, answer) {
        (Manner::Status(status), _) => StatusCode::from_u16(status).unwrap().into_response(),
        (Manner::Text(text), _) => text.into_response(),
        (Manner::Silence, _) => std::future::pending().await,
        (Manner::Usual, Some(answer)) => answer.to_string().into_response(),
        (Manner::Usual, None) => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn about(State(said): Shared, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    // Those who ask at once shall really be under way at once.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let (manner, answer) = {
        let mut said = said.lock().unwrap();
        let token = headers["x-subject-token"].to_str().unwrap().to_owned();
        let query = query.unwrap_or_default();
        said.asked.push((token.clone(), query.clone()));
        if headers["x-auth-token"] != OWN_TOKEN || said.refusals > 0 {
            said.refusals = said.refusals.saturating_sub(1);
            return StatusCode::UNAUTHORIZED.into_response();
        }
        let found = said.tokens.get(&token).filter(|token| {
            let has_ended = token["expires_at"].as_str().unwrap() < "2900";
            !has_ended || query.contains("allow_expired=1")
        });
        (said.manner.clone(), found.cloned())
    };
    match (manner, answer) {
        (Manner::Status(status), _) => StatusCode::from_u16(status).unwrap().into_response(),
        (Manner::Text(text), _) => text.into_response(),
        (Manner::Silence, _) => std::future::pending().await,
        (Manner::Usual, Some(token)) => json!({ "token": token }).to_string().into_response(),
        (Manner::Usual, None) => StatusCode::NOT_FOUND.into_response(),
    }
}
