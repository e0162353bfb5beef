//! Uploads through connections that break, to a Swift that refuses, and with answers that get lost.

use glance_core::conformance::backend;
use glance_core::store::StoreExt;

use super::super::*;
use super::proxy::{Fault, Proxy};
use super::support::{Backend, Container, chunks, noise, store_with};
use crate::outbound::testing::Head;

const VARIABLE: &str = "GLANCE_TEST_SWIFT";
const UNAVAILABLE: Fault = Fault::Refused("503 Service Unavailable");
/// Bytes of segments that are not kept in memory.
const LARGE: u64 = 9_000_000;

/// A store behind a proxy, and what there is behind it.
struct Behind {
    proxy: Proxy,
    container: Container,
    store: SwiftStore,
}

impl Behind {
    /// `None` where there is no Swift.
    async fn new<F>(judge: F, change: impl FnOnce(&mut SwiftConfig)) -> Option<Self>
    where
        F: Fn(&Head, usize) -> Option<Fault> + Send + Sync + 'static,
    {
        let backend = Backend::of(&backend(VARIABLE)?);
        let proxy = Proxy::new(&backend.get("auth"), judge).await;
        let (container, store) = store_with(backend.plain(), |config| {
            config.accounts.accounts[0].1.auth_address = proxy.auth();
            change(config);
        })
        .await;
        Some(Self { proxy, container, store })
    }

    /// Uploads data that has to arrive.
    async fn arrives(&self, len: usize) {
        let data = noise(len);
        let put = self.store.put(ImageId::random(), Some(len as u64), chunks(&data)).await;
        assert!(self.store.read(&put.unwrap().location, ByteRange::ALL).await.unwrap() == data);
    }

    /// Uploads data that cannot arrive, and says why.
    async fn fails(&self, len: usize) -> StoreError {
        let put = self.store.put(ImageId::random(), Some(len as u64), chunks(&noise(len))).await;
        let names = self.container.names().await;
        assert!(names.is_empty(), "{names:?}");
        put.unwrap_err()
    }
}

/// The second segment is sent with a fault, as often as that.
fn second_segment(fault: Fault, times: usize) -> impl Fn(&Head, usize) -> Option<Fault> + Send + Sync {
    move |head, nth| (is_put(head) && head.target().ends_with("-00002") && nth <= times).then_some(fault)
}

fn is_put(head: &Head) -> bool {
    head.method() == "PUT"
}

/// Whether the target is an object of an image's name.
fn is_image(head: &Head) -> bool {
    head.target().rsplit('/').next().is_some_and(|name| name.parse::<ImageId>().is_ok())
}

#[tokio::test]
async fn one_segment_alone_is_sent_again_after_a_failure() {
    for fault in [
        UNAVAILABLE,
        Fault::Cut(0),
        Fault::Cut(100_000),
        Fault::AnswerLost,
        Fault::OtherChecksum,
        Fault::Refused("422 Unprocessable Entity"),
        Fault::Refused("401 Unauthorized"),
    ] {
        let Some(behind) = Behind::new(second_segment(fault, 1), |_| ()).await else { return };
        behind.arrives(1_000_000).await;
        let sent = ["-00001", "-00002", "-00003", "-00004"].map(|number| behind.proxy.asked("PUT", number));
        assert_eq!(sent, [1, 2, 1, 1], "{fault:?}");
        let logins = behind.proxy.asked("GET", "/auth/v1.0");
        assert_eq!(logins, if matches!(fault, Fault::Refused("401 Unauthorized")) { 2 } else { 1 });
    }
}

#[tokio::test]
async fn a_segment_on_disk_is_sent_again_from_its_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let judge = second_segment(Fault::Cut(5_000_000), 2);
    let change = |config: &mut SwiftConfig| (config.segment_size, config.buffer_dir) = (LARGE, Some(path));
    let Some(behind) = Behind::new(judge, change).await else { return };
    behind.arrives(3 * 9_000_000 - 1).await;
    assert_eq!(behind.proxy.asked("PUT", "-00002"), 3);
}

/// Stops the clock of this test's runtime, until what is given back is dropped. `tokio` moves a stopped clock on when
/// nothing is left to do, but not while a thread is busy for it.
fn stop_clock() -> impl FnOnce() + Send {
    tokio::time::pause();
    let (busy, idle) = std::sync::mpsc::channel::<()>();
    tokio::task::spawn_blocking(move || idle.recv());
    move || {
        tokio::time::resume();
        drop(busy);
    }
}

#[tokio::test]
async fn an_object_that_is_sent_as_it_comes_is_sent_again_when_its_head_is_refused() {
    // The moment in which a refusal is waited for lasts until it has been heard: then there is another login.
    let clock = std::sync::Mutex::new(Some(stop_clock()));
    let judge = move |head: &Head, nth| {
        if head.target() == "/auth/v1.0" && nth == 2 {
            clock.lock().unwrap().take().unwrap()();
        }
        (is_put(head) && is_image(head) && nth == 1).then_some(Fault::Refused("401 Unauthorized"))
    };
    let change = |config: &mut SwiftConfig| config.large_object_size = 2 * LARGE;
    let Some(behind) = Behind::new(judge, change).await else { return };
    let id = ImageId::random();
    let data = noise(9_000_000);
    let stored = behind.store.put(id, Some(LARGE), chunks(&data)).await.unwrap();
    assert!(behind.store.read(&stored.location, ByteRange::ALL).await.unwrap() == data);
    assert_eq!(behind.proxy.asked("PUT", id.as_str()), 2);
}

