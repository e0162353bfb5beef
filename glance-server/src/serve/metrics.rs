//! `/metrics`, on a listener of its own: whoever may reach the API need not see the figures.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing::info;

use super::{StartError, listen};
use crate::config::Bind;
use crate::http::{self, HttpOptions};

/// A text that both Prometheus and whoever reads its older format take.
const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Few ask, and each asks every few seconds.
const CONNECTIONS: usize = 16;

/// The listener and its task.
pub(super) struct Exposition {
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

/// Begins to show `registry` at `bind`.
///
/// # Errors
///
/// [`StartError::Listen`] if the address cannot be listened on.
pub(super) async fn show(bind: &Bind, registry: Registry) -> Result<Exposition, StartError> {
    let listener = listen::at(bind, 16).await?;
    let address = listener.local_addr().map_err(StartError::failed("finding the address of the metrics"))?;
    info!(%address, "metrics are shown at /metrics");
    let (stop, stopped) = oneshot::channel();
    Ok(Exposition { stop, task: tokio::spawn(serve(listener, registry, stopped)) })
}

async fn serve(listener: TcpListener, registry: Registry, stopped: oneshot::Receiver<()>) -> std::io::Result<()> {
    let options = HttpOptions {
        max_connections: CONNECTIONS,
        header_timeout: Duration::from_secs(5),
        keepalive_timeout: Duration::from_secs(60),
        idle_timeout: Duration::from_secs(30),
        shutdown_limit: Some(Duration::from_secs(2)),
        ..HttpOptions::default()
    };
    let stopped = async {
        let _ = stopped.await;
    };
    http::serve(listener, router(registry), options, stopped).await
}

impl Exposition {
    /// Ends it, and waits a moment for whoever is being answered.
    pub(super) async fn end(self) {
        // If the task is gone, nobody is left to be told.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

/// `GET` and `HEAD` of `/metrics`, and nothing else.
fn router(registry: Registry) -> Router {
    Router::new().route("/metrics", get(page)).with_state(Arc::new(registry))
}

async fn page(State(registry): State<Arc<Registry>>) -> Response {
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => ([(::http::header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response(),
        Err(_) => ::http::StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
