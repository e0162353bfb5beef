//! Figures that are kept elsewhere and read when somebody wants to see them.

use std::fmt;
use std::sync::Arc;

use glance_core::Glance;
use glance_core::catalogue::Activity;
use glance_stores::database::Usage;
use glance_stores::notify::amqp::Amqp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeCounterValue, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// Says how much a database was asked.
pub struct DatabaseUsage(Box<dyn Fn() -> Usage + Send + Sync>);

impl DatabaseUsage {
    /// Whatever `read` says.
    pub fn new(read: impl Fn() -> Usage + Send + Sync + 'static) -> Self {
        Self(Box::new(read))
    }
}

impl fmt::Debug for DatabaseUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUsage")
    }
}

/// Where the figures are.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) glance: Glance,
    pub(super) database: Option<DatabaseUsage>,
    pub(super) brokers: Vec<Arc<Amqp>>,
}

impl Collector for Snapshot {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        self.stores(&mut page)?;
        activity(&self.glance.activity(), &mut page)?;
        notifications(&self.brokers, &mut page)?;
        self.database.as_ref().map_or(Ok(()), |database| usage(&(database.0)(), &mut page))
    }
}

impl Snapshot {
    fn stores(&self, page: &mut Page<'_>) -> fmt::Result {
        let stores = self.glance.stores().iter();
        let up = stores.map(|named| (named.id.as_str(), u64::from(named.store.answers())));
        page.gauges("store_up", "Whether the store answered when it was asked last", "store", up)
    }
}

fn activity(activity: &Activity, page: &mut Page<'_>) -> fmt::Result {
    let journal = activity.journal;
    let under_way = [
        ("upload", journal.uploads),
        ("registration", journal.registrations),
        ("removal", journal.removals),
        ("readers", journal.readers),
    ];
    let done = [
        ("upload", activity.recovered_uploads),
        ("registration", activity.recovered_registrations),
        ("removal", activity.recovered_removals),
        ("readers", activity.recovered_readers),
    ];
    page.counter("hashing", "Time spent on digests of uploads", Some(&Unit::Seconds), activity.hashing.as_secs_f64())?;
    page.gauges("journal_entries", "Work under way in all processes", "work", under_way)?;
    page.gauge("journal_expired", "Those whose process does not renew them any more", journal.expired)?;
    page.gauge("journal_stuck", "Those that cannot be put in order yet", journal.left)?;
    page.counters("journal_recovered", "Work of other processes that was unwound or finished", "work", done)
}

fn notifications(brokers: &[Arc<Amqp>], page: &mut Page<'_>) -> fmt::Result {
    if brokers.is_empty() {
        return Ok(());
    }
    let waiting = brokers.iter().map(|broker| broker.waiting() as u64).sum();
    page.gauge("notifications_waiting", "Notifications that the message broker has not taken yet", waiting)?;
    let lost: u64 = brokers.iter().map(|broker| broker.lost()).sum();
    page.counter("notifications_lost", "Notifications that were given up", None, lost)
}

fn usage(usage: &Usage, page: &mut Page<'_>) -> fmt::Result {
    let transactions = [("read", usage.reads), ("write", usage.writes)];
    page.counters("database_transactions", "Transactions of the database", "kind", transactions)?;
    page.counter("database_failures", "Transactions in which the database failed", None, usage.failures)?;
    let took = "Time that transactions took, waiting included";
    page.counter("database", took, Some(&Unit::Seconds), usage.time.as_secs_f64())
}

/// What the figures are written on.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn describe<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
        unit: Option<&'s Unit>,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        self.0.encode_descriptor(name, &format!("{help}."), unit, kind)
    }

    fn counter(&mut self, name: &str, help: &str, unit: Option<&Unit>, value: impl EncodeCounterValue) -> fmt::Result {
        ConstCounter::new(value).encode(self.describe(name, help, unit, MetricType::Counter)?)
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        ConstGauge::new(value).encode(self.describe(name, help, None, MetricType::Gauge)?)
    }

    /// One counter for each value of `label`.
    fn counters<'v>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'v str, u64)>,
    ) -> fmt::Result {
        let mut family = self.describe(name, help, None, MetricType::Counter)?;
        values
            .into_iter()
            .try_for_each(|(of, value)| ConstCounter::new(value).encode(family.encode_family(&[(label, of)])?))
    }

    /// One gauge for each value of `label`.
    fn gauges<'v>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'v str, u64)>,
    ) -> fmt::Result {
        let mut family = self.describe(name, help, None, MetricType::Gauge)?;
        values
            .into_iter()
            .try_for_each(|(of, value)| ConstGauge::new(value).encode(family.encode_family(&[(label, of)])?))
    }
}
