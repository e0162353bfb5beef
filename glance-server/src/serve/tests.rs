use std::fs;

use super::check;
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
