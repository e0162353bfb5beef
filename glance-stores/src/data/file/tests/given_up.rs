//! Uploads that do not come to their end, by the hundred.

use std::time::Duration;

use glance_core::conformance::GivenUp;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_uploads_that_are_given_up_leave_no_file() {
    // Steps on other threads take microseconds, so there is no pause between two looks.
    let given_up = GivenUp { uploads: 1000, part: 64 << 10, looks: 1000, pause: Duration::ZERO };
    for thin in [false, true] {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("images");
        let store = FileStore::builder(&folder).thin_provisioning(thin).chunk_size(given_up.part).open().unwrap();
        given_up.leave_nothing(&store, async || names(&root)).await;
    }
}
