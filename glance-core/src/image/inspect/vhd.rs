//! VHD: Microsoft, Virtual Hard Disk Image Format Specification 1.0; QEMU calls it `vpc`.
//!
//! Dynamic and differencing disks begin with a copy of the footer they end with. Fixed disks have
//! the footer alone.

use super::detector::Sighting;
use super::finding::{Finding, Findings};
use super::format::Format;
use super::numbers::{any_set, be32, be64, end_of};
use super::report::Match;
use super::tail::End;
use super::window::Window;

const COOKIE: &[u8] = b"conectix";
const FOOTER: usize = 512;
const FIXED: u32 = 2;
const DIFFERENCING: u32 = 4;

const DYNAMIC_COOKIE: &[u8] = b"cxsparse";
const DYNAMIC_HEADER: usize = 1024;

/// A disk that begins with the copy of its footer.
#[derive(Debug)]
struct Dynamic {
    copy: Footer,
    header: Option<Window>,
}

pub(super) fn recognise(head: &[u8]) -> Option<Box<dyn Sighting>> {
    let copy = Footer::read(head.get(..FOOTER.min(head.len()))?)?;
    let mut header =
        (copy.has_header() && !copy.is_overlapped()).then(|| Window::new(copy.data_offset, DYNAMIC_HEADER));
    if let Some(header) = &mut header {
        header.take(0, head);
    }
    Some(Box::new(Dynamic { copy, header }))
}

impl Sighting for Dynamic {
    fn look_at(&mut self, at: u64, data: &[u8]) {
        if let Some(header) = &mut self.header {
            header.take(at, data);
        }
    }

    fn is_waiting(&self) -> bool {
        self.header.as_ref().is_some_and(|header| header.complete().is_none())
    }

    fn held(&self) -> usize {
        self.header.as_ref().map_or(0, Window::held)
    }

    fn finish(self: Box<Self>, end: &End<'_>) -> Option<Match> {
        let Self { copy, header } = *self;
        let mut seen = copy.seen().found(end.length < FOOTER as u64, Finding::Truncated);
        seen = seen.found(copy.is_overlapped(), Finding::Overlap);
        match header.as_ref().map(Window::complete) {
            Some(Some(header)) => seen = seen.with(dynamic(header, &copy, end.length)),
            Some(None) => seen = seen.found(true, Finding::Truncated),
            None => {}
        }
        if let Some(footer) = end.last(FOOTER).and_then(Footer::read) {
            // Whoever reads the footer must not see another disk than who reads its copy.
            seen = seen.found(footer != copy, Finding::Footer);
            seen = seen.found(footer.kind == DIFFERENCING, Finding::Parent);
        }
        Some(seen)
    }
}

/// What is wrong with the header of a dynamic or differencing disk.
fn dynamic(header: &[u8], copy: &Footer, length: u64) -> Findings {
    let number = |at| u64::from(be32(header, at).unwrap_or(0));
    let table = be64(header, 16).unwrap_or(0);
    let (entries, block) = (number(28), number(32));
    let mut findings = Findings::default();
    // The parent's UUID and name, and eight ways to find it.
    findings.add_if(any_set(header, 40..56) || any_set(header, 64..768), Finding::Parent);
    findings.add_if(!header.starts_with(DYNAMIC_COOKIE), Finding::Malformed);
    findings.add_if(number(24) != 0x0001_0000, Finding::Version);
    findings.add_if(!block.is_power_of_two() || block < 512, Finding::Malformed);
    findings.add_if(entries.saturating_mul(block) < copy.size, Finding::Malformed);
    findings.add_if(table < end_of(copy.data_offset, DYNAMIC_HEADER as u64), Finding::Overlap);
    findings.add_if(end_of(table, entries * 4) > length, Finding::Truncated);
    findings.add_if(wrong_sum(header, 36), Finding::Checksum);
    findings
}

/// The fixed disk that the end of a stream says it is.
///
/// A footer that tells of a parent is told of as well, though no dynamic disk begins there: some
/// read the footer alone.
pub(super) fn at_end(end: &End<'_>) -> Option<Match> {
    let last = end.last(FOOTER)?;
    let footer = Footer::read(last).filter(|_| !wrong_sum(last, 64))?;
    let mut seen = footer.seen();
    seen.at_end_only = true;
    let room = end.length - FOOTER as u64;
    matches!(footer.kind, FIXED | DIFFERENCING).then(|| seen.found(footer.size > room, Finding::Truncated))
}

#[derive(Debug, PartialEq, Eq)]
struct Footer {
    data_offset: u64,
    size: u64,
    kind: u32,
    findings: Findings,
}

impl Footer {
    fn read(data: &[u8]) -> Option<Self> {
        data.starts_with(COOKIE).then(|| {
            let kind = be32(data, 60).unwrap_or(0);
            let mut findings = Findings::default();
            findings.add_if(kind == DIFFERENCING, Finding::Parent);
            findings.add_if(!matches!(kind, 0 | 2..=4), Finding::Malformed);
            findings.add_if(!matches!(be32(data, 12), None | Some(0 | 0x0001_0000)), Finding::Version);
            findings.add_if(be32(data, 64).is_some_and(|sum| sum != 0) && wrong_sum(data, 64), Finding::Checksum);
            Self { data_offset: be64(data, 16).unwrap_or(0), size: be64(data, 40).unwrap_or(0), kind, findings }
        })
    }

    /// Whether a header follows. Fixed disks have all bits set in its place; nothing at all is what
    /// the simplest of writers leave.
    fn has_header(&self) -> bool {
        self.kind != FIXED && !matches!(self.data_offset, 0 | u64::MAX)
    }

    fn is_overlapped(&self) -> bool {
        self.has_header() && self.data_offset < FOOTER as u64
    }

    fn seen(&self) -> Match {
        Match::of(Format::Vhd).sized(Some(self.size)).with(self.findings)
    }
}

/// Whether the checksum at `at` is not that of the header: the complement of the sum of its bytes,
/// reckoned with nothing in its own place.
fn wrong_sum(header: &[u8], at: usize) -> bool {
    let sum = |bytes: &[u8]| bytes.iter().fold(0_u32, |sum, byte| sum.wrapping_add((*byte).into()));
    let own = header.get(at..at + 4).map_or(0, sum);
    be32(header, at) != Some(!(sum(header).wrapping_sub(own)))
}
