//! VHDX: Microsoft, [MS-VHDX] 8.0.
//!
//! Fixed places hold two headers and two region tables. One of the regions is a table of metadata,
//! whose items say how large the disk is and whether it has a parent. All lie in this order, so one
//! pass finds them.

mod metadata;
mod regions;

use super::detector::Sighting;
use super::finding::{Finding, Findings};
use super::format::Format;
use super::numbers::any_set;
use super::report::Match;
use super::tail::End;
use metadata::Metadata;
use regions::Region;

const SIGNATURE: &[u8] = b"vhdxfile";
const HEADERS: [usize; 2] = [64 << 10, 128 << 10];
const HEADER_SIGNATURE: &[u8] = b"head";

/// Where the headers and region tables end and regions may begin.
const FIXED_PART: u64 = 1 << 20;

type Guid = [u8; 16];

/// A GUID as it lies in a file: three little-endian numbers and eight bytes.
const fn guid(first: u32, second: u16, third: u16, rest: [u8; 8]) -> Guid {
    let (first, second, third) = (first.to_le_bytes(), second.to_le_bytes(), third.to_le_bytes());
    [
        first[0], first[1], first[2], first[3], second[0], second[1], third[0], third[1], rest[0], rest[1], rest[2],
        rest[3], rest[4], rest[5], rest[6], rest[7],
    ]
}

#[derive(Debug)]
struct Disk {
    findings: Findings,
    metadata: Option<Metadata>,
    /// Where the last region ends.
    needed: u64,
}

pub(super) fn recognise(head: &[u8]) -> Option<Box<dyn Sighting>> {
    head.starts_with(SIGNATURE).then(|| Box::new(Disk::read(head)) as Box<dyn Sighting>)
}

impl Disk {
    fn read(head: &[u8]) -> Self {
        let mut findings = headers(head);
        let (regions, wrong) = regions::read(head);
        findings.extend(wrong);
        let metadata = regions.iter().find(|region| region.guid == regions::METADATA).map(|region| region.place);
        findings.add_if(metadata.is_none(), Finding::Malformed);
        let needed = regions.iter().map(Region::end).max().unwrap_or(0);
        Self { findings, metadata: metadata.map(Metadata::at), needed }
    }
}

/// What is wrong with the headers: none, or changes in the log, which may put other metadata in the
/// place of what is there.
fn headers(head: &[u8]) -> Findings {
    let mut findings = Findings::default();
    let found = HEADERS.map(|at| head.get(at..at + 4) == Some(HEADER_SIGNATURE));
    findings.add_if(found == [false, false], Finding::Malformed);
    let logged = |at: usize| any_set(head, at + 48..at + 64);
    findings.add_if(HEADERS.into_iter().zip(found).any(|(at, found)| found && logged(at)), Finding::PendingLog);
    findings
}

impl Sighting for Disk {
    fn look_at(&mut self, at: u64, data: &[u8]) {
        if let Some(metadata) = &mut self.metadata {
            metadata.look_at(at, data);
        }
    }

    fn is_waiting(&self) -> bool {
        self.metadata.as_ref().is_some_and(Metadata::is_waiting)
    }

    fn held(&self) -> usize {
        self.metadata.as_ref().map_or(0, Metadata::held)
    }

    fn finish(self: Box<Self>, end: &End<'_>) -> Option<Match> {
        let seen = Match::of(Format::Vhdx).with(self.findings).found(end.length < self.needed, Finding::Truncated);
        Some(match self.metadata {
            Some(metadata) => seen.sized(metadata.virtual_size()).with(metadata.findings()),
            None => seen,
        })
    }
}
