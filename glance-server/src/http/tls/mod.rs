//! TLS of this server's own: its certificate, the clients that may come, and new files without a restart.

mod files;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::sight::Sight;

pub use files::{TlsError, TlsFiles};

/// TLS 1.2 and 1.3 with the certificate of some files. A clone is the same one, so that all see new files.
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    files: TlsFiles,
    config: ArcSwap<ServerConfig>,
    /// What the files looked like when they were read last.
    seen: Mutex<[Sight; 3]>,
}

impl Tls {
    /// Reads the files. Blocks.
    ///
    /// # Errors
    ///
    /// [`TlsError`] naming the file that cannot be used.
    pub fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let seen = Mutex::new(files.look());
        let config = ArcSwap::from(files.read()?);
        Ok(Self(Arc::new(Inner { files, config, seen })))
    }

    /// Reads the files anew if they are not as they were. Connections that are there stay as they are. Blocks.
    ///
    /// Says whether there was anything new.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); then all stays as it was. A certificate and its key change one after the other,
    /// so this is told of each change once; what cannot be read at all is tried again each time.
    pub fn follow(&self) -> Result<bool, TlsError> {
        let sight = self.0.files.look();
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == sight {
            return Ok(false);
        }
        let read = self.0.files.read();
        if !matches!(read, Err(TlsError::Unreadable { .. })) {
            *seen = sight;
        }
        self.0.config.store(read?);
        Ok(true)
    }

    /// Reads the files anew. Blocks.
    ///
    /// # Errors
    ///
    /// As [`follow`](Self::follow).
    pub fn reload(&self) -> Result<(), TlsError> {
        let sight = self.0.files.look();
        self.0.config.store(self.0.files.read()?);
        *self.0.seen.lock().unwrap_or_else(PoisonError::into_inner) = sight;
        Ok(())
    }

    /// The files that are read.
    #[must_use]
    pub fn files(&self) -> &TlsFiles {
        &self.0.files
    }

    /// Shakes hands with the client behind `stream`, for as long as that takes.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(self.0.config.load_full()).accept(stream).await
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tls").field(&self.0.files).finish()
    }
}

/// Whether a handshake failed because of the client's certificate: its operator will ask why.
pub(super) fn is_about_the_client(error: &io::Error) -> bool {
    let tls = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    matches!(tls, Some(rustls::Error::NoCertificatesPresented | rustls::Error::InvalidCertificate(_)))
}

#[cfg(test)]
mod tests;
