use std::fs;

use glance_core::image::ImageId;
use glance_core::store::{StoreError, StoreExt};

use super::{check, open_stores};
use crate::config::{self, CliArgs, Source};

/// What is wrong with `text` as `glance-api.conf` beside `policy`.
fn wrong(text: &str, policy: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("policy.yaml"), policy).unwrap();
    let data = format!("[glance_rs]\ndata_dir = {}\n", path("data").display());
    fs::write(path("glance-api.conf"), format!("{text}\n{data}")).unwrap();
    let args = CliArgs { sources: vec![Source::File(path("glance-api.conf"))], ..CliArgs::default() };
    let found = check(&config::load(&args).unwrap().settings);
    assert!(!path("data").exists());
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn a_check_finds_what_would_keep_the_server_from_starting() {
    assert_eq!(wrong("", ""), [""; 0]);
    let stores =
        "[DEFAULT]\nenabled_backends = fast:file, far:cinder, net:swift\n[glance_store]\ndefault_backend = far";
    let found = wrong(stores, "- no map");
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].starts_with("store far: stores of the type cinder are not supported"), "{found:?}");
    assert!(found[1].starts_with("store net: ") && found[2].contains("policy.yaml"), "{found:?}");
}

#[test]
fn a_check_reads_the_property_protections() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("protections.conf");
    fs::write(&file, "[x]\ncreate = @, !\nread = @\nupdate = @\ndelete = @\n").unwrap();
    let found = wrong(&format!("[DEFAULT]\nproperty_protection_file = {}", file.display()), "");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].ends_with(
            "protections.conf: line 2, section [x]: create: @ (everybody) and ! (nobody) exclude each other"
        )
    );
}

#[test]
fn a_check_reads_the_definitions_of_properties() {
    let told = |definitions: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("schema-image.json"), definitions).unwrap();
        fs::write(path("glance-api.conf"), format!("[glance_rs]\ndata_dir = {}\n", path("data").display())).unwrap();
        let args = CliArgs { sources: vec![Source::File(path("glance-api.conf"))], ..CliArgs::default() };
        let found = check(&config::load(&args).unwrap().settings);
        found.iter().map(ToString::to_string).collect::<Vec<_>>().join("|")
    };
    assert_eq!(told("{\"arch\": {\"type\": \"string\"}}"), "");
    assert!(told("{\"arch\": {\"anyOf\": []}}").ends_with("schema-image.json: \"arch\": anyOf is not understood here"));
    assert_eq!(told("{\"name\": {\"type\": \"integer\"}}"), "schema-image.json: \"name\" is a field of every image");
}

#[test]
fn a_check_looks_for_the_certificates_of_a_broker() {
    let driver =
        "[oslo_messaging_notifications]\ndriver = messagingv2\n[oslo_messaging_rabbit]\nssl_ca_file = /nowhere\n";
    assert_eq!(wrong(driver, ""), [""; 0]);
    let found = wrong(&format!("{driver}ssl = true"), "");
    assert!(
        found.len() == 1 && found[0].contains("oslo_messaging_rabbit") && found[0].contains("/nowhere"),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_store_that_is_set_up_wrongly_harms_none_of_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("swift.conf"), "[ref1]\nuser = no-project\nkey = k\nauth_address = https://auth\n").unwrap();
    let text = format!(
        "[DEFAULT]\nenabled_backends = here:file, bare:swift, broken:swift, tenants:swift\n\
         [glance_store]\ndefault_backend = here\n[here]\nfilesystem_store_datadir = {}\n\
         [broken]\nswift_store_config_file = {}\n[tenants]\nswift_store_multi_tenant = true\n\
         [glance_rs]\ndata_dir = {}\n",
        path("images"),
        path("swift.conf"),
        path("data"),
    );
    fs::write(path("glance-api.conf"), text).unwrap();
    let args = CliArgs { sources: vec![Source::File(path("glance-api.conf").into())], ..CliArgs::default() };
    let settings = config::load(&args).unwrap().settings;
    let stores = open_stores(&settings.stores, &settings.outbound).unwrap();
    let put = |store: &str| {
        let store = std::sync::Arc::clone(&stores.named(Some(store)).unwrap().store);
        async move { store.write(ImageId::random(), "data".into()).await }
    };
    put("here").await.unwrap();
    for store in ["bare", "broken"] {
        let refused = put(store).await;
        assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{store}: {refused:?}");
    }
    // This one is set up rightly, and writes nothing that no caller brings.
    let refused = put("tenants").await;
    assert!(matches!(refused, Err(StoreError::Denied { .. })), "{refused:?}");
    let told: Vec<_> = check(&settings).iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[1], "store broken: account ref1: the user is not in the form project:user");
}
