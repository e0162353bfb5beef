//! Google Cloud Storage against the suite, on an emulator (`GLANCE_TEST_GCS`).

use std::time::Duration;

use bytes::Bytes;
use glance_core::conformance::{GivenUp, aborts, backend};
use glance_core::image::ImageId;
use glance_core::location::Location;
use glance_core::store::{ByteRange, Store, StoreExt};
use http::Method;

use super::*;
use crate::outbound::{Deadlines, Request, Tls};

const MIB: usize = 1 << 20;

fn client() -> Client {
    Client::new(&Tls::default(), Deadlines::default()).unwrap()
}

/// A bucket of a test's own. The emulator keeps it in memory, and forgets it when it ends.
struct Here(GcsConfig);

impl Here {
    async fn new(settings: &str) -> Self {
        // The emulator does not undo what is percent-encoded in a bucket's name, and the client encodes hyphens.
        let bucket = format!("test{}", ImageId::random()).replace('-', "");
        let here = Self(GcsConfig { bucket, credentials_file: None, endpoint: Some(settings.to_owned()) });
        let made = client().send(Request::new(Method::PUT, here.url())).await.unwrap();
        assert!(made.status.is_success());
        here
    }

    fn url(&self) -> OperatorUrl {
        OperatorUrl::parse(self.0.endpoint.as_ref().unwrap()).unwrap().below([self.0.bucket.as_str()])
    }

    /// Names of objects, and of those that uploads in parts are to become.
    async fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for listing in ["list-type", "uploads"] {
            let list = Request::new(Method::GET, self.url().with_query([(listing, "2")]));
            let listed = client().send(list).await.unwrap();
            assert!(listed.status.is_success(), "{}", listed.status);
            let listed = String::from_utf8(listed.read(8 * MIB).await.unwrap().to_vec()).unwrap();
            names.extend(listed.split("<Key>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()));
        }
        names
    }
}

async fn store(settings: &str) -> BucketStore {
    open(&Here::new(settings).await.0, client()).unwrap()
}

mod suite {
    use super::*;

    glance_core::store_conformance!(live "GLANCE_TEST_GCS", |settings: String| async move {
        let here = Here::new(&settings).await;
        let store = open(&here.0, client()).unwrap();
        (here, store)
    }, Here::names);
}

mod suite_in_parts {
    use super::*;

    glance_core::store_conformance!(live "GLANCE_TEST_GCS", |settings: String| async move {
        let here = Here::new(&settings).await;
        let store = open(&here.0, client()).unwrap().with_part_size(5 * MIB);
        (here, store)
    }, Here::names);
}

#[tokio::test]
async fn uploads_that_are_given_up_leave_neither_objects_nor_parts() {
    let Some(settings) = backend("GLANCE_TEST_GCS") else { return };
    let here = Here::new(&settings).await;
    let store = open(&here.0, client()).unwrap().with_part_size(5 * MIB);
    let given_up = GivenUp { uploads: aborts(), part: 5 * MIB, looks: 100, pause: Duration::from_millis(3) };
    given_up.leave_nothing(&store, async || here.names().await).await;
}

#[tokio::test]
async fn an_object_lies_under_its_bucket_and_id() {
    let Some(settings) = backend("GLANCE_TEST_GCS") else { return };
    let (store, id) = (store(&settings).await, ImageId::random());
    let stored = store.write(id, Bytes::from_static(b"x")).await.unwrap();
    assert!(stored.location.expose().starts_with("gs://test"));
    assert!(stored.location.expose().ends_with(&format!("/{id}")));
}

#[tokio::test]
async fn names_that_would_change_a_url_are_not_asked_for() {
    let config = GcsConfig { bucket: "b".into(), credentials_file: None, endpoint: Some("http://127.0.0.1:9".into()) };
    let store = open(&config, client()).unwrap();
    for name in ["", "a?acl", "a#b", "%2e%2e/other/x", "a b", "ä", "a\nb", "../x", "a//b"] {
        let at = Location::new(format!("gs://b/{name}"));
        assert!(!store.holds(&at), "{name}");
        assert!(store.get(&at, ByteRange::ALL).await.is_err());
    }
    assert!(store.holds(&Location::new("gs://b/folder/image.raw")));
}

#[test]
fn unusable_settings_are_refused_without_showing_them() {
    let good = GcsConfig { bucket: "b".into(), credentials_file: None, endpoint: None };
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "{\"private_key\": \"canary\"").unwrap();
    for bad in [
        GcsConfig { bucket: "b/c".into(), ..good.clone() },
        GcsConfig { endpoint: Some("ftp://h".into()), ..good.clone() },
        GcsConfig { credentials_file: Some(file.path().to_owned()), ..good.clone() },
    ] {
        let refused = open(&bad, client()).unwrap_err();
        assert!(!format!("{refused:?}").contains("canary"), "{refused:?}");
    }
    assert!(open(&good, client()).is_ok());
}
