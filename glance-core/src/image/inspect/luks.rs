//! LUKS: the on-disk format specification 1.2.3 for version 1; version 2 is recognised to be
//! refused, as in Python Glance.

use super::detector::Sighting;
use super::finding::{Finding, Findings};
use super::format::Format;
use super::numbers::{be16, be32, end_of};
use super::report::Match;
use super::tail::End;

const MAGIC: &[u8] = b"LUKS\xba\xbe";
const SECTOR: u64 = 512;

const HEADER: u64 = 592;
const SLOTS: usize = 208;
const SLOT: usize = 48;
const SLOT_COUNT: usize = 8;
const SLOT_IN_USE: u32 = 0x00AC_71F3;

#[derive(Debug)]
struct Header {
    findings: Findings,
    payload: u64,
}

pub(super) fn recognise(head: &[u8]) -> Option<Box<dyn Sighting>> {
    head.starts_with(MAGIC).then(|| Box::new(Header::read(head)) as Box<dyn Sighting>)
}

impl Header {
    fn read(head: &[u8]) -> Self {
        let payload = u64::from(be32(head, 104).unwrap_or(0)) * SECTOR;
        let mut findings = Findings::default();
        let supported = be16(head, 6) == Some(1);
        findings.add_if(!supported, Finding::Version);
        if supported {
            findings.add_if(payload != 0 && payload < HEADER, Finding::Overlap);
            findings.add_if(keys(head).any(|(start, end)| start < HEADER || end > payload), Finding::Overlap);
        }
        Self { findings, payload }
    }
}

/// Where the material of each key in use begins and ends.
fn keys(head: &[u8]) -> impl Iterator<Item = (u64, u64)> {
    let key_bytes = u64::from(be32(head, 108).unwrap_or(0));
    let slots = (0..SLOT_COUNT).map(|slot| SLOTS + slot * SLOT);
    slots.filter(|at| be32(head, *at) == Some(SLOT_IN_USE)).map(move |at| {
        let start = u64::from(be32(head, at + 40).unwrap_or(0)) * SECTOR;
        let stripes = u64::from(be32(head, at + 44).unwrap_or(0));
        (start, end_of(start, key_bytes.saturating_mul(stripes)))
    })
}

impl Sighting for Header {
    fn finish(self: Box<Self>, end: &End<'_>) -> Option<Match> {
        let inside = end.length.checked_sub(self.payload);
        Some(
            Match::of(Format::Luks)
                .sized(inside)
                .with(self.findings)
                .found(inside.is_none() || end.length < HEADER, Finding::Truncated),
        )
    }
}
