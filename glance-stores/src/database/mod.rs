//! Records in a database, with Glance's own tables: one module and one feature for each engine.

use std::time::Duration;

use glance_core::store::BoxError;

#[cfg(feature = "encryption")]
pub mod encryption;
#[cfg(feature = "sqlite")]
pub mod sqlite;

#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;

/// What was asked of a database since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Transactions that read.
    pub reads: u64,
    /// Transactions that wrote, or might have.
    pub writes: u64,
    /// Those of both in which the database failed. That a record is missing, or was changed meanwhile, is an answer.
    pub failures: u64,
    /// How long all of them took, waiting for their turn included.
    pub time: Duration,
}

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There are tables, but not those of an Image service under migration control.
    #[error(
        "the database has tables, but not those of an Image service: \
         use an empty one, or run `glance-manage db sync` on it"
    )]
    NotGlance,
    /// The tables are those of another release.
    #[error("the database has the schema {found}, not {needed}: run `glance-manage db sync` on it")]
    OtherRelease {
        /// The revisions the database says it has.
        found: String,
        /// The revision this program knows.
        needed: &'static str,
    },
    /// Anything else: what was being done, and the cause.
    #[error("database: failed {doing}")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// The cause.
        source: BoxError,
    },
}

impl OpenError {
    /// For `map_err`: wraps a cause as [`OpenError::Failed`].
    #[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "every engine uses it"))]
    pub(crate) fn failed<E: Into<BoxError>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Failed { doing, source: source.into() }
    }
}
