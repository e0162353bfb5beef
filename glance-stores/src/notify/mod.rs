//! Events of a registry as notifications, the way `oslo.messaging` sends them.
//!
//! [`Notifications`] words each event once and hands it to its drivers: [`LogDriver`], and `Amqp` with the
//! feature `amqp`. None of them makes a request wait.

#[cfg(feature = "amqp")]
pub mod amqp;
mod log;
mod message;

use std::fmt;
use std::sync::Arc;

use glance_core::events::{Event, Notifier};

pub use self::log::LogDriver;
pub use self::message::Message;

/// A way for messages to get out.
pub trait Driver: fmt::Debug + Send + Sync + 'static {
    /// Sends a message, or sees to it that it is sent. Returns at once.
    fn send(&self, message: &Message);
}

/// Words events as messages for some drivers.
#[derive(Debug)]
pub struct Notifications {
    publisher: String,
    drivers: Vec<Arc<dyn Driver>>,
}

impl Notifications {
    /// Messages of `publisher` (`default_publisher_id`), such as `image.node-1`.
    pub fn new(publisher: impl Into<String>, drivers: Vec<Arc<dyn Driver>>) -> Self {
        Self { publisher: publisher.into(), drivers }
    }
}

impl Notifier for Notifications {
    fn notify(&self, event: Event) {
        let message = Message::new(event, &self.publisher);
        for driver in &self.drivers {
            driver.send(&message);
        }
    }
}
