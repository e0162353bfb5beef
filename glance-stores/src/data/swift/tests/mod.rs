//! The store against a real Swift: `tests/backends/swift` starts one.

mod faults;
mod faulty;
mod live;
mod nodes;
mod places;
mod proxy;
mod reading;
mod support;
mod tenants;

mod plain_users {
    use super::support::{Backend, Container, store_with};

    glance_core::store_conformance!(live "GLANCE_TEST_SWIFT", |settings: String| async move {
        store_with(Backend::of(&settings).plain(), |_| ()).await
    }, Container::names);
}

mod whole_objects {
    use super::super::UNIT;
    use super::support::{Backend, Container, store_with};

    glance_core::store_conformance!(live "GLANCE_TEST_SWIFT", |settings: String| async move {
        store_with(Backend::of(&settings).plain(), |config| {
            config.large_object_size = 5120 * UNIT;
            config.segment_size = 200 * UNIT;
        }).await
    }, Container::names);
}

mod buffered_segments {
    use super::support::{Backend, Container, store_with};

    glance_core::store_conformance!(live "GLANCE_TEST_SWIFT", |settings: String| async move {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let (container, store) = store_with(Backend::of(&settings).plain(), |config| {
            config.segment_size = 1_500_001;
            config.buffer_dir = Some(path);
        }).await;
        ((folder, container), store)
    }, async |(folder, container): &(tempfile::TempDir, Container)| {
        let buffered = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path().display().to_string());
        container.names().await.into_iter().chain(buffered).collect()
    });
}

mod keystone_passwords {
    use super::support::{Backend, Container, store_with};

    glance_core::store_conformance!(live "GLANCE_TEST_SWIFT_V3", |settings: String| async move {
        store_with(Backend::of(&settings).password(), |_| ()).await
    }, Container::names);
}

mod application_credentials {
    use super::support::{Backend, Container, store_with};

    glance_core::store_conformance!(live "GLANCE_TEST_SWIFT_V3", |settings: String| async move {
        store_with(Backend::of(&settings).application(), |config| config.accounts.referenced = true).await
    }, Container::names);
}

mod accounts_of_callers {
    use super::tenants::Cloud;

    glance_core::store_conformance!(live "GLANCE_TEST_SWIFT_V3", |settings: String| async move {
        let cloud = Cloud::new(&settings);
        let store = cloud.view().await;
        (cloud, store)
    }, Cloud::names);
}
