//! qcow2, versions 2 and 3: QEMU, `docs/interop/qcow2.rst`.

use super::detector::{HEAD, Sighting};
use super::finding::{Finding, Findings};
use super::format::Format;
use super::numbers::{be32, be64, end_of};
use super::report::Match;
use super::tail::End;

const MAGIC: &[u8] = b"QFI\xfb";

/// Incompatible features that are understood: dirty, corrupt, external data file, compression type.
const KNOWN_FEATURES: u64 = 0b1111;
const DATA_FILE_FEATURE: u64 = 0b0100;

/// The header extension that names an external data file.
const DATA_FILE_NAME: u32 = 0x4441_5441;
const END_OF_EXTENSIONS: u32 = 0;

/// Length of the header of version 2, which does not say it.
const HEADER_2: u64 = 72;

#[derive(Debug)]
struct Header {
    size: Option<u64>,
    findings: Findings,
    /// Where the tables lie: first byte and length.
    tables: [(u64, u64); 2],
    /// Where the first table may begin.
    room_from: u64,
}

pub(super) fn recognise(head: &[u8]) -> Option<Box<dyn Sighting>> {
    head.starts_with(MAGIC).then(|| Box::new(Header::read(head)) as Box<dyn Sighting>)
}

impl Header {
    /// Reads what is there; a field behind the end of the data counts as zero.
    fn read(head: &[u8]) -> Self {
        let number = |at| u64::from(be32(head, at).unwrap_or(0));
        let offset = |at| be64(head, at).unwrap_or(0);
        let (version, cluster_bits) = (number(4), number(20));
        let cluster = 1_u64 << cluster_bits.min(32);
        let header_end = if version == 2 { HEADER_2 } else { number(100) };
        let mut findings = Findings::default();
        findings.add_if(offset(8) != 0, Finding::BackingFile);
        findings.add_if(!(2..=3).contains(&version), Finding::Version);
        if version == 3 {
            findings.extend(features(offset(72)));
            findings.add_if(!(104..=cluster).contains(&header_end) || header_end % 8 != 0, Finding::Malformed);
            findings.add_if(number(96) > 6, Finding::Malformed);
        }
        // Bounds of QEMU: clusters of 512 bytes to 2 MiB, three ways to encrypt including none.
        findings.add_if(!(9..=21).contains(&cluster_bits) || number(32) > 2, Finding::Malformed);
        findings.extend(extensions(head, header_end, cluster.min(2 << 20)));
        let tables = [(offset(40), number(36) * 8), (offset(48), number(56).saturating_mul(cluster))];
        findings.add_if(tables.iter().any(|(start, _)| start % cluster != 0), Finding::Malformed);
        findings.add_if(too_small(offset(24), number(36), cluster), Finding::Malformed);
        Self { size: be64(head, 24), findings, tables, room_from: header_end }
    }
}

fn features(bits: u64) -> Findings {
    let mut findings = Findings::default();
    findings.add_if(bits & !KNOWN_FEATURES != 0, Finding::UnknownFeatures);
    findings.add_if(bits & DATA_FILE_FEATURE != 0, Finding::DataFile);
    findings
}

/// Whether an L1 table of `entries` cannot reach all of `size` bytes. No table at all is how an
/// image begins that was never opened.
fn too_small(size: u64, entries: u64, cluster: u64) -> bool {
    let reach = entries.saturating_mul(cluster / 8).saturating_mul(cluster);
    entries > 0 && reach < size
}

/// Looks through the header extensions, which end with their first cluster at the latest.
fn extensions(head: &[u8], from: u64, cluster: u64) -> Findings {
    let mut findings = Findings::default();
    let mut at = from;
    while at >= HEADER_2 && end_of(at, 8) <= cluster {
        let Ok(place) = usize::try_from(at) else { break };
        let (Some(kind), Some(length)) = (be32(head, place), be32(head, place + 4)) else {
            // The name of a data file could hide behind more extensions than anybody has.
            findings.add_if(head.len() == HEAD, Finding::UnknownFeatures);
            break;
        };
        if kind == END_OF_EXTENSIONS {
            break;
        }
        findings.add_if(kind == DATA_FILE_NAME, Finding::DataFile);
        let next = at + 8 + u64::from(length).next_multiple_of(8);
        findings.add_if(next > cluster, Finding::Malformed);
        at = next;
    }
    findings
}

impl Sighting for Header {
    fn finish(self: Box<Self>, end: &End<'_>) -> Option<Match> {
        let placed = || self.tables.iter().filter(|(start, _)| *start != 0);
        let [l1, refcounts] = self.tables.map(|(start, length)| start..end_of(start, length));
        let crossing = l1.start != 0 && refcounts.start != 0 && l1.start < refcounts.end && refcounts.start < l1.end;
        let seen = Match::of(Format::Qcow2)
            .sized(self.size)
            .with(self.findings)
            .found(end.length < 512, Finding::Truncated)
            .found(placed().any(|(start, _)| *start < self.room_from) || crossing, Finding::Overlap)
            .found(placed().any(|(start, length)| end_of(*start, *length) > end.length), Finding::Truncated);
        Some(seen)
    }
}
