//! Descriptors that stand alone.

use super::super::detector::Sighting;
use super::super::finding::Finding;
use super::super::format::Format;
use super::super::report::Match;
use super::super::tail::End;
use super::LONGEST_DESCRIPTOR;
use super::descriptor::Descriptor;

/// Bytes at the beginning by which text is known.
const BEGINNING: usize = 512;

#[derive(Debug)]
struct Alone {
    descriptor: Descriptor,
    kind: Kind,
}

/// How the data begins.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// With a version, for which QEMU takes it for a descriptor, whatever else it says.
    Version,
    /// With text.
    Text,
    /// With bytes among which no zero is: who is told that it is a descriptor reads them as one.
    Bytes,
}

impl Kind {
    fn of(beginning: &[u8]) -> Option<Self> {
        if begins_with_version(beginning) {
            Some(Self::Version)
        } else if is_text(beginning) {
            Some(Self::Text)
        } else {
            (!beginning.is_empty() && !beginning.contains(&0)).then_some(Self::Bytes)
        }
    }

    /// Whether data that says so much is a descriptor.
    fn is_descriptor(self, has_type: bool, has_extents: bool) -> bool {
        match self {
            Self::Version => has_type || has_extents,
            Self::Text => has_type,
            Self::Bytes => has_type && has_extents,
        }
    }
}

/// Recognises what Python Glance takes for a descriptor, text with a type in it, and what QEMU does: left to
/// itself, content with a version behind comments of any bytes; told that it is one, anything with a
/// type and extents.
pub(super) fn recognise(head: &[u8]) -> Option<Box<dyn Sighting>> {
    let kind = Kind::of(&head[..head.len().min(BEGINNING)])?;
    let mut descriptor = Descriptor::new(0, LONGEST_DESCRIPTOR);
    descriptor.look_at(0, head);
    Some(Box::new(Alone { descriptor, kind }))
}

fn is_text(beginning: &[u8]) -> bool {
    // The separators 0x1C to 0x1F are white space to Python.
    !beginning.is_empty() && beginning.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'..=b'\r' | 0x1C..=0x1F))
}

/// Whether the first line that is neither blank nor a comment gives a version.
fn begins_with_version(beginning: &[u8]) -> bool {
    let blank = |line: &&[u8]| line.starts_with(b"#") || line.trim_ascii().is_empty();
    let first = beginning.split(|byte| *byte == b'\n').find(|line| !blank(line));
    first.is_some_and(|line| line.trim_ascii().starts_with(b"version="))
}

impl Sighting for Alone {
    fn look_at(&mut self, at: u64, data: &[u8]) {
        self.descriptor.look_at(at, data);
    }

    fn is_waiting(&self) -> bool {
        self.descriptor.is_waiting()
    }

    fn held(&self) -> usize {
        self.descriptor.held()
    }

    fn finish(self: Box<Self>, _end: &End<'_>) -> Option<Match> {
        let text = self.descriptor.finish();
        self.kind.is_descriptor(text.has_type(), text.has_extents()).then(|| {
            // What extents there are cannot be in this file, which is text to its end.
            Match::of(Format::Vmdk).with(text.findings()).found(text.has_extents(), Finding::ExternalExtent)
        })
    }
}
