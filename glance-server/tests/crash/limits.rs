//! A Keystone that knows nothing but limits.

use std::net::Ipv4Addr;

use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::{Value, json};

/// A Keystone until it is dropped.
pub(crate) struct Keystone {
    pub(crate) url: String,
    _runtime: tokio::runtime::Runtime,
}

impl Keystone {
    /// With these limits registered, for all projects.
    pub(crate) fn with(limits: &[(&str, i64)]) -> Self {
        let registered: Vec<Value> = limits
            .iter()
            .map(|(name, limit)| {
                json!({"service_id": "s", "region_id": "R", "resource_name": name, "default_limit": limit})
            })
            .collect();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/v3/auth/tokens", post(log_in))
            .route("/v3/limits/model", says(json!({"model": {"name": "flat"}})))
            .route("/v3/endpoints/images", says(json!({"endpoint": {"service_id": "s", "region_id": "R"}})))
            .route("/v3/registered_limits", says(json!({"registered_limits": registered})))
            .route("/v3/limits", says(json!({"limits": []})));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { url, _runtime: runtime }
    }
}

fn says(answer: Value) -> axum::routing::MethodRouter {
    get(move || async move { answer.to_string() })
}

async fn log_in() -> impl IntoResponse {
    let token = json!({"token": {"expires_at": "2999-01-01T00:00:00.000000Z", "catalog": []}});
    (StatusCode::CREATED, [("x-subject-token", "t")], token.to_string())
}
