//! Certificates for tests: an authority, and whom it vouches for.

use std::fs;
use std::sync::Arc;

use glance_server::http::{HttpOptions, Tls, TlsFiles};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;

/// An authority, and a folder with what it signed.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
    folder: TempDir,
}

impl Authority {
    /// With `server.crt` and `server.key` for this machine, and its own certificate in `ca.crt`.
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let own = params.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.crt"), own.pem()).unwrap();
        let authority = Self { issuer: Issuer::new(params, key), root: own.der().clone(), folder };
        authority.sign("server", ExtendedKeyUsagePurpose::ServerAuth);
        authority
    }

    /// Writes a new certificate and its key to `NAME.crt` and `NAME.key`.
    pub(crate) fn sign(&self, name: &str, usage: ExtendedKeyUsagePurpose) {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(self.folder.path().join(format!("{name}.crt")), certificate.pem()).unwrap();
        fs::write(self.folder.path().join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn files(&self) -> TlsFiles {
        TlsFiles { certificate: self.path("server.crt"), key: self.path("server.key"), clients: None }
    }

    pub(crate) fn options(&self) -> HttpOptions {
        let mut options = HttpOptions::default();
        options.tls = Some(Tls::open(self.files()).unwrap());
        options
    }

    /// A client that believes this authority, without a certificate of its own.
    pub(crate) fn client(&self) -> ClientConfig {
        self.client_with(None, rustls::DEFAULT_VERSIONS)
    }

    /// A client with the certificate `name`, signed by the authority `of`.
    pub(crate) fn client_with(
        &self,
        certificate: Option<(&Self, &str)>,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let builder = builder.with_root_certificates(roots);
        match certificate {
            None => builder.with_no_client_auth(),
            Some((of, name)) => {
                let chain = vec![CertificateDer::from_pem_file(of.path(&format!("{name}.crt"))).unwrap()];
                let key = PrivateKeyDer::from_pem_file(of.path(&format!("{name}.key"))).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        }
    }
}
