//! Brokers that are there, that are not, and that do not answer.
//!
//! `GLANCE_TEST_RABBITMQ`, `GLANCE_TEST_RABBITMQ_TLS` and `GLANCE_TEST_RABBITMQ_CA` name a real one.

use std::time::Duration;

use glance_core::conformance::backend;
use glance_core::events::{Event, EventType, Payload, Priority};
use lapin::message::Delivery;
use lapin::options::{BasicGetOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::session::{SendError, Session};
use super::*;
use crate::outbound::{Connector, Tls, Trust};

fn config(url: &str) -> AmqpConfig {
    let topics = ["a", "b"].map(|topic| format!("{topic}-{}", Uuid::new_v4())).into();
    let retries = Retries { first: Duration::from_millis(100), longer_by: Duration::ZERO, ..Retries::default() };
    AmqpConfig { auto_delete: false, retries, ..AmqpConfig::new(url.parse().unwrap(), "glance", topics).unwrap() }
}

fn message(text: &str, priority: Priority) -> Message {
    Message::new(
        Event { event_type: EventType::ImageUpload, priority, payload: Payload::Text(text.to_owned()) },
        "here",
    )
}

async fn session(config: &AmqpConfig) -> Result<Session, SendError> {
    let connector = Connector::new(config.tls.as_ref(), Duration::from_secs(5)).unwrap();
    Session::open(&config.url.hosts[0], config, &connector).await
}

/// All that waits in a queue, after which there is no such queue.
async fn waiting(session: &Session, queue: &str) -> Vec<Delivery> {
    let mut found = Vec::new();
    while let Some(message) = session.channel().basic_get(queue.into(), BasicGetOptions { no_ack: true }).await.unwrap()
    {
        found.push(message.delivery);
    }
    session.channel().queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
    found
}

fn payloads(found: &[Delivery]) -> Vec<String> {
    let payload = |delivery: &Delivery| {
        let body: Value = serde_json::from_slice(&delivery.data).unwrap();
        let inner = body["oslo.message"].as_str().map(|text| serde_json::from_str::<Value>(text).unwrap());
        inner.unwrap_or(body)["payload"].as_str().unwrap().to_owned()
    };
    found.iter().map(payload).collect()
}

#[tokio::test]
async fn a_broker_that_is_away_costs_what_waits_for_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rabbit://u:canary@127.0.0.1:{}", listener.local_addr().unwrap().port());
    drop(listener);
    let amqp = Amqp::start(config(&url)).unwrap();
    for _ in 0..3 {
        amqp.send(&message("m", Priority::Info));
    }
    assert_eq!((amqp.close(Duration::from_millis(300)).await, amqp.lost()), (3, 0));
    amqp.send(&message("late", Priority::Info));
    assert_eq!(amqp.lost(), 1);
    // With an end to the tries, messages are given up instead.
    let retries = Retries { at_most: Some(1), ..config(&url).retries };
    let amqp = Amqp::start(AmqpConfig { retries, ..config(&url) }).unwrap();
    amqp.send(&message("m", Priority::Info));
    assert_eq!((amqp.close(Duration::from_secs(60)).await, amqp.lost()), (0, 1));
}

#[tokio::test]
async fn a_broker_that_does_not_answer_is_hung_up_on() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rabbit://u:canary@127.0.0.1:{}", listener.local_addr().unwrap().port());
    let config = AmqpConfig { patience: Duration::from_millis(300), ..config(&url) };
    let opening = session(&config);
    let answering = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut greeting = Vec::new();
        // Until the other side hangs up.
        stream.read_to_end(&mut greeting).await.unwrap();
        greeting
    };
    let (opened, greeting) = futures::join!(opening, answering);
    assert!(matches!(opened, Err(SendError::Silence)));
    assert_eq!(greeting, b"AMQP\0\0\x09\x01");
}

