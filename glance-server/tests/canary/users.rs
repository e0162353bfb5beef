//! Users with passwords of this server's own, over TLS of its own.

use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::ExtendedKeyUsagePurpose;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

use crate::authority::Authority;
use crate::program::{Server, eventually, output, output_of_input, said_at_the_start};
use crate::secrets::{Heard, PASSWORD, QUERY, WRONG, shown};

const IMAGE: &str = "71c675ab-d94f-49cd-a114-e12490b328d9";

/// What of a key must not come to light: the number that it is about, and lines of its file.
fn of_key(path: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let key = PrivateKeyDer::from_pem_file(path).unwrap();
    // In PKCS #8, the number of P-256 stands there.
    let number = key.secret_der()[36..68].to_vec();
    let text = fs::read_to_string(path).unwrap();
    // What stands before the number is the same in every key.
    let lines = text.lines().skip(1).take(2).map(|line| ("line of a TLS key", line.as_bytes()[48..].to_vec()));
    [("TLS key", number)].into_iter().chain(lines).collect()
}

fn basic(text: &str) -> String {
    format!("Authorization: Basic {}\r\n", BASE64_STANDARD.encode(text))
}

fn said(output: Output) -> Vec<u8> {
    [output.stdout, output.stderr].concat()
}

fn configure(folder: &Path, authority: &Authority) {
    let text = format!(
        "[DEFAULT]\ndebug = true\nlog_file = {0}/api.log\n[glance_rs]\nauth_mode = http_basic\n\
         http_basic_auth_user_file = {0}/users\ndata_dir = {0}/data\ncert_file = {1}\nkey_file = {2}\n",
        folder.display(),
        authority.path("server.crt").display(),
        authority.path("server.key").display()
    );
    fs::write(folder.join("glance-api.conf"), text).unwrap();
}

/// Those who may come in, and those who may not.
fn callers(server: &Server, heard: &mut Heard) {
    let alice = basic(&format!("alice:{PASSWORD}"));
    let image = format!(r#"{{"id": "{IMAGE}", "disk_format": "raw", "container_format": "bare"}}"#);
    let as_json = format!("{alice}Content-Type: application/json\r\n");
    assert_eq!(server.ask(heard, "POST /v2/images", &as_json, &image), 201);
    let as_data = format!("{alice}Content-Type: application/octet-stream\r\n");
    assert_eq!(server.ask(heard, &format!("PUT /v2/images/{IMAGE}/file"), &as_data, "the data"), 204);
    assert_eq!(server.ask(heard, &format!("GET /v2/images/{IMAGE}/file"), &alice, ""), 200);
    for headers in [
        basic(&format!("alice:{WRONG}")),
        basic(&format!("{WRONG}:{WRONG}")),
        basic(WRONG),
        format!("Authorization: Basic {WRONG}\r\n"),
        format!("Authorization: Bearer {WRONG}\r\n"),
        format!("Authorization: {WRONG}\r\n"),
        format!("X-Auth-Token: {WRONG}\r\n"),
    ] {
        assert_eq!(server.ask(heard, &format!("GET /v2/images?password={QUERY}"), &headers, ""), 401, "{headers}");
    }
}

/// Breaks the files that a server reads while it runs, and waits until it has said so of each.
fn break_files(folder: &Path, authority: &Authority, server: &Server, heard: &mut Heard) {
    let users = fs::read_to_string(folder.join("users")).unwrap();
    let (_, hash) = users.trim().split_once(':').unwrap();
    let complaints = |about: &str| {
        let log = fs::read_to_string(folder.join("api.log")).unwrap();
        log.lines()
            .filter(|line| line.contains("WARN") || line.contains("ERROR"))
            .filter(|line| line.contains(about))
            .count()
    };
    for broken in [format!("{users}bob:{PASSWORD}\n"), format!("{users}{PASSWORD}{hash}\n"), format!("alice:{hash}x\n")]
    {
        let before = complaints("users");
        fs::write(folder.join("users"), broken).unwrap();
        server.reload();
        eventually(|| complaints("users") > before);
        assert_eq!(server.ask(heard, "GET /v2/images", &basic(&format!("alice:{PASSWORD}")), ""), 200);
        heard.note("config check", said(output(folder, &["config", "check"])));
        heard.note("start", said_at_the_start(folder));
    }
    fs::write(folder.join("users"), users).unwrap();
    let key = fs::read_to_string(authority.path("server.key")).unwrap();
    let body = key.lines().nth(1).unwrap();
    authority.sign("other", ExtendedKeyUsagePurpose::ServerAuth);
    let other = fs::read_to_string(authority.path("other.key")).unwrap();
    for broken in [&key[..key.len() / 2], &key.replace('M', "!"), body, &other] {
        let before = complaints("server.");
        fs::write(authority.path("server.key"), broken).unwrap();
        server.reload();
        eventually(|| complaints("server.") > before);
        heard.note("config check", said(output(folder, &["config", "check"])));
        heard.note("start", said_at_the_start(folder));
    }
}

#[test]
fn passwords_and_keys_stay_in_their_files() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let folder = folder.path();
    configure(folder, &authority);
    let mut heard = Heard::default();
    let mut secrets = of_key(&authority.path("server.key"));
    let add = ["users", "add", "alice"];
    heard.note("users add", said(output_of_input(folder, &add, &format!("{PASSWORD}\n"))));
    let users = fs::read_to_string(folder.join("users")).unwrap();
    let (_, hash) = users.trim().split_once("$2b$11$").unwrap();
    secrets.push(("hash of a password", hash.as_bytes().to_vec()));
    assert!(shown(fs::read(authority.path("server.key")).unwrap().as_slice(), &secrets[1].1).is_some());
    let server = Server::start(folder, Some(Arc::new(authority.client())));
    callers(&server, &mut heard);
    break_files(folder, &authority, &server, &mut heard);
    server.stop();
    secrets.extend(of_key(&authority.path("other.key")));
    for (arguments, input) in [
        (&["users", "check", "alice"][..], PASSWORD),
        (&["users", "check", "alice"], WRONG),
        (&["users", "check", "bob"], WRONG),
        (&["users", "list"], ""),
        (&["users", "add", "b:ob"], PASSWORD),
    ] {
        heard.note(arguments.join(" "), said(output_of_input(folder, arguments, &format!("{input}\n"))));
    }
    for name in ["api.log", "data/glance.db"] {
        heard.note(name, fs::read(folder.join(name)).unwrap());
    }
    heard.hides(&secrets, &[("answer to GET /v2/images?", "query of a request")]);
}
