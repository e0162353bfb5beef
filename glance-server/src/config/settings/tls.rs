//! `cert_file`, `key_file` and `ca_file` of `[glance_rs]`, which are called as Glance called them before it left
//! TLS to others.

use std::path::PathBuf;

use super::glance_rs::absolute;
use crate::config::finding::Finding;
use crate::config::resolve::Resolved;
use crate::http::TlsFiles;

const SECTION: &str = "glance_rs";

/// The files of TLS; `None` for a server that speaks plain HTTP.
pub(super) fn from(options: &Resolved, warnings: &mut Vec<Finding>) -> Option<TlsFiles> {
    let path = |option| options.text(SECTION, option).map(|text| absolute(PathBuf::from(text)));
    let (certificate, key, clients) = (path("cert_file"), path("key_file"), path("ca_file"));
    let Some(certificate) = certificate else {
        for option in ["key_file", "ca_file"].into_iter().filter(|option| options.text(SECTION, option).is_some()) {
            options.refuse(SECTION, option, "needs a cert_file beside it");
        }
        warnings.extend(of_the_old_place(options));
        return None;
    };
    let Some(key) = key else {
        options.refuse(SECTION, "cert_file", "needs a key_file beside it");
        return None;
    };
    let files = TlsFiles { certificate, key, clients };
    if files.key_is_exposed() {
        let message =
            format!("[{SECTION}] key_file: others than its owner may read the key of the server's certificate");
        warnings.push(Finding::new(options.origin(SECTION, "key_file"), message));
    }
    Some(files)
}

/// What to tell somebody who believes that the server speaks TLS.
fn of_the_old_place(options: &Resolved) -> Option<Finding> {
    let origin = options.origin("DEFAULT", "cert_file")?;
    let message = format!("[DEFAULT] cert_file: plain HTTP is served; cert_file and key_file count in [{SECTION}]");
    Some(Finding::new(Some(origin), message))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use crate::config::testing::{COMPLETE, Folder, file, problems, settings};

    #[test]
    fn a_certificate_and_its_key_come_together() {
        assert_eq!(settings("").tls, None);
        let tls =
            settings("[glance_rs]\ncert_file = /tls/cert.pem\nkey_file = /tls/key.pem\nca_file = /tls/ca.pem").tls;
        let tls = tls.unwrap();
        assert_eq!((tls.certificate, tls.key), ("/tls/cert.pem".into(), "/tls/key.pem".into()));
        assert_eq!(tls.clients, Some("/tls/ca.pem".into()));
        for (text, option) in [
            ("cert_file = /c", "cert_file needs a key_file"),
            ("key_file = /k", "key_file needs a cert_file"),
            ("ca_file = /a", "ca_file needs a cert_file"),
        ] {
            let found = problems(&format!("[glance_rs]\n{text}"));
            assert!(found.len() == 1 && found[0].contains(option), "{found:?}");
        }
    }

    #[test]
    fn a_key_that_others_can_read_is_warned_about() {
        let folder = Folder::new();
        let key = folder.write("key.pem", "");
        let text = format!("[glance_rs]\ncert_file = /c\nkey_file = {}\n{COMPLETE}", key.display());
        let conf = folder.write("glance-api.conf", &text);
        for (mode, warned) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true), (0o620, true)] {
            fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
            let warnings = folder.load(&[file(conf.clone())]).unwrap().warnings;
            let about_it = warnings.iter().any(|warning| warning.to_string().contains(":3: [glance_rs] key_file"));
            assert_eq!(about_it, warned, "{mode:o}: {warnings:?}");
        }
    }

    #[test]
    fn who_sets_the_old_options_learns_that_http_is_served() {
        let folder = Folder::new();
        let conf = folder.write("glance-api.conf", &format!("[DEFAULT]\ncert_file = /c\nkey_file = /k\n{COMPLETE}"));
        let warnings = folder.load(&[file(conf)]).unwrap().warnings;
        assert!(warnings.iter().any(|warning| warning.to_string().contains("plain HTTP is served")), "{warnings:?}");
    }
}
