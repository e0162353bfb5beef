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
    /// Whether QEMU would take it for a descriptor, whatever else it says.
    certain: bool,
}

/// Recognises what Python Glance takes for a descriptor, text with a type in it, and what QEMU does,
/// which is content with a version behind comments of any bytes.
pub(super) fn recognise(head: &[u8]) -> Option<Box<dyn Sighting>> {
    let beginning = &head[..head.len().min(BEGINNING)];
    let certain = begins_with_version(beginning);
    if !certain && !is_text(beginning) {
        return None;
    }
    let mut descriptor = Descriptor::new(0, LONGEST_DESCRIPTOR);
    descriptor.look_at(0, head);
    Some(Box::new(Alone { descriptor, certain }))
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
        (text.has_type() || self.certain && text.has_extents()).then(|| {
            // What extents there are cannot be in this file, which is text to its end.
            Match::of(Format::Vmdk).with(text.findings()).found(text.has_extents(), Finding::ExternalExtent)
        })
    }
}
