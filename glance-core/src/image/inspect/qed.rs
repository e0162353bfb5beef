//! QED: QEMU, `docs/interop/qed_spec.rst`. Nobody uses it; it is recognised to be refused.

use super::detector::Sighting;
use super::finding::{Finding, Findings};
use super::format::Format;
use super::numbers::{le32, le64};
use super::report::Match;
use super::tail::End;

const BACKING_FILE_FEATURE: u64 = 1;
const KNOWN_FEATURES: u64 = 0b111;

#[derive(Debug)]
struct Header(Match);

pub(super) fn recognise(head: &[u8]) -> Option<Box<dyn Sighting>> {
    head.starts_with(b"QED\0").then(|| Box::new(Header(read(head))) as Box<dyn Sighting>)
}

fn read(head: &[u8]) -> Match {
    let features = le64(head, 16).unwrap_or(0);
    let mut findings = Findings::default();
    findings.add(Finding::Banned);
    findings.add_if(features & BACKING_FILE_FEATURE != 0 || le32(head, 60).unwrap_or(0) != 0, Finding::BackingFile);
    findings.add_if(features & !KNOWN_FEATURES != 0, Finding::UnknownFeatures);
    Match::of(Format::Qed).sized(le64(head, 48)).with(findings)
}

impl Sighting for Header {
    fn finish(self: Box<Self>, end: &End<'_>) -> Option<Match> {
        Some(self.0.found(end.length < 64, Finding::Truncated))
    }
}
