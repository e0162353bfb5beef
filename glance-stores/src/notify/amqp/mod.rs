//! Messages to a broker, by AMQP 0-9-1 (`driver = messaging`, `driver = messagingv2`).
//!
//! Each message goes to the exchange with the routing key `<topic>.<priority>`, once for each topic, and a queue of that
//! name is bound there, so that nothing is lost before the first listener comes. A message is kept until the broker
//! confirms it: one that a connection broke off upon is sent again, under the same message id.

mod config;
mod kit;
mod queue;
mod session;
#[cfg(test)]
mod tests;
mod url;
mod worker;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;
use tokio::task::JoinHandle;
use uuid::Uuid;

pub use self::config::{AmqpConfig, BadConfig, Envelope, Limits, Login, QueueKind, Quorum, Retries};
use self::queue::{Outgoing, Queue};
pub use self::url::{BadTransportUrl, Host, TransportUrl};
use self::worker::Worker;
use super::{Driver, Message};
use crate::outbound::TlsError;

/// Sends messages to a broker from a bounded queue.
///
/// A broker that is away costs nobody more than the room in the queue: when that is full, the
/// oldest messages are given up and counted.
#[derive(Debug)]
pub struct Amqp {
    queue: Arc<Queue>,
    envelope: Envelope,
    worker: Mutex<Option<JoinHandle<()>>>,
}

impl Amqp {
    /// Begins to send. Nothing is connected to before there is a message; so a broker that is away keeps
    /// nobody from starting. Needs a Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`TlsError`] if a certificate or key cannot be read or used.
    pub fn start(config: AmqpConfig) -> Result<Self, TlsError> {
        let queue = Arc::new(Queue::new(config.limits));
        let envelope = config.envelope;
        let worker = Worker::new(config, Arc::clone(&queue))?;
        let worker = Mutex::new(Some(tokio::spawn(worker.run())));
        Ok(Self { queue, envelope, worker })
    }

    /// Waits until all messages are sent, but no longer than `patience`, and ends the connection.
    /// Returns how many messages are given up with it; later ones are, too.
    pub async fn close(&self, patience: Duration) -> usize {
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.queue.close();
        if let Some(mut worker) = worker
            && tokio::time::timeout(patience, &mut worker).await.is_err()
        {
            worker.abort();
            let _ = worker.await;
        }
        self.queue.left()
    }

    /// Messages that are still to be sent.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.left()
    }

    /// Messages given up so far, because the queue was full or the broker did not take them.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.queue.lost()
    }
}

impl Driver for Amqp {
    fn send(&self, message: &Message) {
        let body = body(message, self.envelope);
        self.queue.push(Outgoing { priority: message.priority(), body });
    }
}

impl Drop for Amqp {
    fn drop(&mut self) {
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(worker) = worker {
            worker.abort();
        }
    }
}

/// A message, by whose id listeners know one that came twice. The request's context would stand beside it; Glance
/// tells none.
#[derive(Serialize)]
struct Identified<'a> {
    #[serde(flatten)]
    message: &'a Message,
    #[serde(rename = "_unique_id")]
    unique_id: String,
}

fn body(message: &Message, envelope: Envelope) -> Bytes {
    let message = json!(Identified { message, unique_id: Uuid::new_v4().simple().to_string() }).to_string();
    match envelope {
        Envelope::V1 => message.into(),
        Envelope::V2 => json!({ "oslo.version": "2.0", "oslo.message": message }).to_string().into(),
    }
}
