//! Options of an `http` store.

use std::path::PathBuf;

use glance_stores::outbound::Proxies;

use crate::config::resolve::Resolved;

/// How images on the web are read.
#[derive(Debug, Clone)]
pub struct HttpStoreSettings {
    /// `https_ca_certificates_file`: PEM file of the authorities to believe; overrides
    /// `https_insecure`.
    pub ca_certificates_file: Option<PathBuf>,
    /// `https_insecure`: whether certificates go unverified (true, as in Python Glance).
    pub insecure: bool,
    /// `http_proxy_information`: the proxy for each scheme (none).
    pub proxies: Proxies,
}

impl HttpStoreSettings {
    /// The store that `section` sets up.
    pub(super) fn from(options: &Resolved, section: &str) -> Self {
        Self {
            ca_certificates_file: options.text(section, "https_ca_certificates_file").map(PathBuf::from),
            insecure: options.flag(section, "https_insecure"),
            proxies: proxies(options, section),
        }
    }
}

fn proxies(options: &Resolved, section: &str) -> Proxies {
    const OPTION: &str = "http_proxy_information";
    let pairs = options.dict(section, OPTION);
    let proxies = pairs.iter().try_fold(Proxies::default(), |proxies, (scheme, proxy)| proxies.with(scheme, proxy));
    proxies.unwrap_or_else(|must| {
        options.refuse(section, OPTION, must.to_string());
        Proxies::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::StoreKind;
    use crate::config::testing::{problems, settings};

    /// The second store, which is the one on the web.
    fn store(text: &str) -> HttpStoreSettings {
        match settings(text).stores.stores.remove(1).kind {
            StoreKind::Http(http) => http,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn certificates_go_unverified_unless_somebody_says_otherwise() {
        let read = store("");
        assert!(read.insecure && read.ca_certificates_file.is_none());
        let read = store("[glance_store]\nhttps_insecure = false\nhttps_ca_certificates_file = /ca.pem");
        assert!(!read.insecure);
        assert_eq!(read.ca_certificates_file, Some("/ca.pem".into()));
    }

    #[test]
    fn each_backend_has_options_of_its_own() {
        let read = store(
            "[DEFAULT]\nenabled_backends = disk:file, web:http\n[glance_store]\ndefault_backend = disk\n\
             [backend_defaults]\nhttps_insecure = false\nhttps_ca_certificates_file = /common.pem\n\
             [web]\nhttps_ca_certificates_file = /web.pem",
        );
        assert!(!read.insecure);
        assert_eq!(read.ca_certificates_file, Some("/web.pem".into()));
    }

    #[test]
    fn a_proxy_belongs_to_a_scheme_and_prints_no_password() {
        let of = |value: &str| format!("[glance_store]\nhttp_proxy_information = {value}");
        let read = store(&of("http:10.0.0.1:3128, https:http://user:canary@proxy.example:8080"));
        let printed = format!("{read:?}");
        assert!(printed.contains("10.0.0.1:3128") && printed.contains("proxy.example:8080"), "{printed}");
        assert!(!printed.contains("canary"), "{printed}");
        for refused in ["ftp:10.0.0.1:3128", "http:https://canary@10.0.0.1"] {
            let found = problems(&of(refused));
            assert!(found.len() == 1 && !found[0].contains("canary"), "{found:?}");
        }
    }
}
