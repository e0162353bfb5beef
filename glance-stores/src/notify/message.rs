//! The message of an event.

use glance_core::events::{Event, Payload, Priority};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

/// An event, worded as a notifier of `oslo.messaging` words it.
#[derive(Debug, Clone, Serialize)]
pub struct Message {
    #[serde(rename = "message_id")]
    id: String,
    publisher_id: String,
    event_type: &'static str,
    priority: Priority,
    payload: Payload,
    /// `YYYY-MM-DD HH:MM:SS.ffffff`, in UTC.
    timestamp: String,
}

impl Message {
    /// The message that `publisher` makes of `event` now.
    #[must_use]
    pub fn new(event: Event, publisher: &str) -> Self {
        Self {
            id: Uuid::new_v4().to_string(),
            publisher_id: publisher.to_owned(),
            event_type: event.event_type.as_str(),
            priority: event.priority,
            payload: event.payload,
            timestamp: timestamp(Timestamp::now()),
        }
    }

    /// How urgent it is.
    #[must_use]
    pub fn priority(&self) -> Priority {
        self.priority
    }
}

fn timestamp(now: Timestamp) -> String {
    let now = jiff::tz::Offset::UTC.to_datetime(now);
    let micros = now.subsec_nanosecond() / 1000;
    format!("{} {:02}:{:02}:{:02}.{micros:06}", now.date(), now.hour(), now.minute(), now.second())
}

#[cfg(test)]
mod tests {
    use super::*;
    use glance_core::events::EventType;
    use serde_json::{Value, json};

    #[test]
    fn a_message_has_the_keys_that_listeners_look_for() {
        let event = Event {
            event_type: EventType::ImageUpload,
            priority: Priority::Error,
            payload: Payload::Text("why".to_owned()),
        };
        let mut message = json!(Message::new(event, "image.here"));
        let id = message["message_id"].take();
        assert!(Uuid::parse_str(id.as_str().unwrap()).is_ok());
        message["timestamp"].take();
        assert_eq!(
            message,
            json!({
                "message_id": Value::Null, "publisher_id": "image.here", "event_type": "image.upload",
                "priority": "ERROR", "payload": "why", "timestamp": Value::Null,
            })
        );
    }

    #[test]
    fn timestamps_are_written_as_python_does() {
        let at = |text: &str| timestamp(text.parse().unwrap());
        assert_eq!(at("2026-02-03T04:05:06.000789Z"), "2026-02-03 04:05:06.000789");
        assert_eq!(at("2026-02-03T04:05:06Z"), "2026-02-03 04:05:06.000000");
    }
}
