//! Policy files and the file of property protections, and noticing that they changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use glance_core::policy::{PolicyBuilder, RuleSource, likely_meant};
use glance_core::protection::{PropertyProtections, RuleFormat};
use glance_core::{Glance, Policy};
use serde_saphyr::Spanned;

use super::StartError;
use crate::config::{Finding, Origin, OsloPolicySettings, Settings};
use crate::sight::Sight;

/// The files that hold an operator's rules.
#[derive(Debug)]
pub(crate) struct Files {
    settings: OsloPolicySettings,
    /// `property_protection_file`, and what its values are.
    protections: Option<(PathBuf, RuleFormat)>,
    /// What the files looked like when they were looked at last; that of the protections is the last one.
    seen: Vec<(PathBuf, Sight)>,
    /// Reading failed for a reason that may pass without any file changing.
    may_pass: bool,
}

/// The rules of one file, each with the place where it stands.
pub(crate) type RulesOfFile = BTreeMap<String, Spanned<RuleSource>>;

/// The rules of the policy files over the default ones.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) policy: Policy,
    /// Where each rule of the files stands, the one that counts.
    pub(crate) places: BTreeMap<String, Origin>,
}

/// What the files say, and what to tell the operator about it.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) policy: Policy,
    protections: Option<PropertyProtections>,
    pub(super) findings: Vec<Finding>,
}

impl Loaded {
    /// From the next call on, `glance` decides by them.
    pub(super) fn put_in_force(self, glance: &Glance) {
        glance.set_policy(self.policy);
        glance.set_protections(self.protections);
    }
}

impl Files {
    pub(crate) fn of(settings: &Settings) -> Self {
        let default = &settings.default;
        let format = default.property_protection_rule_format;
        Self {
            settings: settings.oslo_policy.clone(),
            protections: default.property_protection_file.clone().map(|file| (file, format)),
            seen: Vec::new(),
            may_pass: false,
        }
    }

    /// Reads all files, the policy and the property protections. Blocks.
    ///
    /// # Errors
    ///
    /// As [`Files::written`], and [`StartError::File`] for a file that does not protect properties as it should.
    pub(super) fn load(&mut self) -> Result<Loaded, StartError> {
        let (written, protections) = self.load_each();
        let (written, protections) = (written?, protections?);
        let mut findings = written.findings(|rule| refers(protections.as_ref(), rule));
        findings.extend(self.doubts(&written.policy, protections.as_ref()));
        Ok(Loaded { policy: written.policy, protections, findings })
    }

    /// As [`Files::load`], with what is to be told logged.
    pub(super) fn load_and_tell(&mut self) -> Result<Loaded, StartError> {
        let loaded = self.load()?;
        for finding in &loaded.findings {
            tracing::warn!("{finding}");
        }
        Ok(loaded)
    }

    /// Reads all files and puts in force what can be read: one that is broken does not keep the others out. Returns what is
    /// to be told: why others stay as they were, and what is wrong with those in force. Blocks.
    pub(super) fn reload(&mut self, glance: &Glance) -> Reloaded {
        let (written, protections) = self.load_each();
        let in_use = |rule: &str| protections.as_ref().map_or(true, |read| refers(read.as_ref(), rule));
        let mut findings: Vec<_> = written.iter().flat_map(|written| written.findings(in_use)).collect();
        if let (Ok(written), Ok(protections)) = (&written, &protections) {
            findings.extend(self.doubts(&written.policy, protections.as_ref()));
        }
        let failures = [
            written.as_ref().err().map(|error| format!("the policy stays as it was: {error}")),
            protections.as_ref().err().map(|error| format!("the property protections stay as they were: {error}")),
        ];
        let reloaded = Reloaded { failures: failures.into_iter().flatten().collect(), findings };
        if let Ok(written) = written {
            glance.set_policy(written.policy);
        }
        if let Ok(protections) = protections {
            glance.set_protections(protections);
        }
        reloaded
    }

    fn load_each(&mut self) -> (Result<Written, StartError>, Result<Option<PropertyProtections>, StartError>) {
        let written = self.written();
        let protections = self.protections();
        let failures = [written.as_ref().err(), protections.as_ref().err()];
        self.may_pass = failures.into_iter().flatten().any(may_pass);
        (written, protections)
    }

    /// Reads the file of property protections; `None` if there is to be none. Blocks.
    ///
    /// # Errors
    ///
    /// [`StartError::File`] for one that does not protect properties as it should.
    pub(crate) fn protections(&self) -> Result<Option<PropertyProtections>, StartError> {
        self.protections.as_ref().map(protections).transpose()
    }

    /// Reads the policy files, later ones over earlier ones, over the default rules. Blocks.
    ///
    /// # Errors
    ///
    /// As [`Files::read`].
    pub(crate) fn written(&mut self) -> Result<Written, StartError> {
        let mut places = BTreeMap::new();
        let mut written = BTreeMap::new();
        for (file, rules) in self.read()? {
            let path = Arc::new(file);
            for (name, rule) in rules {
                let line = usize::try_from(rule.referenced.line()).unwrap_or(usize::MAX);
                places.insert(name.clone(), Origin::File { path: Arc::clone(&path), line });
                written.insert(name, rule.value);
            }
        }
        Ok(Written { policy: self.builder().rules(written).build(), places })
    }

