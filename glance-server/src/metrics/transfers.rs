//! Stores: what is asked of them and how they answer, and data on its way in and out.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::body::Body;
use bytes::Bytes;
use glance_core::store::Store;
use http_body::{Frame, SizeHint};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tracing::Span;

use super::labels::CANCELLED;
use super::metered::Metered;

/// Seconds: from a system call to the upload of an image of many gigabytes.
const BUCKETS: [f64; 12] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 120.0, 600.0];

/// Bytes that are noted at once, so that counting costs nothing beside moving them.
const BATCH: u64 = 1 << 20;

/// What the stores do, by their ids.
#[derive(Debug, Clone)]
pub(crate) struct StoreFigures {
    operations: Family<Done, Counter>,
    took: Family<Operation, Histogram, fn() -> Histogram>,
    written: Family<Of, Counter>,
    read: Family<Of, Counter>,
    uploads: Family<Of, Gauge>,
    downloads: Family<Of, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Of {
    pub(super) store: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    store: String,
    operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Done {
    store: String,
    operation: &'static str,
    outcome: &'static str,
}

impl Default for StoreFigures {
    fn default() -> Self {
        let took = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        let (operations, written, read) = (Family::default(), Family::default(), Family::default());
        Self { operations, took, written, read, uploads: Family::default(), downloads: Family::default() }
    }
}

impl StoreFigures {
    /// The store, with everything counted that is asked of it.
    pub(super) fn metered(&self, id: &str, store: Arc<dyn Store>) -> Arc<dyn Store> {
        let of = Of { store: id.to_owned() };
        // So that they show from the start.
        self.written.get_or_create_owned(&of);
        self.read.get_or_create_owned(&of);
        self.downloads.get_or_create_owned(&of);
        self.uploads.get_or_create_owned(&of);
        Arc::new(Metered::new(of, store, self.clone()))
    }

    /// Something is asked of a store.
    pub(super) fn begin(&self, of: &Of, operation: &'static str) -> Asking {
        let store = of.store.clone();
        Asking { figures: self.clone(), store, operation, begun: Instant::now(), outcome: CANCELLED }
    }

    /// An upload into a store begins.
    pub(super) fn uploading(&self, of: &Of) -> Uploading {
        let (gauge, bytes) = (self.uploads.get_or_create_owned(of), self.written.get_or_create_owned(of));
        Uploading { _under_way: UnderWay::begin(gauge), tally: Tally { bytes, pending: 0 } }
    }

    /// The data of a download, `length` bytes, counted on its way out of `store`. What is logged about it bears the id of the request
    /// that is being served.
    pub(crate) fn downloading(&self, store: &str, length: u64, body: Body) -> Downloading {
        let of = Of { store: store.to_owned() };
        let (gauge, bytes) = (self.downloads.get_or_create_owned(&of), self.read.get_or_create_owned(&of));
        let mut asking = self.begin(&of, "read");
        if length == 0 {
            asking.outcome = "ok";
        }
        Downloading {
            body,
            left: length,
            asking,
            tally: Tally { bytes, pending: 0 },
            span: Span::current(),
            _under_way: UnderWay::begin(gauge),
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let done = "Operations on stores by their outcome";
        registry.register("store_operations", done, self.operations.clone());
        let took = "How long operations on stores take; put and read with their data";
        registry.register_with_unit("store_operation_duration", took, Unit::Seconds, self.took.clone());
        let written = "Image data handed to the store";
        registry.register_with_unit("store_written", written, Unit::Bytes, self.written.clone());
        let read = "Image data of the store handed to clients";
        registry.register_with_unit("store_read", read, Unit::Bytes, self.read.clone());
        registry.register("uploads_in_flight", "Uploads under way into the store", self.uploads.clone());
        registry.register("downloads_in_flight", "Downloads under way from the store", self.downloads.clone());
    }
}

/// Something asked of a store; it is counted when this is dropped.
#[derive(Debug)]
pub(super) struct Asking {
    figures: StoreFigures,
    store: String,
    operation: &'static str,
    begun: Instant,
    pub(super) outcome: &'static str,
}

impl Drop for Asking {
    fn drop(&mut self) {
        let Self { figures, operation, outcome, .. } = self;
        let store = std::mem::take(&mut self.store);
        let asked = Operation { store: store.clone(), operation };
        figures.took.get_or_create(&asked).observe(self.begun.elapsed().as_secs_f64());
        figures.operations.get_or_create(&Done { store, operation, outcome }).inc();
    }
}

/// Data on its way into a store.
#[derive(Debug)]
pub(super) struct Uploading {
    _under_way: UnderWay,
    pub(super) tally: Tally,
}

/// One of those that are under way, until it is dropped.
#[derive(Debug)]
struct UnderWay(Gauge);

impl UnderWay {
    fn begin(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Bytes that have passed, noted in batches and when it is dropped.
#[derive(Debug)]
pub(super) struct Tally {
    bytes: Counter,
    pending: u64,
}

impl Tally {
    pub(super) fn add(&mut self, bytes: usize) {
        self.pending += bytes as u64;
        if self.pending >= BATCH {
            self.note();
        }
    }

    fn note(&mut self) {
        self.bytes.inc_by(std::mem::take(&mut self.pending));
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.note();
    }
}

/// A response body whose bytes are counted. It looks at their number and at nothing else: what the kernel is to send
/// is not in memory.
#[derive(Debug)]
pub(crate) struct Downloading {
    body: Body,
    /// Bytes that are still to come.
    left: u64,
    asking: Asking,
    tally: Tally,
    span: Span,
    _under_way: UnderWay,
}

impl Downloading {
    /// Notes bytes that pass. The last ones are the end: hyper does not ask for another.
    fn passed(&mut self, bytes: usize) {
        self.tally.add(bytes);
        self.left = self.left.saturating_sub(bytes as u64);
        if self.left == 0 {
            self.asking.outcome = "ok";
        }
    }
}

impl http_body::Body for Downloading {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let frame = ready!(this.span.in_scope(|| Pin::new(&mut this.body).poll_frame(cx)));
        match &frame {
            Some(Ok(frame)) => this.passed(frame.data_ref().map_or(0, Bytes::len)),
            Some(Err(_)) => this.asking.outcome = "failed",
            None => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use futures::{StreamExt as _, stream};
    use http_body_util::BodyExt as _;
    use tracing::info_span;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Data that breaks off, and says so.
    fn broken() -> Body {
        let chunks = stream::iter([Ok(Bytes::from_static(b"data")), Err(io::Error::other("gone"))]);
        Body::from_stream(chunks.map(|chunk| chunk.inspect_err(|_| tracing::error!("broke off"))))
    }

    #[tokio::test]
    async fn what_is_logged_of_a_download_has_the_id_of_its_request() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        let _logging = tracing::subscriber::set_default(subscriber);
        let figures = StoreFigures::default();
        let body = info_span!("request", request_id = %"req-1").in_scope(|| figures.downloading("one", 9, broken()));
        assert!(body.collect().await.is_err());
        let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(logged.lines().count() == 1 && logged.contains("request_id=req-1"), "{logged}");
        let done = Done { store: "one".to_owned(), operation: "read", outcome: "failed" };
        assert_eq!(figures.operations.get_or_create(&done).get(), 1);
    }
}
