//! What keeps a server from starting.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use glance_core::StoresError;
use glance_core::store::BoxError;
use glance_stores::database::OpenError;

use crate::api::BadSchemaFile;
use crate::http::TlsError;

/// Why the server does not start: what to do about it stands in the message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A file that the configuration names cannot be used.
    #[error("{}: {cause}", file.display())]
    File {
        /// The file or folder.
        file: PathBuf,
        /// The cause.
        cause: BoxError,
    },
    /// An option has a value that only shows now to be of no use.
    #[error("option {option}: {cause}")]
    Option {
        /// Its name.
        option: &'static str,
        /// The cause.
        cause: BoxError,
    },
    /// The database cannot be opened.
    #[error("database {}: {cause}{}", place.display(), reason(cause))]
    Database {
        /// The file.
        place: PathBuf,
        /// The cause.
        cause: OpenError,
    },
    /// A store cannot be opened.
    #[error("store {id}: {cause}{}", reason(cause.as_ref()))]
    Store {
        /// Its id.
        id: String,
        /// The cause.
        cause: BoxError,
    },
    /// The certificate, its key or the authorities of clients cannot be used.
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
    /// The stores do not go together.
    #[error(transparent)]
    Stores(#[from] StoresError),
    /// `schema-image.json` makes no sense.
    #[error(transparent)]
    Schema(#[from] BadSchemaFile),
    /// The address cannot be listened on.
    #[error("listening on {bind}: {cause}")]
    Listen {
        /// As the configuration says it.
        bind: String,
        /// The cause.
        cause: io::Error,
    },
    /// Callers are not authenticated, and the address is not this machine's alone.
    #[error(
        "{0} lets other machines in while nobody is asked to prove who they are: \
         set [glance_rs] allow_unauthenticated_remote = true to mean that"
    )]
    Unauthenticated(SocketAddr),
    /// Anything else: what was being done, and the cause.
    #[error("failed {doing}: {cause}")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// The cause.
        cause: io::Error,
    },
}

impl StartError {
    pub(super) fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Failed { doing, cause }
    }

    pub(super) fn file<E: Into<BoxError>>(file: &Path) -> impl FnOnce(E) -> Self {
        move |cause| Self::File { file: file.to_owned(), cause: cause.into() }
    }

    pub(super) fn option<E: Into<BoxError>>(option: &'static str) -> impl FnOnce(E) -> Self {
        move |cause| Self::Option { option, cause: cause.into() }
    }

    pub(super) fn store<E: Into<BoxError>>(id: &str) -> impl FnOnce(E) -> Self {
        move |cause| Self::Store { id: id.to_owned(), cause: cause.into() }
    }
}

/// What lies behind the failure of a database or a store, which say themselves what is not to be shown.
fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    error.source().map(|cause| format!(": {cause}")).unwrap_or_default()
}
