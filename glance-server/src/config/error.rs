//! Why the server does not start with the configuration it was given.

use std::io;
use std::path::PathBuf;

use super::finding::Finding;
use super::ini::IniError;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file or folder that was asked for cannot be read.
    #[error("reading {path}: {source}")]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is larger than a configuration can reasonably be.
    #[error("{path}: larger than {limit} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit, in bytes.
        limit: u64,
    },
    /// A file is not in the INI dialect of `oslo.config`.
    #[error("{path}: {source}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, and what is wrong with it.
        source: IniError,
    },
    /// Options have values that cannot be used; all of them are named.
    #[error("{}", list(problems))]
    Invalid {
        /// What must change before the server starts.
        problems: Vec<Finding>,
        /// What the operator should know besides.
        warnings: Vec<Finding>,
    },
}

fn list(findings: &[Finding]) -> String {
    let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
