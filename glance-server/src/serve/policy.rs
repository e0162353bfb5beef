//! Policy files, and noticing that they changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use glance_core::Policy;
use glance_core::policy::RuleSource;

use super::StartError;
use crate::config::OsloPolicySettings;

/// The files that hold an operator's rules.
#[derive(Debug)]
pub(super) struct Files {
    settings: OsloPolicySettings,
    /// What the files looked like when they were read last.
    seen: Vec<Sight>,
}

/// A file, and when it was written last.
type Sight = (PathBuf, Option<SystemTime>);

type RulesOfFile = BTreeMap<String, RuleSource>;

impl Files {
    pub(super) fn of(settings: &OsloPolicySettings) -> Self {
        Self { settings: settings.clone(), seen: Vec::new() }
    }

    /// Reads all files, later ones over earlier ones, over the default rules. Blocks.
    ///
    /// # Errors
    ///
    /// [`StartError::File`] for a file that cannot be read or is no map of rules.
    pub(super) fn load(&mut self) -> Result<Policy, StartError> {
        let sights = self.look();
        let mut builder = Policy::builder()
            .enforce_new_defaults(self.settings.enforce_new_defaults)
            .default_rule(&self.settings.policy_default_rule);
        for (file, _) in &sights {
            builder = builder.rules(rules(file)?);
        }
        // Also after an error the same files are not read again until they change; see `changed`.
        self.seen = sights;
        let policy = builder.build();
        for warning in policy.warnings() {
            tracing::warn!("{warning}");
        }
        Ok(policy)
    }

    /// Whether any file was written, added or taken away since the last look. Blocks.
    pub(super) fn changed(&mut self) -> bool {
        let sights = self.look();
        let changed = sights != self.seen;
        self.seen = sights;
        changed
    }

    /// The policy file, then the files of each folder in the order of their names.
    fn look(&self) -> Vec<Sight> {
        let folders = self.settings.policy_dirs.iter().flat_map(|folder| visible_files(folder));
        let files = self.settings.policy_file.iter().cloned().chain(folders);
        files
            .map(|file| {
                let written = fs::metadata(&file).and_then(|metadata| metadata.modified()).ok();
                (file, written)
            })
            .collect()
    }
}

fn visible_files(folder: &Path) -> Vec<PathBuf> {
    let hidden = |path: &Path| path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let mut files: Vec<_> = entries.filter(|path| path.is_file() && !hidden(path)).collect();
    files.sort();
    files
}

/// The rules of one file; none where it is empty.
fn rules(file: &Path) -> Result<RulesOfFile, StartError> {
    let text = fs::read_to_string(file).map_err(StartError::file(file))?;
    // The reader's own message quotes the file, which may hold URLs with credentials.
    let parsed: Result<Option<RulesOfFile>, _> = serde_saphyr::from_str(&text);
    let parsed = parsed.map_err(|error| match error.location() {
        Some(at) => format!("line {}: not a map of rules in YAML", at.line()),
        None => "not a map of rules in YAML".to_owned(),
    });
    parsed.map(Option::unwrap_or_default).map_err(StartError::file(file))
}

#[cfg(test)]
mod tests {
    use glance_core::RequestContext;
    use glance_core::policy::NoTarget;

    use super::*;

    fn files(folder: &Path) -> Files {
        Files::of(&OsloPolicySettings {
            policy_file: Some(folder.join("policy.yaml")),
            policy_dirs: vec![folder.join("policy.d")],
            policy_default_rule: "default".to_owned(),
            enforce_new_defaults: true,
        })
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("policy.d")).unwrap();
        fs::write(folder.path().join("policy.yaml"), "").unwrap();
        folder
    }

    fn may(policy: &Policy, call: &str, role: &str) -> bool {
        policy.allows(call, &NoTarget, &RequestContext::new("u", "p", [role]))
    }

    #[test]
    fn later_files_count_over_earlier_ones() {
        let folder = folder();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("policy.yaml", "\"x\": \"role:a\"\ny: role:a\nz: [[role:a], [role:b]]\nstores_info_detail: '@'\n");
        write("policy.d/20.yaml", "{\"x\": \"role:c\"}");
        write("policy.d/10.yaml", "x: role:b");
        write("policy.d/.hidden", "x: '@'");
        let policy = files(folder.path()).load().unwrap();
        assert!(may(&policy, "x", "c") && !may(&policy, "x", "a") && !may(&policy, "x", "b"));
        assert!(may(&policy, "y", "a") && may(&policy, "z", "b") && may(&policy, "stores_info_detail", "a"));
    }

    #[test]
    fn files_that_are_no_rules_are_named_without_their_text() {
        for text in ["- a\n- b", "a: b: secret", "text", "{"] {
            let folder = folder();
            fs::write(folder.path().join("policy.yaml"), text).unwrap();
            let error = files(folder.path()).load().unwrap_err().to_string();
            assert!(error.contains("policy.yaml") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_change_is_noticed_once() {
        let folder = folder();
        let mut files = files(folder.path());
        files.load().unwrap();
        assert!(!files.changed());
        fs::write(folder.path().join("policy.d/new.yaml"), "x: role:a").unwrap();
        assert!(files.changed());
        assert!(!files.changed());
        fs::remove_file(folder.path().join("policy.d/new.yaml")).unwrap();
        assert!(files.changed());
    }
}
