//! OpenStack Object Storage.

use std::collections::HashMap;

use glance_core::conformance;
use glance_core::image::ImageId;
use glance_core::store::Store;
use glance_stores::data::swift::{Account, Credentials, Key, SwiftConfig, SwiftStore};

use crate::python::Python;
use crate::{LENGTHS, exchange, noise, ours_is_read_there};

/// Bytes in which the options of sizes count.
pub(crate) const UNIT: u64 = 1_024_000;
/// Where it has more than one segment, the Python driver can write nothing but whole ones.
const THEIRS: [usize; 3] = [0, 1, 3 * 1_024_000];

#[tokio::test]
async fn objects_and_segments_in_swift_are_exchanged() {
    let Some(settings) = conformance::backend("GLANCE_TEST_SWIFT_V3") else { return };
    let settings: HashMap<_, _> = settings.split(',').filter_map(|pair| pair.split_once('=')).collect();
    let (auth, user, key) = (settings["auth"], settings["user"], settings["key"]);
    let container = format!("exchange-{}", ImageId::random());
    let options = format!(
        "swift_store_auth_address = {auth}\nswift_store_user = {user}\nswift_store_key = {key}\n\
         swift_store_container = {container}\nswift_store_create_container_on_put = true\n\
         swift_store_large_object_size = 2\nswift_store_large_object_chunk_size = 1"
    );
    let Some(python) = Python::with("swift", &options) else { return };
    let account = Account::new(auth, Credentials::User { name: user.to_owned(), key: Key::new(key) });
    let config = SwiftConfig {
        container,
        create_container: true,
        large_object_size: 2 * UNIT,
        segment_size: UNIT,
        ..SwiftConfig::new(account)
    };
    exchange_all(&SwiftStore::open(config).unwrap(), &python).await;
}

/// Whatever either side can write.
pub(crate) async fn exchange_all(store: &dyn Store, python: &Python) {
    exchange(store, python, &THEIRS).await;
    for length in LENGTHS {
        ours_is_read_there(store, python, &noise(length), None).await;
        ours_is_read_there(store, python, &noise(length), Some(length as u64)).await;
    }
}
