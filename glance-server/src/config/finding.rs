//! Where a setting was written, and what there is to say about it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// The place a value comes from, as messages name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A line of a configuration file, counted from 1.
    File {
        /// The file, as it was opened.
        path: Arc<PathBuf>,
        /// The line of the option's name.
        line: usize,
    },
    /// An environment variable.
    Environment(String),
    /// The command line.
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}

/// Something to tell the operator about a setting: a warning, or a reason not to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where the setting stands; `None` when the trouble is that it stands nowhere.
    pub origin: Option<Origin>,
    /// What is the matter. Names the option and never repeats a secret.
    pub message: String,
}

impl Finding {
    pub(crate) fn new(origin: Option<Origin>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { origin, message }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{origin}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}
