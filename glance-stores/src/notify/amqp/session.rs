//! One connection to one broker.

use std::time::Duration;

use glance_core::events::Priority;
use lapin::auth::AuthProvider;
use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{
    AsyncTcpStream, BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind, PublisherConfirm,
};
use tokio::time::{Instant, timeout_at};

use super::config::{AmqpConfig, Login, QueueKind};
use super::kit::{self, Scissors};
use super::queue::Outgoing;
use super::url::Host;
use crate::outbound::Connector;

/// How long a broker has to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// The longest frame. The library keeps room for some dozens of them.
const FRAME: u32 = 16 << 10;

/// Messages live as long as the queue they are in.
const PERSISTENT: u8 = 2;

/// Every priority has a queue.
const PRIORITIES: [Priority; 2] = [Priority::Info, Priority::Error];

/// An open connection, over which messages go.
pub(super) struct Session {
    connection: Connection,
    channel: Channel,
    _scissors: Scissors,
}

/// Why messages did not get to a broker.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    #[error("{0}")]
    Broker(#[from] lapin::Error),
    #[error("it does not answer")]
    Silence,
    #[error("it refused a message")]
    Refused,
}

/// What became of some messages.
#[derive(Default)]
pub(super) struct Sent {
    /// The broker has them.
    pub(super) confirmed: Vec<Outgoing>,
    /// It may have them, or not.
    pub(super) left: Vec<Outgoing>,
    /// Why some are left.
    pub(super) failure: Option<SendError>,
}

impl Session {
    /// Connects, and makes exchange and queues where there are none.
    pub(super) async fn open(host: &Host, config: &AmqpConfig, connector: &Connector) -> Result<Self, SendError> {
        let opened = tokio::time::timeout(config.patience, Self::open_at_leisure(host, config, connector)).await;
        opened.map_err(|_| SendError::Silence)?
    }

    async fn open_at_leisure(host: &Host, config: &AmqpConfig, connector: &Connector) -> Result<Self, SendError> {
        let scissors = Scissors::new();
        let severable = scissors.severable();
        let (connector, name) = (connector.clone(), host.name.clone());
        let port = host.port.unwrap_or(if config.tls.is_some() { 5671 } else { 5672 });
        let connect = async move |_: AMQPUri, _| {
            let stream = connector.connect(&name, port).await?;
            Ok(AsyncTcpStream::Plain(severable(stream)))
        };
        let properties = ConnectionProperties::default()
            .with_connection_name("glance".into())
            .with_auth_provider(Sasl::of(host, config.login));
        let connection = Connection::connector(uri(host, port, config), kit::runtime(), connect, properties).await?;
        let channel = prepared(&connection, config).await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Self { connection, channel, _scissors: scissors })
    }

    /// Sends messages, in their order, and waits until the broker confirms them.
    pub(super) async fn publish(&self, messages: Vec<Outgoing>, config: &AmqpConfig) -> Sent {
        let until = Instant::now() + config.patience;
        let mut handed = Vec::with_capacity(messages.len());
        for message in messages {
            let confirms = timeout_at(until, self.hand_over(&message, config)).await;
            handed.push((message, confirms.unwrap_or(Err(SendError::Silence))));
        }
        let mut sent = Sent::default();
        for (message, confirms) in handed {
            match timeout_at(until, confirmed(confirms)).await.unwrap_or(Err(SendError::Silence)) {
                Ok(()) => sent.confirmed.push(message),
                Err(error) => {
                    sent.left.push(message);
                    sent.failure = Some(error);
                }
            }
        }
        sent
    }

    async fn hand_over(&self, message: &Outgoing, config: &AmqpConfig) -> Result<Vec<PublisherConfirm>, SendError> {
        let properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_content_encoding("utf-8".into())
            .with_delivery_mode(PERSISTENT)
            .with_priority(0);
        let mut confirms = Vec::with_capacity(config.topics.len());
        for topic in &config.topics {
            let key = routing_key(topic, message.priority);
            let options = BasicPublishOptions::default();
            let exchange = ShortString::from(config.exchange.as_str());
            let publishing = self.channel.basic_publish(exchange, key, options, &message.body, properties.clone());
            confirms.push(publishing.await?);
        }
        Ok(confirms)
    }

    #[cfg(test)]
    pub(super) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Says goodbye, and waits a moment for the answer.
    pub(super) async fn close(self) {
        let _ = tokio::time::timeout(GOODBYE, self.connection.close(200, "OK".into())).await;
    }
}

async fn confirmed(confirms: Result<Vec<PublisherConfirm>, SendError>) -> Result<(), SendError> {
    for confirm in confirms? {
        if confirm.await?.is_nack() {
            return Err(SendError::Refused);
        }
    }
    Ok(())
}

