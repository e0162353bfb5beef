//! Whole configurations, of the kind that deployments have, load and mean what they say.

use proptest::prelude::*;

use super::testing::{Folder, file};
use super::*;

const SEVERAL_STORES: &str = include_str!("fixtures/several-stores.conf");
const PIPELINES: &str = include_str!("fixtures/pipelines.ini");
const KEYSTONE: &str = include_str!("fixtures/keystone.conf");

fn several_stores() -> (Folder, Loaded) {
    let folder = Folder::new();
    let dir = folder.path("").display().to_string();
    let dir = dir.trim_end_matches('/');
    folder.write("pipelines.ini", &PIPELINES.replace("@DIR@", dir));
    let conf = folder.write("glance-api.conf", &SEVERAL_STORES.replace("@DIR@", dir));
    let loaded = folder.load(&[file(conf)]).unwrap();
    (folder, loaded)
}

fn keystone(flavor: &str) -> Result<Loaded, ConfigError> {
    let folder = Folder::new();
    let conf = folder.write("glance-api.conf", &KEYSTONE.replace("@FLAVOR@", flavor));
    folder.load(&[file(conf)])
}

#[test]
fn a_server_of_several_stores_means_what_it_says() {
    let (folder, Loaded { settings, .. }) = several_stores();
    let default = &settings.default;
    assert_eq!(default.bind.to_string(), "127.0.0.1:19292");
    assert_eq!((default.limit_param_default, default.api_limit_max), (5, 12));
    assert_eq!((default.image_property_quota, default.image_tag_quota), (Some(8), Some(8)));
    assert_eq!((default.image_member_quota, default.image_location_quota), (Some(4), Some(4)));
    assert_eq!(default.image_size_cap, 2 << 20);
    assert!(default.show_multiple_locations && default.show_image_direct_url);
    assert_eq!(default.enabled_import_methods.len(), 4);
    assert_eq!(default.image_cache_dir, Some(folder.path("cache")));
    assert_eq!(settings.logging.file, Some(folder.path("server.log")));
    assert_eq!(settings.database.connection, Connection::SqliteFile(folder.path("records.db")));
    assert_eq!(settings.cors[0].allowed_origin, ["https://dashboard.test"]);
    assert_eq!(settings.healthcheck.disable_by_file_path, Some(folder.path("down")));
    assert_eq!(settings.glance_rs.auth.mode, AuthMode::TrustedHeaders);
    assert!(settings.paste.filters.ends_with(&[Filter::Context, Filter::Cache, Filter::CacheManage]));
}

#[test]
fn its_stores_are_where_it_says() {
    let (folder, Loaded { settings, .. }) = several_stores();
    let stores = &settings.stores;
    let seen: Vec<_> = stores
        .stores
        .iter()
        .map(|store| (store.id.as_str(), store.weight, store.description.as_deref().unwrap_or_default()))
        .collect();
    assert_eq!(
        seen,
        [("swift-like", 10, "quick disks"), ("archive", 0, "slow disks"), ("mirror", 0, "images elsewhere")]
    );
    assert_eq!((stores.multi, stores.default.as_str()), (true, "swift-like"));
    assert_eq!(stores.staging.datadirs[0].path, folder.path("staging"));
    assert_eq!(stores.tasks.datadirs[0].path, folder.path("tasks"));
    assert!(matches!(&stores.stores[1].kind, StoreKind::File(file) if file.datadirs[0].path == folder.path("second")));
    assert!(matches!(&stores.stores[2].kind, StoreKind::Http(http) if http.insecure));
}

#[test]
fn all_there_is_to_say_about_it_is_what_has_no_effect_yet() {
    let (_folder, Loaded { warnings, .. }) = several_stores();
    let told = |option: &str| warnings.iter().any(|warning| warning.message.contains(option));
    assert!(warnings.len() == 2 && told("image_cache_dir") && told("worker_self_reference_url"), "{warnings:?}");
}

#[test]
fn a_server_without_a_flavor_serves_this_machine_without_asking() {
    let Loaded { settings, warnings } = keystone("").unwrap();
    assert_eq!(settings.glance_rs.auth.mode, AuthMode::None);
    assert_eq!(settings.default.bind.host, "127.0.0.1");
    assert!(!settings.oslo_policy.enforce_new_defaults);
    assert!(matches!(&warnings[..], [one] if one.message.contains("worker_self_reference_url")), "{warnings:?}");
}

#[test]
fn a_server_of_a_cloud_asks_its_keystone() {
    let Loaded { settings, warnings } = keystone("keystone").unwrap();
    assert_eq!(settings.glance_rs.auth.mode, AuthMode::Keystone);
    let authtoken = settings.authtoken.as_ref().unwrap();
    assert_eq!(authtoken.region.as_deref(), Some("RegionOne"));
    assert!(authtoken.delay_auth_decision);
    let messages: Vec<_> = warnings.iter().map(|warning| warning.message.as_str()).collect();
    let idle = "[keystone_authtoken] memcached_servers is not honoured: each server remembers tokens in its own memory";
    assert!(
        matches!(messages[..], [own, last] if own.contains("worker_self_reference_url") && last == idle),
        "{messages:?}"
    );
    assert!(!format!("{settings:?}").contains("correct-horse"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_lines_at_all_are_loaded_or_refused(lines in proptest::collection::vec(line(), 0..12)) {
        let text = format!("[DEFAULT]\n{}", lines.concat());
        if let Err(error) = super::testing::read(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

/// A line of a configuration: mostly known names, mostly strange values.
fn line() -> impl Strategy<Value = String> {
    let sections = options::sections();
    let names: Vec<_> = sections.iter().flat_map(|section| section.options().map(|option| option.name)).collect();
    let sections: Vec<_> = sections.into_iter().map(|section| section.name).collect();
    let value = prop_oneof![
        "[-0-9a-z:,/$.\\[\\]]{0,12}",
        "\\PC{0,12}",
        proptest::sample::select(names.clone()).prop_map(|name| format!("${name}")),
    ];
    prop_oneof![
        1 => proptest::sample::select(sections).prop_map(|name| format!("[{name}]\n")),
        4 => (proptest::sample::select(names), value).prop_map(|(name, value)| format!("{name} = {value}\n")),
        1 => "[ a-z=:#\\[\\]]{0,12}\n",
    ]
}
