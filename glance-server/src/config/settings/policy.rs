//! `[oslo_policy]`: who may do what.

use std::path::{Path, PathBuf};

use crate::config::finding::Finding;
use crate::config::resolve::Resolved;
use crate::config::sources::ConfigFiles;

const SECTION: &str = "oslo_policy";

/// Options of `[oslo_policy]`.
#[derive(Debug, Clone)]
pub struct OsloPolicySettings {
    /// `policy_file` (policy.yaml); without it the built-in rules stand alone.
    pub policy_file: Sought,
    /// `policy_dirs` (policy.d), in the order given.
    pub policy_dirs: Vec<Sought>,
    /// `policy_default_rule`: the rule that undefined ones come to (default).
    pub policy_default_rule: String,
    /// `enforce_new_defaults`: whether the deprecated default rules are dead (true).
    pub enforce_new_defaults: bool,
}

/// A file or folder of rules, which may come to be while the server runs.
#[derive(Debug, Clone)]
pub struct Sought {
    name: String,
    beside: ConfigFiles,
    is_it: fn(&Path) -> bool,
    found: Option<PathBuf>,
}

impl Sought {
    fn new(name: impl Into<String>, beside: &ConfigFiles, is_it: fn(&Path) -> bool) -> Self {
        let mut sought = Self { name: name.into(), beside: beside.clone(), is_it, found: None };
        sought.look();
        sought
    }

    /// Where it is; `None` as long as it is nowhere. What was found once is there for good, though it be deleted.
    pub fn look(&mut self) -> Option<&Path> {
        if self.found.is_none() {
            self.found = self.beside.find(&self.name).filter(|path| (self.is_it)(path));
        }
        self.found.as_deref()
    }
}

impl OsloPolicySettings {
    pub(super) fn from(options: &Resolved, files: &ConfigFiles, warnings: &mut Vec<Finding>) -> Self {
        let name = options.text(SECTION, "policy_file").unwrap_or_default();
        let policy_file = Sought::new(&name, files, Path::is_file);
        if policy_file.found.is_none()
            && let Some(origin) = options.origin(SECTION, "policy_file")
        {
            let message = format!("[{SECTION}] policy_file: no file {name}, built-in rules apply");
            warnings.push(Finding::new(Some(origin), message));
        }
        let dirs = options.list(SECTION, "policy_dirs").into_iter();
        Self {
            policy_file,
            policy_dirs: dirs.map(|dir| Sought::new(dir, files, Path::is_dir)).collect(),
            policy_default_rule: options.text(SECTION, "policy_default_rule").unwrap_or_default(),
            enforce_new_defaults: options.flag(SECTION, "enforce_new_defaults"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::testing::{COMPLETE, Folder, file};

    #[test]
    fn what_is_found_once_stays_where_it_was() {
        let folder = Folder::new();
        let conf = folder.write("glance-api.conf", COMPLETE);
        let mut settings = folder.load(&[file(conf)]).unwrap().settings.oslo_policy;
        assert_eq!((settings.policy_file.look(), settings.policy_dirs[0].look()), (None, None));
        // A folder where the file should be is none.
        std::fs::create_dir(folder.path("policy.yaml")).unwrap();
        assert_eq!(settings.policy_file.look(), None);
        std::fs::remove_dir(folder.path("policy.yaml")).unwrap();
        let path = folder.write("policy.yaml", "");
        assert_eq!(settings.policy_file.look(), Some(path.as_path()));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(settings.policy_file.look(), Some(path.as_path()));
        folder.write("policy.d/a.yaml", "");
        assert_eq!(settings.policy_dirs[0].look(), Some(folder.path("policy.d").as_path()));
    }
}
