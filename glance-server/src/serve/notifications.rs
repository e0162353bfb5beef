//! Who is told what happens, as the settings describe it.

use std::sync::Arc;
use std::time::Duration;

use glance_core::events::Notifier;
use glance_stores::notify::amqp::{Amqp, AmqpConfig};
use glance_stores::notify::{Driver, LogDriver, Notifications};

use super::StartError;
use crate::config::NotificationSettings;

/// How long messages have to get out when the server ends.
const TO_GET_OUT: Duration = Duration::from_secs(5);

/// The ways for messages to get out.
#[derive(Debug)]
pub(super) struct Outlets {
    publisher: String,
    log: bool,
    brokers: Vec<Arc<Amqp>>,
}

const TLS: &str = "[oslo_messaging_rabbit] ssl";

/// Whether [`open`] would succeed.
pub(super) fn check(settings: &NotificationSettings) -> Result<(), StartError> {
    settings.brokers.iter().try_for_each(AmqpConfig::check).map_err(StartError::option(TLS))
}

/// The outlets that are configured. Nothing is connected to yet.
///
/// # Errors
///
/// [`StartError::Option`] if TLS to a broker cannot be spoken as it was asked for.
pub(super) fn open(settings: &NotificationSettings) -> Result<Outlets, StartError> {
    let brokers = settings.brokers.iter().map(|broker| Amqp::start(broker.clone()).map(Arc::new));
    let brokers: Result<Vec<_>, _> = brokers.collect();
    Ok(Outlets {
        publisher: settings.publisher_id.clone(),
        log: settings.log,
        brokers: brokers.map_err(StartError::option(TLS))?,
    })
}

impl Outlets {
    /// Who is to be told; `None` if nobody.
    pub(super) fn notifier(&self) -> Option<Arc<dyn Notifier>> {
        let log = self.log.then(|| Arc::new(LogDriver) as Arc<dyn Driver>);
        let brokers = self.brokers.iter().map(|broker| Arc::clone(broker) as Arc<dyn Driver>);
        let drivers: Vec<_> = log.into_iter().chain(brokers).collect();
        (!drivers.is_empty())
            .then(|| Arc::new(Notifications::new(self.publisher.clone(), drivers)) as Arc<dyn Notifier>)
    }

    /// The brokers that messages go to.
    pub(super) fn brokers(&self) -> &[Arc<Amqp>] {
        &self.brokers
    }

    /// Waits until what was said has got out, or it takes too long.
    pub(super) async fn close(&self) {
        for broker in &self.brokers {
            let left = broker.close(TO_GET_OUT).await;
            if left > 0 {
                tracing::warn!(left, "notifications are lost: the message broker did not take them before the end");
            }
        }
    }
}
