//! The files that TLS is set up from.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::sight::Sight;

/// What HTTP/1 is called in a handshake. A client that knows only others is refused there.
const PROTOCOLS: [&[u8]; 2] = [b"http/1.1", b"http/1.0"];

/// Marks of a key that takes a password: in PKCS #8, and as OpenSSL wrote it before.
const ENCRYPTED: [&[u8]; 2] = [b"-----BEGIN ENCRYPTED PRIVATE KEY-----", b"Proc-Type: 4,ENCRYPTED"];

/// Where certificates and the key stand, all of them in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate of this server, followed by those that vouch for it.
    pub certificate: PathBuf,
    /// Its private key, without a password. May be the same file.
    pub key: PathBuf,
    /// Authorities one of which must vouch for every client; `None`: clients show no certificate.
    pub clients: Option<PathBuf>,
}

/// Why TLS cannot be spoken with some files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{}: {cause}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The cause.
        cause: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: {holds}", file.display())]
    Unfit {
        /// The file.
        file: PathBuf,
        /// What it holds.
        holds: &'static str,
    },
    /// The key belongs to another certificate.
    #[error("the key in {} does not fit the certificate in {}", key.display(), certificate.display())]
    Mismatch {
        /// The file of the key.
        key: PathBuf,
        /// The file of the certificate.
        certificate: PathBuf,
    },
    /// A certificate or key is of a kind that cannot be used.
    #[error("{}: {cause}", file.display())]
    Refused {
        /// The file.
        file: PathBuf,
        /// The cause.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl TlsFiles {
    /// Whether others than its owner may read or write the key.
    #[must_use]
    pub fn key_is_exposed(&self) -> bool {
        std::fs::metadata(&self.key).is_ok_and(|found| found.permissions().mode() & 0o077 != 0)
    }

    pub(super) fn look(&self) -> [Sight; 3] {
        [&self.certificate, &self.key, self.clients.as_ref().unwrap_or(&self.certificate)].map(|file| Sight::of(file))
    }

    pub(super) fn read(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain = certificates(&self.certificate)?;
        let key = key(&self.key)?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(refused(&self.certificate))?;
        let builder = match &self.clients {
            Some(authorities) => builder.with_client_cert_verifier(verifier(authorities, provider)?),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(|error| self.misfit(error))?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(Arc::new(config))
    }

    fn misfit(&self, error: rustls::Error) -> TlsError {
        match error {
            rustls::Error::InconsistentKeys(_) => {
                TlsError::Mismatch { key: self.key.clone(), certificate: self.certificate.clone() }
            }
            rustls::Error::InvalidCertificate(_) => refused(&self.certificate)(error),
            other => refused(&self.key)(other),
        }
    }
}

fn verifier(file: &Path, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut authorities = RootCertStore::empty();
    for certificate in certificates(file)? {
        authorities.add(certificate).map_err(refused(file))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider).build().map_err(refused(file))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = text(file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|_| unfit(file, "no certificates in PEM"))?;
    if found.is_empty() { Err(unfit(file, "no certificate in PEM")) } else { Ok(found) }
}

fn key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = text(file)?;
    if ENCRYPTED.iter().any(|mark| text.windows(mark.len()).any(|part| part == *mark)) {
        return Err(unfit(file, "the key takes a password, which nobody is there to type: store it without one"));
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| unfit(file, "no private key in PEM"))
}

fn text(file: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(file).map_err(|cause| TlsError::Unreadable { file: file.to_owned(), cause })
}

fn unfit(file: &Path, holds: &'static str) -> TlsError {
    TlsError::Unfit { file: file.to_owned(), holds }
}

fn refused<E: Into<Box<dyn std::error::Error + Send + Sync>>>(file: &Path) -> impl FnOnce(E) -> TlsError {
    let file = file.to_owned();
    move |cause| TlsError::Refused { file, cause: cause.into() }
}
