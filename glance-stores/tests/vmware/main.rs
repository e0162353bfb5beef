//! The store in vSphere against a simulator of it: `tests/backends/vsphere up` starts one.

#![cfg(feature = "vmware")]
#![expect(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

mod support;

use std::path::PathBuf;
use std::time::Duration;

use glance_core::conformance::{GivenUp, aborts, backend, run};
use glance_core::image::ImageId;
use glance_core::store::{ByteRange, Store, StoreError, StoreExt};
use glance_stores::data::vmware::VmwareStore;
use glance_stores::outbound::Trust;

use support::{Simulator, assert_discreet, noise};

const SIMULATOR: &str = "GLANCE_TEST_VMWARE";

mod suite {
    glance_core::store_conformance!(live super::SIMULATOR, |settings: String| async move {
        super::Simulator::at(&settings).store()
    }, super::support::Folder::files);
}

/// Runs a case against the simulator, if there is one.
fn with_simulator<F: Future<Output = ()>>(case: impl FnOnce(Simulator) -> F) {
    if let Some(settings) = backend(SIMULATOR) {
        run(case(Simulator::at(&settings)));
    }
}

#[test]
fn an_image_lies_where_python_glance_would_put_it() {
    with_simulator(|simulator| async move {
        let (folder, store) = simulator.store();
        let id = ImageId::random();
        let stored = store.write(id, noise(10)).await.unwrap();
        let expected =
            format!("vsphere://{}/folder/{}/{id}?dsName=LocalDS_0&dcPath=DC0", simulator.get("host"), folder.name);
        assert_eq!(stored.location.expose(), expected);
        assert_eq!(folder.files().await, [format!("[LocalDS_0] {id}")]);
    });
}

async fn reaches(simulator: &Simulator, trust: Trust) -> Result<(), StoreError> {
    let (_folder, builder) = simulator.builder();
    let store = builder.datastores(simulator.datastores(&[1])).api_retry_count(0).trust(trust).open().unwrap();
    store.write(ImageId::random(), noise(10)).await.map(drop)
}

#[test]
fn the_server_is_believed_by_its_authority_or_its_thumbprint() {
    with_simulator(|simulator| async move {
        let thumbprint = simulator.get("thumbprint");
        let other = if thumbprint.starts_with('0') { "1" } else { "0" };
        let wrong = format!("{other}{}", &thumbprint[1..]);
        let pinned = |text: &str| Trust::Thumbprint(text.to_owned());
        for trust in [simulator.ca(), pinned(thumbprint), pinned(&thumbprint.replace(':', "")), Trust::Anyone] {
            reaches(&simulator, trust.clone()).await.unwrap_or_else(|error| panic!("{trust:?}: {error:?}"));
        }
        let other_ca = Trust::CaFile(PathBuf::from(simulator.get("other_ca_file")));
        for trust in [other_ca, pinned(&wrong), Trust::System] {
            let refused = reaches(&simulator, trust.clone()).await;
            assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{trust:?}: {refused:?}");
        }
    });
}

#[test]
fn a_wrong_password_is_refused_without_being_told() {
    with_simulator(|simulator| async move {
        let user = simulator.get("username");
        let store = VmwareStore::on(simulator.get("host"), user, "canary-wrong")
            .datastores(simulator.datastores(&[1]))
            .trust(simulator.ca())
            .open()
            .unwrap();
        let at = glance_core::location::Location::new(format!(
            "vsphere://{}/folder/openstack_glance/x?dsName=LocalDS_0&dcPath=DC0",
            simulator.get("host")
        ));
        for error in [
            store.write(ImageId::random(), noise(10)).await.unwrap_err(),
            store.size(&at).await.unwrap_err(),
            store.delete(&at).await.unwrap_err(),
        ] {
            assert!(matches!(error, StoreError::Denied { .. }), "{error:?}");
            assert_discreet(&error, &["canary", user]);
        }
        assert!(!format!("{store:?}").contains("canary"));
    });
}

#[test]
fn data_in_a_lighter_datastore_is_found_before_other_data_replaces_it() {
    with_simulator(|simulator| async move {
        let (folder, builder) = simulator.builder();
        let first = builder.clone().datastores(simulator.datastores(&[1, 2])).open().unwrap();
        let second = builder.datastores(simulator.datastores(&[2, 1])).open().unwrap();
        let id = ImageId::random();
        let stored = first.write(id, noise(10)).await.unwrap();
        assert!(stored.location.expose().contains("dsName=LocalDS_1"));
        let again = second.write(id, noise(20)).await;
        assert!(matches!(again, Err(StoreError::Exists { .. })), "{again:?}");
        assert_eq!(folder.files().await, [format!("[LocalDS_1] {id}")]);
        second.discard(id).await.unwrap();
        folder.settles().await;
    });
}

#[test]
fn a_datastore_the_server_does_not_have_is_passed_over() {
    with_simulator(|simulator| async move {
        let (_folder, builder) = simulator.builder();
        let gone = ["DC0:gone:1000".parse().unwrap(), "elsewhere/DC9:LocalDS_0:900".parse().unwrap()];
        let only_gone = builder.clone().datastores(gone.clone()).open().unwrap();
        let store = builder.datastores(gone).datastores(simulator.datastores(&[1])).open().unwrap();
        store.write(ImageId::random(), noise(10)).await.unwrap();
        store.discard(ImageId::random()).await.unwrap();
        let put = only_gone.write(ImageId::random(), noise(10)).await;
        assert!(matches!(put, Err(StoreError::Unavailable { .. })), "{put:?}");
    });
}

#[test]
fn of_two_servers_that_store_one_image_at_once_one_wins() {
    with_simulator(|simulator| async move {
        let (folder, builder) = simulator.builder();
        let store = || builder.clone().datastores(simulator.datastores(&[1])).open().unwrap();
        let stores = [store(), store(), store()];
        for _ in 0..10 {
            let id = ImageId::random();
            let puts = stores.iter().zip(1..).map(|(store, len)| store.write(id, noise(len * 1000)));
            let done = futures::future::join_all(puts).await;
            let won: Vec<_> = done.iter().filter_map(|put| put.as_ref().ok()).collect();
            assert_eq!(won.len(), 1, "{done:?}");
            let read = stores[0].read(&won[0].location, ByteRange::ALL).await.unwrap();
            assert_eq!(read.len() as u64, won[0].size);
            stores[0].discard(id).await.unwrap();
        }
        folder.settles().await;
    });
}

#[test]
fn uploads_that_are_given_up_leave_no_file() {
    with_simulator(|simulator| async move {
        let (folder, store) = simulator.store();
        let given_up = GivenUp { uploads: aborts(), part: 256 << 10, looks: 60, pause: Duration::from_micros(300) };
        given_up.leave_nothing(&store, async || folder.files().await).await;
    });
}
