//! What an operator decides about a broker.

use std::time::Duration;

use super::TransportUrl;
use crate::outbound::{Connector, Tls, TlsError};

/// How messages get to a broker. The fields are named after the options of `oslo.messaging`.
#[derive(Debug, Clone)]
pub struct AmqpConfig {
    /// The brokers (`transport_url`).
    pub url: TransportUrl,
    /// The topic exchange that messages go to (`control_exchange`).
    pub exchange: String,
    /// Each message goes to all of them (`topics`).
    pub topics: Vec<String>,
    /// How a message is wrapped.
    pub envelope: Envelope,
    /// Whether exchange and queues outlive the broker (`amqp_durable_queues`).
    pub durable: bool,
    /// Whether exchange and queues go with their last user (`amqp_auto_delete`).
    pub auto_delete: bool,
    /// What kind of queues is made.
    pub queues: QueueKind,
    /// How this side shows who it is (`rabbit_login_method`).
    pub login: Login,
    /// TLS (`ssl` and what begins with it); `None` without.
    pub tls: Option<Tls>,
    /// Seconds without a sign of life after which a connection is dead; 0 for never (`heartbeat_timeout_threshold`).
    pub heartbeat: u16,
    /// How it goes on after a failure.
    pub retries: Retries,
    /// How much is kept for a broker that is away.
    pub limits: Limits,
    /// How long a broker may take for one step: to let us in, or to confirm some messages.
    pub patience: Duration,
}

/// How a message is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Envelope {
    /// Not at all (`messaging`).
    V1,
    /// As text, with a version beside it (`messagingv2`).
    V2,
}

/// The kind of queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueKind {
    /// On one node.
    Classic,
    /// Mirrored, as old brokers do it (`rabbit_ha_queues`).
    Mirrored,
    /// Replicated (`rabbit_quorum_queue`). Such queues are durable.
    Quorum(Quorum),
}

/// Limits of quorum queues; 0 for none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quorum {
    /// How often a message is delivered (`rabbit_quorum_delivery_limit`).
    pub delivery_limit: u32,
    /// Messages in memory (`rabbit_quorum_max_memory_length`).
    pub max_memory_length: u32,
    /// Bytes in memory (`rabbit_quorum_max_memory_bytes`).
    pub max_memory_bytes: u32,
}

/// How this side shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// By the name and the password of the URL.
    Password,
    /// By the certificate that TLS shows.
    External,
}

/// How it goes on after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// How often a message is tried again before it is given up; `None`: for as long as there is room (`retry`).
    pub at_most: Option<u32>,
    /// The first pause (`rabbit_retry_interval`).
    pub first: Duration,
    /// By how much each pause is longer than the one before (`rabbit_retry_backoff`).
    pub longer_by: Duration,
    /// The longest pause (`rabbit_interval_max`).
    pub longest: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            at_most: None,
            first: Duration::from_secs(1),
            longer_by: Duration::from_secs(2),
            longest: Duration::from_secs(30),
        }
    }
}

/// How much is kept for a broker that is away. What is on its way to it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Messages.
    pub messages: usize,
    /// Bytes of their bodies.
    pub bytes: usize,
}

impl Default for Limits {
    /// 10,000 messages, 16 MiB.
    fn default() -> Self {
        Self { messages: 10_000, bytes: 16 << 20 }
    }
}

/// A configuration that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("names of exchanges and topics have 1 to 200 bytes")]
pub struct BadConfig;

/// How long a connection may take, TLS included.
const CONNECT: Duration = Duration::from_secs(10);

/// So that a topic with its priority fits into the 255 bytes of AMQP.
const NAME: usize = 200;

impl AmqpConfig {
    /// Messages for `topics` by way of `exchange` of the brokers at `url`; everything else as `oslo.messaging` has it.
    ///
    /// # Errors
    ///
    /// [`BadConfig`].
    pub fn new(url: TransportUrl, exchange: &str, topics: Vec<String>) -> Result<Self, BadConfig> {
        let fits = |name: &str| !name.is_empty() && name.len() <= NAME;
        if topics.is_empty() || !topics.iter().all(|topic| fits(topic)) || !fits(exchange) {
            return Err(BadConfig);
        }
        Ok(Self {
            url,
            exchange: exchange.to_owned(),
            topics,
            envelope: Envelope::V2,
            durable: false,
            auto_delete: false,
            queues: QueueKind::Classic,
            login: Login::Password,
            tls: None,
            heartbeat: 60,
            retries: Retries::default(),
            limits: Limits::default(),
            patience: Duration::from_secs(20),
        })
    }

    /// Whether the certificates and keys that it names can be used. Nothing is connected to.
    ///
    /// # Errors
    ///
    /// [`TlsError`].
    pub fn check(&self) -> Result<(), TlsError> {
        self.connector().map(drop)
    }

    pub(super) fn connector(&self) -> Result<Connector, TlsError> {
        Connector::new(self.tls.as_ref(), CONNECT)
    }

    pub(super) fn is_durable(&self) -> bool {
        self.durable || matches!(self.queues, QueueKind::Quorum(_))
    }
}
