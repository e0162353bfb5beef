//! What a listener counts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Connections of one listener. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct ConnectionFigures {
    pub(super) open: Gauge,
    pub(super) limit: Gauge,
    pub(super) accepted: Counter,
    pub(super) refused: Counter,
}

impl ConnectionFigures {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let limit = "Connections served at once; those beyond wait to be accepted";
        let refused = "Connections ended because no request could be made out: malformed, too large or too slow";
        registry.register("http_connections_open", "Connections of clients", self.open.clone());
        registry.register("http_connections_limit", limit, self.limit.clone());
        registry.register("http_connections_accepted", "Connections that were accepted", self.accepted.clone());
        registry.register("http_connections_refused", refused, self.refused.clone());
    }

    /// A connection was accepted.
    pub(super) fn accept(&self) -> OpenConnection {
        self.accepted.inc();
        self.open.inc();
        OpenConnection(self.open.clone())
    }
}

/// A connection that counts as open until this is dropped.
#[derive(Debug)]
pub(super) struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}
