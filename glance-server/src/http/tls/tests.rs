//! What is wrong with files of certificates, and when new ones count.

use std::fs;
use std::path::PathBuf;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;

use super::*;

/// A folder with the certificates `a` and `b`, each with its key, and more that is of no use.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for name in ["a", "b"] {
            let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["glance.test".to_owned()]).unwrap();
            folder.write(&format!("{name}.crt"), &cert.pem());
            folder.write(&format!("{name}.key"), &signing_key.serialize_pem());
        }
        folder.write("empty", "");
        folder.write("text", "no PEM at all");
        folder.write("cut", "-----BEGIN CERTIFICATE-----\nAAAA\n");
        folder.write("wrong", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        folder.write("locked", locked);
        let rsa = "RSA PRIVATE KEY-----\n";
        let older = format!("-----BEGIN {rsa}Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,AA\n\nAAAA\n-----END {rsa}");
        folder.write("locked-older", &older);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn copy(&self, from: &str, to: &str) {
        fs::copy(self.path(from), self.path(to)).unwrap();
    }

    fn files(&self, certificate: &str, key: &str) -> TlsFiles {
        TlsFiles { certificate: self.path(certificate), key: self.path(key), clients: None }
    }
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_name() {
    let folder = Folder::new();
    for (certificate, key, file, wrong) in [
        ("none", "a.key", "none", "No such file"),
        ("a.crt", "none", "none", "No such file"),
        ("empty", "a.key", "empty", "no certificate"),
        ("text", "a.key", "text", "no certificate"),
        ("cut", "a.key", "cut", "no certificate"),
        ("a.key", "a.key", "a.key", "no certificate"),
        ("wrong", "a.key", "wrong", "invalid peer certificate"),
        ("a.crt", "empty", "empty", "no private key"),
        ("a.crt", "a.crt", "a.crt", "no private key"),
        ("a.crt", "locked", "locked", "takes a password"),
        ("a.crt", "locked-older", "locked-older", "takes a password"),
        ("a.crt", "b.key", "b.key does not fit", "does not fit the certificate in"),
    ] {
        let error = Tls::open(folder.files(certificate, key)).unwrap_err().to_string();
        assert!(error.contains(file) && error.contains(wrong), "{certificate} {key}: {error}");
    }
    for (clients, wrong) in [("none", "No such file"), ("empty", "no certificate"), ("wrong", "invalid")] {
        let files = TlsFiles { clients: Some(folder.path(clients)), ..folder.files("a.crt", "a.key") };
        let error = Tls::open(files).unwrap_err().to_string();
        assert!(error.contains(clients) && error.contains(wrong), "{clients}: {error}");
    }
}

#[test]
fn one_file_may_hold_both() {
    let folder = Folder::new();
    let both = fs::read_to_string(folder.path("a.key")).unwrap() + &fs::read_to_string(folder.path("a.crt")).unwrap();
    folder.write("both", &both);
    Tls::open(folder.files("both", "both")).unwrap();
}

#[test]
fn new_files_count_once_they_fit() {
    let folder = Folder::new();
    folder.copy("a.crt", "crt");
    folder.copy("a.key", "key");
    let tls = Tls::open(folder.files("crt", "key")).unwrap();
    let shown = || Arc::as_ptr(&tls.0.config.load());
    let first = shown();
    assert!(!tls.follow().unwrap());
    folder.copy("b.crt", "crt");
    assert!(matches!(tls.follow(), Err(TlsError::Mismatch { .. })));
    assert!(!tls.follow().unwrap(), "told once");
    assert_eq!(shown(), first);
    folder.copy("b.key", "key");
    assert!(tls.follow().unwrap());
    let second = shown();
    assert_ne!(second, first);
    fs::remove_file(folder.path("key")).unwrap();
    for _ in 0..2 {
        assert!(matches!(tls.follow(), Err(TlsError::Unreadable { .. })));
    }
    assert!(tls.reload().is_err());
    assert_eq!(shown(), second);
    folder.copy("b.key", "key");
    assert!(tls.follow().unwrap());
    tls.reload().unwrap();
    assert!(!tls.follow().unwrap());
}

#[test]
fn new_authorities_of_clients_count_too() {
    let folder = Folder::new();
    folder.copy("a.crt", "clients");
    let files = TlsFiles { clients: Some(folder.path("clients")), ..folder.files("a.crt", "a.key") };
    let tls = Tls::open(files).unwrap();
    folder.copy("b.crt", "clients");
    assert!(tls.follow().unwrap());
}
