//! What the server counts of its work, for Prometheus.
//!
//! No label holds anything that a client could choose, and none names an image, a project or a place: methods, routes
//! and classes of status as this program has them, stores by the ids that the configuration gives them.

mod labels;
mod metered;
mod requests;
mod snapshot;
mod transfers;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use glance_core::{Glance, Stores};
use glance_stores::notify::amqp::Amqp;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use self::requests::Requests;
use self::snapshot::Snapshot;
use self::transfers::StoreFigures;
use crate::auth::Identity;
use crate::http::ConnectionFigures;

pub(crate) use self::requests::{Route, Underway};
pub use self::snapshot::DatabaseUsage;

/// The counters of one server. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    pub(crate) requests: Requests,
    pub(crate) stores: StoreFigures,
    /// What the listener of the API counts.
    pub connections: ConnectionFigures,
}

/// What is asked for its figures only when somebody wants to see them.
#[derive(Debug)]
pub struct Sources {
    /// The registry behind the API.
    pub glance: Glance,
    /// How much its database was asked; `None` if the database does not count.
    pub database: Option<DatabaseUsage>,
    /// Whoever knows the callers.
    pub identity: Identity,
    /// The message brokers that are told what happens; empty: none.
    pub brokers: Vec<Arc<Amqp>>,
}

impl Metrics {
    /// The stores, each counting what is asked of it.
    #[must_use]
    pub fn metered(&self, stores: Stores) -> Stores {
        stores.wrapped(|id, store| self.stores.metered(id, store))
    }

    /// All figures by their names, to be encoded as often as somebody asks.
    #[must_use]
    pub fn registry(&self, sources: Sources) -> Registry {
        let mut registry = Registry::default();
        let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        registry.register_with_unit(
            "process_start_time",
            "When the server started, in seconds since 1970",
            Unit::Seconds,
            ConstGauge::new(started),
        );
        let ours = registry.sub_registry_with_prefix("glance");
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        ours.register("build", "What is running", version);
        self.requests.register(ours);
        self.connections.register(ours);
        self.stores.register(ours);
        if let Identity::Keystone(keystone) = &sources.identity {
            keystone.lookups().register(ours);
        }
        ours.register_collector(Box::new(Snapshot {
            glance: sources.glance,
            database: sources.database,
            brokers: sources.brokers,
        }));
        registry
    }
}