    /// What is doubtful about the property protections while `policy` is in force.
    fn doubts(&self, policy: &Policy, protections: Option<&PropertyProtections>) -> Vec<Finding> {
        let path = self.protections.as_ref().map(|(file, _)| Arc::new(file.clone()));
        let place = |line| path.clone().map(|path| Origin::File { path, line });
        let warnings = protections.into_iter().flat_map(|protections| protections.warnings(policy));
        warnings.map(|warning| Finding::new(place(warning.line()), warning.to_string())).collect()
    }

    /// Every policy file with its rules, in the order in which they count. Blocks.
    ///
    /// # Errors
    ///
    /// [`StartError::File`] for a file that cannot be read or is no map of rules, and for a file or folder that was
    /// there before and is no more. Nobody means to fall back to the default rules by that.
    fn read(&mut self) -> Result<Vec<(PathBuf, RulesOfFile)>, StartError> {
        // Before anything is read: what changes meanwhile is noticed.
        self.seen = self.look();
        let policy = &self.seen[..self.seen.len() - usize::from(self.protections.is_some())];
        policy.iter().map(|(file, _)| Ok((file.clone(), rules(file)?))).collect()
    }

    /// The policy without the rules of files.
    pub(crate) fn builder(&self) -> PolicyBuilder {
        Policy::builder()
            .enforce_new_defaults(self.settings.enforce_new_defaults)
            .default_rule(&self.settings.policy_default_rule)
    }

    /// Whether any file was written, added or taken away since the last look, or could not be read for a reason that may
    /// have passed. Blocks.
    pub(super) fn changed(&mut self) -> bool {
        let sights = self.look();
        let changed = self.may_pass || sights != self.seen;
        self.seen = sights;
        changed
    }

    /// The policy file, then the files of each folder in the order of their names.
    fn look(&mut self) -> Vec<(PathBuf, Sight)> {
        let folders = self.settings.policy_dirs.iter_mut().filter_map(|dir| dir.look().map(visible_files));
        let folders: Vec<_> = folders.flatten().collect();
        let policy = self.settings.policy_file.look().map(Path::to_owned).into_iter().chain(folders);
        let protections = self.protections.iter().map(|(file, _)| file.clone());
        policy.chain(protections).map(|file| (file.clone(), Sight::of(&file))).collect()
    }
}

/// What came of reading the files again, each thing in a line of its own.
#[derive(Debug)]
pub(super) struct Reloaded {
    /// Why what is in force stays as it was.
    pub(super) failures: Vec<String>,
    pub(super) findings: Vec<Finding>,
}

impl Written {
    /// Flaws of rules, and rules that decide nothing, with the places they stand at. What is `in_use` decides something
    /// elsewhere: in property protections, or perhaps in those that cannot be read.
    pub(crate) fn findings(&self, in_use: impl Fn(&str) -> bool) -> Vec<Finding> {
        let Self { policy, places } = self;
        let flaws =
            policy.warnings().iter().map(|flaw| Finding::new(places.get(flaw.rule()).cloned(), flaw.to_string()));
        let idle = policy.unused().into_iter().filter(|name| !in_use(name)).map(|name| {
            let hint = likely_meant(name).map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
            let message = format!(
                "policy rule {name} is none that the Image API asks for, and no rule of these files refers to it{hint}"
            );
            Finding::new(places.get(name).cloned(), message)
        });
        flaws.chain(idle).collect()
    }
}

/// Whether the protections leave a decision to the rule.
pub(crate) fn refers(protections: Option<&PropertyProtections>, rule: &str) -> bool {
    protections.is_some_and(|protections| protections.refers_to(rule))
}

/// Whether a file may be read a moment later although it looks the same: the process has too many open, or a disk fails.
fn may_pass(error: &StartError) -> bool {
    let StartError::File { cause, .. } = error else { return false };
    let cause = cause.downcast_ref::<io::Error>();
    cause.is_some_and(|cause| !matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData))
}

/// The files of a folder; the folder itself, which cannot be read as a file, where it cannot be looked into.
fn visible_files(folder: &Path) -> Vec<PathBuf> {
    let hidden = |path: &Path| path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    let Ok(entries) = fs::read_dir(folder) else { return vec![folder.to_owned()] };
    let entries = entries.filter_map(Result::ok).map(|entry| entry.path());
    let mut files: Vec<_> = entries.filter(|path| path.is_file() && !hidden(path)).collect();
    files.sort();
    files
}

fn protections((file, format): &(PathBuf, RuleFormat)) -> Result<PropertyProtections, StartError> {
    let text = fs::read_to_string(file).map_err(StartError::file(file))?;
    PropertyProtections::parse(&text, *format).map_err(StartError::file(file))
}

/// The rules of one file; none where it is empty.
///
/// # Errors
///
/// [`StartError::File`]; the message quotes nothing of the file, which may hold URLs with credentials.
pub(crate) fn rules(file: &Path) -> Result<RulesOfFile, StartError> {
    let text = fs::read_to_string(file).map_err(StartError::file(file))?;
    let parsed: Result<Option<RulesOfFile>, _> = serde_saphyr::from_str(&text);
    let parsed = parsed.map_err(|error| match error.location() {
        Some(at) => format!("line {}: not a map of rules in YAML", at.line()),
        None => "not a map of rules in YAML".to_owned(),
    });
    parsed.map(Option::unwrap_or_default).map_err(StartError::file(file))
}

/// Rules without their places.
pub(crate) fn sources(rules: RulesOfFile) -> impl Iterator<Item = (String, RuleSource)> {
    rules.into_iter().map(|(name, source)| (name, source.value))
}

#[cfg(test)]
mod tests;
