//! The metadata region (§2.6): a table of items, and the items behind it.

use super::super::finding::{Finding, Findings};
use super::super::numbers::{end_of, le16, le32, le64};
use super::super::window::Window;
use super::regions::Place;
use super::{Guid, guid};

const FILE_PARAMETERS: Guid = guid(0xCAA1_6737, 0xFA36, 0x4D43, [0xB3, 0xB6, 0x33, 0xF0, 0xAA, 0x44, 0xE7, 0x6B]);
const VIRTUAL_DISK_SIZE: Guid = guid(0x2FA5_4224, 0xCD1B, 0x4876, [0xB2, 0x11, 0x5D, 0xBE, 0xD8, 0x3B, 0xF4, 0xB8]);
const PAGE_83_DATA: Guid = guid(0xBECA_12AB, 0xB2E6, 0x4523, [0x93, 0xEF, 0xC3, 0x09, 0xE0, 0x00, 0xC7, 0x46]);
const LOGICAL_SECTOR_SIZE: Guid = guid(0x8141_BF1D, 0xA96F, 0x4709, [0xBA, 0x47, 0xF2, 0x33, 0xA8, 0xFA, 0xAB, 0x5F]);
const PHYSICAL_SECTOR_SIZE: Guid = guid(0xCDA3_48C7, 0x445D, 0x4471, [0x9C, 0xC9, 0xE9, 0x88, 0x52, 0x51, 0xC5, 0x56]);
const PARENT_LOCATOR: Guid = guid(0xA8D3_5F2D, 0xB30B, 0x454D, [0xAB, 0xF7, 0xD3, 0xD8, 0x48, 0x34, 0xAB, 0x0C]);

const KNOWN: [Guid; 6] =
    [FILE_PARAMETERS, VIRTUAL_DISK_SIZE, PAGE_83_DATA, LOGICAL_SECTOR_SIZE, PHYSICAL_SECTOR_SIZE, PARENT_LOCATOR];

const TABLE: usize = 64 << 10;
const SIGNATURE: &[u8] = b"metadata";
const TABLE_HEADER: usize = 32;
const ENTRY: usize = 32;
const MOST_ENTRIES: usize = 2047;

const REQUIRED: u32 = 0b100;
const HAS_PARENT: u32 = 0b10;

/// The metadata of a disk, as far as it has passed.
#[derive(Debug)]
pub(super) struct Metadata {
    place: Place,
    table: Window,
    /// What the table said, once it was complete.
    items: Option<Items>,
}

#[derive(Debug, Default)]
struct Items {
    findings: Findings,
    size: Option<Window>,
    parameters: Option<Window>,
}

impl Metadata {
    pub(super) fn at(place: Place) -> Self {
        Self { place, table: Window::new(place.start, TABLE), items: None }
    }

    pub(super) fn look_at(&mut self, at: u64, data: &[u8]) {
        if self.items.is_none() {
            self.table.take(at, data);
            self.items = self.table.complete().map(|table| Items::read(table, self.place));
        }
        if let Some(items) = &mut self.items {
            // Read, so no longer needed.
            self.table = Window::new(0, 0);
            items.windows().for_each(|window| window.take(at, data));
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.items.as_ref().is_none_or(|items| {
            [&items.size, &items.parameters].into_iter().flatten().any(|window| window.complete().is_none())
        })
    }

    pub(super) fn held(&self) -> usize {
        self.table.held()
    }

    pub(super) fn virtual_size(&self) -> Option<u64> {
        le64(self.items.as_ref()?.size.as_ref()?.complete()?, 0)
    }

    pub(super) fn findings(&self) -> Findings {
        let mut findings = Findings::default();
        let Some(items) = &self.items else {
            findings.add(Finding::Truncated);
            return findings;
        };
        findings.extend(items.findings);
        let parameters = items.parameters.as_ref().and_then(|window| le32(window.complete()?, 4));
        findings.add_if(parameters.is_some_and(|flags| flags & HAS_PARENT != 0), Finding::Parent);
        findings.add_if(self.is_waiting(), Finding::Truncated);
        findings
    }
}

impl Items {
    /// What a complete table of the region at `place` says.
    fn read(table: &[u8], place: Place) -> Self {
        let mut items = Self::default();
        let count = usize::from(le16(table, 10).unwrap_or(0));
        items.findings.add_if(!table.starts_with(SIGNATURE) || count > MOST_ENTRIES, Finding::Malformed);
        for entry in table[TABLE_HEADER..].chunks_exact(ENTRY).take(count) {
            items.note(entry, place);
        }
        // An item in the table itself belongs elsewhere, but there may be somebody who reads it.
        items.windows().for_each(|window| window.take(place.start, table));
        items.findings.add_if(items.size.is_none() || items.parameters.is_none(), Finding::Malformed);
        items
    }

    fn note(&mut self, entry: &[u8], place: Place) {
        let number = |at| le32(entry, at).unwrap_or(0);
        let (offset, length) = (u64::from(number(16)), u64::from(number(20)));
        let known = KNOWN.iter().any(|guid| entry.starts_with(guid));
        self.findings.add_if(number(24) & REQUIRED != 0 && !known, Finding::UnknownFeatures);
        self.findings.add_if(entry.starts_with(&PARENT_LOCATOR), Finding::Parent);
        self.findings.add_if(length > 0 && offset < TABLE as u64, Finding::Overlap);
        self.findings.add_if(end_of(offset, length) > place.length, Finding::Malformed);
        let window = Window::new(end_of(place.start, offset), 8);
        let wanted = if entry.starts_with(&VIRTUAL_DISK_SIZE) {
            &mut self.size
        } else if entry.starts_with(&FILE_PARAMETERS) {
            &mut self.parameters
        } else {
            return;
        };
        let again = wanted.replace(window).is_some();
        self.findings.add_if(again, Finding::Contradiction);
        self.findings.add_if(length != 8, Finding::Malformed);
    }

    fn windows(&mut self) -> impl Iterator<Item = &mut Window> {
        [&mut self.size, &mut self.parameters].into_iter().flatten()
    }
}
