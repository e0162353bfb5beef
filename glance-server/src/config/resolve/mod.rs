//! From what was written to the value of each option: names, references, types.

use std::cell::RefCell;
use std::collections::HashMap;

use super::finding::{Finding, Origin};
use super::interpolate::{ReferenceError, expand};
use super::kind::{Kind, Value};
use super::layers::{Layers, section_name};
use super::options::{Known, Section, sections};
use super::secret::Secret;

/// The value of every known option, and what there is to say about them.
pub(super) struct Resolved {
    pub(super) sections: Vec<Section>,
    pub(super) values: HashMap<(String, &'static str), Resolution>,
    /// Values that cannot be used.
    pub(super) problems: RefCell<Vec<Finding>>,
}

/// What one option came to.
#[derive(Debug, Clone)]
pub(super) struct Resolution {
    /// `None` when it is not set and has no default.
    pub(super) value: Option<Value>,
    /// Where it was written; `None` for a default.
    pub(super) origin: Option<Origin>,
}

impl Resolved {
    /// Resolves every option of every section, the sections of backends included.
    pub(super) fn from(layers: &Layers) -> Self {
        let fixed = Self::of(sections(), layers);
        let mut all = fixed.sections.clone();
        for section in fixed.further_sections(layers) {
            // A backend may be called like a section of a library: then that one holds both.
            match all.iter_mut().find(|known| known.name == section.name) {
                Some(known) => known.absorb(section),
                None => all.push(section),
            }
        }
        Self::of(all, layers)
    }

    fn of(sections: Vec<Section>, layers: &Layers) -> Self {
        let expander = Expander::new(layers, &sections);
        let mut values = HashMap::new();
        let mut problems = Vec::new();
        for section in &sections {
            for option in section.options() {
                let resolution = expander.resolution(section, option);
                let resolution = resolution.unwrap_or_else(|finding| {
                    problems.push(finding);
                    Resolution::UNSET
                });
                values.insert((section.name.clone(), option.name), resolution);
            }
        }
        Self { values, problems: RefCell::new(problems), sections }
    }

    /// Sections whose names are themselves configured.
    fn further_sections(&self, layers: &Layers) -> Vec<Section> {
        let backends = self.dict("DEFAULT", "enabled_backends");
        let backends = backends.iter().map(|(id, kind)| Section::backend(id, kind));
        let reserved = RESERVED_STORES.into_iter().map(Section::reserved);
        let cors = layers.section_names().into_iter();
        let cors = cors.filter(|name| name.starts_with("cors."));
        let auth = ["keystone_authtoken", "oslo_limit"].into_iter();
        let auth = auth.filter_map(|section| self.text(section, "auth_section"));
        backends
            .chain(reserved)
            .chain(cors.map(|name| Section::cors(&name)))
            .chain(auth.map(|name| Section::auth(&name)))
            .collect()
    }

    fn get(&self, section: &str, option: &str) -> Option<&Resolution> {
        let known = self.sections.iter().find(|known| known.name == section);
        let name = known.and_then(|known| known.option(option)).map(|known| known.name)?;
        self.values.get(&(section.to_owned(), name))
    }

    pub(super) fn value(&self, section: &str, option: &str) -> Option<&Value> {
        self.get(section, option)?.value.as_ref()
    }

    /// Where `option` was set; `None` when nothing sets it.
    pub(super) fn origin(&self, section: &str, option: &str) -> Option<Origin> {
        self.get(section, option)?.origin.clone()
    }

    /// Whether anything sets `option`.
    pub(super) fn is_set(&self, section: &str, option: &str) -> bool {
        self.origin(section, option).is_some()
    }

    /// Notes that the value of `option` cannot be used, because it `must` be otherwise.
    pub(super) fn refuse(&self, section: &str, option: &str, must: impl AsRef<str>) {
        self.refuse_at(None, section, option, must);
    }

    /// As [`Resolved::refuse`], for a value that stands at `place`; `None`: where the option is set.
    pub(super) fn refuse_at(&self, place: Option<Origin>, section: &str, option: &str, must: impl AsRef<str>) {
        let message = format!("[{section}] {option} {}", must.as_ref());
        let finding = Finding::new(place.or_else(|| self.origin(section, option)), message);
        self.problems.borrow_mut().push(finding);
    }

    /// A text; `None` when unset or empty.
    pub(super) fn text(&self, section: &str, option: &str) -> Option<String> {
        match self.value(section, option) {
            Some(Value::Text(text)) if !text.is_empty() => Some(text.clone()),
            _ => None,
        }
    }

    pub(super) fn secret(&self, section: &str, option: &str) -> Option<Secret> {
        self.text(section, option).map(Secret::new)
    }

    pub(super) fn flag(&self, section: &str, option: &str) -> bool {
        matches!(self.value(section, option), Some(Value::Flag(true)))
    }

    /// A number, if there is one and it fits `T`; the table of options bounds it.
    pub(super) fn int<T: TryFrom<i128>>(&self, section: &str, option: &str) -> Option<T> {
        match self.value(section, option) {
            Some(Value::Int(number)) => T::try_from(*number).ok(),
            _ => None,
        }
    }

    pub(super) fn list(&self, section: &str, option: &str) -> Vec<String> {
        match self.value(section, option) {
            Some(Value::List(list)) => list.clone(),
            _ => Vec::new(),
        }
    }

