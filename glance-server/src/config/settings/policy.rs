//! `[oslo_policy]`: who may do what.

use std::path::PathBuf;

use crate::config::finding::Finding;
use crate::config::resolve::Resolved;
use crate::config::sources::ConfigFiles;

const SECTION: &str = "oslo_policy";

/// Options of `[oslo_policy]`.
#[derive(Debug, Clone)]
pub struct OsloPolicySettings {
    /// `policy_file` (policy.yaml), found; `None` when there is none and the built-in rules stand
    /// alone.
    pub policy_file: Option<PathBuf>,
    /// `policy_dirs` (policy.d): those that exist, in the order given.
    pub policy_dirs: Vec<PathBuf>,
    /// `policy_default_rule`: the rule that undefined ones come to (default).
    pub policy_default_rule: String,
    /// `enforce_new_defaults`: whether the deprecated default rules are dead (true).
    pub enforce_new_defaults: bool,
}

impl OsloPolicySettings {
    pub(super) fn from(options: &Resolved, files: &ConfigFiles, warnings: &mut Vec<Finding>) -> Self {
        let name = options.text(SECTION, "policy_file").unwrap_or_default();
        let policy_file = files.find(&name).filter(|path| path.is_file());
        if policy_file.is_none()
            && let Some(origin) = options.origin(SECTION, "policy_file")
        {
            let message = format!("[{SECTION}] policy_file: no file {name}, built-in rules apply");
            warnings.push(Finding::new(Some(origin), message));
        }
        let dirs = options.list(SECTION, "policy_dirs").into_iter();
        Self {
            policy_file,
            policy_dirs: dirs.filter_map(|dir| files.find(dir)).filter(|path| path.is_dir()).collect(),
            policy_default_rule: options.text(SECTION, "policy_default_rule").unwrap_or_default(),
            enforce_new_defaults: options.flag(SECTION, "enforce_new_defaults"),
        }
    }
}
