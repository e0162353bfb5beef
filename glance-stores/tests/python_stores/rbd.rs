//! A Ceph cluster.

use glance_core::conformance;
use glance_stores::data::rbd::RbdStore;

use crate::python::Python;
use crate::{LENGTHS, exchange};

#[tokio::test]
async fn images_in_ceph_are_exchanged() {
    let Some(conf) = conformance::backend("GLANCE_TEST_RBD") else { return };
    let options = format!("rbd_store_ceph_conf = {conf}\nrbd_store_user = glance\nrbd_store_pool = images");
    let Some(python) = Python::with("rbd", &options) else { return };
    let store = RbdStore::in_pool("images").user("glance").ceph_conf(conf).open();
    exchange(&store, &python, &LENGTHS).await;
}
