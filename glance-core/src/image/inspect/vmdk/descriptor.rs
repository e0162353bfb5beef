//! The descriptor, line by line.
//!
//! Those who read descriptors look for words anywhere in them, comments included, and so does this.

use super::super::finding::{Finding, Findings};

/// Bytes of a line that are kept; nobody writes longer ones.
const LONGEST_LINE: usize = 4 << 10;

/// The longest name of a type that is looked at.
const LONGEST_TYPE: usize = 64;

const ACCESS: [&[u8]; 3] = [b"rw", b"rdonly", b"noaccess"];
const TYPES: [&[u8]; 2] = [b"monolithicsparse", b"streamoptimized"];
const TYPE: &[u8] = b"createtype";

/// A descriptor while it passes.
#[derive(Debug)]
pub(super) struct Descriptor {
    /// Where in the stream the next byte of it lies.
    next: u64,
    end: u64,
    line: Vec<u8>,
    text: Text,
}

/// What a descriptor says.
#[derive(Debug, Default)]
pub(super) struct Text {
    findings: Findings,
    types: u32,
    is_quoted: bool,
    is_single_file: bool,
    extents: u32,
    is_empty: bool,
}

impl Descriptor {
    /// One that lies at `start` and has `length` bytes, or fewer if a zero byte ends it.
    pub(super) fn new(start: u64, length: u64) -> Self {
        let text = Text { is_empty: true, ..Text::default() };
        Self { next: start, end: start.saturating_add(length), line: Vec::new(), text }
    }

    pub(super) fn look_at(&mut self, at: u64, data: &[u8]) {
        let skipped = usize::try_from(self.next.saturating_sub(at)).unwrap_or(usize::MAX);
        let wanted = usize::try_from(self.end.saturating_sub(at)).unwrap_or(usize::MAX);
        let Some(data) = data.get(skipped..wanted.min(data.len()).max(skipped)) else { return };
        self.next += data.len() as u64;
        let text = data.split(|byte| *byte == 0).next().unwrap_or(data);
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            self.take(line);
        }
        if text.len() < data.len() {
            self.next = self.end;
        }
    }

    /// Takes a line or a part of one.
    fn take(&mut self, part: &[u8]) {
        let room = LONGEST_LINE - self.line.len();
        self.text.findings.add_if(part.len() > room, Finding::DescriptorLine);
        self.line.extend_from_slice(&part[..part.len().min(room)]);
        if part.ends_with(b"\n") {
            self.end_line();
        }
    }

    fn end_line(&mut self) {
        self.line.make_ascii_lowercase();
        self.text.read(&self.line);
        self.line.clear();
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.next < self.end
    }

    pub(super) fn held(&self) -> usize {
        self.line.capacity()
    }

    /// What it says, read to its end.
    pub(super) fn finish(mut self) -> Text {
        self.end_line();
        self.text
    }
}

/// The words of a line of plain text; QEMU takes tabs for blanks.
fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty())
}

impl Text {
    /// Reads a line in lower case.
    fn read(&mut self, line: &[u8]) {
        let whole = line.strip_suffix(b"\n").unwrap_or(line);
        let whole = whole.strip_suffix(b"\r").unwrap_or(whole);
        // Some take a carriage return for the end of a line; what follows would be a line to them.
        let plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t');
        self.findings.add_if(!whole.iter().all(plain), Finding::DescriptorText);
        self.note_words(whole);
        let line = whole.trim_ascii();
        self.is_empty &= line.is_empty();
        let first = words(line).next().unwrap_or(line);
        let is_pair = first.contains(&b'=');
        if line.is_empty() || line.starts_with(b"#") || line.starts_with(b"ddb") || is_pair {
            return;
        }
        if ACCESS.contains(&first) {
            self.note_extent(line);
        } else {
            self.findings.add(Finding::DescriptorLine);
        }
    }

    fn note_words(&mut self, line: &[u8]) {
        let has = |word: &[u8]| line.windows(word.len()).any(|found| found == word);
        for (place, _) in line.windows(TYPE.len()).enumerate().filter(|(_, found)| *found == TYPE) {
            self.note_type(&line[place + TYPE.len()..]);
        }
        self.findings.add_if(has(b"parentfilenamehint"), Finding::Parent);
        self.findings.add_if(has(b"changetrackpath") || has(b"digestfilename"), Finding::SideFile);
        let line = line.trim_ascii();
        if let Some(parent) = line.strip_prefix(b"parentcid") {
            let parent = parent.trim_ascii().strip_prefix(b"=").unwrap_or(parent).trim_ascii();
            self.findings.add_if(parent != b"ffffffff", Finding::Parent);
        }
    }

    /// Takes note of a type, given what stands behind its name.
    fn note_type(&mut self, rest: &[u8]) {
        self.types = self.types.saturating_add(1);
        let quoted = rest.strip_prefix(b"=\"");
        let value =
            quoted.and_then(|rest| rest.split(|byte| *byte == b'"').next().filter(|value| value.len() < rest.len()));
        let value = value.filter(|value| value.len() < LONGEST_TYPE);
        self.is_quoted |= value.is_some();
        self.is_single_file = value.is_some_and(|value| TYPES.contains(&value));
        self.findings.add_if(!self.is_single_file, Finding::CreateType);
        self.findings.add_if(self.types > 1, Finding::SeveralCreateTypes);
    }

    /// Takes note of an extent: access, sectors, type and name of the file.
    fn note_extent(&mut self, line: &[u8]) {
        self.extents = self.extents.saturating_add(1);
        let is_path = |byte: &u8| matches!(byte, b'/' | b'\\' | b':' | b'[');
        let leaves = line.windows(2).any(|pair| pair == b"..");
        self.findings.add_if(line.iter().any(is_path) || leaves, Finding::ExtentPath);
        let kind = words(line).nth(2);
        self.findings.add_if(kind != Some(b"sparse"), Finding::ExternalExtent);
        self.findings.add_if(self.extents > 1, Finding::SeveralExtents);
    }

    /// What is wrong with it as the descriptor of a disk.
    pub(super) fn findings(&self) -> Findings {
        let mut findings = self.findings;
        findings.add_if(self.is_empty, Finding::DescriptorMissing);
        findings.add_if(self.types == 0, Finding::CreateType);
        findings.add_if(self.extents == 0, Finding::NoExtent);
        findings
    }

    /// Whether it is of a type that keeps everything in one file.
    pub(super) fn is_single_file(&self) -> bool {
        self.is_single_file
    }

    /// Whether it says of what type it is.
    pub(super) fn has_type(&self) -> bool {
        self.is_quoted
    }

    pub(super) fn has_extents(&self) -> bool {
        self.extents > 0
    }
}
