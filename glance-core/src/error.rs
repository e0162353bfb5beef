//! Why a registry refused or failed a call.

use crate::database::RepoError;
use crate::limits::LimitsError;
use crate::store::StoreError;

/// Why a call on the registry did not do what it was asked: one variant for each thing a caller can
/// do about it.
///
/// Messages are meant for the client. They name fields, limits and ids, never locations.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such thing, or the caller may not know of it.
    #[error("{0}")]
    NotFound(String),
    /// The image has no data that could be read.
    #[error("image {0} has no data")]
    NoData(crate::image::ImageId),
    /// The caller may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// The request makes no sense: which field, and why.
    #[error("{0}")]
    Invalid(String),
    /// The state of things stands against it, or somebody else was first.
    #[error("{0}")]
    Conflict(String),
    /// What the call worked on went away meanwhile, or never takes data.
    #[error("{0}")]
    Gone(String),
    /// A limit or quota would be passed: which, and by how much.
    #[error("{0}")]
    OverLimit(String),
    /// The data is not what the image says, or is not safe: what was found.
    #[error("{0}")]
    BadData(String),
    /// The range begins behind the data.
    #[error("the range begins behind the last of {size} bytes")]
    OutOfRange {
        /// Length of the data in bytes.
        size: u64,
    },
    /// The client stopped sending before the data was complete.
    #[error("the data broke off: {0}")]
    Interrupted(String),
    /// A store or database cannot be reached or written now; later it may.
    #[error("{0}")]
    Unavailable(String),
    /// Nobody can say what the project may hold, now or at all.
    #[error("it cannot be found out what the project may hold")]
    Limits(#[source] LimitsError),
    /// A store failed.
    #[error("the store failed")]
    Store(#[source] StoreError),
    /// The database failed.
    #[error("the database failed")]
    Database(#[source] RepoError),
}

impl From<RepoError> for Error {
    /// For failures nobody foresaw; what a caller can act on is told apart where it arises.
    fn from(error: RepoError) -> Self {
        match error {
            RepoError::Stale { .. } => Self::Conflict(format!("the image was changed meanwhile: {error}")),
            RepoError::Changed | RepoError::DataOnItsWay => Self::Conflict(error.to_string()),
            other => Self::Database(other),
        }
    }
}
