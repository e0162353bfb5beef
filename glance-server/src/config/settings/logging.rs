//! `[DEFAULT]`: where log lines go and how much of them there is.

use std::path::PathBuf;

use crate::config::resolve::Resolved;

const SECTION: &str = "DEFAULT";

/// Options of `[DEFAULT]` about logging.
#[derive(Debug, Clone)]
pub struct LoggingSettings {
    /// `debug`: whether debug lines are written (false).
    pub debug: bool,
    /// `log_file`, inside `log_dir` unless it is absolute; with `log_dir` alone,
    /// `glance-api.log` there. `None`: standard error.
    pub file: Option<PathBuf>,
    /// `use_stderr`: whether lines go to standard error as well as to the file (false).
    pub use_stderr: bool,
    /// `use_json`: one JSON object for each line (false).
    pub use_json: bool,
}

impl LoggingSettings {
    pub(super) fn from(options: &Resolved) -> Self {
        let file = options.text(SECTION, "log_file").map(PathBuf::from);
        let dir = options.text(SECTION, "log_dir").map(PathBuf::from);
        Self {
            debug: options.flag(SECTION, "debug"),
            file: match (dir, file) {
                (Some(dir), file) => Some(dir.join(file.unwrap_or_else(|| "glance-api.log".into()))),
                (None, file) => file,
            },
            use_stderr: options.flag(SECTION, "use_stderr"),
            use_json: options.flag(SECTION, "use_json"),
        }
    }
}
