//! A message broker that is killed between notifications, and comes back.
//!
//! `GLANCE_TEST_RABBITMQ` is its URL, `GLANCE_TEST_RABBITMQ_CONTROL` the script that kills it and brings it up again.

use std::time::Duration;

use glance_core::conformance::backend;
use glance_core::events::{Event, EventType, Payload, Priority};
use glance_stores::notify::amqp::{Amqp, AmqpConfig};
use glance_stores::notify::{Driver, Message};
use lapin::options::{BasicGetOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties};
use serde_json::Value;

use crate::control;

fn send(amqp: &Amqp, text: &str) {
    let payload = Payload::Text(text.to_owned());
    amqp.send(&Message::new(Event { event_type: EventType::ImageUpload, priority: Priority::Info, payload }, "here"));
}

/// A listener's channel, once somebody has made the queue.
async fn channel(url: &str, queue: &str) -> (Connection, Channel) {
    let url = url.replacen("rabbit://", "amqp://", 1);
    let connection = Connection::connect(&url, ConnectionProperties::default()).await.unwrap();
    loop {
        let channel = connection.create_channel().await.unwrap();
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        if channel.queue_declare(queue.into(), options, FieldTable::default()).await.is_ok() {
            return (connection, channel);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn payloads(channel: &Channel, queue: &str) -> Vec<String> {
    let mut found = Vec::new();
    while let Some(message) = channel.basic_get(queue.into(), BasicGetOptions { no_ack: true }).await.unwrap() {
        let body: Value = serde_json::from_slice(&message.delivery.data).unwrap();
        let message: Value = serde_json::from_str(body["oslo.message"].as_str().unwrap()).unwrap();
        found.push(message["payload"].as_str().unwrap().to_owned());
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn notifications_wait_for_a_broker_that_comes_back() {
    let (Some(url), Some(script)) = (backend("GLANCE_TEST_RABBITMQ"), backend("GLANCE_TEST_RABBITMQ_CONTROL")) else {
        return;
    };
    let topic = format!("outage-{}", glance_core::image::ImageId::random());
    let config = AmqpConfig::new(url.parse().unwrap(), "glance-outage", vec![topic.clone()]).unwrap();
    let amqp = Amqp::start(AmqpConfig { durable: true, ..config.clone() }).unwrap();
    send(&amqp, "before");
    let queue = format!("{topic}.info");
    drop(channel(&url, &queue).await);

    control(&script, "kill", &[]).await;
    for text in ["one", "two", "three"] {
        send(&amqp, text);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    // One that starts while the broker is away.
    let late = Amqp::start(AmqpConfig { durable: true, ..config }).unwrap();
    send(&late, "late");
    control(&script, "up", &[]).await;

    for amqp in [&amqp, &late] {
        assert_eq!((amqp.close(Duration::from_secs(120)).await, amqp.lost()), (0, 0));
    }
    let (_connection, listener) = channel(&url, &queue).await;
    let mut found = payloads(&listener, &queue).await;
    let late = found.iter().position(|text| text == "late").unwrap();
    found.remove(late);
    assert_eq!(found, ["before", "one", "two", "three"]);
    listener.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
}