#[tokio::test]
async fn messages_arrive_in_their_order_in_the_queue_of_their_priority() {
    let Some(url) = backend("GLANCE_TEST_RABBITMQ") else { return };
    for envelope in [Envelope::V1, Envelope::V2] {
        let config = AmqpConfig { envelope, ..config(&url) };
        let amqp = Amqp::start(config.clone()).unwrap();
        let texts: Vec<_> = (0..200).map(|n| n.to_string()).collect();
        for text in &texts {
            amqp.send(&message(text, Priority::Info));
        }
        amqp.send(&message("bad", Priority::Error));
        assert_eq!((amqp.close(Duration::from_secs(60)).await, amqp.lost()), (0, 0));
        let session = session(&config).await.unwrap();
        for topic in &config.topics {
            let found = waiting(&session, &format!("{topic}.info")).await;
            assert_eq!(payloads(&found), texts);
            let properties = &found[0].properties;
            assert_eq!(properties.content_type().as_ref().unwrap().as_str(), "application/json");
            assert_eq!(*properties.delivery_mode(), Some(2));
            let body: Value = serde_json::from_slice(&found[0].data).unwrap();
            let keys: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
            match envelope {
                Envelope::V1 => assert!(keys.contains(&"_unique_id") && keys.contains(&"message_id"), "{keys:?}"),
                Envelope::V2 => {
                    assert_eq!((keys, &body["oslo.version"]), (vec!["oslo.message", "oslo.version"], &"2.0".into()));
                }
            }
            assert_eq!(payloads(&waiting(&session, &format!("{topic}.error")).await), ["bad"]);
        }
    }
}

/// Somebody may have made queues of another kind before.
#[tokio::test]
async fn a_queue_that_is_there_is_taken_as_it_is() {
    let Some(url) = backend("GLANCE_TEST_RABBITMQ") else { return };
    let plain = config(&url);
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let queue = format!("{}.info", plain.topics[0]);
    let there = session(&config(&url)).await.unwrap();
    there.channel().queue_declare(queue.as_str().into(), durable, FieldTable::default()).await.unwrap();
    let amqp = Amqp::start(plain.clone()).unwrap();
    amqp.send(&message("m", Priority::Info));
    assert_eq!(amqp.close(Duration::from_secs(60)).await, 0);
    assert_eq!(payloads(&waiting(&there, &queue).await), ["m"]);
}

#[tokio::test]
async fn queues_of_several_kinds_are_made() {
    let Some(url) = backend("GLANCE_TEST_RABBITMQ") else { return };
    let quorum = Quorum { delivery_limit: 3, ..Quorum::default() };
    for (exchange, queues) in [("glance-quorum", QueueKind::Quorum(quorum)), ("glance", QueueKind::Mirrored)] {
        let config = AmqpConfig { queues, exchange: exchange.to_owned(), ..config(&url) };
        let amqp = Amqp::start(config.clone()).unwrap();
        amqp.send(&message("m", Priority::Info));
        assert_eq!(amqp.close(Duration::from_secs(60)).await, 0);
        let there = session(&config).await.unwrap();
        assert_eq!(payloads(&waiting(&there, &format!("{}.info", config.topics[1])).await), ["m"]);
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_shown() {
    let Some(url) = backend("GLANCE_TEST_RABBITMQ") else { return };
    let mut config = config(&url);
    config.url.hosts[0].password = "canary-wrong".to_owned();
    let Err(error) = session(&config).await else { panic!("let in") };
    assert!(!format!("{error} {error:?}").contains("canary-wrong"), "{error:?}");
    // The next broker is asked.
    config.url.hosts.push(url.parse::<TransportUrl>().unwrap().hosts.remove(0));
    let amqp = Amqp::start(config).unwrap();
    amqp.send(&message("m", Priority::Info));
    assert_eq!((amqp.close(Duration::from_secs(60)).await, amqp.lost()), (0, 0));
}

#[tokio::test]
async fn a_broker_is_believed_by_its_certificate() {
    let (Some(url), Some(ca)) = (backend("GLANCE_TEST_RABBITMQ_TLS"), backend("GLANCE_TEST_RABBITMQ_CA")) else {
        return;
    };
    let with = |trust| AmqpConfig { tls: Some(Tls { trust, identity: None }), ..config(&url) };
    let Err(refused) = session(&with(Trust::System)).await else { panic!("believed") };
    assert!(matches!(refused, SendError::Broker(_)), "{refused}");
    let config = with(Trust::CaFile(ca.into()));
    let amqp = Amqp::start(config.clone()).unwrap();
    amqp.send(&message("m", Priority::Info));
    assert_eq!(amqp.close(Duration::from_secs(60)).await, 0);
    let there = session(&config).await.unwrap();
    assert_eq!(payloads(&waiting(&there, &format!("{}.info", config.topics[0])).await), ["m"]);
}
