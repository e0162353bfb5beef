//! The region tables (§2.2.3): what lies where in the file.

use super::super::finding::{Finding, Findings};
use super::super::numbers::{end_of, le32, le64};
use super::{FIXED_PART, Guid, guid};

pub(super) const METADATA: Guid = guid(0x8B7C_A206, 0x4790, 0x4B9A, [0xB8, 0xFE, 0x57, 0x5F, 0x05, 0x0F, 0x88, 0x6E]);
const BLOCKS: Guid = guid(0x2DC2_7766, 0xF623, 0x4200, [0x9D, 0x64, 0x11, 0x5E, 0x9B, 0xFD, 0x4A, 0x08]);

const TABLES: [usize; 2] = [192 << 10, 256 << 10];
const TABLE: usize = 64 << 10;
const SIGNATURE: &[u8] = b"regi";
const TABLE_HEADER: usize = 16;
const ENTRY: usize = 32;
const MOST_ENTRIES: usize = 2047;

/// Regions begin and end at whole mebibytes.
const GRAIN: u64 = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) start: u64,
    pub(super) length: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) guid: Guid,
    pub(super) place: Place,
    required: bool,
}

impl Region {
    pub(super) fn end(&self) -> u64 {
        end_of(self.place.start, self.place.length)
    }
}

/// The regions of the first table that is one. Of regions that nobody knows, no more than one is
/// kept, so that a table full of them takes no room.
pub(super) fn read(head: &[u8]) -> (Vec<Region>, Findings) {
    let mut findings = Findings::default();
    let mut tables = TABLES.iter().filter_map(|at| head.get(*at..*at + TABLE)).filter(|table| is_table(table));
    let Some(table) = tables.next() else {
        findings.add(if head.len() < TABLES[1] { Finding::Truncated } else { Finding::Malformed });
        return (Vec::new(), findings);
    };
    // Which of the two is used depends on checksums and on who reads: they must not differ.
    let contradicts = |other: &[u8]| entries(other).ne(entries(table));
    findings.add_if(tables.next().is_some_and(contradicts), Finding::Contradiction);
    findings.add_if(le32(table, 8).is_none_or(|count| count as usize > MOST_ENTRIES), Finding::Malformed);
    for region in entries(table) {
        findings.add_if(region.required && !is_known(&region), Finding::UnknownFeatures);
        findings.add_if(region.place.start < FIXED_PART, Finding::Overlap);
        findings.add_if(region.place.start % GRAIN != 0 || region.place.length % GRAIN != 0, Finding::Malformed);
    }
    let mut known: Vec<_> = Vec::new();
    for region in entries(table).filter(is_known) {
        findings.add_if(known.iter().any(|other| crosses(other, &region)), Finding::Overlap);
        if known.iter().any(|other: &Region| other.guid == region.guid) {
            findings.add(Finding::Contradiction);
        } else {
            known.push(region);
        }
    }
    (known, findings)
}

fn is_table(table: &[u8]) -> bool {
    table.starts_with(SIGNATURE)
}

fn is_known(region: &Region) -> bool {
    [METADATA, BLOCKS].contains(&region.guid)
}

fn crosses(one: &Region, other: &Region) -> bool {
    one.place.start < other.end() && other.place.start < one.end()
}

fn entries(table: &[u8]) -> impl Iterator<Item = Region> {
    let count = le32(table, 8).map_or(0, |count| (count as usize).min(MOST_ENTRIES));
    table[TABLE_HEADER..].chunks_exact(ENTRY).take(count).filter_map(|entry| {
        Some(Region {
            guid: entry.get(..16)?.try_into().ok()?,
            place: Place { start: le64(entry, 16)?, length: le32(entry, 24)?.into() },
            required: le32(entry, 28)? & 1 != 0,
        })
    })
}