/// Shows who we are, and prints nothing of it.
struct Sasl {
    mechanism: &'static str,
    response: String,
}

impl Sasl {
    fn of(host: &Host, login: Login) -> Self {
        match login {
            Login::Password => Self { mechanism: "PLAIN", response: format!("\0{}\0{}", host.user, host.password) },
            Login::External => Self { mechanism: "EXTERNAL", response: String::new() },
        }
    }
}

impl AuthProvider for Sasl {
    fn mechanism(&self) -> ShortString {
        self.mechanism.into()
    }

    fn auth_starter(&self) -> Result<LongString, String> {
        Ok(self.response.as_str().into())
    }
}

/// The broker as the library knows it: without a password, which is not the library's business.
fn uri(host: &Host, port: u16, config: &AmqpConfig) -> AMQPUri {
    AMQPUri {
        scheme: AMQPScheme::AMQP,
        authority: AMQPAuthority {
            userinfo: AMQPUserInfo { username: String::new(), password: String::new() },
            host: host.name.clone(),
            port,
        },
        vhost: config.url.virtual_host.clone(),
        query: AMQPQueryString {
            frame_max: Some(FRAME),
            heartbeat: Some(config.heartbeat),
            ..AMQPQueryString::default()
        },
    }
}

fn routing_key(topic: &str, priority: Priority) -> ShortString {
    format!("{topic}.{}", priority.as_str().to_lowercase()).into()
}

/// A channel, with an exchange and queues to send to. What is there is taken as it is, whatever somebody else made of it.
async fn prepared(connection: &Connection, config: &AmqpConfig) -> Result<Channel, SendError> {
    let mut channel = connection.create_channel().await?;
    if let Err(error) = declare_exchange(&channel, config, false).await {
        // Such a refusal ends the channel.
        channel = other_channel(connection, config, error).await?;
        declare_exchange(&channel, config, true).await?;
    }
    for topic in &config.topics {
        for key in PRIORITIES.map(|priority| routing_key(topic, priority)) {
            if let Err(error) = declare_queue(&channel, &key, config, false).await {
                channel = other_channel(connection, config, error).await?;
                declare_queue(&channel, &key, config, true).await?;
            }
            let exchange = ShortString::from(config.exchange.as_str());
            let options = QueueBindOptions::default();
            channel.queue_bind(key.clone(), exchange, key, options, FieldTable::default()).await?;
        }
    }
    Ok(channel)
}

/// Another channel, after the one before was ended over what is there already.
async fn other_channel(
    connection: &Connection,
    config: &AmqpConfig,
    error: lapin::Error,
) -> Result<Channel, SendError> {
    if !error.is_amqp_soft_error() {
        return Err(error.into());
    }
    let error = config.url.masked(&error.to_string());
    tracing::warn!(error, "the message broker has an exchange or a queue that was made in another way");
    Ok(connection.create_channel().await?)
}

async fn declare_exchange(channel: &Channel, config: &AmqpConfig, passive: bool) -> lapin::Result<()> {
    let options = ExchangeDeclareOptions {
        passive,
        durable: config.is_durable(),
        auto_delete: config.auto_delete,
        ..ExchangeDeclareOptions::default()
    };
    let exchange = ShortString::from(config.exchange.as_str());
    channel.exchange_declare(exchange, ExchangeKind::Topic, options, FieldTable::default()).await
}

async fn declare_queue(channel: &Channel, name: &ShortString, config: &AmqpConfig, passive: bool) -> lapin::Result<()> {
    let options = QueueDeclareOptions {
        passive,
        durable: config.is_durable(),
        auto_delete: config.auto_delete,
        ..QueueDeclareOptions::default()
    };
    channel.queue_declare(name.clone(), options, arguments(config.queues)).await.map(drop)
}

fn arguments(kind: QueueKind) -> FieldTable {
    let mut arguments = FieldTable::default();
    let mut text = |name: &str, value: &str| {
        arguments.insert(name.into(), AMQPValue::LongString(value.into()));
    };
    match kind {
        QueueKind::Classic => {}
        QueueKind::Mirrored => text("x-ha-policy", "all"),
        QueueKind::Quorum(quorum) => {
            text("x-queue-type", "quorum");
            for (name, limit) in [
                ("x-delivery-limit", quorum.delivery_limit),
                ("x-max-in-memory-length", quorum.max_memory_length),
                ("x-max-in-memory-bytes", quorum.max_memory_bytes),
            ] {
                if limit > 0 {
                    arguments.insert(name.into(), AMQPValue::LongLongInt(limit.into()));
                }
            }
        }
    }
    arguments
}
