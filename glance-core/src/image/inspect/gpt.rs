//! Disks with a partition table: UEFI specification 2.10 §5, and the MBR it is laid over.

use super::detector::Sighting;
use super::finding::{Finding, Findings};
use super::format::Format;
use super::numbers::{end_of, le32, le64};
use super::report::Match;
use super::tail::End;

const SECTOR: usize = 512;
const BOOT_SIGNATURE: &[u8] = b"\x55\xaa";
const ENTRIES: usize = 446;
const ENTRY: usize = 16;
const PROTECTIVE: u8 = 0xEE;

#[derive(Debug)]
struct Table(Findings);

pub(super) fn recognise(head: &[u8]) -> Option<Box<dyn Sighting>> {
    let sector = head.get(..SECTOR)?;
    let table = sector.ends_with(BOOT_SIGNATURE) && !is_fat(sector);
    table.then(|| Box::new(Table(look(head))) as Box<dyn Sighting>)
}

/// A FAT file system begins with a boot sector of its own: two tables, on a disk that stays in.
fn is_fat(sector: &[u8]) -> bool {
    sector[0x10] == 2 && sector[0x15] == 0xF8
}

fn look(head: &[u8]) -> Findings {
    let entries: Vec<_> = head[ENTRIES..ENTRIES + 4 * ENTRY].chunks(ENTRY).map(Entry).collect();
    let mut findings = Findings::default();
    let protective = entries.iter().any(|entry| entry.kind() == PROTECTIVE);
    let used: Vec<_> = (0..4).filter(|index| entries[*index].kind() != 0).collect();
    findings.add_if(entries.iter().any(|entry| !matches!(entry.0[0], 0x00 | 0x80)), Finding::MbrBootFlag);
    findings.add_if(entries.iter().any(Entry::is_displaced), Finding::MbrProtective);
    findings.add_if(protective && used != [0], Finding::MbrExtraPartition);
    findings.add_if(used.is_empty(), Finding::MbrEmpty);
    findings.add_if(!protective && crossing(&entries), Finding::Overlap);
    if protective {
        findings.extend(gpt(head));
    }
    findings
}

struct Entry<'a>(&'a [u8]);

impl Entry<'_> {
    fn kind(&self) -> u8 {
        self.0[4]
    }

    fn sectors(&self) -> (u64, u64) {
        let (start, count) = (le32(self.0, 8).unwrap_or(0).into(), le32(self.0, 12).unwrap_or(0).into());
        (start, end_of(start, count))
    }

    /// Whether it is a protective entry that does not begin right behind the table.
    fn is_displaced(&self) -> bool {
        self.kind() == PROTECTIVE && (self.0[1..4] != [0, 2, 0] || self.sectors().0 != 1)
    }
}

fn crossing(entries: &[Entry<'_>]) -> bool {
    let mut used: Vec<_> = entries.iter().filter(|entry| entry.kind() != 0).map(Entry::sectors).collect();
    used.sort_unstable();
    used.windows(2).any(|pair| pair[1].0 < pair[0].1)
}

/// What is wrong with the GPT itself, if it lies where disks with sectors of 512 bytes have it.
fn gpt(head: &[u8]) -> Findings {
    let mut findings = Findings::default();
    let Some(header) = head.get(SECTOR..2 * SECTOR).filter(|header| header.starts_with(b"EFI PART")) else {
        return findings;
    };
    let number = |at| le32(header, at).unwrap_or(0);
    let sector = |at| le64(header, at).unwrap_or(0);
    let (length, count, size) = (number(12) as usize, u64::from(number(80)), number(84));
    let (first, last) = (sector(40), sector(48));
    let table_end = end_of(sector(72), count.saturating_mul(size.into()).div_ceil(SECTOR as u64));
    findings.add_if(number(8) != 0x0001_0000, Finding::Version);
    findings.add_if(!(92..=SECTOR).contains(&length) || sector(24) != 1 || first > last, Finding::Malformed);
    findings.add_if(size < 128 || !size.is_power_of_two(), Finding::Malformed);
    findings.add_if(sector(72) < 2 || sector(72) <= last && table_end > first, Finding::Overlap);
    let checksum = header.get(..length).map(|covered| {
        let mut covered = covered.to_vec();
        // Reckoned with nothing in its own place.
        covered.iter_mut().skip(16).take(4).for_each(|byte| *byte = 0);
        crc32(&covered)
    });
    findings.add_if(checksum != Some(number(16)), Finding::Checksum);
    findings
}

/// CRC-32 as in IEEE 802.3, for a sector at most.
fn crc32(data: &[u8]) -> u32 {
    let byte = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0xEDB8_8320 })
    };
    !data.iter().fold(!0, byte)
}

impl Sighting for Table {
    fn finish(self: Box<Self>, end: &End<'_>) -> Option<Match> {
        Some(Match::of(Format::Gpt).sized(Some(end.length)).with(self.0))
    }
}