#[tokio::test]
async fn a_segment_that_is_sent_as_it_comes_and_refused_later_fails_the_upload() {
    for (status, reason) in [("503 Service Unavailable", "Unavailable"), ("401 Unauthorized", "Denied")] {
        let change = |config: &mut SwiftConfig| config.segment_size = LARGE;
        let judge = second_segment(Fault::RefusedAfter(status, 5_000_000), usize::MAX);
        let Some(behind) = Behind::new(judge, change).await else { return };
        let error = behind.fails(20_000_000).await;
        assert!(format!("{error:?}").starts_with(reason), "{error:?}");
        assert_eq!(behind.proxy.asked("PUT", "-00002"), 1, "{status}");
    }
}

#[tokio::test]
async fn a_segment_that_is_sent_as_it_comes_and_breaks_fails_the_upload() {
    let change = |config: &mut SwiftConfig| config.segment_size = LARGE;
    let Some(behind) = Behind::new(second_segment(Fault::Cut(5_000_000), 9), change).await else { return };
    let error = behind.fails(3 * 9_000_000).await;
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_segment_that_always_arrives_changed_fails_the_upload() {
    let Some(behind) = Behind::new(second_segment(Fault::OtherChecksum, usize::MAX), |_| ()).await else { return };
    let error = behind.fails(1_000_000).await;
    assert!(matches!(error, StoreError::Failed { .. }), "{error:?}");
    assert_eq!(behind.proxy.asked("PUT", "-00002"), 4);
}

#[tokio::test]
async fn a_last_step_whose_answer_is_lost_is_known_to_be_done() {
    let judge = |head: &Head, nth| (is_put(head) && is_image(head) && nth == 1).then_some(Fault::AnswerLost);
    for threshold in [1, 10_000_000] {
        let change = |config: &mut SwiftConfig| config.large_object_size = threshold;
        let Some(behind) = Behind::new(judge, change).await else { return };
        behind.arrives(1_000_000).await;
    }
}

#[tokio::test]
async fn a_last_step_that_breaks_off_is_taken_again() {
    let judge = |head: &Head, nth| (is_put(head) && is_image(head) && nth < 3).then_some(UNAVAILABLE);
    for threshold in [1, 10_000_000] {
        let change = |config: &mut SwiftConfig| config.large_object_size = threshold;
        let Some(behind) = Behind::new(judge, change).await else { return };
        behind.arrives(1_000_000).await;
    }
}

#[tokio::test]
async fn a_whole_object_that_arrives_changed_is_removed() {
    let judge = |head: &Head, _| (is_put(head) && is_image(head)).then_some(Fault::OtherChecksum);
    let change = |config: &mut SwiftConfig| config.large_object_size = 10_000_000;
    let Some(behind) = Behind::new(judge, change).await else { return };
    let error = behind.fails(1_000_000).await;
    assert!(matches!(error, StoreError::Failed { .. }), "{error:?}");
}

#[tokio::test]
async fn an_object_whose_answer_is_lost_is_not_forgotten_when_the_next_attempt_is_refused() {
    for refusal in ["413 Request Entity Too Large", "403 Forbidden"] {
        let judge = move |head: &Head, nth| match nth {
            _ if !is_put(head) || !is_image(head) => None,
            1 => Some(Fault::AnswerLost),
            _ => Some(Fault::Refused(refusal)),
        };
        let change = |config: &mut SwiftConfig| config.large_object_size = 10_000_000;
        let Some(behind) = Behind::new(judge, change).await else { return };
        let id = ImageId::random();
        let put = behind.store.put(id, Some(1_000_000), chunks(&noise(1_000_000))).await;
        // Its own object is found and removed, or left to be discarded.
        assert!(put.is_err(), "{refusal}");
        behind.store.discard(id).await.unwrap();
        assert_eq!(behind.container.names().await, Vec::<String>::new(), "{refusal}");
    }
}

#[tokio::test]
async fn an_object_that_may_still_come_into_being_is_left_behind() {
    let judge = |head: &Head, _| (is_put(head) && is_image(head)).then_some(UNAVAILABLE);
    for threshold in [1, 10_000_000] {
        let change = |config: &mut SwiftConfig| config.large_object_size = threshold;
        let Some(behind) = Behind::new(judge, change).await else { return };
        let error = behind.fails(1_000_000).await;
        assert!(matches!(error, StoreError::LeftBehind { .. }), "{error:?}");
        assert!(matches!(error.reason(), StoreError::Unavailable { .. }), "{error:?}");
    }
}