    pub(super) fn dict(&self, section: &str, option: &str) -> Vec<(String, String)> {
        match self.value(section, option) {
            Some(Value::Dict(pairs)) => pairs.clone(),
            _ => Vec::new(),
        }
    }
}

impl Resolution {
    const UNSET: Self = Self { value: None, origin: None };
}

/// Stores that a multi-store server keeps for itself: uploads on their way in, and task scratch.
pub(super) const RESERVED_STORES: [&str; 2] = ["os_glance_staging_store", "os_glance_tasks_store"];

/// How deep references may go through options that refer to others.
const MAX_DEPTH: usize = 32;

/// Fills in references, remembering what each option came to.
struct Expander<'a> {
    layers: &'a Layers,
    sections: HashMap<&'a str, &'a Section>,
    done: RefCell<HashMap<(String, String), String>>,
}

impl<'a> Expander<'a> {
    fn new(layers: &'a Layers, sections: &'a [Section]) -> Self {
        let sections = sections.iter().map(|section| (section.name.as_str(), section));
        Self { layers, sections: sections.collect(), done: RefCell::default() }
    }

    fn resolution(&self, section: &Section, option: &'static Known) -> Result<Resolution, Finding> {
        if option.kind == Kind::Multi {
            return self.multi(section, option);
        }
        let (text, origin) = self.written(section, option);
        let Some(text) = text else {
            return Ok(Resolution { value: None, origin });
        };
        let value = self
            .expanded(&text, &section.name, &mut Vec::new())
            .map_err(|error| explained(&error, option, &text))
            .and_then(|text| option.kind.read(&text))
            .map_err(|must| Finding::new(origin.clone(), format!("[{}] {} {must}", section.name, option.name)))?;
        // An empty number means that the option is not set.
        let value = value.or_else(|| option.kind.read(option.default?).ok().flatten());
        Ok(Resolution { value, origin })
    }

    fn multi(&self, section: &Section, option: &'static Known) -> Result<Resolution, Finding> {
        let mut settings = names(section, option, |names| self.layers.find_all(names));
        if let Some(fallback) = section.fallback_for(option.name).filter(|_| settings.is_empty()) {
            settings = self.layers.find_all(&[(fallback, option.name)]);
        }
        let origin = settings.first().map(|setting| setting.origin.clone());
        let mut written: Vec<_> = settings.iter().map(|setting| setting.value.as_str()).collect();
        if written.is_empty() {
            written.extend(option.default);
        }
        let values: Result<Vec<_>, _> =
            written.iter().map(|text| self.expanded(text, &section.name, &mut Vec::new())).collect();
        match values {
            Ok(values) => Ok(Resolution { value: Some(Value::List(values)), origin }),
            Err(error) => {
                let must = explained(&error, option, &written.join("\n"));
                Err(Finding::new(origin, format!("[{}] {} {must}", section.name, option.name)))
            }
        }
    }

    /// What is written for `option`, there or in the fallback section, else its default.
    fn written(&self, section: &Section, option: &Known) -> (Option<String>, Option<Origin>) {
        let found = names(section, option, |names| self.layers.find(names)).or_else(|| {
            let fallback = section.fallback_for(option.name)?;
            self.layers.find(&[(fallback, option.name)])
        });
        match found {
            Some(setting) => (Some(setting.value.clone()), Some(setting.origin.clone())),
            None => (option.default.map(ToOwned::to_owned), None),
        }
    }

    /// `text` with the references in it filled in, seen from `section`.
    fn expanded(&self, text: &str, section: &str, path: &mut Vec<(String, String)>) -> Result<String, ReferenceError> {
        expand(text, &mut |name| self.referred(name, section, path))
    }

    /// What `name` stands for in a value of `section`: an option of that section, of `DEFAULT`, or
    /// `group.option`.
    fn referred(&self, name: &str, section: &str, path: &mut Vec<(String, String)>) -> Result<String, ReferenceError> {
        let places = match name.split_once('.') {
            Some((group, option)) => vec![(section_name(group), option)],
            None => vec![(section.to_owned(), name), ("DEFAULT".to_owned(), name)],
        };
        let (known, option) = places
            .iter()
            .find_map(|(group, option)| {
                let known = self.sections.get(group.as_str())?;
                Some((*known, known.option(option)?))
            })
            .ok_or_else(|| ReferenceError::Unknown(name.to_owned()))?;
        let key = (known.name.clone(), option.name.to_owned());
        if let Some(done) = self.done.borrow().get(&key) {
            return Ok(done.clone());
        }
        if path.contains(&key) || path.len() >= MAX_DEPTH {
            return Err(ReferenceError::Circular(name.to_owned()));
        }
        let text = self.written(known, option).0.unwrap_or_default();
        path.push(key.clone());
        let expanded = self.expanded(&text, &known.name, path);
        path.pop();
        let expanded = expanded.map_err(|error| if may_show(option, &text) { error } else { error.without_names() })?;
        self.done.borrow_mut().insert(key, expanded.clone());
        Ok(expanded)
    }
}

/// What keeps `value` from being read, which is that of `option`. URLs may have a password in front of their host.
fn explained(error: &ReferenceError, option: &Known, value: &str) -> String {
    if may_show(option, value) { error.to_string() } else { error.clone().without_names().to_string() }
}

fn may_show(option: &Known, value: &str) -> bool {
    !option.secret && !value.contains('@')
}

/// Calls `find` with every name that `option` has had in `section`, the present one first.
fn names<T>(section: &Section, option: &Known, find: impl FnOnce(&[(&str, &str)]) -> T) -> T {
    let mut names = vec![(section.name.as_str(), option.name)];
    names.extend(option.old.iter().map(|(group, name)| {
        let group = if group.is_empty() { section.name.as_str() } else { group };
        (group, *name)
    }));
    find(&names)
}

#[cfg(test)]
mod tests;
