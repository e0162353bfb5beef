//! How servers are verified, and how this side shows itself to them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use glance_core::digest::{HashAlgorithm, Hasher};
use glance_core::store::BoxError;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// TLS as a client speaks it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Which servers are believed.
    pub trust: Trust,
    /// How this side shows itself; `None` if it does not.
    pub identity: Option<Identity>,
}

/// Which servers are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those that an authority of the operating system vouches for.
    #[default]
    System,
    /// Those that an authority in this PEM file vouches for, and no others.
    CaFile(PathBuf),
    /// The one whose certificate has this SHA-1 thumbprint: 40 hex digits, colons ignored.
    Thumbprint(String),
    /// All of them: somebody in between can read and change everything.
    Anyone,
}

/// A certificate of this side, and its key, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, followed by those that vouch for it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why TLS cannot be spoken as it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file does not hold what it should.
    #[error("no usable certificate or key in {path}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: BoxError,
    },
    /// A thumbprint is not 40 hex digits.
    #[error("a thumbprint has 40 hex digits")]
    BadThumbprint,
    /// The certificate does not go with the key, or the like.
    #[error("TLS cannot be set up")]
    Setup(#[source] BoxError),
}

impl Tls {
    pub(super) fn config(&self) -> Result<ClientConfig, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Setup(error.into()))?;
        let builder = match &self.trust {
            Trust::System => builder.with_root_certificates(system_roots()),
            Trust::CaFile(path) => builder.with_root_certificates(roots_of(path)?),
            Trust::Thumbprint(text) => {
                let pinned = Some(thumbprint(text)?);
                builder.dangerous().with_custom_certificate_verifier(Arc::new(Unchained { pinned, provider }))
            }
            Trust::Anyone => {
                let anyone = Unchained { pinned: None, provider };
                builder.dangerous().with_custom_certificate_verifier(Arc::new(anyone))
            }
        };
        let Some(identity) = &self.identity else { return Ok(builder.with_no_client_auth()) };
        let chain = certificates(&identity.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&identity.key).map_err(in_file(&identity.key))?;
        builder.with_client_auth_cert(chain, key).map_err(|error| TlsError::Setup(error.into()))
    }
}

fn in_file<E: Into<BoxError>>(path: &Path) -> impl FnOnce(E) -> TlsError {
    let path = path.to_owned();
    move |source| TlsError::File { path, source: source.into() }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(in_file(path))?.collect();
    let found = found.map_err(in_file(path))?;
    if found.is_empty() { Err(in_file(path)("no certificate")) } else { Ok(found) }
}

fn roots_of(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(in_file(path))?;
    }
    Ok(roots)
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    // Without any, plain HTTP still works: a laptop without certificates has no reason to fail.
    if added == 0 {
        tracing::debug!("the operating system has no certificates of authorities: no https server will be believed");
    }
    roots
}

fn thumbprint(text: &str) -> Result<String, TlsError> {
    let digits: String = text.chars().filter(|char| *char != ':').collect::<String>().to_ascii_lowercase();
    let valid = digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if valid { Ok(digits) } else { Err(TlsError::BadThumbprint) }
}

/// Believes a certificate by its thumbprint, or any, without asking who vouches for it.
#[derive(Debug)]
struct Unchained {
    pinned: Option<String>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Unchained {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(pinned) = &self.pinned else { return Ok(ServerCertVerified::assertion()) };
        let mut hasher = Hasher::new(HashAlgorithm::Sha1);
        hasher.update(certificate);
        if hasher.finish() == *pinned {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::InvalidCertificate(rustls::CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
