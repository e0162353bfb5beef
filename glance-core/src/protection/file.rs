//! The file of protections, taken apart as Python's `configparser` does it.
//!
//! Unlike the dialect of `oslo.config`: a line that stands further in than its key continues the value, comments may
//! stand in between, keys are read in lower case, and nothing may repeat.

use super::{Fault, ProtectionError};

/// A section with its keys.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// What stands between the brackets.
    pub(super) name: String,
    /// The line of the header, counted from 1.
    pub(super) line: usize,
    keys: Vec<Key>,
}

#[derive(Debug, PartialEq, Eq)]
struct Key {
    name: String,
    line: usize,
    value: String,
}

/// The section whose keys every other section has, unless it has its own.
const DEFAULT: &str = "DEFAULT";

impl Section {
    /// The value of a key; `None` where it is missing.
    pub(super) fn value(&self, key: &str) -> Option<&str> {
        self.key(key).map(|key| key.value.as_str())
    }

    /// Where a key stands; where the section begins, if it is missing.
    pub(super) fn line_of(&self, key: &str) -> usize {
        self.key(key).map_or(self.line, |key| key.line)
    }

    fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// The sections in the order of the file.
///
/// # Errors
///
/// [`ProtectionError`] for the first line that does not fit.
pub(super) fn sections(text: &str) -> Result<Vec<Section>, ProtectionError> {
    let mut reader = Reader::default();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        reader.take(line, index + 1)?;
    }
    let (defaults, mut sections): (Vec<_>, Vec<_>) =
        reader.sections.into_iter().partition(|section| section.name == DEFAULT);
    for key in defaults.into_iter().flat_map(|section| section.keys) {
        for section in sections.iter_mut().filter(|section| section.key(&key.name).is_none()).collect::<Vec<_>>() {
            section.keys.push(Key { name: key.name.clone(), line: key.line, value: key.value.clone() });
        }
    }
    Ok(sections)
}

#[derive(Default)]
struct Reader {
    sections: Vec<Section>,
    /// How far in the last header or key stands; lines that stand further in continue a value.
    indent: usize,
    /// Whether the last line but for comments and empty ones belongs to a key.
    in_value: bool,
}

impl Reader {
    fn take(&mut self, line: &str, number: usize) -> Result<(), ProtectionError> {
        let text = line.trim();
        if text.is_empty() || text.starts_with(['#', ';']) {
            return Ok(());
        }
        let indent = line.chars().take_while(|char| char.is_whitespace()).count();
        if self.in_value
            && indent > self.indent
            && let Some(key) = self.sections.last_mut().and_then(|section| section.keys.last_mut())
        {
            key.value.push('\n');
            key.value.push_str(text);
            return Ok(());
        }
        self.indent = indent;
        // A regular expression may hold brackets: the last one on the line is the section's.
        match text.strip_prefix('[').and_then(|rest| rest.rsplit_once(']')) {
            Some((name, _)) if !name.is_empty() => self.header(name, number),
            _ => self.key(text, number),
        }
    }

    fn header(&mut self, name: &str, line: usize) -> Result<(), ProtectionError> {
        let section = Section { name: name.to_owned(), line, keys: Vec::new() };
        if self.sections.iter().any(|known| known.name == name && name != DEFAULT) {
            return Err(ProtectionError { line, section: Some(section.name), fault: Fault::Repeated });
        }
        self.in_value = false;
        self.sections.push(section);
        Ok(())
    }

    fn key(&mut self, text: &str, line: usize) -> Result<(), ProtectionError> {
        let name_of = |section: &Section| section.name.clone();
        let wrong = |section: Option<&Section>, fault| ProtectionError { line, section: section.map(name_of), fault };
        let split = text.split_once(['=', ':']).map(|(name, value)| (name.trim().to_lowercase(), value.trim()));
        let Some((name, value)) = split.filter(|(name, _)| !name.is_empty()) else {
            return Err(wrong(self.sections.last(), Fault::Unreadable));
        };
        let Some(section) = self.sections.last_mut() else { return Err(wrong(None, Fault::NoSection)) };
        if section.key(&name).is_some() {
            return Err(wrong(Some(section), Fault::RepeatedKey(name)));
        }
        section.keys.push(Key { name, line, value: value.to_owned() });
        self.in_value = true;
        Ok(())
    }
}
