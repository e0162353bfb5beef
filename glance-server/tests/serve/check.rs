//! `config check`: what is said of files, by the lines it stands on.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The exit code, and what is said on both outputs.
fn check(folder: &Path, conf: &str) -> (i32, String) {
    let path = folder.join("glance-api.conf");
    fs::write(&path, conf).unwrap();
    let command = ["config", "check", "--config-file", path.to_str().unwrap()];
    let output = Command::new(env!("CARGO_BIN_EXE_glance-server")).args(command).output().unwrap();
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap()).concat();
    (output.status.code().unwrap(), said)
}

#[test]
fn every_finding_names_its_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "glance-api-paste.ini",
        "[pipeline:glance-api]\npipeline = healthcheck context app\n[filter:healthcheck]\nbackend = x\n",
    );
    write("policy.yaml", "get_image: role:a\nget_imagez: role:b\nget_images: role:a or\n");
    let data = folder.path().join("data");
    let conf = format!(
        "[DEFAULT]\nbind_prot = 1\nregistry_host = r\n[glance_rs]\nauth_mode = trusted_headers\nmetrics_bind = 127.0.0.1:9300\n\
         http_basic_auth_user_file = /f\nbind_host = 127.0.0.1\ndata_dir = {}\n[glance_store]\ndefault_backend = x\n[nothing]\na = b\n",
        data.display()
    );
    let (code, said) = check(folder.path(), &conf);
    assert_eq!(code, 0, "{said}");
    for (place, about) in [
        ("glance-api.conf:2: ", "unknown option [DEFAULT] bind_prot"),
        ("glance-api.conf:3: ", "Glance has dropped it"),
        ("glance-api.conf:7: ", "unless auth_mode is http_basic"),
        ("glance-api.conf:8: ", "unknown option [glance_rs] bind_host"),
        ("glance-api.conf:11: ", "default_backend has no effect"),
        ("glance-api.conf:12: ", "unknown section [nothing]"),
        ("glance-api-paste.ini:4: ", "unknown option backend"),
        ("policy.yaml:2: ", "get_imagez is none"),
        ("policy.yaml:3: ", "get_images is always false"),
    ] {
        let found = said.lines().find(|line| line.contains(place));
        assert!(
            found.is_some_and(|line| line.starts_with("warning: ") && line.contains(about)),
            "{place}{about}: {said}"
        );
    }
    assert!(said.contains(&format!("data folder: {}", data.display())), "{said}");
    assert!(!data.exists());
}

#[test]
fn a_file_store_is_judged_without_being_made() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for (option, about) in [
        ("filesystem_store_metadata_file = /missing/file", "/missing/file"),
        ("filesystem_store_datadir = /srv/../images", "/srv/../images"),
        ("filesystem_store_file_perm = 4640", "store file"),
    ] {
        let conf = format!("[glance_rs]\ndata_dir = {}\n[glance_store]\n{option}\n", data.display());
        let (code, said) = check(folder.path(), &conf);
        assert!(code == 1 && said.contains("error: ") && said.contains(about), "{option}: {said}");
        assert!(!data.exists());
    }
}

#[test]
fn what_a_start_warns_of_is_said_before() {
    let folder = tempfile::tempdir().unwrap();
    let unverified = "store http: certificates of https servers are not verified";
    for (verified, option) in [(false, ""), (true, "https_insecure = false\n")] {
        let conf = format!(
            "[glance_rs]\ndata_dir = {}\n[glance_store]\nstores = file,http\n{option}",
            folder.path().join("data").display()
        );
        let (code, said) = check(folder.path(), &conf);
        assert!(code == 0 && said.contains(unverified) != verified, "{said}");
    }
}

#[test]
fn what_keeps_a_server_from_starting_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for conf in ["[DEFAULT]\nbind_port = many\n", "[glance_rs]\nmetrics_bind = 127.0.0.1:9292\n", "no option\n"] {
        let (code, said) = check(folder.path(), conf);
        assert!(code == 1 && said.contains("error: ") && said.contains("glance-api.conf"), "{conf}: {said}");
    }
}
