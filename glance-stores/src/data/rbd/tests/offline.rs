//! What needs no cluster.

use super::ffi::errno;
use super::*;

fn nowhere() -> RbdStore {
    RbdStore::in_pool("images").user("canary-user").ceph_conf("/nonexistent/canary.conf").open()
}

#[test]
fn a_store_knows_its_pool_by_the_url() {
    let store = nowhere();
    for (url, held) in [
        ("rbd://any-cluster/images/0c4a/snap", true),
        ("rbd://any-cluster/other/0c4a/snap", false),
        ("rbd://0c4a", true),
        ("rbd://any-cluster/images/0c4a", false),
        ("file:///images/0c4a", false),
    ] {
        assert_eq!(store.holds(&Location::new(url)), held, "{url}");
    }
}

#[tokio::test]
async fn a_store_without_a_cluster_opens_and_fails_when_used() {
    let store = nowhere();
    let put = store.write(ImageId::random(), Bytes::from_static(b"x")).await;
    assert!(matches!(put, Err(StoreError::Unavailable { .. })), "{put:?}");
    // That the file of the configuration is not there does not mean that the image is not.
    let at = Location::new("rbd://f/images/0c4a/snap");
    for failed in [store.size(&at).await.map(drop), store.delete(&at).await, store.discard(ImageId::random()).await] {
        assert!(matches!(failed, Err(StoreError::Unavailable { .. })), "{failed:?}");
    }
}

#[test]
fn what_a_store_says_of_itself_is_what_operators_look_for() {
    let details = nowhere().details();
    let names: Vec<_> = details.keys().map(String::as_str).collect();
    assert_eq!(names, ["chunk_size", "fsid", "pool", "thin_provisioning"]);
    assert_eq!(details["chunk_size"], 8 << 20);
    assert!(details["fsid"].is_null());
    assert!(!format!("{:?}", nowhere()).contains("canary"));
}

#[test]
fn errors_of_ceph_mean_what_a_caller_can_act_upon() {
    let at = Location::new("rbd://f/images/canary-image/snap");
    let told = |code| error::at(&at, "testing")(CephError::Call { call: "rbd_test", code });
    assert!(matches!(told(errno::NOT_FOUND), StoreError::NotFound { .. }));
    assert!(matches!(told(errno::BUSY), StoreError::InUse { .. }));
    assert!(matches!(told(errno::NO_SPACE), StoreError::Full { .. }));
    assert!(matches!(told(errno::QUOTA), StoreError::Full { .. }));
    assert!(matches!(told(errno::DENIED), StoreError::Denied { .. }));
    assert!(matches!(told(errno::NOT_PERMITTED), StoreError::Denied { .. }));
    for code in [errno::TIMED_OUT, errno::NOT_CONNECTED, errno::SHUT_DOWN] {
        assert!(matches!(told(code), StoreError::Unavailable { .. }), "{code}");
    }
    assert!(matches!(told(errno::INVALID), StoreError::Failed { .. }));
    assert!(!format!("{:?}", told(errno::BUSY)).contains("canary"));
}

#[test]
fn clients_register_nothing_but_the_image_s_own_name() {
    let (store, id) = (nowhere(), ImageId::random());
    for (url, allowed) in [
        (format!("rbd://any-cluster/images/{id}/snap"), true),
        (format!("rbd://any-cluster/images/{}/snap", ImageId::random()), false),
        (format!("rbd://{id}"), true),
        ("file:///x".to_owned(), false),
    ] {
        assert_eq!(store.is_for_clients(id, &Location::new(&url)), allowed, "{url}");
    }
}
