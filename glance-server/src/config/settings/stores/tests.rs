use super::*;
use crate::config::testing::{problems, settings, warnings};

fn ids(stores: &StoreSettings) -> Vec<(&str, &str)> {
    stores.stores.iter().map(|store| (store.id.as_str(), store.kind.name())).collect()
}

fn folder(store: &StoreKind) -> String {
    match store {
        StoreKind::File(file) => file.datadirs[0].path.display().to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_backends_there_is_one_store_for_each_kind() {
    let stores = settings("").stores;
    assert!(!stores.multi);
    assert_eq!(ids(&stores), [("file", "file"), ("http", "http")]);
    assert_eq!(stores.default, "file");
    assert_eq!(folder(&stores.stores[0].kind), "/var/lib/glance/images");
    assert_eq!(stores.staging.datadirs[0].path.display().to_string(), "/tmp/staging/");
}

#[test]
fn the_default_scheme_needs_a_store() {
    assert_eq!(settings("[glance_store]\ndefault_store = filesystem").stores.default, "file");
    assert_eq!(
        problems("[glance_store]\nstores = http"),
        ["[glance_store] default_store is file, but no store in [glance_store] stores serves that scheme"]
    );
    assert_eq!(problems("[glance_store]\nstores = file,floppy").len(), 1);
}

#[test]
fn staging_is_a_local_folder() {
    let read = settings("[DEFAULT]\nnode_staging_uri = file:///srv/staging");
    assert_eq!(read.stores.staging.datadirs[0].path.display().to_string(), "/srv/staging");
    for uri in ["http://h/x", "file://relative", "/srv/staging"] {
        assert_eq!(problems(&format!("[DEFAULT]\nnode_staging_uri = {uri}")).len(), 1, "{uri}");
    }
}

#[test]
fn each_backend_has_its_section_and_falls_back_on_the_common_one() {
    let stores = settings(
        "[DEFAULT]\nenabled_backends = Fast:file, slow:file, web:http, far:cinder\n\
         [glance_store]\ndefault_backend = slow\n\
         [backend_defaults]\nfilesystem_store_datadir = /common\nfilesystem_store_chunk_size = 4096\n\
         [Fast]\nfilesystem_store_datadir = /fast\nweight = -3\nstore_description = very fast\n\
         [far]\ncinder_store_password = k\n[os_glance_staging_store]\nfilesystem_store_datadir = /staging",
    )
    .stores;
    assert!(stores.multi);
    assert_eq!(ids(&stores), [("Fast", "file"), ("slow", "file"), ("web", "http"), ("far", "cinder")]);
    assert_eq!(stores.default, "slow");
    assert_eq!(folder(&stores.stores[0].kind), "/fast");
    assert_eq!(folder(&stores.stores[1].kind), "/common");
    assert_eq!((stores.stores[0].weight, stores.stores[1].weight), (-3, 0));
    assert_eq!(stores.stores[0].description.as_deref(), Some("very fast"));
    match &stores.stores[0].kind {
        StoreKind::File(file) => assert_eq!(file.chunk_size, 4096),
        other => panic!("{other:?}"),
    }
    match &stores.stores[3].kind {
        StoreKind::Other { options, .. } => {
            let key = options.iter().find(|(name, _)| *name == "cinder_store_password");
            assert_eq!(key.map(|(_, value)| value.expose()), Some("k"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(folder(&StoreKind::File(stores.staging)), "/staging");
    assert_eq!(folder(&StoreKind::File(stores.tasks)), "/var/lib/glance/os_glance_tasks_store");
}

#[test]
fn a_backend_may_be_called_like_a_section_of_a_library() {
    let stores = settings(
        "[DEFAULT]\nenabled_backends = cache:file\n[glance_store]\ndefault_backend = cache\n\
         [cache]\nfilesystem_store_datadir = /here\nenabled = true",
    )
    .stores;
    assert_eq!(folder(&stores.stores[0].kind), "/here");
}

#[test]
fn several_stores_need_a_default_and_names_of_their_own() {
    let with = |backends: &str, default: &str| {
        problems(&format!("[DEFAULT]\nenabled_backends = {backends}\n[glance_store]\ndefault_backend = {default}"))
    };
    assert!(with("a:file", "a").is_empty());
    assert_eq!(with("a:file", "").len(), 1);
    assert_eq!(with("a:file", "b").len(), 1);
    assert_eq!(with("a:file,os_glance_x:file", "a").len(), 1);
    assert_eq!(with("a:tape", "a").len(), 1);
    assert_eq!(problems("[DEFAULT]\nenabled_backends = a:file").len(), 1);
    assert!(!with("a:file,a:http", "a").is_empty());
    assert!(!with("file", "file").is_empty());
}

#[test]
fn options_of_the_other_way_of_naming_stores_are_warned_about() {
    assert_eq!(
        warnings("[glance_store]\ndefault_backend = a"),
        ["glance-api.conf:2: [glance_store] default_backend has no effect while enabled_backends is not set"]
    );
}

#[test]
fn two_stores_in_one_folder_are_warned_about() {
    let found = warnings("[DEFAULT]\nenabled_backends = a:file, b:file\n[glance_store]\ndefault_backend = a");
    assert_eq!(found, ["stores a and b keep their files in the same folder, /var/lib/glance/images"]);
}
