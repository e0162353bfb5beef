//! Requests: how many, how long, how many at once.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::labels;

/// Seconds: from what a lookup takes to what an image of many gigabytes takes to arrive.
const BUCKETS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0];

/// The route of requests that none was found for, or that were answered before any was looked for.
const NO_ROUTE: &str = "none";

/// Requests by method, route and what was answered.
#[derive(Debug, Clone)]
pub(crate) struct Requests {
    answered: Family<Answered, Counter>,
    took: Family<Asked, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    method: &'static str,
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: &'static str,
}

/// The pattern of the route that serves a request, once it is found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Route(Arc<OnceLock<String>>);

impl Route {
    pub(crate) fn found(&self, pattern: &str) {
        let _ = self.0.set(pattern.to_owned());
    }
}

impl Default for Requests {
    fn default() -> Self {
        let took = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        Self { answered: Family::default(), took, in_flight: Gauge::default() }
    }
}

impl Requests {
    /// A request has come.
    pub(crate) fn begin(&self, method: &Method) -> Underway {
        self.in_flight.inc();
        Underway {
            requests: self.clone(),
            method: labels::method(method),
            route: Route::default(),
            begun: Instant::now(),
            status: None,
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "http_requests",
            "Requests by method, route and class of status; none: the client went away before the answer",
            self.answered.clone(),
        );
        registry.register_with_unit(
            "http_request_duration",
            "From the head of a request to the head of its answer",
            Unit::Seconds,
            self.took.clone(),
        );
        registry.register("http_requests_in_flight", "Requests whose answer has not begun", self.in_flight.clone());
    }
}

/// A request under way; it is counted when this is dropped.
#[derive(Debug)]
pub(crate) struct Underway {
    requests: Requests,
    method: &'static str,
    pub(crate) route: Route,
    begun: Instant,
    /// What was answered.
    pub(crate) status: Option<StatusCode>,
}

impl Underway {
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        let Self { requests, method, .. } = self;
        let route = self.route.0.get().map_or(NO_ROUTE, String::as_str).to_owned();
        requests.in_flight.dec();
        let asked = Asked { method, route: route.clone() };
        requests.took.get_or_create(&asked).observe(self.begun.elapsed().as_secs_f64());
        requests.answered.get_or_create(&Answered { method, route, status: labels::status(self.status) }).inc();
    }
}
